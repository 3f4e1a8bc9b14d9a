"""Orientation and scale of picks: from the contrast on a micrograph, or from other positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from activepick.formats.coordinates import FLIPS, Flip, flipped

__all__ = [
    "FlipContrast",
    "ScaleContrast",
    "clear_scale",
    "flip_contrasts",
    "mirror_offsets",
    "scale_factor",
]

Floats = npt.NDArray[np.float64]
# Particle radius to which the micrograph is binned: enough to distinguish a disc from its
# surroundings.
_RADIUS = 6.0
# The radius is approximate: it is tried smaller and larger, too.
_FACTORS = (0.7, 1.0, 1.5)
# The best flip has to be this far from chance, and from the next one.
_SURE = 4.0
# Number of micrographs, and of positions in each, from which a flip or a scale is determined.
_MICROGRAPHS, _POSITIONS = 50, 200
# Factors between picks and the pixels of a micrograph that was binned, or picked on binned.
_SCALES = (16.0, 12.0, 10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.5)
_LARGEST_SCALE = 20.0
# A factor this close to that of a binning is that one.
_AS_GOOD = 0.003
# Largest distance from a ray, as a part of the largest distance from pixel 0.
_ACROSS = 0.01
# Width of the cells in which logarithms of ratios are counted.
_CELL = 0.02


@dataclass(frozen=True)
class FlipContrast:
    """Agreement of picks with a micrograph in each of the four flips.

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
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    [found] = _contrasts(image, [points], radius_px)
    best, second = sorted(FLIPS, key=lambda flip: -abs(found[flip]))[:2]
    sure = abs(found[best]) > _SURE + abs(found[second])
    return FlipContrast(found, best, sure, len(points))


class ScaleContrast(NamedTuple):
    """The factor by which picks fit a micrograph, and the flip with which they do."""

    scale: float
    flip: Flip


def clear_scale(
    image: npt.NDArray[np.float32], xy: npt.ArrayLike, radius_px: float
) -> ScaleContrast | None:
    """Find the factor by which picks fit a micrograph clearly, as `flip_contrasts` judges it.

    Factors are those of binned micrographs, whole numbers and 1.5, and their reciprocals. Those by
    which a tenth of the picks would be outside are left out.

    Parameters
    ----------
    image, xy, radius_px
        As of `flip_contrasts`.

    Returns
    -------
    ScaleContrast or None
        None where no factor is clearly better than all others.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    size = np.array(image.shape[::-1])
    scales = [scale for factor in _SCALES for scale in (factor, 1 / factor)]
    fit = [s for s in scales if len(points) and (points * s < size).all(axis=1).mean() >= 0.9]
    contrasts = _contrasts(image, [points * scale for scale in fit], radius_px)
    ranked = sorted(
        (-abs(contrast), scale, flip)
        for scale, found in zip(fit, contrasts, strict=True)
        for flip, contrast in found.items()
    )
    if len(ranked) < 2 or -ranked[0][0] <= _SURE - ranked[1][0]:
        return None
    return ScaleContrast(ranked[0][1], ranked[0][2])


def _contrasts(
    image: npt.NDArray[np.float32], places: Sequence[Floats], radius_px: float
) -> list[dict[Flip, float]]:
    """Return the contrast by flip at several sets of positions."""
    shape = (image.shape[0], image.shape[1])
    step = max(1, round(radius_px / _RADIUS))
    binned = _binned(image, step)
    found: list[dict[Flip, float]] = [dict.fromkeys(FLIPS, 0.0) for _ in places]
    for factor in _FACTORS:
        contrast = _ring_minus_disc(binned, radius_px / step * factor)
        for points, best in zip(places, found, strict=True):
            for flip in FLIPS:
                # The centre of pixel 0 of the binned image lies between pixels of the original one.
                place = (flipped(points, shape, flip) - (step - 1) / 2) / step
                best[flip] = max(best[flip], _mean_at(contrast, place), key=abs)
    return found


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
    # Limits the effect of hot pixels and ice.
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
    """Estimate how picks have to be mirrored to coincide with other positions.

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
        By flip, without "none": the most frequent sums along x and along y; 0 along an axis that is
        not mirrored. Flips without matching pairs are left out.
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
    # Sums of the same particle are spread over neighbouring cells.
    near = (np.abs(sums - centre) < radius_px).all(axis=1)
    middle = np.median(sums[near], axis=0)
    return float(middle[0]), float(middle[1])


def scale_factor(
    pairs: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], radius_px: float
) -> float | None:
    """Estimate the factor by which picks have to be multiplied to lie on other positions.

    Of a pick and a position that are the same particle the position lies on the ray from pixel 0
    through the pick, and the ratio of both distances from there is the factor, the same for all.

    Parameters
    ----------
    pairs
        Picks and positions of each micrograph, ``(n, 2)`` and ``(m, 2)``, as ``x, y``.
    radius_px
        Distance within which both are the same, in pixels of the positions.

    Returns
    -------
    float or None
        The most frequent factor; that of a binning where it is as good as that. None where no pair
        fits.
    """
    some = [(_thinned(p), _thinned(o)) for p, o in pairs[:: max(1, len(pairs) // _MICROGRAPHS)]]
    reach = max((float(np.hypot(*o.T).max()) for _, o in some if len(o)), default=0.0)
    radius_px = min(radius_px, _ACROSS * reach)
    logs = np.concatenate([np.empty(0), *(_log_ratios(p, o, radius_px, reach) for p, o in some)])
    if not len(logs):
        return None
    cells, counts = np.unique(np.floor(logs / _CELL), return_counts=True)
    centre = (cells[counts.argmax()] + 0.5) * _CELL
    factor = float(np.exp(np.median(logs[np.abs(logs - centre) < _CELL])))
    for _ in range(2):
        factor = _refined(factor, some, radius_px)
    known = [1.0, *(scale for one in _SCALES for scale in (one, 1 / one))]
    nearest = min(known, key=lambda scale: abs(scale / factor - 1))
    return nearest if abs(nearest / factor - 1) < _AS_GOOD else factor


def _log_ratios(picks: Floats, others: Floats, radius_px: float, reach: float) -> Floats:
    """Return the logarithm of the ratio of distances of all pairs on the same ray."""
    one, two = picks[:, None], others[None]
    lengths = np.hypot(one[..., 0], one[..., 1])
    # Near pixel 0 a ray says little about the factor.
    far = np.hypot(two[..., 0], two[..., 1]) > reach / 4
    across = np.abs(one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])
    keep = far & (lengths > 0) & (across < radius_px * lengths)
    along = (one * two).sum(axis=-1)
    ratios = along[keep] / np.broadcast_to(lengths**2, keep.shape)[keep]
    logs = np.log(ratios[ratios > 0])
    likely: Floats = logs[np.abs(logs) < np.log(_LARGEST_SCALE)]
    return likely


def _refined(factor: float, pairs: Sequence[tuple[Floats, Floats]], radius_px: float) -> float:
    """Return the factor that fits pairs of neighbours best."""
    products, squares = 0.0, 0.0
    for picks, others in pairs:
        if not (len(picks) and len(others)):
            continue
        distance, index = cKDTree(others).query(factor * picks)
        near = distance < radius_px
        products += float((picks[near] * others[index[near]]).sum())
        squares += float((picks[near] ** 2).sum())
    return products / squares if squares > 0 else factor
