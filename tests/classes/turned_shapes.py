"""Noisy, turned copies of three shapes, and how well they are sorted."""

import numpy as np
from scipy import ndimage

SIDE, RADIUS = 32, 10.0


def shapes() -> np.ndarray:
    """Three shapes that no turn makes alike: a bar, two spots, and a corner."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    bar = np.exp(-((x / 8.0) ** 4) - (y / 2.5) ** 2)
    spots = np.exp(-((x - 5) ** 2 + y**2) / 9) + np.exp(-((x + 5) ** 2 + y**2) / 9)
    corner = np.exp(-((x / 7) ** 4) - ((y - 4) / 2) ** 2) + np.exp(
        -(((x - 5) / 2) ** 2) - (y / 7) ** 4
    )
    return np.stack([bar, spots, corner])


def crops(per_shape: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Turned, shifted and noisy copies of the shapes, in random order, and their numbers."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat(np.arange(3), per_shape))
    made = []
    for kind in kinds:
        image = ndimage.rotate(shapes()[kind], rng.uniform(0, 360), reshape=False, order=1)
        image = ndimage.shift(image, rng.uniform(-1, 1, 2), order=1)
        made.append(image + rng.normal(0, noise, image.shape))
    return np.array(made, np.float32), kinds


def purity(classes: np.ndarray, kinds: np.ndarray) -> float:
    return sum(np.bincount(kinds[classes == one]).max() for one in np.unique(classes)) / len(kinds)


def likeness(average: np.ndarray, shape: np.ndarray) -> float:
    """The highest correlation over turns and small shifts."""
    turns = [ndimage.rotate(shape, angle, reshape=False, order=1) for angle in range(0, 360, 6)]
    moved = [np.roll(one, move, (0, 1)) for one in turns for move in np.ndindex(5, 5)]
    moved = [np.roll(one, (-2, -2), (0, 1)) for one in moved]
    return max(np.corrcoef(average.ravel(), one.ravel())[0, 1] for one in moved)
