"""Number of orientations and working radius of the fine scale: accuracy, shift and cost.

    ACTIVEPICK_DATA=... python benchmarks/orientations.py [--seeds 2] [--labels 10,50,100]

Heads are trained with plain priors (the directions of the program belong to the default number of
orientations) on features averaged over 1 or 2 orientations of the image, at two scales. `ratio` is
the working radius of the fine scale relative to that of the coarse one. Average precision is
measured on the micrographs that were not used for training, as a mean over pairs of training
micrographs; `shift` is the
distance between the mean position of the picks and of the particles that they match, in particle
radii; multiply-adds are those of both scales of one micrograph.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from known_sets import load_datasets
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch.utils.flop_counter import FlopCounterMode

from activepick.benchmark.curves import learned_head, learning_curve
from activepick.benchmark.methods import METHODS
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.scoremap import separated_peaks

# Number of orientations, and ratio of the working radii of the two scales.
VARIANTS = ((1, 1.4), (2, 1.4), (1, 2.0), (2, 2.0))


def shift(
    head: Head, features: Sequence[MicrographFeatures], truth: Sequence[NDArray[np.float64]]
) -> float:
    """Return the length of the mean offset of picks from their particles, in particle radii."""
    offsets = []
    for part, xy in zip(features, truth, strict=True):
        peaks = separated_peaks(part.score_map(head.weights, head.bias))
        sure = peaks.xy[peaks.score > 0]
        gap, nearest = cKDTree(xy).query(sure)
        near = gap < part.radius_px / 2
        offsets.append((sure[near] - xy[nearest[near]]) / part.radius_px)
    return float(np.hypot(*np.concatenate(offsets).mean(axis=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--labels", default="10,50,100")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    counts = [int(part) for part in options.labels.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.cache or Path(temporary)
        for name, data in load_datasets(cache=cache).items():
            print(f"{name}: AP at 0, {options.labels} labels, shift, 1e9 multiply-adds", flush=True)
            for orientations, ratio in VARIANTS:
                method = replace(METHODS["plain"], orientations=orientations, fine_ratio=ratio)
                own = replace(data, engine=replace(data.engine, orientations=orientations))
                curves = [
                    [
                        float(str(row["ap"]))
                        for row in learning_curve("", method, own, seed, counts, 10)
                    ]
                    for seed in range(options.seeds)
                ]
                head = learned_head(method, own, 0, counts[-1], 10)
                test = own.split(0)[1][:3]
                features = [
                    own.engine.features(own.micrographs[i], head.spec.working_radii) for i in test
                ]
                moved = shift(head, features, [own.truth[i] for i in test])
                plain = replace(own.engine, cache=None)
                with FlopCounterMode(display=False) as counter:
                    plain.score_map(
                        own.micrographs[test[0]], head.spec.working_radii, head.weights, head.bias
                    )
                means = "  ".join(f"{ap:.3f}" for ap in np.mean(curves, axis=0))
                operations = counter.get_total_flops() / 2e9
                print(
                    f"  {orientations}, ratio {ratio}: {means}   {moved:.3f}   {operations:.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
