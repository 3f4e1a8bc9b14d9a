"""Learn to pick from Python, in about twenty lines.

Two simulated micrographs are labelled, and a third one is picked. An oracle, which knows the true
particles, answers 50 queries in place of a person:

    python examples/learn_in_twenty_lines.py --out learned

For your own micrographs, leave out the simulation and answer the queries yourself: 1 for a
particle, 0 for anything else, None to skip a query.
"""

import argparse
from pathlib import Path

from activepick.benchmark.oracle import Oracle
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table, write_table
from activepick.learning.head_file import save_head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.metrics import evaluate
from activepick.micrograph import Micrograph
from activepick.picking import ALL_PEAKS
from activepick.picking.picker import pick_micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


def main(out: Path, side: int) -> None:
    """Train a head, pick, compare with the true particles, and write head and picks."""
    made = simulate_dataset(out / "micrographs", 3, settings=SimulationSettings(shape=(side, side)))
    truth = read_table(made.truth)
    known = [truth.loc[truth["micrograph"] == path.name, ["x", "y"]] for path in made.micrographs]
    *train, test = [Micrograph(path) for path in made.micrographs]

    engine = FeatureEngine(Extractor(load_backbone()), made.diameter_angstrom)
    first = starting_head(engine, train)  # Topaz's pretrained detector, at suitable scales
    learner = Learner([engine.features(m, first.spec.working_radii) for m in train], first)
    radius_px = test.radius_px(made.diameter_angstrom)
    oracle = Oracle([xy.to_numpy() for xy in known], [radius_px] * len(train))
    for _ in range(5):
        for query in learner.ask(10):
            answer = oracle.answer(query)
            if answer is None:
                learner.skip(query.micrograph, (query.x, query.y))
            else:
                learner.add(query.micrograph, (query.x, query.y), [answer])
        learner.refit()

    for name, head in (("before", first), ("after", learner.head)):
        picks = pick_micrograph(engine, head, test, ALL_PEAKS)
        result = evaluate(picks, known[-1].assign(micrograph=test.name), radius_px)
        print(f"{name:<8}AP {result.ap:.3f}   best F1 {result.best_f1:.3f}")
    save_head(learner.head, out / "head.safetensors")
    write_table(pick_micrograph(engine, learner.head, test), out / "picks.star")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("learned"), help="folder to write to")
    parser.add_argument("--side", type=int, default=1024, help="side of a micrograph in pixels")
    options = parser.parse_args()
    main(options.out, options.side)
