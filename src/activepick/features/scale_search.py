"""Search for the best working radius of a dataset in the middle of a few micrographs."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from activepick.errors import MicrographError, SettingsError
from activepick.features.scales import FEWEST, LADDER, MOST, climb
from activepick.micrograph import Micrograph, WorkingImage
from activepick.progress import Progress

__all__ = ["EDGE_RADII", "MiddleCrop", "find_radius", "middle", "spread_out"]

T = TypeVar("T")

# Side of the part that is used, in particle radii. A part that is twenty particles wide determines
# the scale as well as the whole micrograph, which takes many times as long if it is large.
EDGE_RADII = 40.0

# Number of micrographs that are used. One is not enough, since micrographs differ more than
# neighbouring radii do.
_USED = 3
# Number of micrographs that are tried to find those with particles.
_TRIED = 10
# The search begins with the middle radius: if any radius is useful, this one is possible.
_FIRST = LADDER[len(LADDER) // 2]


class MiddleCrop:
    """The middle of a micrograph at all working radii of the ladder that are possible.

    Parameters
    ----------
    micrograph
        The micrograph. Its file is read once, when the first image is requested.
    diameter_angstrom
        Particle diameter in Å.
    working_images
        Reads a micrograph and returns it at several working radii; see
        `activepick.features.engine.FeatureEngine.working_images`.
    """

    def __init__(
        self,
        micrograph: Micrograph,
        diameter_angstrom: float,
        working_images: Callable[[Micrograph, Sequence[float]], Sequence[WorkingImage]],
    ) -> None:
        self.micrograph = micrograph
        self._diameter_angstrom = diameter_angstrom
        self._working_images = working_images
        self._images: dict[float, NDArray[np.float32]] = {}

    def fits(self, radius: float) -> bool:
        """Return whether the micrograph can have a working radius; only its header is read.

        Raises
        ------
        MicrographError
            If the file cannot be read, or has no pixel size.
        """
        return self.micrograph.fits(self._diameter_angstrom, radius)

    def image(self, radius: float) -> NDArray[np.float32]:
        """Return the normalised middle (h, w) at a working radius of `LADDER`.

        Raises
        ------
        ActivepickError
            If the micrograph cannot be read or does not fit the diameter.
        """
        if not self._images:
            radii = [r for r in LADDER if r == radius or self.fits(r)]
            images = self._working_images(self.micrograph, radii)
            for r, image in zip(radii, images, strict=True):
                # A copy, so that the memory of the whole image is released.
                self._images[r] = middle(image.pixels, round(EDGE_RADII * r)).copy()
        return self._images[radius]


def find_radius(
    crops: Iterable[MiddleCrop],
    best_peaks: Callable[[MiddleCrop, float], NDArray[np.floating]],
    progress: Progress | None = None,
) -> float:
    """Find the best working radius for the particles of a dataset.

    It is the radius at which the mean score of the highest peaks is highest. The number of peaks
    of a micrograph that count is the number of those that are more likely particles than not at the
    first radius. A micrograph with too few of them does not determine the scale.

    Parameters
    ----------
    crops
        Crops of the micrographs, in the order of `spread_out`. Of the first ten, the first three
        that can be read and have enough such peaks are used; if none has enough, the first three
        that can be read.
    best_peaks
        Returns the scores of the highest peaks of a crop at a working radius; see
        `activepick.features.scales.best_peaks`.
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    float
        Working radius in working pixels, one of `LADDER`.

    Raises
    ------
    ActivepickError
        The error of the first micrograph, if none can be read.
    """
    report = progress or (lambda fraction: None)
    # The time for a radius is proportional to its square; the search never needs both ends of
    # `LADDER`.
    total, done = _USED * sum(radius**2 for radius in LADDER[1:]), 0.0

    def measured(crop: MiddleCrop, radius: float) -> NDArray[np.floating]:
        nonlocal done
        found = best_peaks(crop, radius)
        done += radius**2
        report(min(1.0, done / total))
        return found

    first: dict[MiddleCrop, NDArray[np.floating]] = {}
    with_particles: list[MiddleCrop] = []
    problem: MicrographError | SettingsError | None = None
    report(0.0)
    for crop in islice(crops, _TRIED):
        try:
            scores = first[crop] = measured(crop, _FIRST)
        except (MicrographError, SettingsError) as error:
            problem = problem or error
            continue
        if _likely(scores) >= _fewest(scores):
            with_particles.append(crop)
        if len(with_particles) == _USED:
            break
    if not first:
        raise problem or SettingsError(
            "There is no micrograph from which the scale can be determined."
        )
    used = with_particles or list(first)[:_USED]
    counts = {crop: max(_likely(first[crop]), _fewest(first[crop])) for crop in used}

    def mean_score(radius: float) -> float:
        if not all(crop.fits(radius) for crop in used):
            return -np.inf
        each = [(c, first[c] if radius == _FIRST else measured(c, radius)) for c in used]
        means = [scores[: counts[crop]].mean(dtype=np.float64) for crop, scores in each]
        return float(np.mean(means))

    def mean_scores(radii: Sequence[float]) -> list[float]:
        return [mean_score(radius) for radius in radii]

    best = climb(mean_scores)
    report(1.0)
    return best


def _likely(scores: NDArray[np.floating]) -> int:
    """Return the number of peaks that are more likely particles than not."""
    return int((scores >= 0).sum())


def _fewest(scores: NDArray[np.floating]) -> int:
    """Return the number of peaks below which a micrograph does not determine the scale."""
    return max(1, round(len(scores) * FEWEST / MOST))


def spread_out(micrographs: Sequence[T], path: Callable[[T], str | Path]) -> list[T]:
    """Return micrographs in an order in which the first few are spread over the whole dataset.

    The result does not depend on the order of the argument: micrographs are sorted by path, which
    is usually the order of recording, and then taken from the middle, the first and third quarter
    and so on, with half the distance each time.

    Parameters
    ----------
    micrographs
        The micrographs of a dataset, as objects of any type.
    path
        Returns the path of a micrograph.
    """
    ordered = sorted(micrographs, key=lambda micrograph: str(path(micrograph)))
    count = len(ordered)
    bits = count.bit_length()
    # The van der Corput sequence: the binary digits of k in reverse order, after the point.
    fractions = (int(f"{k:0{bits}b}"[::-1], 2) / 2**bits for k in range(1, 2**bits))
    places = dict.fromkeys([*(int(fraction * count) for fraction in fractions), *range(count)])
    return [ordered[place] for place in places]


def middle(image: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Return the middle of an image (h, w), at most `edge` pixels high and wide."""
    rows, columns = (slice(max(0, (n - edge) // 2), (n + edge) // 2) for n in image.shape)
    return image[rows, columns]
