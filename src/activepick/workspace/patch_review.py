"""The corrections of the picks in one patch."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from activepick.learning.patches import Patch, PatchLabels, PatchPeaks, label_patch
from activepick.scoremap import SAME_POSITION, far_from

__all__ = ["PatchReview"]

Floats = NDArray[np.float64]

# Indices of removed picks, and added positions with the index of the pick that each moves, if any.
_Corrections = tuple[set[int], dict[tuple[float, float], int | None]]

# A position that is added this close to a pick, in particle radii, moves the pick.
_MOVED_FROM = 1.0


@dataclass(eq=False)
class PatchReview:
    """The picks in a patch, which the user corrects.

    Nothing is changed in a session until the labels are added to it.

    Parameters
    ----------
    micrograph
        Number of the micrograph.
    patch
        The patch.
    peaks
        Peaks and labels of the micrograph.
    picks
        All picks x, y of the micrograph in original pixels, shape (n, 2).
    """

    micrograph: int
    patch: Patch
    peaks: PatchPeaks
    picks: Floats
    _removed: set[int] = field(default_factory=set, init=False)
    # Added positions, with the index of the pick that each moves, if any.
    _added: dict[tuple[float, float], int | None] = field(default_factory=dict, init=False)

    # Removed picks and added positions before each click, and those that were undone.
    _before: list[_Corrections] = field(default_factory=list, init=False)
    _undone: list[_Corrections] = field(default_factory=list, init=False)

    @property
    def particles(self) -> Floats:
        """The particles in the patch without labels, x and y in original pixels, shape (k, 2)."""
        kept = [i for i in np.flatnonzero(self._in_patch) if i not in self._removed]
        return np.concatenate([self.picks[kept], self._added_xy])

    @property
    def removed(self) -> Floats:
        """The picks that were removed or moved, x and y in original pixels, shape (k, 2)."""
        return self.picks[sorted(self._removed)]

    @property
    def corrections(self) -> int:
        """Number of picks that were removed, added or moved."""
        moved = sum(index is not None for index in self._added.values())
        return len(self._removed) + len(self._added) - moved

    @property
    def reach(self) -> float:
        """Distance in original pixels within which positions are the same."""
        return SAME_POSITION * self.peaks.radius_px

    def click(self, x: float, y: float) -> bool:
        """Correct the picks at a position.

        A click on a pick removes it, or restores it if it was removed. A click elsewhere in the
        patch adds a particle; within one particle radius of a pick, it moves the pick.

        Parameters
        ----------
        x, y
            Position in original pixels.

        Returns
        -------
        bool
            Whether anything was changed; False outside of the patch, and on labels.
        """
        before = set(self._removed), dict(self._added)
        changed = self._correct(x, y)
        if changed:
            self._before.append(before)
            self._undone.clear()
        return changed

    def take_back(self) -> bool:
        """Undo the last click that changed anything; return False if there is none."""
        if not self._before:
            return False
        self._undone.append((self._removed, self._added))
        self._removed, self._added = self._before.pop()
        return True

    def repeat(self) -> bool:
        """Redo the click that was undone last; return False if there is none."""
        if not self._undone:
            return False
        self._before.append((self._removed, self._added))
        self._removed, self._added = self._undone.pop()
        return True

    @property
    def can_repeat(self) -> bool:
        """Whether a click was undone and no other click followed."""
        return bool(self._undone)

    def set_answered(self, xy: Floats) -> None:
        """Set the labelled and skipped positions x, y, shape (m, 2), after they changed."""
        self.peaks = replace(self.peaks, answered=xy)

    def labels(self) -> PatchLabels:
        """Return the labels that follow if all else in the patch is right."""
        kept = np.delete(self.picks, sorted(self._removed), axis=0)
        particles = np.concatenate([kept, self._added_xy])
        return label_patch(self.patch, self.peaks, particles, self.removed)

    @property
    def _in_patch(self) -> NDArray[np.bool_]:
        # Labelled positions are answered already.
        return self.patch.contains(self.picks) & self.peaks.is_open(self.picks)

    def _correct(self, x: float, y: float) -> bool:
        here = np.array([[x, y]])
        if not self.patch.contains(here)[0]:
            return False
        added = _nearest(self._added_xy, here, self.reach)
        if added is not None:
            moved = self._added.pop(list(self._added)[added])
            if moved is not None:
                self._removed.discard(moved)
            return True
        own = np.flatnonzero(self._in_patch)
        pick = _nearest(self.picks[own], here, self.reach)
        if pick is not None:
            self._toggle(int(own[pick]))
            return True
        if not self.peaks.is_open(here)[0]:
            return False
        kept = np.array([i for i in own if i not in self._removed], np.intp)
        beside = _nearest(self.picks[kept], here, _MOVED_FROM * self.peaks.radius_px)
        moves = None if beside is None else int(kept[beside])
        if moves is not None:
            self._removed.add(moves)
        self._added[x, y] = moves
        return True

    @property
    def _added_xy(self) -> Floats:
        return np.array(list(self._added), np.float64).reshape(-1, 2)

    def _toggle(self, index: int) -> None:
        if index not in self._removed:
            self._removed.add(index)
            return
        self._removed.discard(index)
        # A moved pick is back where it was.
        for position, moved in list(self._added.items()):
            if moved == index:
                del self._added[position]


def _nearest(xy: Floats, here: Floats, reach: float) -> int | None:
    """Return the index of the position (n, 2) nearest to another, if it is within reach."""
    if not len(xy) or far_from(here, xy, reach)[0]:
        return None
    return int(np.hypot(*(xy - here).T).argmin())
