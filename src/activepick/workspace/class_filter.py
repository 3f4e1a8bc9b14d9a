"""Leave the members of classes out of the picks of a session, on all its micrographs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.classes.crops import CropScale
from activepick.progress import Progress
from activepick.scoremap import SAME_POSITION
from activepick.session.model.state import Position, SessionState
from activepick.workspace.class_store import StoredClasses
from activepick.workspace.classification import (
    CROP_SIDE,
    Classification,
    ClassifiedPicks,
    all_candidates,
    micrograph_picks,
)
from activepick.workspace.features import FeatureSource
from activepick.workspace.predictor import Predictor

__all__ = ["ClassFilter"]


@dataclass(eq=False)
class _Members:
    """Class of each peak of a micrograph that was sorted; -1 for the others.

    Attributes
    ----------
    key
        The head by which the peaks were found, and the name and references of the classes.
    xy
        Positions (n, 2) in original pixels.
    radius_px
        Particle radius in original pixels.
    classes
        Class of each peak, (n,).
    """

    key: tuple[str, str, bytes]
    xy: NDArray[np.float64]
    radius_px: float
    classes: NDArray[np.intp]


class ClassFilter:
    """Finds the members of classes that are left out of the picks.

    Members are found among all positions that may become picks, as in `Classification.compute`
    with `candidates`, so that they are left out at lower thresholds as well.

    Parameters
    ----------
    source
        The session.
    predictor
        Predictor with the peaks.
    classification
        The classes.
    """

    def __init__(
        self, source: FeatureSource, predictor: Predictor, classification: Classification
    ) -> None:
        self._session = source.session
        self._predictor = predictor
        self._classification = classification
        self._sorted: dict[int, _Members] = {}
        # Picks that were averaged keep the classes in which they were shown to the user.
        self._averaged: ClassifiedPicks | None = None

    def members(
        self, picks: ClassifiedPicks, number: int, progress: Progress | None = None
    ) -> list[Position]:
        """Return the members of a class on all micrographs with peaks; slow.

        Parameters
        ----------
        picks
            The result of the last call of `Classification.compute`.
        number
            Number of the class.
        progress
            Called with the fraction done; may raise an exception to cancel.

        Returns
        -------
        list of (micrograph, x, y)
            Positions in original pixels.
        """
        known = self._classification.known
        found = _places(picks, picks.members(number))
        if known is not None and known.run == picks.run:
            self._set_averaged(picks)
            found |= set(self._members(known, {number}, progress)[number])
        return sorted(found)

    def extend(self, progress: Progress | None = None) -> None:
        """Leave out members that were found after their class had been left out; slow.

        It does nothing if no present class is left out.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel.
        """
        known, state = self._classification.known, self._session.state
        if known is None or self._session.read_only:
            return
        numbers = {i for i in range(len(known.averages)) if known.class_id(i) in state.left_out}
        if not numbers:
            return
        found = self._members(known, numbers, progress)
        radius = {number: one.radius_px for number, one in self._sorted.items()}
        self._session.left_out.add(
            {
                known.class_id(number): _not_left_out(self._session.state, places, radius)
                for number, places in found.items()
            }
        )

    def extend_with(self, picks: ClassifiedPicks) -> None:
        """Leave out new picks that are members of classes that are left out.

        Parameters
        ----------
        picks
            The result of the last call of `Classification.compute`.
        """
        self._set_averaged(picks)
        state = self._session.state
        numbers = [i for i in range(len(picks.averages)) if picks.class_id(i) in state.left_out]
        if self._session.read_only or not numbers:
            return
        radius = dict(zip(picks.micrograph.tolist(), picks.radius_px.tolist(), strict=True))
        self._session.left_out.add(
            {
                picks.class_id(i): _not_left_out(state, _places(picks, picks.members(i)), radius)
                for i in numbers
            }
        )

    def _set_averaged(self, picks: ClassifiedPicks) -> None:
        if self._averaged is not picks:
            self._averaged, self._sorted = picks, {}

    def _members(
        self, known: StoredClasses, numbers: set[int], progress: Progress | None
    ) -> dict[int, list[Position]]:
        """Return the members of classes on all micrographs with peaks."""
        self._sort(known, progress)
        found: dict[int, list[Position]] = {number: [] for number in numbers}
        for micrograph, one in self._sorted.items():
            if self._session.state.is_used(micrograph):
                for row in np.flatnonzero(np.isin(one.classes, list(numbers))).tolist():
                    x, y = one.xy[row].tolist()
                    found[int(one.classes[row])].append((micrograph, x, y))
        return found

    def _sort(self, known: StoredClasses, progress: Progress | None) -> None:
        """Find the classes of all peaks that may become picks and were not sorted before."""
        from activepick.classes.picks import MicrographPicks, assign_picks

        state, averaged = all_candidates(self._session.state), self._averaged
        seen: dict[Position, int] = {}
        if averaged is not None and averaged.run == known.run:
            rows = np.arange(len(averaged.xy))
            seen = dict(zip(_listed(averaged, rows), averaged.classes.tolist(), strict=True))
        parts: list[MicrographPicks] = []
        places: list[tuple[_Members, NDArray[np.intp]]] = []
        if not self._predictor.known_heads():
            self._predictor.load_peaks()  # those that the session stores
        for number in self._predictor.known_heads():
            peaks = self._predictor.stored_peaks(number)
            if peaks is None:
                continue
            key = (peaks.head, known.run, known.digest)
            one = self._sorted.get(number)
            if one is None or one.key != key:
                xy = peaks.peaks.xy.astype(np.float64)
                classes = [seen.get((number, x, y), -1) for x, y in xy.tolist()]
                one = _Members(key, xy, peaks.peaks.radius_px, np.array(classes, np.intp))
                self._sorted[number] = one
            rows = np.flatnonzero(peaks.accepted(state) & (one.classes < 0))
            part = micrograph_picks(self._session, peaks, rows) if len(rows) else None
            if part is not None:
                parts.append(part)
                places.append((one, rows))
        if not parts:
            return
        scale = CropScale(state.settings.diameter_angstrom, CROP_SIDE)
        found = assign_picks(parts, scale, known.start(), progress=progress)
        ends = np.cumsum([len(rows) for _, rows in places])[:-1]
        for (one, rows), own in zip(places, np.split(found, ends), strict=True):
            one.classes[rows] = own


def _listed(picks: ClassifiedPicks, rows: NDArray[np.intp]) -> list[Position]:
    numbers, xy = picks.micrograph[rows].tolist(), picks.xy[rows].tolist()
    return [(number, x, y) for number, (x, y) in zip(numbers, xy, strict=True)]


def _places(picks: ClassifiedPicks, rows: NDArray[np.intp]) -> set[Position]:
    return set(_listed(picks, rows))


def _not_left_out(
    state: SessionState, places: "list[Position] | set[Position]", radius_px: dict[int, float]
) -> list[Position]:
    """Return the positions at which picks are not yet left out."""
    kept: list[Position] = []
    for number in {place[0] for place in places}:
        own = sorted(place for place in places if place[0] == number)
        known = state.left_out_of(number)
        if known:
            gaps = np.asarray(cKDTree(known).query([place[1:] for place in own])[0])
            far = gaps > SAME_POSITION * radius_px[number]
            own = [place for place, keep in zip(own, far, strict=True) if keep]
        kept += own
    return kept
