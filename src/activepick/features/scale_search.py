"""The search for the working scale, on the middles of a few micrographs."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from activepick.errors import MicrographError, SettingsError
from activepick.features.scales import LADDER, climb
from activepick.micrograph import Micrograph, Normalisation

__all__ = ["EDGE_RADII", "FirstLook", "find_radius", "middle"]

# Edge of what is looked at, in particle radii: twenty particles across show the scale as well as
# the whole micrograph, which takes many times as long where it is large.
EDGE_RADII = 40.0

# Tails differ between micrographs more than between neighbouring radii, so that one is not enough.
_LOOKED_AT = 3
# Where so many cannot be read, the next cannot either.
_TRIED = 10

# The middle radius, from which the climb begins, is possible wherever any is useful.
_FIRST = LADDER[len(LADDER) // 2]


class FirstLook:
    """The middle of a micrograph at all working radii of the ladder that are possible.

    Parameters
    ----------
    micrograph
        The file; it is read once, and not before the first image is asked for.
    diameter_angstrom
        Particle diameter in Å.
    normalisation
        "affine" or "gmm", of the whole micrograph.
    """

    def __init__(
        self, micrograph: Micrograph, diameter_angstrom: float, normalisation: Normalisation
    ) -> None:
        self.micrograph = micrograph
        self._diameter_angstrom = diameter_angstrom
        self._normalisation = normalisation
        self._images: dict[float, NDArray[np.float32]] = {}

    def fits(self, radius: float) -> bool:
        """Tell whether the micrograph can be brought to a working radius, without reading it all.

        Raises
        ------
        MicrographError
            When it cannot be read, or has no pixel size.
        """
        try:
            self.micrograph.working_ratio(self._diameter_angstrom, radius)
        except SettingsError:
            return False
        return True

    def image(self, radius: float) -> NDArray[np.float32]:
        """Give the normalised middle at a working radius of `LADDER`.

        Raises
        ------
        ActivepickError
            When the micrograph cannot be read or does not fit the diameter.
        """
        if not self._images:
            radii = [r for r in LADDER if r == radius or self.fits(r)]
            images = self.micrograph.working_images(
                self._diameter_angstrom, radii, self._normalisation
            )
            for r, image in zip(radii, images, strict=True):
                # A copy lets go of the rest of the image.
                self._images[r] = middle(image.pixels, round(EDGE_RADII * r)).copy()
        return self._images[radius]


def find_radius(
    looks: Iterable[FirstLook],
    tail: Callable[[FirstLook, float], float],
    progress: Callable[[float], None] | None = None,
) -> float:
    """Find the working radius that suits the particles of a dataset.

    Parameters
    ----------
    looks
        Of its micrographs. Of the first ten, the first three that can be read are used.
    tail
        Gives the score tail of one at a working radius.
    progress
        Called with the fraction done; may raise to cancel.

    Raises
    ------
    ActivepickError
        When none can be read: what is wrong with the first.
    """
    report = progress or (lambda fraction: None)
    # The time for a radius grows with its square; the climb never needs both ends of the ladder.
    total, done = _LOOKED_AT * sum(radius**2 for radius in LADDER[1:]), 0.0

    def measured(look: FirstLook, radius: float) -> float:
        nonlocal done
        found = tail(look, radius)
        done += radius**2
        report(min(1.0, done / total))
        return found

    first: dict[FirstLook, float] = {}
    problem: MicrographError | SettingsError | None = None
    report(0.0)
    for look in islice(looks, _TRIED):
        try:
            first[look] = measured(look, _FIRST)
        except (MicrographError, SettingsError) as error:
            problem = problem or error
        if len(first) == _LOOKED_AT:
            break
    if not first:
        raise problem or SettingsError("There is no micrograph from which to find the scale.")

    def mean_tail(radius: float) -> float:
        if radius == _FIRST:
            return float(np.mean(list(first.values())))
        if not all(look.fits(radius) for look in first):
            return -np.inf
        return float(np.mean([measured(look, radius) for look in first]))

    def mean_tails(radii: Sequence[float]) -> list[float]:
        return [mean_tail(radius) for radius in radii]

    best = climb(mean_tails)
    report(1.0)
    return best


def middle(image: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Cut the middle of an image (h, w), at most `edge` pixels high and wide."""
    rows, columns = (slice(max(0, (n - edge) // 2), (n + edge) // 2) for n in image.shape)
    return image[rows, columns]
