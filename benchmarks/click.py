"""Duration of a click: from a label to new picks of the shown micrograph.

    python benchmarks/click.py [--clicks 60] [--kinds]

A simulated micrograph of 4096 x 4096 pixels, features of two scales (working radii 10 and 20,
256 features each, every fourth working pixel), 100 labels from an oracle, and two threads. Each
click adds a label; timed are the refit, the score map, peaks with their contrast, and the picks,
and each of these parts. Limits are a median of 100 ms, 200 ms for 95 %, and as a median twelve
times one read of the features of the micrograph from memory, which suits any machine.
With --kinds, the micrograph is a mixture of two proteins, and the head distinguishes them.
If other programs are running, the processor time (CPU) is more reliable than the wall time. The
published method is measured for comparison (one scale, features of every working pixel, BFGS from
zero, maxima of the entropy within a particle radius), also with the features in memory.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from limits import Limits
from numpy.typing import NDArray
from processor_name import processor
from scipy import ndimage
from scipy.spatial import cKDTree

from activepick.benchmark.methods import METHODS
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.formats.kind_columns import KIND_COLUMN
from activepick.learning.head import Head, pretrained_head
from activepick.learning.learner import Learner
from activepick.learning.uncertainty import entropy
from activepick.micrograph import Micrograph
from activepick.session import Session, Settings, Target
from activepick.simulate import SimulationSettings, simulate_dataset
from activepick.workspace.peaks import measure_peaks
from activepick.workspace.workspace import Workspace

LABELS = 100
RADII = (10.0, 20.0)
LIMITS_MS = (100, 200)
READS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=60, help="how many are timed (default 60)")
    parser.add_argument("--kinds", action="store_true", help="two kinds of particles")
    options = parser.parse_args()
    clicks = options.clicks
    torch.set_num_threads(2)
    backbone = load_backbone()
    with tempfile.TemporaryDirectory() as folder:
        simulation = SimulationSettings(
            shape=(4096, 4096), mixture=("cage",) if options.kinds else ()
        )
        data = simulate_dataset(Path(folder), 1, 0, simulation)
        truth = read_table(data.truth)
        centres = cKDTree(truth[["x", "y"]].to_numpy())
        kinds = truth[KIND_COLUMN].to_numpy(int) if options.kinds else np.ones(len(truth), int)
        settings = Settings(
            diameter_angstrom=data.diameter_angstrom,
            working_radius_px=RADII[0],
            working_radii_px=RADII,
        )
        session = Session.create(Path(folder) / "session", settings)
        session.micrographs.add(data.micrographs)
        if options.kinds:
            session.kinds.add("cage")

        def make_engine(settings: Settings) -> FeatureEngine:
            return FeatureEngine(Extractor(backbone), settings.diameter_angstrom)

        with session, Workspace(session, make_engine) as workspace:
            features = workspace.open(1)
            label_until(session, workspace, centres, kinds, features.radius_px)
            shapes = " and ".join("x".join(map(str, m.values.shape)) for m in features.maps)
            picks = len(workspace.predictor.picks(1))
            known = workspace.trainer.head.kinds
            said = "" if known is None else f" of {len(known.numbers)} kinds"
            size = f"4096 x 4096, features {shapes}"
            print(f"{processor()}: {size}, {LABELS} labels, {picks} picks{said}")
            wall, cpu = times(clicks, lambda k: click(session, workspace, k))
            read = 1000 * read_seconds([m.values for m in features.maps])
            parts = {name: times(clicks, prepare)[0] for name, prepare in steps(session, workspace)}
            labels = list(session.state.labels.values())
        engine = FeatureEngine(Extractor(backbone, stride=1), data.diameter_angstrom)
        xy = np.array([(label.x, label.y) for label in labels[:LABELS]])
        targets = np.array([int(label.is_particle) for label in labels[:LABELS]])
        dense = dense_way(engine, Micrograph(data.micrographs[0]), xy, targets)
        dense_wall, _ = times(3, dense)
    print(f"{'':28} {'median':>8} {'95 %':>8} {'fastest':>8} {'CPU':>8}")
    median, slow = np.median(wall), np.percentile(wall, 95)
    print(
        f"{'click to picks (ms)':28} {median:8.0f} {slow:8.0f} {wall.min():8.0f} "
        f"{np.median(cpu):8.0f}"
    )
    print(f"{'the published, dense way':28} {np.median(dense_wall):8.0f}")
    for name, part in parts.items():
        print(
            f"{'  ' + name:28} {np.median(part):8.1f} {np.percentile(part, 95):8.1f} "
            f"{part.min():8.1f}"
        )
    print(f"one read of the features {read:.1f} ms")
    limits = Limits()
    limits.at_most("a click, median", median, LIMITS_MS[0], "ms")
    limits.at_most("a click, 95 %", slow, LIMITS_MS[1], "ms")
    limits.at_most("a click, median", median / read, READS, "reads of the features")
    limits.exit()


def label_until(
    session: Session,
    workspace: Workspace,
    centres: cKDTree,
    kinds: NDArray[np.int_],
    radius_px: float,
) -> None:
    """Answer questions with an oracle until there are enough labels."""
    while len(session.state.labels) < LABELS:
        for question in workspace.questioner.ask(LABELS // 10):
            gap, nearest = centres.query((question.x, question.y))
            answer: Target = None
            if gap <= radius_px / 2 or gap > radius_px:
                answer = int(kinds[nearest]) if gap <= radius_px else 0
            if len(session.state.labels) < LABELS:
                session.questions.answer(question.id, answer)
        workspace.trainer.refit()


def click(session: Session, workspace: Workspace, k: int) -> Callable[[], object]:
    """Add a label at one of the next questions, and return a function that updates the picks."""
    workspace.trainer.update()
    questions = workspace.questioner.ask(LABELS // 10, [1])
    question = questions[k % len(questions)]
    if k:
        session.undo()
        workspace.trainer.refit()
    several = len(session.state.settings.kinds) > 1
    session.labels.add(1, [(question.x, question.y)], 0 if k % 2 else 1 + (several and k % 4 == 2))

    def work() -> None:
        workspace.trainer.update()
        workspace.predictor.picks(1)

    return work


def steps(
    session: Session, workspace: Workspace
) -> list[tuple[str, Callable[[int], Callable[[], object]]]]:
    """Return the parts of a click: their names, and functions that prepare each part."""
    entry = session.micrographs.entry(1)
    features = workspace.open(1)

    def head(k: int) -> Head:
        click(session, workspace, k)
        return workspace.trainer.update()

    def projection(k: int) -> Callable[[], object]:
        trained = head(k)
        heads = trained.weights[None] if trained.kinds is None else trained.kinds.weights
        return lambda: [
            m.project(w) for weights in heads for m, w in zip(features.maps, weights, strict=True)
        ]

    def score_map(k: int) -> Callable[[], object]:
        trained = head(k)
        return lambda: trained.score_map(features)

    def peaks(k: int) -> Callable[[], object]:
        trained = head(k)
        scores = trained.score_map(features)
        contrast = workspace.setup().features.contrast(entry)
        return lambda: measure_peaks(session.state, 1, scores, contrast, trained)

    def picks(k: int) -> Callable[[], object]:
        head(k)
        found = workspace.predictor.peaks(1)
        return lambda: found.picks(session.state)

    def refit(k: int) -> Callable[[], object]:
        click(session, workspace, k)
        return workspace.trainer.update

    return [
        ("refit", refit),
        ("projection of both scales", projection),
        ("the same, on one grid", score_map),
        ("peaks", peaks),
        ("picks", picks),
    ]


def read_seconds(arrays: list[NDArray[np.float16]]) -> float:
    """Return the shortest time in seconds in which one core reads arrays from memory."""
    words = [array.reshape(-1).view(np.int64) for array in arrays]
    found = []
    for _ in range(7):
        start = time.perf_counter()
        for part in words:
            np.bitwise_or.reduce(part)
        found.append(time.perf_counter() - start)
    return min(found)


def dense_way(
    engine: FeatureEngine,
    micrograph: Micrograph,
    xy: NDArray[np.float64],
    targets: NDArray[np.int_],
) -> Callable[[int], Callable[[], object]]:
    """Prepare the published method with the same labels; return a function that makes a click."""
    method = METHODS["paper"]
    assert method.working_radius is not None
    radius = method.working_radius(engine.diameter_angstrom)
    features = engine.features(micrograph, [radius])
    backbone = engine.extractor.backbone
    head = pretrained_head(engine.spec([radius]), backbone.weights, backbone.bias, radius)

    def prepare(k: int) -> Callable[[], object]:
        learner = Learner([features], head, method.settings)
        learner.add(0, xy, targets)

        def work() -> None:
            learner.refit()
            [dense] = features.maps
            scores = dense.project(learner.head.weights[0]) + learner.head.bias
            unsure = entropy(scores)
            highest = ndimage.maximum_filter(unsure, 2 * round(radius) + 1)
            np.nonzero(unsure == highest)
            np.nonzero(ndimage.maximum_filter(scores, 2 * round(radius) + 1) == scores)

        return work

    return prepare


def times(
    count: int, prepare: Callable[[int], Callable[[], object]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return wall and CPU time in milliseconds of some runs, after one that is not counted."""
    found = []
    for k in range(count + 1):
        work = prepare(k)
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    both = 1000 * np.array(found[1:])
    return both[:, 0], both[:, 1]


if __name__ == "__main__":
    main()
