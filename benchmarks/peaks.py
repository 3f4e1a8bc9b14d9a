"""Peaks of a score map, against Topaz's non-maximum suppression of the same map.

    python benchmarks/peaks.py [--size 1024]

Both get a smooth random map, a radius of 10 samples and the same threshold. Limit: 15 times faster.
"""

import argparse
import sys

import numpy as np
from scipy.ndimage import gaussian_filter
from topaz.algorithms import non_maximum_suppression

from activepick.scoremap.maxima import local_maxima
from features import seconds

RADIUS, THRESHOLD, LIMIT = 10, 1.0, 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="edge of the map (default 1024)")
    size = parser.parse_args().size
    noise = np.random.default_rng(0).standard_normal((size, size))
    scores = gaussian_filter(noise, 3).astype(np.float32)
    scores /= scores.std()
    topaz = seconds(lambda: non_maximum_suppression(scores, RADIUS, THRESHOLD))
    ours = seconds(lambda: local_maxima(scores, RADIUS, THRESHOLD))
    found = len(local_maxima(scores, RADIUS, THRESHOLD)[1])
    print(f"{size} x {size} map, {found} peaks: Topaz {topaz:.3f} s, activepick {ours:.4f} s")
    print(f"{topaz / ours:.1f} times faster (limit {LIMIT:g})")
    sys.exit(topaz / ours < LIMIT)


if __name__ == "__main__":
    main()
