"""Pick a folder of micrographs on a Dask cluster: here two worker processes on this machine.

    python examples/cluster_run.py                 simulated micrographs
    python examples/cluster_run.py FOLDER --diameter 150

On a real cluster, connect to its scheduler instead of starting `LocalCluster`. The command
`activepick pick --scheduler tcp://node:8786` (or `--slurm`) does the same and keeps a record, so
that an interrupted run is resumed. It requires `pip install "napari-activepick[distributed]"`.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from distributed import Client, LocalCluster

from activepick.batch.cluster import pick_on_cluster
from activepick.batch.cluster_worker import PickJob
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import write_folder
from activepick.learning.initial_head import starting_head
from activepick.micrograph.discovery import find_micrographs
from activepick.picking import PickRules
from activepick.picking.picker import Picker
from activepick.simulate import SimulationSettings, simulate_dataset


def main(folder: Path, diameter_angstrom: float, out: Path) -> None:
    """Pick all micrographs of a folder, and write a STAR file for each."""
    sources = find_micrographs([folder]).found
    engine = FeatureEngine(Extractor(load_backbone()), diameter_angstrom)
    head = starting_head(engine, [source.micrograph() for source in sources])
    picker = Picker(engine, head, PickRules(threshold=0.5))
    job = PickJob.of(picker, device="auto", precision="auto")

    tables = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        # Outcomes arrive in the order in which workers finish them.
        for outcome in pick_on_cluster(lambda: Client(cluster), job, sources, chunk=2):
            name = sources[outcome.index].path.name
            if outcome.picks is None:
                print(f"left out: {outcome.failure}")
                continue
            print(f"{name}: {len(outcome.picks)} picks")
            picks = pd.DataFrame(outcome.picks, columns=["x", "y", "score"])
            tables.append(picks.assign(micrograph=name))
    write_folder(pd.concat(tables), out, "star")
    print(f"{sum(map(len, tables))} picks in {len(tables)} micrographs: {out}")


def simulated(side: int, out: Path) -> None:
    """Run the example with simulated micrographs."""
    with tempfile.TemporaryDirectory() as folder:
        made = simulate_dataset(folder, 4, settings=SimulationSettings(shape=(side, side)))
        main(Path(folder), made.diameter_angstrom, out)


# The workers import this file; they must not start another cluster.
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", help="micrographs; by default simulated ones"
    )
    parser.add_argument("--diameter", type=float, default=150, help="particle diameter in Å")
    parser.add_argument("--out", type=Path, default=Path("picks"), help="folder to write to")
    parser.add_argument(
        "--side", type=int, default=1024, help="side of a simulated micrograph in pixels"
    )
    options = parser.parse_args()
    if options.folder is None:
        simulated(options.side, options.out)
    else:
        main(options.folder, options.diameter, options.out)
