"""Low-rank adaptation of the last convolution of the network to the labels.

    python benchmarks/low_rank.py --simulated SIM --out DIR [--data DIR] [--seeds 2]
        [--sets NAME,NAME]

An oracle answers the queries of the default on two micrographs. After 50 and 100 answers, the
weights W of the last convolution become W + A B with matrices of a low rank (LoRA, Hu et al., ICLR
2022), the same at both scales and in both orientations. A and B are fitted to the features at the
labels with the loss of the head and an L2 term, while the head stays as it is ("adapted"). Then the
head is fitted again to the adapted features ("adapted, head refitted"). Prints the differences in
average precision on two other micrographs from the head of the same answers without an adaptation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from kept_rows import KeptRows
from known_sets import Dataset, judge_maps, load_datasets, parser_of
from numpy.typing import NDArray
from torch import Tensor, nn

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.extractor import Extractor
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.training_set import label_features, sample_features
from activepick.metrics import average_precision

Floats = NDArray[np.float64]

COUNTS, TESTED, UNLABELLED, STEPS = (50, 100), 2, 300, 40
RANKS, L2 = (2, 4), (0.01, 0.1)
COLUMNS = ["set", "seed", "labels", "scores", "rank", "l2", "ap"]
ALONE, ADAPTED, REFITTED = "head alone", "adapted", "adapted, head refitted"


@dataclass(frozen=True, eq=False)
class Positions:
    """A micrograph whose "features" at positions are the positions, to learn which are used."""

    shape: tuple[int, int]
    radius_px: float

    def at(self, xy: Floats) -> Floats:
        """Return the positions."""
        return np.asarray(xy, np.float64)


@dataclass(frozen=True, eq=False)
class Adaptation:
    """The matrices A, shape (C, r), and B, as kernels of shape (r, inputs, 5, 5)."""

    a: Tensor
    b: Tensor


class LastLayer:
    """The inputs of the last convolution on a micrograph, at all scales and both orientations.

    Parameters
    ----------
    data, index
        The dataset and the index of the micrograph.
    features
        Its features.
    """

    def __init__(self, data: Dataset, index: int, features: MicrographFeatures) -> None:
        self.features = features
        whole = data.engine.extractor
        self.conv: nn.Conv2d = whole.backbone.layers[-1].conv  # type: ignore[assignment]
        edge = self.conv.kernel_size[0] // 2
        stride = whole.stride
        body = Extractor(
            replace(
                whole.backbone,
                layers=nn.Sequential(*list(whole.backbone.layers.children())[:-1]),
                width=whole.backbone.width - 2 * edge * stride,
                channels=self.conv.in_channels,
            )
        )
        radii = [part.working_radius_px for part in features.maps]
        images = data.engine.working_images(data.micrographs[index], radii)
        self.inputs, self.outputs = [], []
        for image, part in zip(images, features.maps, strict=True):
            height, width = part.values.shape[:2]
            before = edge * stride
            # The samples of an image that is turned by 180° are at the same positions only if the
            # last sample is on the last pixel.
            after = [
                stride * (n + 2 * edge) + 1 - before - pixels
                for n, pixels in zip((height, width), image.pixels.shape, strict=True)
            ]
            padded = np.pad(image.pixels, [(before, after[0]), (before, after[1])])
            turned = body.extract(np.ascontiguousarray(padded[::-1, ::-1]))[::-1, ::-1]
            both = np.stack([body.extract(padded), turned])
            both = both[:, : height + 2 * edge, : width + 2 * edge].transpose(0, 3, 1, 2)
            self.inputs.append(torch.from_numpy(both.copy()))
            self.outputs.append(self._convolved(self.inputs[-1], self.conv.weight).half())

    def _convolved(self, inputs: Tensor, kernels: Tensor) -> Tensor:
        bias = self.conv.bias if kernels is self.conv.weight else None
        pairs = zip(inputs.float(), (kernels, kernels.flip(2, 3)), strict=True)
        return torch.stack([F.conv2d(one[None], kernel, bias)[0] for one, kernel in pairs])

    def adapted(self, adaptation: Adaptation | None) -> MicrographFeatures:
        """Return the features with an adaptation, averaged over the orientations."""
        maps = []
        for inputs, outputs, part in zip(
            self.inputs, self.outputs, self.features.maps, strict=True
        ):
            total = outputs.float()
            if adaptation is not None:
                added = self._convolved(inputs, adaptation.b)
                total += torch.einsum("cr,orhw->ochw", adaptation.a, added)
            values = total.relu_().mean(dim=0).permute(1, 2, 0).contiguous()
            maps.append(FeatureMap(values.half().numpy(), part.spacing_px, part.working_radius_px))
        return replace(self.features, maps=tuple(maps))

    def windows(self, xy: Floats) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield, for each scale, inputs (2, n, inputs * 25) and outputs (2, n, C) at positions."""
        size = self.conv.kernel_size[0]
        for inputs, outputs, part in zip(
            self.inputs, self.outputs, self.features.maps, strict=True
        ):
            last = np.array(part.values.shape[1::-1]) - 1
            nearest = np.clip(np.rint(xy / part.spacing_px), 0, last).astype(int)
            cut = torch.stack([inputs[:, :, y : y + size, x : x + size] for x, y in nearest], 1)
            cut = torch.stack([cut[0], cut[1].flip(2, 3)]).flatten(2)
            yield cut.float(), outputs[:, :, nearest[:, 1], nearest[:, 0]].transpose(1, 2).float()


