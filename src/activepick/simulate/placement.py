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

    Positions are tried at random (random sequential adsorption), so that a field too small for
    all of them gets fewer.

    Parameters
    ----------
    allowed
        (H, W) where a centre may lie.
    count
        How many positions are wanted.
    distance_px
        Least distance between centres that do not overlap.
    overlap_share
        Share of the positions that are put beside another one on purpose.
    overlap_px
        Least and largest distance to that one.
    rng
        The source of randomness.

    Returns
    -------
    ndarray
        (n, 2) positions as x, y with n at most `count`.
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
