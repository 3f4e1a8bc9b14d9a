"""Time to find the peaks of score maps, compared with Topaz, and on a crowded micrograph.

    python benchmarks/peaks.py [--size 1024]

Topaz and activepick process the same smooth random map, with a radius of 10 samples and the same
threshold. Limit: 15 times faster. Then the peaks of a simulated micrograph of 4096 x 4096 pixels,
with 700 particles of a radius of 35 pixels, are found in the score map of the pretrained head and
thinned to the minimum separation of picks: first those that can become picks, then all of them.
Limit: 5 ms.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from limits import Limits
from processor_name import processor
from scipy.ndimage import gaussian_filter
from topaz.algorithms import non_maximum_suppression

from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.micrograph import Micrograph
from activepick.picking import PickRules, select_picks
from activepick.scoremap import DEFAULT_SEPARATION, ScoreMap, find_peaks
from activepick.scoremap.maxima import local_maxima
from activepick.simulate import SimulationSettings, simulate_dataset
from features import seconds

RADIUS, THRESHOLD, LIMIT = 10, 1.0, 15.0
PARTICLES, SIDE, PARTICLE_RADIUS_PX, WORKING_RADIUS = 700, 4096, 35.0, 10.0
COVERED = PARTICLES * np.pi * PARTICLE_RADIUS_PX**2 / SIDE**2
LIMIT_MS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="edge of the map (default 1024)")
    size = parser.parse_args().size
    limits = Limits()
    noise = np.random.default_rng(0).standard_normal((size, size))
    scores = gaussian_filter(noise, 3).astype(np.float32)
    scores /= scores.std()
    topaz = seconds(lambda: non_maximum_suppression(scores, RADIUS, THRESHOLD))
    ours = seconds(lambda: local_maxima(scores, RADIUS, THRESHOLD))
    found = len(local_maxima(scores, RADIUS, THRESHOLD)[1])
    print(f"{processor()}: {size} x {size} map, {found} peaks: Topaz {topaz:.3f} s")
    limits.at_least(f"activepick, {1000 * ours:.1f} ms", topaz / ours, LIMIT, "times faster")
    crowded = crowded_map()
    lowest = PickRules().lowest_score
    search = seconds(lambda: find_peaks(crowded), 9)
    pick = seconds(lambda: select_picks(find_peaks(crowded), PickRules()), 9)
    peaks = find_peaks(crowded)
    picks = len(select_picks(peaks, PickRules()))
    above = int((peaks.score >= lowest).sum())
    print(f"{len(peaks)} peaks, {above} above the threshold, {picks} picks")
    print(f"search {1000 * search:.1f} ms, from the map to picks {1000 * pick:.1f} ms")
    for name, score in (("peaks above the threshold", lowest), ("all peaks", -np.inf)):
        # A copy for each run, since the result is cached.
        thin = seconds(lambda score=score: replace(peaks).separated(DEFAULT_SEPARATION, score), 9)  # type: ignore[misc]
        limits.at_most(f"distance between {name}", 1000 * thin, LIMIT_MS, "ms")
    limits.exit()


def crowded_map() -> ScoreMap:
    """Return the score map of the pretrained head on a crowded micrograph."""
    settings = SimulationSettings(
        shape=(SIDE, SIDE),
        pixel_size_angstrom=SimulationSettings().diameter_angstrom / 2 / PARTICLE_RADIUS_PX,
        crowding=(COVERED, COVERED),
        carbon_share=0.0,
    )
    with tempfile.TemporaryDirectory() as folder:
        data = simulate_dataset(Path(folder), 1, 0, settings)
        count = len(read_table(data.truth))
        print(f"{SIDE} x {SIDE} with {count} particles of {PARTICLE_RADIUS_PX:g} px")
        backbone = load_backbone()
        engine = FeatureEngine(Extractor(backbone), data.diameter_angstrom)
        return engine.score_map(
            Micrograph(data.micrographs[0]),
            (WORKING_RADIUS,),
            backbone.weights[None],
            backbone.bias,
        )


if __name__ == "__main__":
    main()
