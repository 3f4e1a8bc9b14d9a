"""Two kinds of particles in one session, on simulated mixtures of two proteins.

    for p in barrel,cage barrel,globule cage,globule; do
        activepick simulate MIXTURES/$p --protein $p --micrographs 6 --seed 1
    done
    python benchmarks/kinds.py MIXTURES [--seeds 3] [--labels 25,50,100]

An oracle answers the questions. "together": one head distinguishes the two kinds, and the number of
labels is that of both kinds and of non-particles. "alone": a head for one of the proteins, with the
same number of labels; the other protein is not a particle. The values are average precision and F1
(at probability 0.5) of a kind, against the particles of this kind, on the micrographs that were not
used for training. In both cases the peaks of the probability of the kind are ranked by it.
"duration": median of the refits for both kinds together, in ms.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import simulated_set

from activepick.benchmark.curves import Dataset, learning_curve
from activepick.benchmark.methods import METHODS
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.formats.kind_columns import KIND_COLUMN

METHOD = "active"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mixtures", type=Path, help="folder of simulated mixtures")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", default="25,50,100")
    parser.add_argument("--cache", type=Path, help="folder for feature maps")
    options = parser.parse_args()
    counts = [int(part) for part in options.labels.split(",")]
    extractor, cache = Extractor(load_backbone()), FeatureCache(options.cache)
    rows: list[dict[str, object]] = []
    for folder in sorted(path for path in options.mixtures.iterdir() if path.is_dir()):
        data = mixture(folder, extractor, cache)
        for seed in range(options.seeds):
            rows += compare(folder.name, data, seed, counts)
    table = pd.DataFrame(rows)
    groups = table.groupby(["mixture", "kind", "labels"], sort=False)
    print(groups.mean().drop(columns="seed").round(3).to_string())
    mean = table.drop(columns=["mixture", "kind", "seed"]).groupby("labels").mean()
    print(f"mean of all\n{mean.round(3).to_string()}")


def mixture(folder: Path, extractor: Extractor, cache: FeatureCache) -> Dataset:
    """Return a simulated mixture with the kinds of its particles."""
    micrographs, truth, engine = simulated_set(folder, extractor, cache)
    table = read_table(folder / "truth.star")
    kinds = [
        table.loc[table["micrograph"] == file.name, KIND_COLUMN].to_numpy(int)
        for file in micrographs
    ]
    names = dict(enumerate(folder.name.split(","), 1))
    return Dataset(micrographs, truth, engine, 2, kinds=kinds, kind_names=names)


def compare(name: str, data: Dataset, seed: int, counts: list[int]) -> list[dict[str, object]]:
    """Return the average precisions for both kinds together and for each kind alone."""
    method = METHODS[METHOD]
    together = {
        row["labels"]: row for row in learning_curve(METHOD, method, data, seed, counts, 10)
    }
    rows: list[dict[str, object]] = []
    for number, kind in data.kind_names.items():
        for alone in learning_curve(METHOD, method, data.of_kind(number), seed, counts, 10):
            both = together[alone["labels"]]
            rows.append(
                {
                    "mixture": name,
                    "seed": seed,
                    "kind": kind,
                    "labels": alone["labels"],
                    "alone": alone["ap"],
                    "together": both[f"ap {kind}"],
                    "f1 alone": alone["f1"],
                    "f1 together": both[f"f1 {kind}"],
                    "duration": 1000 * np.array(both["refit_seconds"]),
                }
            )
    return rows


if __name__ == "__main__":
    main()