def fit_adaptation(
    layers: list[LastLayer], learner: Learner, rank: int, l2: float, seed: int
) -> Adaptation:
    """Fit A and B to the labels of a learner, whose head is not changed."""
    used = [i for i, xy in enumerate(learner.labels) if len(xy)]
    rng = np.random.default_rng(seed)
    labelled, unlabelled = [], []
    radius = learner.settings.label_radius
    for i in used:
        positions = Positions(layers[i].features.shape, layers[i].features.radius_px)
        at = label_features(positions, learner.labels[i], radius)  # type: ignore[arg-type]
        labelled.append(list(layers[i].windows(at.reshape(-1, 2))))
        some = sample_features(positions, UNLABELLED // len(used), rng)  # type: ignore[arg-type]
        unlabelled.append(list(layers[i].windows(some)))
    parts = [
        tuple(torch.cat(column, dim=1) for column in zip(*scale, strict=True))
        for scale in zip(*(labelled + unlabelled), strict=True)
    ]
    targets = torch.from_numpy(np.concatenate([learner.targets[i] for i in used])).float()
    per_label = sum(part[0][0].shape[1] for part in labelled) // len(targets)
    y = targets.repeat_interleave(per_label)
    head = [torch.from_numpy(w).float() for w in learner.head.weights]
    fit, pi_weight = learner.settings.fit, learner.settings.fit.pi_weight_for(len(targets))
    generator = torch.Generator().manual_seed(seed)
    kernels = layers[0].conv
    # B acts on inputs of unit length, so that the L2 term treats A and B alike.
    length = float(torch.cat([part[0].norm(dim=2).ravel() for part in parts]).mean())
    a = torch.zeros(kernels.out_channels, rank, requires_grad=True)
    b = torch.randn(rank, parts[0][0].shape[2], generator=generator)
    b = (b / b.norm(dim=1, keepdim=True)).requires_grad_()
    optimiser = torch.optim.LBFGS([a, b], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        z = torch.tensor(float(learner.head.bias))
        for (inputs, outputs), w in zip(parts, head, strict=True):
            z = z + ((outputs + inputs @ b.T @ a.T / length).relu() @ w).mean(dim=0)
        share = torch.sigmoid(z[len(y) :]).mean().clamp(1e-6, 1 - 1e-6)
        away = torch.logit(share) - float(np.log(fit.pi / (1 - fit.pi)))
        entropy = F.binary_cross_entropy_with_logits(z[: len(y)], y, reduction="sum")
        total = entropy / per_label + pi_weight * away**2
        total = total + l2 / 2 * ((a**2).sum() + (b**2).sum())
        total.backward()
        return torch.as_tensor(total)

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    shape = (rank, kernels.in_channels, *kernels.kernel_size)
    return Adaptation(a.detach(), b.detach().reshape(shape) / length)


def refitted(layers: list[MicrographFeatures], learner: Learner, seed: int) -> Head:
    """Return the head that is fitted to the same labels on adapted features."""
    other = Learner(layers, learner.pretrained, learner.settings, seed)
    for i, (xy, targets) in enumerate(zip(learner.labels, learner.targets, strict=True)):
        other.add(i, xy, targets)
    return other.refit()


Known = dict[tuple[int, tuple[float, ...]], LastLayer]


def course(data: Dataset, name: str, seed: int, known: Known) -> pd.DataFrame:
    """Return the rows of a run; `known` keeps what is computed from micrographs at some radii."""
    train, test = data.split(seed)
    test = test[:TESTED]
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    radii = first.spec.working_radii
    for i in [*train, *test]:
        if (i, radii) not in known:
            features = data.engine.features(data.micrographs[i], radii)
            known[i, radii] = LastLayer(data, i, features)
    layers, others = [known[i, radii] for i in train], [known[i, radii] for i in test]
    learner = Learner([part.adapted(None) for part in layers], first, seed=seed)
    oracle = Oracle([data.truth[i] for i in train], [p.radius_px for p in learner.micrographs])
    truth, rng, answers = [data.truth[i] for i in test], np.random.default_rng(seed), 0
    plain = [part.adapted(None) for part in others]

    def precision(head: Head, features: list[MicrographFeatures]) -> float:
        found = judge_maps([head.score_map(part) for part in features], truth)
        return average_precision(*found, sum(map(len, truth)))

    rows: list[tuple[object, ...]] = []
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        key = (name, seed, count)
        rows.append((*key, ALONE, 0, 0.0, precision(learner.head, plain)))
        for rank in RANKS:
            for l2 in L2:
                made = fit_adaptation(layers, learner, rank, l2, seed)
                tested = [part.adapted(made) for part in others]
                rows.append((*key, ADAPTED, rank, l2, precision(learner.head, tested)))
                head = refitted([part.adapted(made) for part in layers], learner, seed)
                rows.append((*key, REFITTED, rank, l2, precision(head, tested)))
    return pd.DataFrame(rows, columns=COLUMNS)


def show(rows: pd.DataFrame) -> None:
    """Print differences from the head alone: their mean, and the range over sets."""
    alone = rows[rows["scores"] == ALONE].set_index(["set", "seed", "labels"])["ap"]
    runs = pd.MultiIndex.from_frame(rows[["set", "seed", "labels"]])
    rows = rows.assign(gain=rows["ap"].to_numpy() - alone.reindex(runs).to_numpy())
    keys = ["scores", "rank", "l2", "labels"]
    by_set = rows[rows["scores"] != ALONE].groupby([*keys, "set"])["gain"].mean()
    print(by_set.groupby(keys).agg(["mean", "min", "max", "size"]).round(3).to_string())
    print(by_set.unstack("set").round(3).to_string())


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=Path, help="folder of the rows; needed, as it takes long")
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, COLUMNS, ("set", "seed"))
    sets = load_datasets(options.data, options.cache, options.simulated)
    for name in options.sets.split(",") if options.sets else sets:
        known: Known = {}
        for seed in range(options.seeds):
            if not kept.has(name, seed):
                kept.add(course(sets[name], name, seed, known))
                print(name, seed, flush=True)
    show(kept.read())


if __name__ == "__main__":
    main()
