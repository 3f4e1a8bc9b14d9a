"""Accuracy of pruning: published picks, to which a quarter as many false ones are added.

The false picks are on contaminants, on carbon edges and in empty ice, in equal numbers. A head is
trained on 10, 20 or 30 labels of each class and applied to all other picks; macro-F1 and accuracy
as in PickerOptimizer (Li et al., 2023), mean over seeds. The results are compared with the best
threshold, chosen afterwards, on the score of the picker itself (Topaz's pretrained detector).

    python benchmarks/pruning.py [--data DIR] [--seeds 5]
"""

import argparse
from pathlib import Path

import numpy as np
from known_sets import DATA, Dataset, load_datasets
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.multinomial import fit_classes
from activepick.learning.training_set import label_features
from activepick.micrograph import Micrograph
from activepick.picking.prune import accuracy_and_macro_f1, adapt_to_shares, particle_scores

KINDS = ("contamination", "carbon edge", "empty")
LABELS = (10, 20, 30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    for name, data in load_datasets(options.data, options.cache).items():
        evaluate(name, data, options.seeds)


def evaluate(name: str, data: Dataset, seeds: int) -> None:
    engine = data.engine
    first = starting_head(engine, data.micrographs[:3])
    rng = np.random.default_rng(0)
    rows, kinds, own = [], [], []
    for file, true in zip(data.micrographs, data.truth, strict=True):
        features = engine.features(file, first.spec.working_radii)
        xy, kind = with_false_picks(file, engine.diameter_angstrom, true, rng)
        rows.append(label_features(features, xy, 0.15))
        kinds.append(kind)
        own.append(rows[-1].mean(axis=1) @ first.weights.ravel() + first.bias)
    x, y, topaz = np.concatenate(rows), np.concatenate(kinds), np.concatenate(own)
    right = y == "particle"
    print(f"{name}: {right.sum()} particles and {(~right).sum()} false picks")
    thresholds = np.quantile(topaz, np.linspace(0, 1, 400))
    best = max((accuracy_and_macro_f1(topaz - t, right) for t in thresholds), key=lambda m: m[0])
    show("best threshold on Topaz's score", 0, [best])
    show("Topaz's score at probability 0.5", 0, [accuracy_and_macro_f1(topaz, right)])
    for count in LABELS:
        for method in ("two classes", "three classes"):
            show(method, count, [one(first, x, y, count, method, s) for s in range(seeds)])


def one(
    first: Head,
    x: NDArray[np.float64],
    y: NDArray[np.str_],
    count: int,
    method: str,
    seed: int,
) -> tuple[float, float]:
    """Train on `count` picks of each class, and prune all others."""
    rng = np.random.default_rng(seed)
    right = y == "particle"
    if method == "two classes":
        groups = [np.flatnonzero(right), np.flatnonzero(~right)]
    else:
        groups = [np.flatnonzero(y == kind) for kind in ("particle", *KINDS)]
        groups[2:] = [np.concatenate(groups[2:])]  # carbon or empty ice are one class
    chosen = np.concatenate([rng.choice(group, count, replace=False) for group in groups])
    names = y[chosen]
    if method == "two classes":
        names = np.where(names == "particle", "particle", "other")
    else:
        names = np.where(np.isin(names, ("carbon edge", "empty")), "empty", names)
    head = fit_classes(first, x[chosen], list(names))
    scores = particle_scores(adapt_to_shares(head.probabilities(x.mean(axis=1))))
    rest = np.isin(np.arange(len(y)), chosen, invert=True)
    return accuracy_and_macro_f1(scores[rest], right[rest])


def with_false_picks(
    file: Micrograph, diameter: float, true: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Add a quarter of false picks, none within a radius of a true particle or of each other."""
    [image] = file.working_images(diameter, [10.0])
    radius = file.radius_px(diameter)
    smooth = ndimage.gaussian_filter(image.pixels, 5)
    edges = ndimage.gaussian_gradient_magnitude(ndimage.gaussian_filter(image.pixels, 5), 10)
    wanted = round(len(true) / 4 / len(KINDS))
    found = [true]
    kinds = ["particle"] * len(true)
    for kind, worth in zip(
        KINDS,
        (np.abs(smooth - np.median(smooth)), edges, rng.uniform(size=smooth.shape)),
        strict=True,
    ):
        taken = cKDTree(np.concatenate(found))
        order = np.argsort(-worth, axis=None)[: worth.size if kind == "empty" else worth.size // 10]
        y, x = np.unravel_index(order, worth.shape)
        places = image.to_original(np.stack([x, y], axis=1).astype(float))
        places = places[taken.query(places)[0] > 1.1 * radius]
        chosen: list[NDArray[np.float64]] = []
        for place in places:
            if len(chosen) == wanted:
                break
            if all(np.hypot(*(place - other)) > radius for other in chosen):
                chosen.append(place)
        found.append(np.array(chosen).reshape(-1, 2))
        kinds += [kind] * len(chosen)
    height, width = file.shape
    xy = np.clip(np.concatenate(found), 0, [width - 1, height - 1])
    return xy, np.array(kinds)


def show(method: str, count: int, results: list[tuple[float, float]]) -> None:
    accuracy, f1 = np.mean(results, axis=0)
    spread = np.std(results, axis=0)[0]
    labels = f"{count:>3} labels a class" if count else " " * 18
    print(f"  {method:<34}{labels}  accuracy {accuracy:.3f} +- {spread:.3f}  macro-F1 {f1:.3f}")


if __name__ == "__main__":
    main()
