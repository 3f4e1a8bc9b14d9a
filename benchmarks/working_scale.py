"""Accuracy at the working radius that is chosen without labels.

    python benchmarks/working_scale.py [--data DIR] [--simulated DIR]

The script prints for each set the average precision of the pretrained detector at each working
radius, the radius that is chosen from the whole set, and the radii that are chosen from single
micrographs. Limit: on average the chosen radius reaches 90 % of the average precision of the best
one.
"""

from collections import Counter

import numpy as np
from known_sets import Dataset, load_datasets, parser_of
from limits import Limits

from activepick.features.engine import FeatureEngine
from activepick.features.scale_search import spread_out
from activepick.features.scales import LADDER
from activepick.metrics import average_precision, match
from activepick.scoremap import separated_peaks

LIMIT = 0.9


def main() -> None:
    options = parser_of(__doc__).parse_args()
    print(f"{'set':<18}{''.join(f'{radius:>7g}' for radius in LADDER)}{'chosen':>8}  alone")
    shares = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        aps = [precision_at(data, radius) for radius in LADDER]
        files = spread_out(data.micrographs, lambda micrograph: micrograph.path)
        chosen = data.engine.best_radius(files)
        alone = Counter(data.engine.best_radius([file]) for file in files)
        counts = ", ".join(f"{radius:g}: {count}" for radius, count in sorted(alone.items()))
        row = "".join(f"{ap:>7.3f}" for ap in aps)
        print(f"{name:<18}{row}{chosen:>8g}  {counts}", flush=True)
        shares.append(aps[LADDER.index(chosen)] / max(aps))
    share = float(np.mean(shares))
    limits = Limits()
    limits.at_least("the chosen radius", share, LIMIT, "of the best average precision")
    limits.exit()


def precision_at(data: Dataset, radius: float) -> float:
    """Return the average precision of the pretrained detector at a working radius."""
    engine: FeatureEngine = data.engine
    backbone = engine.extractor.backbone
    scores, hits = [], []
    for micrograph, xy in zip(data.micrographs, data.truth, strict=True):
        found = engine.score_map(micrograph, (radius,), backbone.weights[None], backbone.bias)
        peaks = separated_peaks(found)
        scores.append(peaks.score)
        hits.append(match(peaks.xy, xy, peaks.radius_px))
    count = sum(len(xy) for xy in data.truth)
    return average_precision(np.concatenate(scores), np.concatenate(hits), count)


if __name__ == "__main__":
    main()
