r"""Compare heads on the same micrographs with known particles: AP and F1 of each.

    python examples/compare_heads.py                             simulated; two heads are trained
    python examples/compare_heads.py mics/*.mrc --truth truth.star --diameter 150 \
        --heads one.safetensors two.safetensors

The head `topaz` is Topaz's pretrained detector.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from activepick.benchmark.curves import Dataset, learned_head
from activepick.benchmark.methods import METHODS
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.learning.initial_head import starting_head
from activepick.metrics import evaluate
from activepick.micrograph import Micrograph
from activepick.picking import ALL_PEAKS
from activepick.picking.picker import pick_micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


def compare(
    engine: FeatureEngine, heads: list[str], micrographs: list[Micrograph], truth: pd.DataFrame
) -> None:
    """Print how well each head finds the particles of all micrographs together."""
    radius_px = micrographs[0].radius_px(engine.diameter_angstrom)
    print(f"{'head':<24}{'AP':>7}{'AP90':>7}{'F1 at 0.5':>11}{'best F1':>9}{'at':>6}")
    for name in heads:
        head: Head = starting_head(engine, micrographs) if name == "topaz" else load_head(name)
        picks = pd.concat([pick_micrograph(engine, head, m, ALL_PEAKS) for m in micrographs])
        result = evaluate(picks, truth, radius_px)
        print(
            f"{Path(name).name:<24}{result.ap:>7.3f}{result.ap90:>7.3f}{result.f1:>11.3f}"
            f"{result.best_f1:>9.3f}{result.best_threshold:>6.2f}"
        )


def simulated(folder: Path, side: int) -> None:
    """Learn two heads from 10 and 50 answers on two micrographs, and compare them on the others."""
    made = simulate_dataset(folder, 4, settings=SimulationSettings(shape=(side, side)))
    truth = read_table(made.truth)
    cache = FeatureCache(folder / "features")
    engine = FeatureEngine(Extractor(load_backbone()), made.diameter_angstrom, cache=cache)
    micrographs = [Micrograph(path) for path in made.micrographs]
    known = [truth.loc[truth["micrograph"] == m.name, ["x", "y"]].to_numpy() for m in micrographs]
    data = Dataset(micrographs, known, engine, train=2)
    heads = ["topaz"]
    for labels in (10, 50):
        heads.append(str(folder / f"{labels}-labels.safetensors"))
        save_head(learned_head(METHODS["active"], data, 0, labels, batch=10), heads[-1])
    _, test = data.split(seed=0)
    names = [micrographs[k].name for k in test]
    compare(engine, heads, [micrographs[k] for k in test], truth[truth["micrograph"].isin(names)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "micrographs", type=Path, nargs="*", help="micrographs; by default simulated ones"
    )
    parser.add_argument("--truth", type=Path, help="table of all their particles")
    parser.add_argument("--diameter", type=float, help="particle diameter in Å")
    parser.add_argument("--heads", nargs="+", default=["topaz"], help="saved heads, or topaz")
    parser.add_argument(
        "--side", type=int, default=1024, help="side of a simulated micrograph in pixels"
    )
    options = parser.parse_args()
    if options.micrographs:
        if not (options.truth and options.diameter):
            parser.error("give --truth and --diameter")
        files = [Micrograph(path) for path in options.micrographs]
        network = FeatureEngine(Extractor(load_backbone()), options.diameter)
        compare(network, options.heads, files, read_table(options.truth))
    else:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            simulated(Path(name), options.side)
