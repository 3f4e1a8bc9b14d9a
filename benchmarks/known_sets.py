"""The micrographs with known particles for benchmarks, and the evaluation of heads."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activepick.benchmark.curves import Dataset
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.feature_map import MicrographFeatures
from activepick.formats import read_table
from activepick.learning.head import Head
from activepick.metrics import average_precision, match
from activepick.micrograph import Micrograph
from activepick.scoremap import ScoreMap, separated_peaks

__all__ = [
    "DATA",
    "Dataset",
    "judge",
    "judge_maps",
    "load_datasets",
    "parser_of",
    "precision",
    "simulated_set",
]

DATA = Path(os.environ.get("ACTIVEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
_REAL = (
    ("empiar-10017", "*.jpg", 1.77, 191.0),
    ("empiar-10146", "*.png", 1.5, 120.0),
    ("empiar-10059", "*.png", 4.56, 160.0),
)


def parser_of(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options for datasets and repetitions.

    Parameters
    ----------
    text
        Docstring of the script; its first line goes into the help.
    """
    parser = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real sets")
    parser.add_argument("--cache", type=Path, help="folder for feature maps")
    parser.add_argument("--simulated", type=Path, help="folder of simulated sets, to add them")
    parser.add_argument("--seeds", type=int, default=2)
    return parser


def load_datasets(
    data: Path = DATA, cache: Path | None = None, simulated: Path | None = None
) -> dict[str, Dataset]:
    """Load the real datasets, and simulated ones from the folders of another folder, by name.

    The program ends if there is none.

    Parameters
    ----------
    data
        Folder of the real sets.
    cache
        Folder for feature maps; by default the user's.
    simulated
        Folder of the folders that `activepick simulate` has written.
    """
    extractor = Extractor(load_backbone())
    store = FeatureCache(cache)
    found = {}
    for name, pattern, pixel_size, diameter in _REAL:
        if not (data / name).is_dir():
            print(f"left out: no {data / name}; set ACTIVEPICK_DATA to the folder of the real sets")
            continue
        files = [Micrograph(path, pixel_size) for path in sorted((data / name).glob(pattern))]
        engine = FeatureEngine(extractor, diameter, cache=store)
        found[name] = Dataset(files, _truth(files, data / name), engine, train=2)
    for folder in sorted(simulated.iterdir()) if simulated else ():
        micrographs, truth, engine = simulated_set(folder, extractor, store)
        found[folder.name] = Dataset(micrographs, truth, engine, train=2)
    if not found:
        sys.exit(0)
    return found


def simulated_set(
    folder: Path, extractor: Extractor, cache: FeatureCache | None
) -> tuple[list[Micrograph], list[NDArray[np.float64]], FeatureEngine]:
    """Return micrographs, true centres (n, 2) of each, and the engine for a simulated set.

    Parameters
    ----------
    folder
        Folder that `activepick simulate` has written.
    extractor
        The network.
    cache
        Cache for feature maps, if any.
    """
    facts = json.loads((folder / "simulation.json").read_text())
    files = [Micrograph(path) for path in sorted(folder.glob("*.mrc"))]
    engine = FeatureEngine(extractor, facts["diameter_angstrom"], cache=cache)
    return files, _truth(files, folder), engine


def judge(
    head: Head,
    features: Sequence[MicrographFeatures],
    truth: Sequence[NDArray[np.float64]],
    radius_px: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the score of each peak of some micrographs, and whether it is a particle.

    Parameters
    ----------
    head
        The head that is evaluated.
    features, truth
        Features and true centres (n, 2) of each micrograph.
    radius_px
        Matching radius in original pixels; by default the particle radius of the features.
    """
    maps = [head.score_map(part) for part in features]
    return judge_maps(maps, truth, radius_px)


def judge_maps(
    maps: Sequence[ScoreMap],
    truth: Sequence[NDArray[np.float64]],
    radius_px: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the score of each peak of score maps, and whether it is a particle.

    Parameters
    ----------
    maps, truth
        Score map and true centres (n, 2) of each micrograph.
    radius_px
        Matching radius in original pixels; by default the particle radius of the score maps.
    """
    scores, hits = [], []
    for one, xy in zip(maps, truth, strict=True):
        found = separated_peaks(one)
        scores.append(found.score)
        hits.append(match(found.xy, xy, radius_px or one.radius_px))
    return np.concatenate(scores), np.concatenate(hits)


def precision(
    head: Head,
    features: Sequence[MicrographFeatures],
    truth: Sequence[NDArray[np.float64]],
    radius_px: float | None = None,
) -> float:
    """Compute the average precision of all peaks; parameters as in `judge`."""
    return average_precision(*judge(head, features, truth, radius_px), sum(map(len, truth)))


def _truth(files: list[Micrograph], folder: Path) -> list[NDArray[np.float64]]:
    table = read_table(folder / "truth.star")
    return [table.loc[table["micrograph"] == file.name, ["x", "y"]].to_numpy() for file in files]


if __name__ == "__main__":
    for name, data in load_datasets().items():
        count = sum(len(xy) for xy in data.truth)
        print(f"{name}: {len(data.micrographs)} micrographs, {count} particles")
