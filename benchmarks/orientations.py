"""Over how many orientations of the image the features are averaged: accuracy, shift and cost.

    ACTIVEPICK_DATA=... python benchmarks/orientations.py [--seeds 2] [--labels 10,50,100]

Heads learn with plain priors (the shipped directions belong to one number of orientations) from
features of the coarse and the fine scale that are averaged over 1 and 1, 2 and 1, 4 and 1, and 2
and 2 orientations. Average precision on the micrographs that were not learnt from, mean over
rotations of the two training micrographs; `shift` is the distance between the mean position of the
picks and of the particles that they match, in particle radii; multiply-adds are those of both
scales of one micrograph.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from known_sets import load_datasets
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch.utils.flop_counter import FlopCounterMode

from activepick.benchmark.curves import learned_head, learning_curve
from activepick.benchmark.methods import METHODS
from activepick.features.engine import FeatureEngine
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.scoremap import separated_peaks

# Orientations of the coarse and of the fine scale.
VARIANTS = ((1, 1), (2, 1), (4, 1), (2, 2))


@dataclass(frozen=True)
class VariantEngine(FeatureEngine):
    """An engine whose fine scale is averaged over orientations, too."""

    fine: int = 1

    def _orientations_of(self, radii: Sequence[float], index: int) -> int:
        return self.orientations if radii[index] == min(radii) else self.fine


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
            for coarse, fine in VARIANTS:
                engine = data.engine
                method = replace(METHODS["plain"], orientations=coarse)
                own = replace(
                    data,
                    engine=VariantEngine(
                        engine.extractor,
                        engine.diameter_angstrom,
                        cache=engine.cache,
                        orientations=coarse,
                        fine=fine,
                    ),
                )
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
                    f"  {coarse} and {fine}: {means}   {moved:.3f}   {operations:.0f}", flush=True
                )


if __name__ == "__main__":
    main()
