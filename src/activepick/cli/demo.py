"""`activepick demo`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from activepick.cli.benchmark import print_table, run_methods
from activepick.cli.console import progress_bar, say
from activepick.cli.loading import make_engine
from activepick.wording import counted

__all__ = ["demo"]

_MICROGRAPHS = 6
_TRAIN = 2
_LABELS = [10, 25, 50, 100]
_BATCH = 10


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the simulation and of the learning.")] = 0,
) -> None:
    """Run the whole workflow on simulated micrographs, with Topaz's pretrained network.

    Micrographs are simulated, an oracle answers the queries on two of them, and the learning curve
    on the others is printed. The head, the picks of all micrographs as STAR and CSV, and two
    pictures are written.
    """
    from activepick.benchmark.curves import Dataset, learned_head
    from activepick.benchmark.methods import METHODS
    from activepick.benchmark.overview import draw_picks
    from activepick.benchmark.report import write_curves
    from activepick.features.cache import FeatureCache
    from activepick.formats import read_table, write_table
    from activepick.learning.head_file import save_head
    from activepick.micrograph import Micrograph
    from activepick.picking import PickRules, select_picks
    from activepick.scoremap import find_peaks
    from activepick.simulate import simulate_dataset

    say(f"1. simulating {_MICROGRAPHS} micrographs")
    simulated = simulate_dataset(out / "micrographs", _MICROGRAPHS, seed)
    micrographs = [Micrograph(path) for path in simulated.micrographs]
    truth = read_table(simulated.truth)
    engine = make_engine(
        simulated.diameter_angstrom,
        model="resnet16_u64",
        trust_model=False,
        device="auto",
        precision="auto",
        normalisation="affine",
        cache=FeatureCache(out / "features"),
    )
    data = Dataset(
        micrographs,
        [truth.loc[truth["micrograph"] == m.name, ["x", "y"]].to_numpy() for m in micrographs],
        engine,
        _TRAIN,
    )
    say(f"2. training: an oracle answers {_LABELS[-1]} queries on {_TRAIN} of them")
    rows = run_methods(data, ["topaz", "active", "supervised"], _LABELS, _BATCH, 1, out)
    write_curves(rows, out)
    head = replace(
        learned_head(METHODS["active"], data, 0, _LABELS[-1], _BATCH),
        diameter_angstrom=simulated.diameter_angstrom,
    )
    save_head(head, out / "head.safetensors")
    say("3. picking all micrographs with the head")
    tables = []
    with progress_bar(len(micrographs)) as bar:
        for micrograph in micrographs:
            bar.step(micrograph.name)
            # The features are in the cache after the training.
            features = engine.features(micrograph, head.spec.working_radii, bar.part)
            picks = select_picks(find_peaks(head.score_map(features)), PickRules())
            tables.append(picks.table(micrograph.name))
            bar.done()
    table = pd.concat(tables, ignore_index=True)
    size = simulated.pixel_size_angstrom
    write_table(table, out / "picks.star", pixel_size_angstrom=size)
    write_table(table, out / "picks.csv")
    draw_picks(micrographs[-1], tables[-1], simulated.diameter_angstrom, out / "picks.png")
    print_table(rows)
    found = f"{counted(len(table), 'pick')} in {counted(len(micrographs), 'micrograph')}"
    print(f"\n{found}. Written to {out}:")
    for name, what in (
        ("curve.csv, curve.png", "the learning curve: average precision against labels"),
        ("head.safetensors", "the trained head, for activepick pick --head"),
        ("picks.star, picks.csv", "the picks of all micrographs"),
        ("picks.png", "a micrograph with its picks"),
    ):
        print(f"  {name:<24}{what}")
