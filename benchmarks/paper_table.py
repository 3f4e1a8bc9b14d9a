"""The table of the published method, for any dataset.

    python benchmarks/paper_table.py --data DIR [--labels 10 50 100] [--fine-tune 100 1000]
    python benchmarks/paper_table.py MICROGRAPH... --truth FILE --diameter A --pixel-size A
        [--working-radius PX]

Kiewisz and Bepler (NeurIPS 2023 workshop on machine learning in structural biology): AP and AP90 of
the binary logistic regression with batches of 1 and 10, of the pretrained detector, and of Topaz
fine-tuned on random labels (half of them particles) as a whole and in its classifier alone; and the
default of this program. AP90 is the precision at which the recall first reaches 0.9, or 0 if it
never does. With --figure also the true and false positives at each threshold (the paper's figure
3). --data is the folder of the real sets. A training step of the whole network is slow without a
GPU: use few epochs (--epochs 5). It is trained at the published 7.84 Å per pixel, or at the scale
of --working-radius. Rows that were not requested are printed as "not run".

The paper's own set is EMPIAR-10025, the T20S proteasome: take the aligned micrographs from
https://www.ebi.ac.uk/empiar/EMPIAR-10025/, or Topaz's tutorial data, which contain some of them
with particles: http://bergerlab-downloads.csail.mit.edu/topaz/topaz-tutorial-data.tar.gz. Then give
the micrographs, the table of particles, --diameter and --pixel-size.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fine_tune import FineTuning, Labelled, fine_tune
from known_sets import Dataset, load_datasets

from activepick.benchmark.curves import learned_head
from activepick.benchmark.methods import METHODS, Method
from activepick.cli.inputs import group_by_micrograph, named_micrographs
from activepick.cli.loading import make_engine
from activepick.features.backbone import Backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.head import Head, pretrained_head
from activepick.learning.initial_head import starting_head
from activepick.metrics import evaluate
from activepick.micrograph import Micrograph
from activepick.picking import ALL_PEAKS, select_picks
from activepick.picking.picker import pick_micrograph
from activepick.scoremap import find_peaks

PAPER_PIXEL = 7.84
THRESHOLDS = np.arange(0.1, 1.0, 0.1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("micrographs", nargs="*", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--diameter", type=float)
    parser.add_argument("--pixel-size", type=float)
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the real sets, to run on them; many minutes",
    )
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--labels", type=int, nargs="*", default=[10, 50, 100])
    parser.add_argument("--fine-tune", type=int, nargs="*", default=[100])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--working-radius", type=float, help="of the fine-tuned networks, in px")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--figure", action="store_true")
    options = parser.parse_args()
    if options.micrographs:
        sets = {options.truth.stem: own_set(options)}
    elif options.data:
        sets = load_datasets(options.data, options.cache)
    else:
        parser.print_usage()
        return
    for name, data in sets.items():
        print(f"{name}\n{'method':<30}{'labels':>7}{'AP':>8}{'AP90':>8}", flush=True)
        table(data, options)


def own_set(options: argparse.Namespace) -> Dataset:
    found = named_micrographs(options.micrographs, options.pixel_size)
    files = [each.micrograph() for each in found]
    groups = group_by_micrograph(read_table(options.truth), found, options.truth)
    known = [(f, g[["x", "y"]].to_numpy(float)) for f, g in zip(files, groups, strict=True)]
    known = [(f, xy) for f, xy in known if len(xy)]
    settings = {"model": "resnet16_u64", "trust_model": False, "device": "auto"}
    engine = make_engine(
        options.diameter,
        precision="auto",
        normalisation="affine",
        cache=FeatureCache(options.cache),
        **settings,  # type: ignore[arg-type]
    )
    return Dataset([f for f, _ in known], [xy for _, xy in known], engine, train=2)


def table(data: Dataset, options: argparse.Namespace) -> None:
    """Print a row for each method and number of labels."""
    seeds = range(options.seeds)
    radius = data.engine.diameter_angstrom / 2 / PAPER_PIXEL
    backbone = data.engine.extractor.backbone
    at_paper_scale = head_of(backbone, data.engine, radius)
    show("pretrained, 7.84 Å a pixel", 0, [judge(data, s, at_paper_scale, options) for s in seeds])
    found = [starting_head(data.engine, train_files(data, s)) for s in seeds]
    default = [judge(data, s, head, options) for s, head in zip(seeds, found, strict=True)]
    show("pretrained, chosen scale", 0, default)
    runs: list[tuple[str, Method, int]] = [
        ("BLR, batch 1", METHODS["paper"], 1),
        ("BLR, batch 10", METHODS["paper"], 10),
        ("default of this program", METHODS["active"], 10),
    ]
    for title, method, batch in runs:
        for count in options.labels:
            heads = [learned_head(method, data, s, count, batch) for s in seeds]
            show(
                title,
                count,
                [judge(data, s, h, options) for s, h in zip(seeds, heads, strict=True)],
            )
    trained_at = options.working_radius or radius
    for title, whole in (("Topaz, classifier trained", False), ("Topaz, trained as a whole", True)):
        for count in (10, 50, 100, 1000):
            if count not in options.fine_tune:
                print(f"{title:<30}{count:>7}   not run")
                continue
            training = FineTuning(whole, epochs=options.epochs if whole else 200)
            results = []
            for seed in seeds:
                tuned = fine_tune(
                    backbone, random_labels(data, seed, count, trained_at), training, seed
                )
                results.append(
                    judge(data, seed, head_of(tuned, data.engine, trained_at), options, tuned)
                )
            show(title, count, results)


def random_labels(data: Dataset, seed: int, count: int, radius: float) -> list[Labelled]:
    """Label random particles and as many random positions without one, on the training images."""
    rng = np.random.default_rng(seed)
    train, _ = data.split(seed)
    labelled = []
    for k, index in enumerate(train):
        file, truth = data.micrographs[index], data.truth[index]
        share = count // len(train) + (k < count % len(train))
        [image] = file.working_images(data.engine.diameter_angstrom, [radius])
        particles = rng.choice(len(truth), min(len(truth), share // 2), replace=False)
        height, width = file.shape
        places = rng.uniform(0, 1, (50 * count, 2)) * [width - 1, height - 1]
        gaps = np.sqrt(((places[:, None] - truth[None]) ** 2).sum(axis=2)).min(axis=1)
        far = places[gaps > file.radius_px(data.engine.diameter_angstrom)]
        others = far[: share - len(particles)]
        xy = image.to_working(np.concatenate([truth[particles], others]))
        targets = np.repeat([1.0, 0.0], [len(particles), len(others)])
        labelled.append(Labelled(image.pixels, xy, targets))
    return labelled


def head_of(backbone: Backbone, engine: FeatureEngine, radius: float) -> Head:
    own = FeatureEngine(Extractor(backbone), engine.diameter_angstrom)
    return pretrained_head(own.spec((radius,)), backbone.weights, backbone.bias, radius)


def train_files(data: Dataset, seed: int) -> list[Micrograph]:
    return [data.micrographs[i] for i in data.split(seed)[0]]


def judge(
    data: Dataset,
    seed: int,
    head: Head,
    options: argparse.Namespace,
    backbone: Backbone | None = None,
) -> tuple[float, float]:
    """Pick the micrographs for evaluation, and return AP and AP90."""
    extractor = data.engine.extractor if backbone is None else Extractor(backbone)
    if head.spec.stride != extractor.stride:
        extractor = extractor.with_stride(head.spec.stride)
    engine = FeatureEngine(
        extractor, data.engine.diameter_angstrom, orientations=head.spec.orientations
    )
    files = [data.micrographs[i] for i in data.split(seed)[1]]
    if backbone is None:  # its features are used for other rows, too
        engine = replace(engine, cache=data.engine.cache)
        picks = pd.concat([pick(engine, head, file) for file in files])
    else:
        picks = pd.concat([pick_micrograph(engine, head, file, ALL_PEAKS) for file in files])
    truth = pd.concat(
        [
            pd.DataFrame(data.truth[i], columns=["x", "y"]).assign(
                micrograph=data.micrographs[i].name
            )
            for i in data.split(seed)[1]
        ]
    )
    radius = files[0].radius_px(data.engine.diameter_angstrom)
    result = evaluate(picks, truth, radius)
    if options.figure:
        for threshold in THRESHOLDS:
            at = evaluate(picks, truth, radius, threshold=float(threshold))
            true = round(at.recall * at.n_truth)
            false = round(true / at.precision) - true if at.precision else 0
            print(f"    threshold {threshold:.1f}: {true} true positives, {false} false positives")
    return result.ap, result.ap90


def pick(engine: FeatureEngine, head: Head, file: Micrograph) -> pd.DataFrame:
    features = engine.features(file, head.spec.working_radii)
    scores = head.score_map(features)
    return select_picks(find_peaks(scores), ALL_PEAKS).table(file.name)


def show(title: str, count: int, results: list[tuple[float, float]]) -> None:
    ap, ap90 = np.mean(results, axis=0)
    print(f"{title:<30}{count:>7}{ap:>8.3f}{ap90:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
