"""What all parts of a loop share: the network, and the micrographs at hand."""

import threading
from collections.abc import Mapping, Sequence

from activepick.errors import SessionError
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.settings import LearnerSettings
from activepick.micrograph import Micrograph
from activepick.session.model.state import MicrographEntry
from activepick.session.session import Session
from activepick.workspace.counts import Counts
from activepick.workspace.engine import EngineMaker, engine_of
from activepick.workspace.feature_store import Step
from activepick.workspace.initial_head import labels_digest
from activepick.workspace.peak_store import PeakStore
from activepick.workspace.peaks import Peaks, head_digest
from activepick.workspace.tools import Tools, make_tools, tools_key
from activepick.workspace.truth import Truth

__all__ = ["LoopBase"]

# Headers round; a pixel size that differs by less than this share is the same.
_SAME_PIXEL_SIZE = 0.02
# The share of the time until a first micrograph is open that network and scale take.
_MAKING = 0.4
_LOOK_SECONDS = 0.1


class LoopBase:
    """The part of `LearningLoop` that opens micrographs.

    Parameters
    ----------
    session, make_engine, learning, keep
        As in `LearningLoop`.
    """

    def __init__(
        self,
        session: Session,
        make_engine: EngineMaker = engine_of,
        learning: LearnerSettings | None = None,
        keep: int = 8,
    ) -> None:
        self.session = session
        self.notices: list[str] = []
        self._make_engine = make_engine
        self._learning = learning or LearnerSettings()
        self._keep = keep
        self._made: Tools | None = None
        self._making = threading.RLock()
        self._making_done = 0.0
        self._fitting = threading.RLock()
        self._peaks = PeakStore(session.folder / "peaks")
        self._counts = Counts()
        self._last_round: dict[int, Peaks] = {}
        self._truth: Truth | None = None

    @property
    def head(self) -> Head:
        """The head as it is now; the first time this loads the network and finds the scale."""
        return self._tools().head

    @property
    def head_digest(self) -> str:
        """Name of the head as it is now, and of the settings that peaks follow from."""
        return head_digest(self.head, self.session.state.settings)

    @property
    def ready(self) -> bool:
        """Whether the network is loaded and the scale found for the settings as they are now."""
        made = self._made
        return made is not None and made.settings == tools_key(self.session.state.settings)

    @property
    def up_to_date(self) -> bool:
        """Whether the head follows from the labels as they are now; if not, `refit`."""
        head, state = self.head, self.session.state
        if not state.labels:
            return head is self._tools().base or head.notes.get("labels") == labels_digest(state)
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
        report, begin = progress or (lambda fraction: None), 0.0 if self.ready else _MAKING
        tools = self._tools(lambda fraction: report(begin * fraction))
        features = tools.store.get(entry, lambda f: report(begin + (1 - begin) * f))
        if entry.status == "unseen" and not self.session.read_only:
            self.session.micrographs.set_status(micrograph, "seen")
        return features

    def prefetch(self, micrographs: Sequence[int]) -> None:
        """Compute the features of micrographs in the background, in this order."""
        self._tools().store.prefetch([self._entry(number) for number in micrographs])

    def polarity_warning(self, micrograph: int) -> str | None:
        """Say so when the particles of a micrograph look inverted; takes a second on a CPU."""
        tools = self._tools()
        file = tools.open_file(self._entry(micrograph))
        if not tools.engine.looks_inverted(file):
            return None
        seem, other = ("dark", "off") if file.inverted else ("bright", "on")
        return (
            f"The particles of {file.name} look {seem}. Switch {other} that particles are bright "
            "if that is so, or correct the diameter or the pixel size."
        )

    def pixel_size_warning(self, micrograph: int) -> str | None:
        """Say so when the header of a micrograph contradicts the pixel size of the settings."""
        given = self.session.state.settings.pixel_size_angstrom
        path = self.session.micrographs.path(micrograph)
        header = Micrograph(path)
        if given is None or not header.has_pixel_size:
            return None
        size = header.pixel_size_angstrom
        if abs(size - given) <= _SAME_PIXEL_SIZE * given:
            return None
        return (
            f"The header of {path.name} says {size:.4g} Å per pixel, and the settings of this "
            f"session {given:.4g} Å. Correct the pixel size, unless the header is wrong."
        )

    def release(self) -> None:
        """Give the memory of the GPU back while nothing is done; it comes back by itself."""
        made = self._made
        if made is not None:
            made.engine.extractor.release()

    def close(self) -> None:
        """Stop working in the background and let go of all features."""
        with self._making:
            if self._made is not None:
                self._made.store.close()
                self._made = None

    def _entry(self, micrograph: int) -> MicrographEntry:
        entry = self.session.state.micrographs.get(micrograph)
        if entry is None:
            raise SessionError(f"there is no micrograph {micrograph} in this session")
        return entry

    def _tools(self, progress: Step | None = None) -> Tools:
        made = self._made
        if made is not None and made.settings == tools_key(self.session.state.settings):
            return made
        report = progress or (lambda fraction: None)
        while not self._making.acquire(timeout=_LOOK_SECONDS):
            report(self._making_done)  # of whoever came first
        try:
            settings = self.session.state.settings
            old = self._made
            if old is not None and old.settings == tools_key(settings):
                return old

            def step(fraction: float) -> None:
                self._making_done = fraction
                report(fraction)

            made = make_tools(
                self.session, self._make_engine, self._learning, self._keep, old, step
            )
            if old is not None and made.store is not old.store:
                old.store.close()
            self._made = made
            return made
        finally:
            self._making.release()
