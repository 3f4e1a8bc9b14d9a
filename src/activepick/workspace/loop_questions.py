"""The part of the loop that asks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from activepick.errors import SessionError
from activepick.learning.head import Head
from activepick.session.model.state import Question, ScoredPosition
from activepick.workspace.loop_dataset import DatasetLoop
from activepick.workspace.peaks import Peaks
from activepick.workspace.proposals import new_questions, suggestions

__all__ = ["AskingLoop", "Update"]


@dataclass(frozen=True, eq=False)
class Update:
    """What follows from a click.

    Attributes
    ----------
    head
        Fitted to all labels.
    peaks
        Of the shown micrograph.
    questions
        What would be asked next about it, as (micrograph, x, y, score); nobody is asked yet.
    refit_seconds
        How long the fit took; 0 when the head was up to date.
    """

    head: Head
    peaks: Peaks
    questions: Sequence[ScoredPosition]
    refit_seconds: float


class AskingLoop(DatasetLoop):
    """The part of `LearningLoop` that puts questions."""

    def update(self, micrograph: int) -> Update:
        """Learn from the labels as they are now, and look at a micrograph with what was learnt.

        Parameters
        ----------
        micrograph
            The one that is shown; it takes long when it was not opened.
        """
        start, seconds = time.perf_counter(), 0.0
        with self._fitting:
            if not self.up_to_date:
                self.refit()
                seconds = time.perf_counter() - start
            head = self.head
        peaks = self.peaks(micrograph)
        return Update(head, peaks, self._places([micrograph], None), seconds)

    def ask(
        self, count: int | None = None, micrographs: Sequence[int] | None = None
    ) -> list[Question]:
        """Put a new round of questions, spread over micrographs.

        Parameters
        ----------
        count
            How many; the batch of the settings if not given. There are fewer where there are not
            that many places.
        micrographs
            Which; it takes long for those that were not opened. By default all that are at hand
            and not done.

        Raises
        ------
        SessionError
            When no micrograph is open.
        """
        numbers = self._at_hand() if micrographs is None else list(micrographs)
        return self.session.questions.ask(self._places(numbers, count))

    def suggest(
        self, count: int | None = None, micrographs: Sequence[int] | None = None
    ) -> list[Question]:
        """Put a round in which the surest places are answered already, to be corrected.

        A third are the surest particles, a third the surest others, and the rest is asked (Kiewisz
        and Bepler 2023, Figure 2). Arguments and errors as in `ask`.
        """
        numbers = self._at_hand() if micrographs is None else list(micrographs)
        state = self.session.state
        count = count or state.settings.batch
        sure = suggestions(state, [self.peaks(number) for number in numbers], count // 3)
        asked = self._places(numbers, count - len(sure), [place for place, _ in sure])
        return self.session.questions.ask(
            [*(place for place, _ in sure), *asked],
            [*(target for _, target in sure), *(None for _ in asked)],
        )

    def _at_hand(self) -> list[int]:
        usable = [
            entry
            for entry in self.session.state.micrographs.values()
            if entry.status in ("unseen", "seen")
        ]
        held = self._tools().store.held(usable)
        if not held:
            raise SessionError("No micrograph is open that is not done: open one, then ask.")
        return [entry.id for entry in held]

    def _places(
        self, numbers: Sequence[int], count: int | None, beside: Sequence[ScoredPosition] = ()
    ) -> list[ScoredPosition]:
        """Choose questions; none where one of `beside` lies."""
        tools, state = self._tools(), self.session.state
        features = [tools.store.get(self._entry(number)) for number in numbers]
        head = tools.head
        maps = [
            tools.maps.get(self._entry(number).fingerprint, one, head)
            for number, one in zip(numbers, features, strict=True)
        ]
        count = state.settings.batch if count is None else count
        return new_questions(
            state, numbers, features, maps, head, lambda: tools.posterior(state), count, beside
        )
