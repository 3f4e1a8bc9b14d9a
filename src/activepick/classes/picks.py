"""Sort the picks of many micrographs into classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from activepick.classes.averages import assign_classes, average_classes
from activepick.classes.crops import CropScale, fair_sample
from activepick.classes.result import ClassAverages
from activepick.errors import ActivepickError, SettingsError
from activepick.micrograph import Micrograph
from activepick.progress import Progress, part_between
from activepick.simulate.optics import Microscope

__all__ = ["MicrographPicks", "PickClasses", "assign_picks", "average_picks"]

# Share of the progress at which the crops are read, and at which they are averaged.
_READ, _AVERAGED = 0.3, 0.8
# Number of further crops that are assigned together: 130 MB at 64 pixels.
_TOGETHER = 8000

Failed = Callable[[Micrograph, ActivepickError], None]


@dataclass(frozen=True, eq=False)
class MicrographPicks:
    """Picks of one micrograph.

    Attributes
    ----------
    micrograph
        The micrograph.
    xy
        Positions (n, 2), x and y, in pixels of the micrograph.
    score
        Scores (n,), used to draw a representative sample.
    defocus_angstrom
        Mean defocus in Å for the phase flip; None if it is not known.
    """

    micrograph: Micrograph
    xy: NDArray[np.float64]
    score: NDArray[np.float64]
    defocus_angstrom: float | None = None


@dataclass(frozen=True, eq=False)
class PickClasses:
    """Classes of picks.

    Attributes
    ----------
    averages
        The classes, with the rotations and shifts of the crops that were averaged.
    rows
        Indices (n,), ascending, of these crops among the concatenated picks of all micrographs.
    crops
        The crops, (n, side, side).
    classes
        Class of each pick of all micrographs, from 0; -1 if it is not known.
    """

    averages: ClassAverages
    rows: NDArray[np.intp]
    crops: NDArray[np.float32]
    classes: NDArray[np.intp]


@dataclass
class _Reader:
    parts: Sequence[MicrographPicks]
    scale: CropScale
    microscope: Microscope
    failed: Failed
    broken: set[int] = field(default_factory=set)

    def read(self, number: int, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Return the crops of some picks of a micrograph; None if it cannot be read."""
        part = self.parts[number]
        if number in self.broken or not len(rows):
            return None
        try:
            xy, defocus = part.xy[rows], part.defocus_angstrom
            return self.scale.crops(part.micrograph, xy, defocus, self.microscope)
        except ActivepickError as error:
            self.broken.add(number)
            self.failed(part.micrograph, error)
            return None

    def assign(
        self, classes: NDArray[np.intp], known: ClassAverages, device: str, report: Progress
    ) -> None:
        """Set the classes (n,) of the picks of all micrographs where they are -1."""
        waiting: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []

        def assign_waiting() -> None:
            crops = np.concatenate([cut for _, cut in waiting])
            found = assign_classes(crops, self.scale.radius_px, known, device=device)
            classes[np.concatenate([rows for rows, _ in waiting])] = found.classes
            waiting.clear()

        first = 0
        for number, part in enumerate(self.parts):
            report(number / len(self.parts))
            own = np.flatnonzero(classes[first : first + len(part.xy)] < 0)
            cut = self.read(number, own)
            if cut is not None:
                waiting.append((first + own, cut))
            if sum(len(rows) for rows, _ in waiting) >= _TOGETHER:
                assign_waiting()
            first += len(part.xy)
        if waiting:
            assign_waiting()


def average_picks(
    parts: Sequence[MicrographPicks],
    scale: CropScale,
    count: int = 20,
    *,
    most: int = 2000,
    assign_all: bool = False,
    seed: int = 0,
    start: ClassAverages | None = None,
    microscope: Microscope | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    failed: Failed = lambda micrograph, error: None,
) -> PickClasses:
    """Read the crops of picks, sort them into classes, and average each class.

    Parameters
    ----------
    parts
        The picks of each micrograph.
    scale
        Scale of the crops.
    count, seed, start, device
        As in `activepick.classes.averages.average_classes`.
    most
        Largest number of picks that are averaged: a representative sample of micrographs and
        scores.
    assign_all
        Whether to assign the other picks to classes as well, for which their micrographs are read
        again.
    microscope
        Voltage, Cs and amplitude contrast; 300 kV by default.
    progress
        Called with the fraction done; may raise to cancel.
    failed
        Called with a micrograph that cannot be read, and the error. Its picks are left out.

    Returns
    -------
    PickClasses

    Raises
    ------
    SettingsError
        If there are no picks on micrographs that can be read.
    """
    report = progress or (lambda fraction: None)
    reader = _Reader(parts, scale, microscope or Microscope(), failed)
    numbers = np.repeat(np.arange(len(parts)), [len(part.xy) for part in parts])
    first = np.searchsorted(numbers, np.arange(len(parts)))
    score = np.concatenate([np.empty(0), *(part.score for part in parts)])
    sample = fair_sample(numbers, score, most)
    crops, kept = [], []
    for number in range(len(parts)):
        report(_READ * number / len(parts))
        own = sample[numbers[sample] == number]
        cut = reader.read(number, own - first[number])
        if cut is not None:
            crops.append(cut)
            kept.append(own)
    if not crops:
        raise SettingsError("There are no picks on micrographs that can be read.")
    read, rows = np.concatenate(crops), np.concatenate(kept)
    del crops
    until = _AVERAGED if assign_all and len(sample) < len(numbers) else 1.0
    averages = average_classes(
        read,
        scale.radius_px,
        count,
        seed=seed,
        start=start,
        device=device,
        progress=part_between(report, _READ, until),
    )
    classes = np.full(len(numbers), -1, np.intp)
    classes[rows] = averages.classes
    if assign_all:
        rest = part_between(report, until, 1.0)
        reader.assign(classes, averages, device, rest)
    return PickClasses(averages, rows, read, classes)


def assign_picks(
    parts: Sequence[MicrographPicks],
    scale: CropScale,
    known: ClassAverages,
    *,
    microscope: Microscope | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    failed: Failed = lambda micrograph, error: None,
) -> NDArray[np.intp]:
    """Read the crops of picks and find their classes, without a change of the averages.

    Parameters
    ----------
    parts, scale, microscope, device, progress, failed
        As in `average_picks`.
    known
        The classes.

    Returns
    -------
    ndarray
        Class of each pick of all micrographs, (n,), from 0; -1 if its micrograph cannot be read.
    """
    reader = _Reader(parts, scale, microscope or Microscope(), failed)
    classes = np.full(sum(len(part.xy) for part in parts), -1, np.intp)
    reader.assign(classes, known, device, progress or (lambda fraction: None))
    return classes
