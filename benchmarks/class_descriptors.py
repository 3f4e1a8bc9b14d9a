"""Compute the directions of `activepick.classes.directions` from simulated picks.

    python benchmarks/class_descriptors.py [--sets 64] [--crops 500] [--out FILE]

The picks are those of `class_averages.py` of the first of the `varied_sets.py`: particles,
fragments, aggregates, crystals and empty ice. The covariance within a kind is the mean over kinds,
in proportion to their picks, and sets. The covariance between kinds is the mean square of the
difference between the means of particles and of another kind, over these kinds and sets.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
from class_averages import KINDS, crops_of
from numpy.typing import NDArray
from varied_sets import varied

from activepick.classes.crops import CropScale
from activepick.classes.descriptors import network_features
from activepick.classes.directions import DIMENSIONS, SHIPPED, save_directions

# Variance that is added to the covariance within a kind, as a share of its mean variance.
ADDED = 0.1
# Fewest picks of a kind in a set.
PICKS = 5

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=int, default=64)
    parser.add_argument("--crops", type=int, default=500)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    within, between = zip(
        *(covariances(number, options.crops) for number in range(options.sets)), strict=True
    )
    mean = np.mean(within, axis=0)
    added = ADDED * np.trace(mean) / len(mean) * np.eye(len(mean))
    # The vectors are scaled so that the variance within a kind is 1.
    _, vectors = scipy.linalg.eigh(np.mean(between, axis=0), mean + added)
    save_directions(vectors[:, : -DIMENSIONS - 1 : -1].astype(np.float32), options.out)


def covariances(number: int, count: int) -> tuple[Floats, Floats]:
    """Return the covariance (C, C) of features within a kind and between kinds, for one set."""
    start, settings = time.perf_counter(), varied(number)
    data = crops_of(settings, count, None)
    scale = CropScale(settings.diameter_angstrom)
    with torch.inference_mode():
        features = network_features(
            torch.from_numpy(data["crops"]), scale.radius_px, lambda fraction: None
        ).numpy()
    features = features.astype(np.float64)
    own = {kind: features[data["kinds"] == kind] for kind in ("particle", *KINDS)}
    own = {kind: values for kind, values in own.items() if len(values) >= PICKS}
    total = sum(map(len, own.values()))
    within = sum(len(values) / total * np.cov(values.T) for values in own.values())
    particle = own.pop("particle").mean(axis=0)
    apart = np.array([values.mean(axis=0) - particle for values in own.values()])
    print(f"{number}: {total} picks, {time.perf_counter() - start:.0f} s", flush=True)
    return np.asarray(within), apart.T @ apart / max(1, len(apart))


if __name__ == "__main__":
    main()
