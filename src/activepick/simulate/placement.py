"""Draw positions of particles and contaminants."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["place"]


def place(
    allowed: NDArray[np.bool_],
    count: int,
    distance_px: float,
    overlap_share: float,
    overlap_px: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw positions with a minimum distance, except for a share that overlaps.

    Positions are tried at random (random sequential adsorption). If a field is too small for all of
    them, fewer are returned.

    Parameters
    ----------
    allowed
        Mask of the pixels at which a centre may be, (H, W).
    count
        Number of positions to draw.
    distance_px
        Smallest distance in pixels between centres of particles that do not overlap.
    overlap_share
        Share of the positions that are drawn close to another one, so that they overlap.
    overlap_px
        Smallest and largest distance to that one in pixels.
    rng
        Random number generator.

    Returns
    -------
    ndarray
        Positions as x, y in pixels, (n, 2), with n at most `count`.
    """
    height, width = allowed.shape
    placed = np.empty((count, 2))
    n = 0
    for _ in range(60 * count):
        if n == count:
            break
        if n and rng.random() < overlap_share:
            angle = rng.uniform(0, 2 * np.pi)
            step = rng.uniform(*overlap_px) * np.array([np.cos(angle), np.sin(angle)])
            candidate = placed[rng.integers(n)] + step
            least = overlap_px[0]
        else:
            candidate = rng.uniform((0, 0), (width - 1, height - 1))
            least = distance_px
        column, row = np.rint(candidate).astype(int)
        if not (0 <= row < height and 0 <= column < width and allowed[row, column]):
            continue
        if n and np.hypot(*(placed[:n] - candidate).T).min() < least:
            continue
        placed[n] = candidate
        n += 1
    return placed[:n]
