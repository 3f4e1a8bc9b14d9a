"""The loop of learning across all micrographs of a session: one head for all labels."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pandas as pd

from activepick.errors import ActivepickError, HeadError, SessionError
from activepick.features.feature_map import MicrographFeatures
from activepick.features.score_map import ScoreMap
from activepick.learning.head import Head
from activepick.learning.head_file import save_head
from activepick.learning.learner import LearnerSettings
from activepick.session.engine import EngineMaker, engine_of, feature_settings
from activepick.session.feature_store import Step
from activepick.session.next_micrograph import Offer, next_offer
from activepick.session.proposals import new_questions, picks_of
from activepick.session.session import Session
from activepick.session.state import MicrographEntry, Question
from activepick.session.tools import Tools, head_file, labels_digest, make_tools

__all__ = ["LearningLoop"]


class LearningLoop:
    """Features, questions, head and picks of a session.

    All methods may be called from any thread and may take long where they say so; only `ask` and
    `open_micrograph` do anything to the session.

    Parameters
    ----------
    session
        The session.
    make_engine
        Gives what computes features from the session's settings.
    learning
        How labels become a head.
    keep
        How many micrographs have their features in memory.

    Attributes
    ----------
    session
        The session.
    """

    def __init__(
        self,
        session: Session,
        make_engine: EngineMaker = engine_of,
        learning: LearnerSettings | None = None,
        keep: int = 8,
    ) -> None:
        self.session = session
        self._make_engine = make_engine
        self._learning = learning or LearnerSettings()
        self._keep = keep
        self._made: Tools | None = None
        self._making = threading.RLock()
        self._fitting = threading.Lock()

    @property
    def head(self) -> Head:
        """The head as it is now; the first time this loads the network and finds the scale."""
        return self._tools().head

    @property
    def ready(self) -> bool:
        """Whether the network is loaded and the scale found for the settings as they are now."""
        made = self._made
        return made is not None and made.settings == feature_settings(self.session.state.settings)

    @property
    def up_to_date(self) -> bool:
        """Whether the head follows from the labels as they are now; if not, `refit`."""
        head, state = self.head, self.session.state
        if not state.labels:
            return head.particles + head.others == 0
        return head.notes.get("labels") == labels_digest(state)

    @property
    def unreadable(self) -> Mapping[int, str]:
        """By number, why the labels of a micrograph did not count at the last refit."""
        return self._tools().unreadable

    def open_micrograph(self, micrograph: int, progress: Step | None = None) -> MicrographFeatures:
        """Get a micrograph ready, and note that the person has seen it; may take long.

        Parameters
        ----------
        micrograph
            Its number.
        progress
            Called with the fraction done; may raise to cancel.

        Raises
        ------
        ActivepickError
            When it is missing, changed, or cannot be read.
        """
        entry = self._entry(micrograph)
        features = self._tools().store.get(entry, progress)
        if entry.progress == "unseen" and not self.session.read_only:
            self.session.set_progress(micrograph, "seen")
        return features

    def prefetch(self, micrographs: Sequence[int]) -> None:
        """Compute the features of micrographs in the background, in this order."""
        self._tools().store.prefetch([self._entry(number) for number in micrographs])

    def prefetch_neighbours(self, micrograph: int) -> None:
        """Prefetch the micrographs that are likely to be opened after this one."""
        entries = self.session.state.micrographs
        offer = self.next_micrograph()
        wanted = [micrograph + 1, *([offer.micrograph] if offer else []), micrograph - 1]
        usable = [i for i in wanted if i in entries and entries[i].progress != "rejected"]
        self.prefetch([i for i in dict.fromkeys(usable) if i != micrograph])

    def score_map(self, micrograph: int) -> ScoreMap:
        """Score of the head on a micrograph; takes long when it was not opened."""
        tools = self._tools()
        features = tools.store.get(self._entry(micrograph))
        return features.score_map(tools.head.weights, tools.head.bias)

    def picks(self, micrograph: int) -> pd.DataFrame:
        """Give the picks of a micrograph: columns micrograph, x, y, score, the best first.

        A positive label is always among them and a negative one never, whatever the threshold.
        """
        tools, entry = self._tools(), self._entry(micrograph)
        return picks_of(self.session.state, micrograph, tools.store.get(entry), tools.head)

    def picks_table(
        self,
        progress: Step | None = None,
        failed: Callable[[int, ActivepickError], None] | None = None,
    ) -> pd.DataFrame:
        """Give the picks of all micrographs that are not rejected; takes long.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise to cancel.
        failed
            Called for each micrograph that cannot be read, and the rest goes on; without it that
            is raised.
        """
        entries = [e for e in self.session.state.micrographs.values() if e.progress != "rejected"]
        tables = [pd.DataFrame({"micrograph": [], "x": [], "y": [], "score": []})]
        for k, entry in enumerate(entries):
            try:
                tables.append(self.picks(entry.id))
            except ActivepickError as error:
                if failed is None:
                    raise
                failed(entry.id, error)
            if progress is not None:
                progress((k + 1) / len(entries))
        return pd.concat(tables[1:] or tables, ignore_index=True)

    def ask(self, count: int | None = None) -> list[Question]:
        """Put a new round of questions, spread over the micrographs at hand.

        Parameters
        ----------
        count
            How many; the batch of the settings if not given. There are fewer where there are not
            that many places.

        Raises
        ------
        SessionError
            When no micrograph is open.
        """
        tools, state = self._tools(), self.session.state
        usable = [e for e in state.micrographs.values() if e.progress in ("unseen", "seen")]
        entries = tools.store.held(usable)
        if not entries:
            raise SessionError("No micrograph is open that is not done: open one, then ask.")
        numbers = [entry.id for entry in entries]
        features = [tools.store.get(entry) for entry in entries]
        count = count or state.settings.batch
        return self.session.ask(new_questions(state, numbers, features, tools.head, count))

    def refit(self) -> Head:
        """Fit the head to all labels of the session, and to nothing else.

        Takes milliseconds, but for labels on micrographs that were not opened since the start.
        """
        with self._fitting:
            tools = self._tools()
            tools.refit(self.session.state)
            return tools.head

    def save_head(self, path: Path | None = None) -> Path:
        """Write the head to a file; by default where the session finds it on reopening."""
        path = path or head_file(self.session)
        try:
            save_head(self.head, path)
        except OSError as error:
            raise HeadError(
                f"{path} cannot be written ({error.strerror}): choose another folder."
            ) from error
        return path

    def next_micrograph(self) -> Offer | None:
        """Offer a micrograph to go on with; None when all were seen."""
        tools, state = self._tools(), self.session.state
        entries = list(state.micrographs.values())
        return next_offer(
            state,
            tools.evidence.levels(entries),
            tools.evidence.uncertainties(entries, tools.head),
        )

    def close(self) -> None:
        """Stop working in the background and let go of all features."""
        with self._making:
            if self._made is not None:
                self._made.store.close()
                self._made = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _entry(self, micrograph: int) -> MicrographEntry:
        entry = self.session.state.micrographs.get(micrograph)
        if entry is None:
            raise SessionError(f"there is no micrograph {micrograph} in this session")
        return entry

    def _tools(self) -> Tools:
        with self._making:
            settings = self.session.state.settings
            if self._made is None or self._made.settings != feature_settings(settings):
                self.close()
                self._made = make_tools(self.session, self._make_engine, self._learning, self._keep)
            return self._made
