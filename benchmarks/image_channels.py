"""Channels from the image beside the features of the network: an average of particles, and rings.

    python benchmarks/image_channels.py --simulated SIM [--seeds 2] [--sets NAME,NAME]

An oracle answers the queries of the default. After 10, 25 and 100 answers the same labels are
fitted with the features of the network alone and with more features from the working image at the
coarse scale, each of mean 0 and, times its gain, of unit variance on a micrograph:

- "template": the highest correlation with the average of the labelled particles, each turned to fit
  the others, in 36 orientations.
- "round template": the correlation with their average over all orientations.
- "rings": the means over eight rings around the position, up to 1.4 particle radii wide.

All are divided by the local standard deviation of the image. The value of a template at a labelled
particle is that of the average of all others, since the noise of a particle would fit its own.
Average precision is measured on the other micrographs. The larger the gain, the less the L2 term
restricts the weight of the feature.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from known_sets import Dataset, judge_maps, load_datasets, parser_of
from numpy.typing import NDArray
from scipy import fft, ndimage

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.metrics import average_precision
from activepick.micrograph import Micrograph
from activepick.scoremap import ScoreMap

Floats = NDArray[np.float64]

COUNTS = (10, 25, 100)
# Channels, and the gains that are tried.
CHANNELS = {"template": (2.0,), "round template": (2.0,), "rings": (1.0, 2.0)}
ROTATIONS = 36
ROUNDS = 4  # of turning the particles to fit their average
REACH = 1.6  # half the side of templates and rings, in particle radii
RINGS, RING_STEP, RING_WIDTH = 8, 0.2, 0.12  # number; radius and width in particle radii
FEWEST = 3  # labelled particles from which on there is an average
PIXELS = 2000  # unlabelled pixels of the term of the expected share


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    options = parser.parse_args()
    rows = []
    sets = load_datasets(options.data, options.cache, options.simulated)
    for name in options.sets.split(",") if options.sets else sets:
        for seed in range(options.seeds):
            rows += [(name, *point) for point in course(sets[name], seed)]
        table = pd.DataFrame(rows, columns=["set", "features", "labels", "ap"])
        each = table.pivot_table("ap", ["set", "features"], "labels", sort=False)
        print(each.loc[[name]].round(4).to_string(), flush=True)
    print("mean of all", each.groupby("features", sort=False).mean().round(4).to_string(), sep="\n")


class View:
    """The working image of a micrograph at the coarse scale.

    Attributes
    ----------
    pixels
        The image, shape (h, w).
    half
        Half the side of templates, in working pixels.
    """

    def __init__(self, data: Dataset, micrograph: Micrograph, radius: float) -> None:
        [image] = data.engine.working_images(micrograph, [radius])
        self.pixels = image.pixels.astype(np.float64)
        self.half = round(REACH * radius)
        self._ratio = np.array(micrograph.working_ratio(data.engine.diameter_angstrom, radius))
        padded = np.pad(self.pixels, self.half, mode="reflect")
        self._shape = [fft.next_fast_len(n, real=True) for n in padded.shape]
        self._spectrum = fft.rfft2(padded, self._shape)
        side = 2 * self.half + 1
        mean = ndimage.uniform_filter(self.pixels, side)
        variance = ndimage.uniform_filter(self.pixels**2, side) - mean**2
        self._deviation = np.sqrt(np.maximum(variance, 0.1 * variance.mean()))
        self.rings = self._channels([[ring] for ring in rings(radius, self.half)])

    def crops(self, xy: Floats) -> Floats:
        """Return the images (n, side, side) around positions (n, 2) in original pixels."""
        padded = np.pad(self.pixels, self.half, mode="reflect")
        side = np.arange(2 * self.half + 1)
        columns, rows = (places[:, None] + side for places in self._pixel(xy).T)
        return np.asarray(padded[rows[:, :, None], columns[:, None, :]])

    def correlation(self, templates: Floats) -> tuple[Floats, float, float]:
        """Return a channel (h, w, 1) of the highest correlation, and its mean and deviation."""
        raw = self._highest(templates)
        mean, unit = float(raw.mean()), float(raw.std())
        return ((raw - mean) / unit)[..., None], mean, unit

    def correlation_at(self, xy: Floats, crops: Floats, templates: list[Floats]) -> Floats:
        """Return the highest correlation (n,) at each position with its own templates."""
        columns, rows = self._pixel(xy).T
        highest = [
            np.tensordot(each, crop, 2).max() for each, crop in zip(templates, crops, strict=True)
        ]
        return np.asarray(np.array(highest) / self._deviation[rows, columns])

    def at(self, channels: Floats, xy: Floats) -> Floats:
        """Interpolate channels (h, w, k) at positions (n, 2) in original pixels."""
        x, y = (np.asarray(xy) / self._ratio).T
        each = np.moveaxis(channels, -1, 0)
        values = [ndimage.map_coordinates(one, [y, x], order=1, mode="nearest") for one in each]
        return np.column_stack([np.empty((len(x), 0)), *values])

    def _pixel(self, xy: Floats) -> NDArray[np.intp]:
        last = np.array(self.pixels.shape[::-1]) - 1
        return np.asarray(np.clip(np.rint(xy / self._ratio), 0, last), np.intp)

    def _highest(self, templates: Floats) -> Floats:
        rows, columns = self.pixels.shape
        highest = np.full(self.pixels.shape, -np.inf)
        for template in templates:
            product = self._spectrum * np.conj(fft.rfft2(template, self._shape))
            np.maximum(highest, fft.irfft2(product, self._shape)[:rows, :columns], out=highest)
        return np.asarray(highest / self._deviation)

    def _channels(self, templates: list[list[Floats]]) -> Floats:
        return np.concatenate([self.correlation(np.array(each))[0] for each in templates], axis=-1)


def disc(side: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[:side, :side]
    return np.asarray(np.hypot(y - side // 2, x - side // 2) <= side // 2)


def rings(radius: float, half: int) -> Iterator[Floats]:
    """Yield rings of increasing radius, with mean 0 in a disc."""
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    distance, inside = np.hypot(y, x) / radius, disc(2 * half + 1)
    for k in range(RINGS):
        ring = np.exp(-0.5 * ((distance - k * RING_STEP) / RING_WIDTH) ** 2) * inside
        yield ring / ring.sum() - inside / inside.sum()


def rotated(image: Floats) -> Floats:
    """Return an image in all orientations, shape (ROTATIONS, side, side)."""
    angles = np.arange(ROTATIONS) * 360 / ROTATIONS
    turn = [ndimage.rotate(image, a, reshape=False, order=1, mode="nearest") for a in angles]
    return np.stack(turn)


def templates_of(average: Floats, is_round: bool) -> Floats:
    """Return templates (k, side, side) of mean 0 and norm 1 from an average."""
    images = rotated(average)
    if is_round:
        images = images.mean(axis=0, keepdims=True)
    inside = disc(len(average))
    images = np.where(inside, images - images[:, inside].mean(axis=1)[:, None, None], 0.0)
    norms = np.linalg.norm(images, axis=(1, 2), keepdims=True)
    return np.asarray(images / np.maximum(norms, 1e-9))


def aligned(crops: Floats) -> Floats:
    """Turn each image to fit the average of all."""
    found, every = crops, np.stack([rotated(crop) for crop in crops])
    for _ in range(ROUNDS):
        reference = templates_of(found.mean(axis=0), is_round=False)[0]
        found = every[np.arange(len(crops)), (every * reference).sum(axis=(2, 3)).argmax(axis=1)]
    return found


def course(data: Dataset, seed: int) -> Iterator[tuple[str, int, float]]:
    train, test = data.split(seed)
    first = starting_head(
        data.engine, [data.micrographs[i] for i in train], leave_out=data.simulated
    )
    radii = first.spec.working_radii
    learnt = [data.engine.features(data.micrographs[i], radii) for i in train]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    views = [View(data, data.micrographs[i], radii[0]) for i in train]
    other_views = [View(data, data.micrographs[i], radii[0]) for i in test]
    truth = [data.truth[i] for i in test]
    learner = Learner(learnt, first, seed=seed)
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in learnt])
    rng = np.random.default_rng(seed)
    answers = 0
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        nothing = [np.zeros((*view.pixels.shape, 0)) for view in views]
        at_labels = [np.zeros((len(xy), 0)) for xy in learner.labels]
        weights, _, bias = fit(learner, first, views, nothing, at_labels)
        maps = [part.score_map(weights, bias) for part in others]
        yield "network alone", count, precision(maps, truth)
        for name, gains in CHANNELS.items():
            if name == "rings":
                channels, other = [v.rings for v in views], [v.rings for v in other_views]
                at_labels = [
                    view.at(view.rings, xy) for view, xy in zip(views, learner.labels, strict=True)
                ]
            else:
                channels, other, at_labels = correlations(
                    learner, views, other_views, is_round=name == "round template"
                )
            for gain in gains:
                scaled = [gain * each for each in channels]
                weights, more, bias = fit(
                    learner, first, views, scaled, [gain * each for each in at_labels]
                )
                maps = [
                    added(part.score_map(weights, bias), view, each @ (gain * more))
                    for part, view, each in zip(others, other_views, other, strict=True)
                ]
                yield f"{name}, gain {gain:g}", count, precision(maps, truth)


def correlations(
    learner: Learner, views: list[View], other_views: list[View], is_round: bool
) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """Return channels of both groups of micrographs, and their values at the labels."""
    particles = [
        view.crops(xy[targets == 1])
        for view, xy, targets in zip(views, learner.labels, learner.targets, strict=True)
    ]
    if sum(map(len, particles)) < FEWEST:
        channels, other = (
            [np.zeros((*view.pixels.shape, 1)) for view in group] for group in (views, other_views)
        )
        return channels, other, [np.zeros((len(xy), 1)) for xy in learner.labels]
    members = aligned(np.concatenate(particles))
    templates = templates_of(members.mean(axis=0), is_round)
    without = iter((members.sum(axis=0) - members) / (len(members) - 1))
    channels, at_labels = [], []
    for view, xy, targets, crops in zip(
        views, learner.labels, learner.targets, particles, strict=True
    ):
        channel, mean, unit = view.correlation(templates)
        values = view.at(channel, xy)
        own = [templates_of(next(without), is_round) for _ in crops]
        if own:
            raw = view.correlation_at(xy[targets == 1], crops, own)
            values[targets == 1, 0] = (raw - mean) / unit
        channels.append(channel)
        at_labels.append(values)
    return channels, [view.correlation(templates)[0] for view in other_views], at_labels


def fit(
    learner: Learner,
    first: Head,
    views: list[View],
    channels: list[Floats],
    at_labels: list[Floats],
) -> tuple[Floats, Floats, float]:
    """Fit a head with channels: the weights of the network and of the channels, and the bias."""
    examples = learner.examples()
    count, pixels, features = examples.features.shape
    rng, unlabelled = np.random.default_rng(0), []
    value: dict[tuple[str, float, float], Floats] = {}
    for index, view in enumerate(views):
        part = learner.micrographs[index]
        xy = rng.uniform(0, 1, (PIXELS // len(views), 2)) * np.array(part.shape[::-1])
        unlabelled.append(np.column_stack([part.at(xy), view.at(channels[index], xy)]))
        places = learner.labels[index].tolist()
        value |= {
            (learner.keys[index], x, y): row
            for (x, y), row in zip(places, at_labels[index], strict=True)
        }
    more = np.stack([value[label] for label in examples.labels])
    along = first.directions
    fitted = HeadFit().fit(
        np.column_stack([examples.features.reshape(-1, features), more.repeat(pixels, axis=0)]),
        examples.targets.repeat(pixels),
        np.full(count * pixels, 1 / pixels),
        labels=count,
        unlabelled=np.concatenate(unlabelled),
        pretrained=(np.append(first.weights.ravel(), np.zeros(more.shape[1])), first.bias),
        directions=None
        if along is None
        else np.pad(along.reshape(len(along), -1), ((0, 0), (0, more.shape[1]))),
    )
    weights = fitted.weights_
    return weights[:features].reshape(first.weights.shape), weights[features:], fitted.bias_


def added(scores: ScoreMap, view: View, channel: Floats) -> ScoreMap:
    """Add a channel (h, w) of the working image to a score map."""
    rows, columns = np.indices(scores.values.shape)
    xy = scores.to_original(np.column_stack([columns.ravel(), rows.ravel()]))
    more = view.at(channel[..., None], xy).reshape(scores.values.shape)
    return replace(scores, values=scores.values + more.astype(np.float32))


def precision(maps: list[ScoreMap], truth: list[Floats]) -> float:
    return average_precision(*judge_maps(maps, truth), sum(map(len, truth)))


if __name__ == "__main__":
    main()
