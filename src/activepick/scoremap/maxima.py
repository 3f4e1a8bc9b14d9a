"""Local maxima of a map, and non-maximum suppression."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

__all__ = ["local_maxima", "suppress"]

_EIGHT = tuple((dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1))
_Map = npt.NDArray[np.float32] | npt.NDArray[np.float64]
# Largest number of close pairs for which all positions are compared at once. With more pairs, the
# positions are compared in blocks, so that the memory is limited for any distance.
_PAIRS = 1 << 23
_BLOCK = 4096
# Number of squares along each axis in which positions are counted to estimate the pairs.
_MOST_SQUARES = 1024


def local_maxima(
    scores: npt.ArrayLike, min_distance_px: float = 0.0, threshold: float = -np.inf
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find the local maxima of a map, the highest first.

    A peak is a local maximum: no sample of its 3x3 neighbourhood is higher. Samples on the border
    can be peaks; the map is not continued beyond the border. A flat top of several samples gives
    one peak; a flat region next to a higher sample gives none. Peaks are then visited from the
    highest to the lowest, and each removes the lower ones that are closer than `min_distance_px`;
    of equal ones the first in reading order is kept.

    The result differs from that of ``topaz.algorithms.non_maximum_suppression``. That function
    visits every sample, so that it also returns samples on the slope of a peak, just outside the
    disc around it, which are not local maxima. Here only local maxima are candidates.

    Parameters
    ----------
    scores
        Score map, shape ``(h, w)``. Samples that are NaN or -inf are masked and are never peaks.
    min_distance_px
        Smallest distance between two peaks, in samples of the map, measured between the refined
        positions. Usually a fraction of the particle radius. May be fractional; 0 keeps all peaks.
    threshold
        Lowest score of a peak (inclusive), as a logit like the map.

    Returns
    -------
    positions : ndarray, (n, 2)
        ``x, y`` in samples of the map; integers are sample centres. Each coordinate is refined by
        the parabola through the sample and its two neighbours, by at most half a sample. It is not
        refined if a neighbour is masked or beyond the border.
    values : ndarray, (n,)
        Scores of the samples, descending. They are not refined by the parabola, so that they are
        comparable with the other scores of the map and with the threshold; on a noisy map the
        parabola would raise the noisiest peaks most.

    Raises
    ------
    ValueError
        If the map is not two-dimensional or the distance is negative or NaN.
    """
    array = np.asarray(scores)
    if array.dtype != np.float32:
        array = np.asarray(array, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"a score map has two axes, this one has {array.ndim}")
    if not min_distance_px >= 0:
        raise ValueError(f"min_distance_px has to be 0 or more, not {min_distance_px}")
    if array.size == 0:
        return np.empty((0, 2)), np.empty(0)
    padded = np.pad(array, 1, constant_values=-np.inf)
    padded[np.isnan(padded)] = -np.inf
    rows, columns = _maxima_samples(padded, threshold)
    values = padded[rows + 1, columns + 1].astype(np.float64)
    order = np.argsort(-values, kind="stable")  # equal values stay in reading order
    rows, columns, values = rows[order], columns[order], values[order]
    positions = np.stack(
        [
            columns + _parabola_offset(padded, rows, columns, (0, 1)),
            rows + _parabola_offset(padded, rows, columns, (1, 0)),
        ],
        axis=1,
    )
    kept = suppress(positions, min_distance_px)
    return positions[kept], values[kept]


