"""The micrographs with known particles that benchmarks measure on."""

import json
import os
from pathlib import Path

from activepick.benchmark.curves import Dataset
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.micrograph import Micrograph

__all__ = ["DATA", "Dataset", "load_datasets"]

DATA = Path(os.environ.get("ACTIVEPICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
_REAL = (("empiar-10017", "*.jpg", 1.77, 191.0), ("empiar-10146", "*.png", 1.5, 120.0))


def load_datasets(
    data: Path = DATA, cache: Path | None = None, simulated: Path | None = None
) -> dict[str, Dataset]:
    """Give the real sets, and the simulated ones in the folders of another folder, by name.

    Parameters
    ----------
    data
        Folder of the real sets.
    cache
        Folder for feature maps; by default the user's.
    simulated
        Folder whose folders `activepick simulate` has written.
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
        found[name] = _dataset(files, data / name, engine)
    for folder in sorted(simulated.iterdir()) if simulated else ():
        facts = json.loads((folder / "simulation.json").read_text())
        files = [Micrograph(path) for path in sorted(folder.glob("*.mrc"))]
        engine = FeatureEngine(extractor, facts["diameter_angstrom"], cache=store)
        found[folder.name] = _dataset(files, folder, engine)
    return found


def _dataset(files: list[Micrograph], folder: Path, engine: FeatureEngine) -> Dataset:
    table = read_table(folder / "truth.star")
    truth = [table.loc[table["micrograph"] == file.name, ["x", "y"]].to_numpy() for file in files]
    return Dataset(files, truth, engine, train=2)


if __name__ == "__main__":
    for name, data in load_datasets().items():
        count = sum(len(xy) for xy in data.truth)
        print(f"{name}: {len(data.micrographs)} micrographs, {count} particles")
