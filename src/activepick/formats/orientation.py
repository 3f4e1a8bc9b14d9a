"""Orientation of picks: from the contrast on a micrograph, or from the positions of others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len
from scipy.ndimage import map_coordinates

from activepick.formats.coordinates import FLIPS, Flip, flipped

__all__ = ["FlipContrast", "flip_contrasts", "mirror_offsets"]

Floats = npt.NDArray[np.float64]
# Particle radius to which the micrograph is binned: enough to tell a disc from what is around it.
_RADIUS = 6.0
# The radius is approximate: it is tried smaller and larger, too.
_FACTORS = (0.7, 1.0, 1.5)
# The best flip has to be this far from chance, and from the next one.
_SURE = 4.0
# So many micrographs, and positions in each, tell the size by which picks are mirrored.
_MICROGRAPHS, _POSITIONS = 50, 200


@dataclass(frozen=True)
class FlipContrast:
    """How well picks fit a micrograph in each of the four flips.

    Attributes
    ----------
    contrasts
        By flip: mean contrast at the picks, in standard errors of as many random positions. Chance
        is around 0, and a good fit is far from it: above 0 for dark particles, below for bright
        ones and where the radius is far off.
    best
        The flip whose contrast is farthest from chance.
    sure
        Whether the best flip is far from chance and from the next one.
    picks
        Number of picks.
    """

    contrasts: dict[Flip, float]
    best: Flip
    sure: bool
    picks: int


def flip_contrasts(
    image: npt.NDArray[np.float32],
    xy: npt.ArrayLike,
    radius_px: float,
) -> FlipContrast:
    """Compare the four flips of picks by the contrast at the picks.

    The contrast of a position is the mean of the ring around a particle there minus the mean of the
    disc of the particle: above 0 where something is darker than what is around it.

    Parameters
    ----------
    image
        The micrograph, (H, W).
    xy
        Picks ``(n, 2)`` as ``x, y`` in its pixels.
    radius_px
        Approximate particle radius in pixels.
    """
    shape = (image.shape[0], image.shape[1])
    step = max(1, round(radius_px / _RADIUS))
    binned = _binned(image, step)
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    places = {flip: flipped(points, shape, flip) for flip in FLIPS}
    found: dict[Flip, float] = dict.fromkeys(FLIPS, 0.0)
    for factor in _FACTORS:
        contrast = _ring_minus_disc(binned, radius_px / step * factor)
        for flip, place in places.items():
            # The centre of pixel 0 of the binned image lies between pixels of the original one.
            here = _mean_at(contrast, (place - (step - 1) / 2) / step)
            found[flip] = max(found[flip], here, key=abs)
    best, second = sorted(FLIPS, key=lambda flip: -abs(found[flip]))[:2]
    sure = abs(found[best]) > _SURE + abs(found[second])
    return FlipContrast(found, best, sure, len(points))


def _mean_at(contrast: Floats, xy: Floats) -> float:
    """Return the mean of a map at positions, in standard errors of as many random positions."""
    inside = ((xy >= 0) & (xy <= np.array(contrast.shape)[::-1] - 1)).all(axis=1)
    spread = float(contrast.std())
    if not inside.any() or spread == 0:
        return 0.0
    values = map_coordinates(contrast, xy[inside][:, ::-1].T, order=1)
    return float((values.mean() - contrast.mean()) / spread * np.sqrt(len(values)))


def _binned(image: npt.NDArray[np.float32], step: int) -> Floats:
    rows, columns = image.shape[0] // step, image.shape[1] // step
    blocks = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    binned = blocks.mean(axis=(1, 3), dtype=np.float64)
    # Hot pixels and ice must not outweigh all particles together.
    low, high = np.percentile(binned, (1, 99))
    clipped: Floats = np.clip(binned, low, high)
    return clipped


def _ring_minus_disc(image: Floats, radius: float) -> Floats:
    from scipy.signal import fftconvolve  # takes a while to load

    reach = int(np.ceil(1.5 * radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(y, x)
    disc = (distance <= max(radius * 0.8, 0.5)).astype(np.float64)
    ring = ((distance > radius) & (distance <= max(1.4 * radius, radius + 1))).astype(np.float64)
    kernel = ring / ring.sum() - disc / disc.sum()
    size = [next_fast_len(n + 2 * reach) for n in image.shape]
    pad = [(reach, total - n - reach) for n, total in zip(image.shape, size, strict=True)]
    wide = np.pad(image, pad, mode="symmetric")
    result = fftconvolve(wide, kernel, mode="same")
    inner: Floats = result[reach : reach + image.shape[0], reach : reach + image.shape[1]]
    return inner


def mirror_offsets(
    pairs: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], radius_px: float
) -> dict[Flip, tuple[float, float]]:
    """Estimate how picks would have to be mirrored to lie on other positions.

    Mirrored along an axis, a position p becomes c - p, where c is the size of the micrograph minus
    1. The size is not needed: of pairs of a pick and a position that are the same particle the sum
    of both is c, and is the same for all micrographs.

    Parameters
    ----------
    pairs
        Picks and positions of each micrograph, ``(n, 2)`` and ``(m, 2)``, as ``x, y``.
    radius_px
        Distance within which both are the same, in pixels.

    Returns
    -------
    dict
        By flip, without "none": the most frequent sums along x and along y, 0 along an axis that
        stays. Flips for which no pair fits are left out.
    """
    sums: dict[Flip, list[Floats]] = {"y": [], "x": [], "both": []}
    for picks, others in pairs[:: max(1, len(pairs) // _MICROGRAPHS)]:
        one, two = _thinned(picks), _thinned(others)
        total = (one[:, None] + two[None]).reshape(-1, 2)
        near = np.abs(one[:, None] - two[None]).reshape(-1, 2) < radius_px
        sums["y"].append(total[near[:, 0]] * (0, 1))
        sums["x"].append(total[near[:, 1]] * (1, 0))
        sums["both"].append(total)
    found: dict[Flip, tuple[float, float]] = {}
    for flip, parts in sums.items():
        every = np.concatenate(parts) if parts else np.empty((0, 2))
        if len(every):
            found[flip] = _most_frequent(every, radius_px)
    return found


def _thinned(xy: npt.ArrayLike) -> Floats:
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    return points[:: -(-len(points) // _POSITIONS) or 1]


def _most_frequent(sums: Floats, radius_px: float) -> tuple[float, float]:
    """Return the middle of the cell of this radius with the most sums."""
    cells, counts = np.unique(np.floor(sums / radius_px), axis=0, return_counts=True)
    centre = (cells[counts.argmax()] + 0.5) * radius_px
    # Sums of the same particle scatter over neighbouring cells.
    near = (np.abs(sums - centre) < radius_px).all(axis=1)
    middle = np.median(sums[near], axis=0)
    return float(middle[0]), float(middle[1])