def _maxima_samples(
    padded: _Map, threshold: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of one sample of each local maximum, in reading order.

    The map is padded with one -inf on each side.
    """
    centre = padded[1:-1, 1:-1]
    peaks = centre > -np.inf
    peaks &= centre >= threshold
    # The maximum of three columns first, then that of three rows of the result: half of the
    # operations of eight comparisons.
    wide = np.maximum(padded[:, :-2], padded[:, 2:])
    np.maximum(wide, padded[:, 1:-1], out=wide)
    highest = np.maximum(wide[:-2], wide[2:])
    np.maximum(highest, wide[1:-1], out=highest)
    peaks &= centre >= highest
    # Few samples are left, so that it takes little time to find those with an equal neighbour.
    rows, columns = _places(peaks)
    values = centre[rows, columns]
    equal = np.zeros(len(rows), dtype=bool)
    for dy, dx in _EIGHT:
        equal |= padded[rows + dy, columns + dx] == values
    if equal.any():
        flat = np.zeros_like(peaks)
        flat[rows[equal], columns[equal]] = True
        peaks &= ~flat
        peaks[_flat_tops(padded, flat)] = True
        rows, columns = _places(peaks)
    return rows, columns


def _places(
    mask: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the same as `numpy.nonzero` for two axes, in a fifth of the time."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def _flat_tops(
    padded: _Map, flat: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the most central sample of each flat region without a higher neighbour.

    `flat` marks the samples that have an equal neighbour and no higher one. Two marked neighbours
    are equal, so that a connected region of marked samples has one value.
    """
    from scipy import ndimage  # takes 0.03 s, and few maps have flat tops

    regions, _ = ndimage.label(flat, structure=np.ones((3, 3)))
    rows, columns = np.nonzero(flat)
    region = regions[rows, columns] - 1
    count = int(region.max()) + 1
    # A ledge, which has a higher neighbour, contains a sample with an equal unmarked neighbour.
    beside = np.pad(np.where(flat, -np.inf, padded[1:-1, 1:-1]), 1, constant_values=-np.inf)
    touched = np.zeros(len(rows), dtype=bool)
    for dy, dx in _EIGHT:
        touched |= beside[rows + dy, columns + dx] == padded[rows + 1, columns + 1]
    ledge = np.bincount(region, weights=touched, minlength=count) > 0
    size = np.bincount(region, minlength=count)
    centre_y = np.bincount(region, weights=rows, minlength=count) / size
    centre_x = np.bincount(region, weights=columns, minlength=count) / size
    off_centre = (rows - centre_y[region]) ** 2 + (columns - centre_x[region]) ** 2
    order = np.lexsort((off_centre, region))
    first = order[np.unique(region[order], return_index=True)[1]]
    first = first[~ledge[region[first]]]
    return rows[first], columns[first]


def _parabola_offset(
    padded: _Map,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    step: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """Return the offset of the vertex of the parabola through three samples of an axis."""
    dy, dx = step
    before = padded[rows + 1 - dy, columns + 1 - dx]
    here = padded[rows + 1, columns + 1]
    after = padded[rows + 1 + dy, columns + 1 + dx]
    usable = np.isfinite(before) & np.isfinite(here) & np.isfinite(after)
    before, here, after = (
        np.where(usable, part, 0.0).astype(np.float64) for part in (before, here, after)
    )
    left, right = here - before, here - after  # both 0 or more, since `here` is a maximum
    curvature = left + right
    offset = np.zeros(len(here))
    np.divide(left - right, 2 * curvature, out=offset, where=curvature > 0)
    return np.clip(offset, -0.5, 0.5)


def suppress(
    positions: npt.NDArray[np.floating],
    min_distance: float,
    known: npt.NDArray[np.intp] | None = None,
    start: int = 0,
) -> npt.NDArray[np.intp]:
    """Return the indices of the positions that are not too close to an earlier kept one.

    This is greedy non-maximum suppression: each kept position removes the later ones that are
    closer to it than `min_distance`.

    Parameters
    ----------
    positions
        Positions, shape ``(n, 2)``, in descending order of preference.
    min_distance
        Smallest distance in the unit of the positions.
    known, start
        Result for the first positions, and the number of these, to continue from there.

    Returns
    -------
    ndarray
        Indices, ascending, shape ``(k,)``.
    """
    kept = np.empty(0, dtype=np.intp) if known is None else known
    if min_distance == 0:
        return np.arange(len(positions))
    at_once = _most_pairs(positions[start:], min_distance) <= _PAIRS
    size = max(1, len(positions)) if at_once else _BLOCK
    # The tree rounds distances in another way: search a little farther, and decide by one formula.
    reach = min_distance * (1 + 1e-9)
    for first in range(start, len(positions), size):
        block = np.arange(first, min(first + size, len(positions)))
        if len(kept):
            tree = _tree(positions[kept])
            nearest, which = tree.query(positions[block], distance_upper_bound=reach)
            near = np.flatnonzero(np.isfinite(nearest))
            gaps = positions[block[near]] - positions[kept[which[near]]]
            near = near[np.sqrt((gaps**2).sum(axis=1)) < min_distance]
            block = np.delete(block, near)
        kept = np.concatenate([kept, block[_thin_out(positions[block], min_distance)]])
    return kept


def _most_pairs(positions: npt.NDArray[np.floating], distance: float) -> float:
    """Return an upper bound on the number of pairs of positions that are closer than a distance.

    On a grid with this distance or a larger one, the two positions of a pair are in the same square
    or in neighbouring squares; and the product of two numbers is at most the mean of their squares.
    """
    if len(positions) < 2:
        return 0.0
    away = positions - positions.min(axis=0)
    cells = np.floor(away / max(distance, away.max() / _MOST_SQUARES, 1e-300)).astype(np.intp)
    counts = np.bincount(cells @ [1, _MOST_SQUARES + 1])
    return 4.5 * float(counts @ counts)


def _tree(positions: npt.NDArray[np.floating]) -> cKDTree:
    """Return a tree that is built in half the time, since it is used only once."""
    return cKDTree(positions, balanced_tree=False, compact_nodes=False)


def _thin_out(positions: npt.NDArray[np.floating], min_distance: float) -> npt.NDArray[np.bool_]:
    """Return a mask of the positions that remain after greedy suppression."""
    # Rounding as in `suppress`.
    pairs = _tree(positions).query_pairs(min_distance * (1 + 1e-9), output_type="ndarray")
    gaps = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    pairs = np.sort(pairs[np.sqrt((gaps**2).sum(axis=1)) < min_distance], axis=1)
    alive = np.ones(len(positions), dtype=bool)
    while len(pairs):
        # A position without an earlier neighbour is kept and removes its later neighbours.
        waits = np.zeros(len(positions), dtype=bool)
        waits[pairs[:, 1]] = True
        alive[pairs[~waits[pairs[:, 0]], 1]] = False
        # A pair needs no further decision when one of its positions is removed.
        pairs = pairs[alive[pairs].all(axis=1)]
    return alive
