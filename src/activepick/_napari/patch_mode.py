"""Review by patch: correct and confirm the picks in small squares of the micrographs."""

from collections.abc import Sequence

from qtpy.QtCore import QObject, Signal

from activepick._napari.session_access import SessionAccess
from activepick.learning.patches import Patch
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.wording import counted
from activepick.workspace.patch_review import PatchReview
from activepick.workspace.peaks import positions

__all__ = ["PatchMode"]

_LANE = "patch"


class PatchMode(QObject):
    """Choose patches, correct their picks, and label everything in them.

    Parameters
    ----------
    access
        The session. Its workspace chooses the patches.

    Attributes
    ----------
    review
        The patch under review; None if there is none, for instance while it is being chosen.

    Signals
    -------
    moved()
        Another patch is under review, or none is.
    corrected()
        The picks of the patch were corrected.
    notified(severity, text)
        A message for the user is to be shown.
    """

    moved = Signal()
    corrected = Signal()
    notified = Signal(str, str)

    def __init__(self, access: SessionAccess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workspace = access.session, access.workspace
        self._jobs, self._edit = access.jobs, access.edit
        self._active = False
        self.review: PatchReview | None = None
        # Confirmed patches, and those that were undone, with the ids of their labels.
        self._confirmed: list[tuple[frozenset[int], PatchReview]] = []
        self._undone: list[tuple[frozenset[int], PatchReview]] = []
        self._skipped: list[tuple[int, Patch]] = []

    @property
    def active(self) -> bool:
        """Whether patches are being reviewed."""
        return self._active

    @property
    def confirmed(self) -> int:
        """Number of patches that were confirmed since the start."""
        return len(self._confirmed)

    @property
    def clicks(self) -> int:
        """Number of clicks in them: one for each correction and each confirmation."""
        return sum(1 + review.corrections for _, review in self._confirmed)

    @property
    def corrections(self) -> int:
        """Number of corrections of the patch under review, which is not confirmed yet."""
        return 0 if self.review is None else self.review.corrections

    def start(self) -> None:
        """Begin to review patches."""
        if self._session.read_only:
            self.notified.emit("info", "This session is read-only and cannot be changed.")
        elif not self.active:
            self._active = True
            self._confirmed.clear()
            self._undone.clear()
            self._skipped.clear()
            self._choose()

    def stop(self) -> None:
        """End the review of patches; corrections that were not confirmed are discarded."""
        if not self.active:
            return
        told = [self._discarded()] if self.corrections else []
        if self.confirmed:
            patches, clicks = counted(self.confirmed, "patch", "patches"), self.clicks
            told.insert(0, f"{patches} confirmed with {counted(clicks, 'click')}.")
        self._active, self.review = False, None
        self._jobs.cancel(_LANE)
        if told:
            self.notified.emit("info", " ".join(told))
        self.moved.emit()

    def click(self, x: float, y: float, kind: int = 1) -> None:
        """Correct the picks at a position, in original pixels; see `PatchReview.click`."""
        if self.review is not None and self.review.click(x, y, kind):
            self.corrected.emit()

    def undo(self) -> bool:
        """Undo the last correction of the patch and say so; return False if there is none."""
        return self._step("Undone", self.review is not None and self.review.undo())

    def redo(self) -> bool:
        """Redo the correction that was undone last and say so; return False if there is none."""
        return self._step("Redone", self.review is not None and self.review.redo())

    @property
    def can_undo(self) -> bool:
        """Whether a correction of the patch can be undone."""
        return self.review is not None and self.review.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a correction of the patch was undone and can be redone."""
        return self.review is not None and self.review.can_redo

    def confirm(self) -> None:
        """Label everything in the patch, in one action, and choose the next patch."""
        review = self.review
        if review is None:
            return
        labels = review.labels()
        if not len(labels.xy):
            self.skip()
            return
        added: list[int] = []
        self.review = None  # so that the labels do not concern it
        if self._edit(
            lambda session: added.extend(
                session.labels.add_patch(
                    review.micrograph,
                    labels.xy.tolist(),
                    labels.kinds.tolist(),
                    labels.weight,
                    review.reach,
                )
            )
        ):
            self._confirmed.append((frozenset(added), review))
            self._undone.clear()
            self._choose()
        else:
            self.review = review

    def skip(self) -> None:
        """Choose another patch; this one is not offered again until the review ends."""
        if self.review is not None:
            self._skipped.append((self.review.micrograph, self.review.patch))
            self._choose()

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Return to a patch whose labels were undone, or choose another after other changes.

        A patch with corrections is kept, unless its micrograph was rejected.
        """
        if not self.active:
            return
        if isinstance(action, a.Undo) and _is_last(self._confirmed, change, added=False):
            self._jobs.cancel(_LANE)
            self._undone.append(self._confirmed.pop())
            undone = self._undone[-1][1]
            self._update_answered(undone)
            self._show(undone)
            return
        if isinstance(action, a.Redo) and _is_last(self._undone, change, added=True):
            self._confirmed.append(self._undone.pop())
            self.review = None  # the patch is confirmed again
            self._choose()
            return
        review = self.review
        if review is None or not (change or isinstance(action, a.SetSettings)):
            return
        if review.corrections and self._session.state.is_used(review.micrograph):
            self._update_answered(review)
            self.corrected.emit()
        else:
            self._choose()

    def _step(self, verb: str, done: bool) -> bool:
        if self.review is not None and done:
            name = self._session.state.names[self.review.micrograph]
            self.notified.emit("info", f"{verb}: correction of the patch on {name}")
            self.corrected.emit()
        return done

    def _update_answered(self, review: PatchReview) -> None:
        review.set_answered(positions(self._session.state.marks_of(review.micrograph)))

    def _discarded(self) -> str:
        verb = "was" if self.corrections == 1 else "were"
        return (
            f"{counted(self.corrections, 'correction')} of a patch that was not confirmed "
            f"{verb} discarded."
        )

    def _choose(self) -> None:
        if self.corrections:
            self.notified.emit("info", self._discarded())
        self.review = None
        self.moved.emit()
        questioner, skipped = self._workspace.questioner, tuple(self._skipped)
        self._jobs.run(
            _LANE,
            lambda progress: questioner.next_patch(skipped),
            self._show,
            text="Looking for a patch",
            failed=self._give_up,
        )

    def _show(self, review: PatchReview | None) -> None:
        if not self.active:
            return
        if review is None:
            self.notified.emit("info", "No patch is left on the micrographs that are open.")
            self.stop()
            return
        self.review = review
        self.moved.emit()

    def _give_up(self, error: Exception) -> None:
        self.notified.emit("error", str(error))
        self.stop()


def _is_last(
    patches: Sequence[tuple[frozenset[int], PatchReview]], change: Change | None, *, added: bool
) -> bool:
    """Return whether a change adds, or else removes, all labels of the last patch of a list."""
    if change is None or not patches:
        return False
    ids, _ = patches[-1]
    return all(i in change.after and (change.after[i] is not None) == added for i in ids)
