"""The corrections of the picks in one patch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activepick.learning.patches import Patch, PatchLabels, PatchPeaks, label_patch
from activepick.scoremap import SAME_POSITION, far_from

__all__ = ["PatchReview"]

Floats = NDArray[np.float64]


class _Added(NamedTuple):
    """An added particle: the index of the pick that it moves, if any, and its kind."""

    moves: int | None
    kind: int


@dataclass(frozen=True)
class _Corrections:
    """Indices of removed picks, added particles by position, and changed kinds by index."""

    removed: frozenset[int] = frozenset()
    added: Mapping[tuple[float, float], _Added] = field(default_factory=dict)
    kinds: Mapping[int, int] = field(default_factory=dict)


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
    kinds
        Number of the kind of particle of each pick, shape (n,); by default 1.
    """

    micrograph: int
    patch: Patch
    peaks: PatchPeaks
    picks: Floats
    kinds: NDArray[np.integer] | None = None
    _now: _Corrections = field(default_factory=_Corrections, init=False)
    # The corrections before each click, and those that were undone.
    _before: list[_Corrections] = field(default_factory=list, init=False)
    _undone: list[_Corrections] = field(default_factory=list, init=False)

    @property
    def particles(self) -> Floats:
        """The particles in the patch without labels, x and y in original pixels, shape (k, 2)."""
        return np.concatenate([self.picks[self._kept], self._added_xy])

    @property
    def particle_kinds(self) -> NDArray[np.int_]:
        """The number of the kind of each of the `particles`, shape (k,)."""
        return np.concatenate([self._kinds[self._kept], self._added_kinds])

    @property
    def removed(self) -> Floats:
        """The picks that were removed or moved, x and y in original pixels, shape (k, 2)."""
        return self.picks[sorted(self._now.removed)]

    @property
    def corrections(self) -> int:
        """Number of picks that were removed, added, moved, or whose kind was changed."""
        now = self._now
        moved = sum(one.moves is not None for one in now.added.values())
        changed = len(now.kinds.keys() - now.removed)
        return len(now.removed) + len(now.added) - moved + changed

    @property
    def reach(self) -> float:
        """Distance in original pixels within which positions are the same."""
        return SAME_POSITION * self.peaks.radius_px

    def click(self, x: float, y: float, kind: int = 1) -> bool:
        """Correct the picks at a position.

        A click on a pick removes it, or restores it if it was removed; if the pick is of another
        kind, the click changes its kind. A click elsewhere in the patch adds a particle; within one
        particle radius of a pick, it moves the pick.

        Parameters
        ----------
        x, y
            Position in original pixels.
        kind
            Number of the kind of particle that clicks add.

        Returns
        -------
        bool
            Whether anything was changed; False outside of the patch, and on labels.
        """
        after = self._corrected(x, y, kind)
        if after is None:
            return False
        self._before.append(self._now)
        self._undone.clear()
        self._now = after
        return True

    def undo(self) -> bool:
        """Undo the last click that changed anything; return False if there is none."""
        if not self._before:
            return False
        self._undone.append(self._now)
        self._now = self._before.pop()
        return True

    def redo(self) -> bool:
        """Redo the click that was undone last; return False if there is none."""
        if not self._undone:
            return False
        self._before.append(self._now)
        self._now = self._undone.pop()
        return True

    @property
    def can_undo(self) -> bool:
        """Whether a click changed anything and was not undone."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether a click was undone and no other click followed."""
        return bool(self._undone)

    def set_answered(self, xy: Floats) -> None:
        """Set the labelled and skipped positions x, y, shape (m, 2), after they changed."""
        self.peaks = replace(self.peaks, answered=xy)

    def labels(self) -> PatchLabels:
        """Return the labels that follow if all else in the patch is right."""
        kept = np.delete(np.arange(len(self.picks)), sorted(self._now.removed))
        particles = np.concatenate([self.picks[kept], self._added_xy])
        kinds = np.concatenate([self._kinds[kept], self._added_kinds])
        return label_patch(self.patch, self.peaks, particles, self.removed, kinds)

    @property
    def _in_patch(self) -> NDArray[np.bool_]:
        # Labelled positions are answered already.
        return self.patch.contains(self.picks) & self.peaks.is_open(self.picks)

    @property
    def _kept(self) -> NDArray[np.intp]:
        """Indices of the picks in the patch that were not removed."""
        own = np.flatnonzero(self._in_patch)
        return own[[i not in self._now.removed for i in own.tolist()]]

    @property
    def _kinds(self) -> NDArray[np.int_]:
        """The kind of each pick, shape (n,)."""
        found = np.ones(len(self.picks), int) if self.kinds is None else self.kinds.astype(int)
        for index, kind in self._now.kinds.items():
            found[index] = kind
        return found

    @property
    def _added_xy(self) -> Floats:
        return np.array(list(self._now.added), np.float64).reshape(-1, 2)

    @property
    def _added_kinds(self) -> NDArray[np.int_]:
        return np.array([one.kind for one in self._now.added.values()], int)

    def _corrected(self, x: float, y: float, kind: int) -> _Corrections | None:
        """Return the corrections after a click; None if it changes nothing."""
        now, here = self._now, np.array([[x, y]])
        if not self.patch.contains(here)[0]:
            return None
        place = _nearest(self._added_xy, here, self.reach)
        if place is not None:
            position, one = list(now.added.items())[place]
            others = {at: other for at, other in now.added.items() if at != position}
            if one.kind != kind:
                return replace(now, added={**now.added, position: one._replace(kind=kind)})
            return replace(now, added=others, removed=now.removed - {one.moves})
        own = np.flatnonzero(self._in_patch)
        pick = _nearest(self.picks[own], here, self.reach)
        if pick is not None:
            return self._with_pick(int(own[pick]), kind)
        if not self.peaks.is_open(here)[0]:
            return None
        kept = self._kept
        beside = _nearest(self.picks[kept], here, _MOVED_FROM * self.peaks.radius_px)
        moves = None if beside is None else int(kept[beside])
        removed = now.removed if moves is None else now.removed | {moves}
        return replace(now, removed=removed, added={**now.added, (x, y): _Added(moves, kind)})

    def _with_pick(self, index: int, kind: int) -> _Corrections:
        """Return the corrections after a click on a pick."""
        now = self._now
        if index in now.removed:
            # A moved pick is back where it was.
            added = {at: one for at, one in now.added.items() if one.moves != index}
            return replace(now, removed=now.removed - {index}, added=added)
        if self._kinds[index] == kind:
            return replace(now, removed=now.removed | {index})
        kinds = {**now.kinds, index: kind}
        if self.kinds is None or self.kinds[index] == kind:  # as it was picked
            del kinds[index]
        return replace(now, kinds=kinds)


def _nearest(xy: Floats, here: Floats, reach: float) -> int | None:
    """Return the index of the position (n, 2) nearest to another, if it is within reach."""
    if not len(xy) or far_from(here, xy, reach)[0]:
        return None
    return int(np.hypot(*(xy - here).T).argmin())
