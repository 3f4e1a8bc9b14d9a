"""The default set against Topaz's real pretrained detector, as hard as real micrographs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import fft, ndimage
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from topaz.model.factory import load_model

from activepick.metrics import average_precision, match
from activepick.simulate import SimulationSettings, simulated_micrographs

WORKING_RADIUS = 10.0
STRIDE = 4
SETTINGS = SimulationSettings()
SCALE = SETTINGS.radius_px / WORKING_RADIUS

Features = np.ndarray
Scorer = Callable[[Features], np.ndarray]


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("resnet16_u64").eval()


@pytest.fixture(scope="module")
def examples(model: Any) -> list[tuple[Features, np.ndarray]]:
    """Features (C, h, w) at stride 4 and the truth in original pixels, of four micrographs."""
    found = []
    for micrograph in simulated_micrographs(SETTINGS, 4, 0):
        size = 2 * round(SETTINGS.shape[0] / SCALE / 2)
        spectrum = fft.fftshift(fft.fft2(micrograph.pixels))
        start = (SETTINGS.shape[0] - size) // 2
        kept = spectrum[start : start + size, start : start + size]
        working = fft.ifft2(fft.ifftshift(kept)).real
        working = (working - working.mean()) / working.std()
        padded = np.pad(working, 45).astype(np.float32)
        with torch.no_grad():
            features = model.features(torch.from_numpy(padded)[None, None])[0].numpy()
        found.append((features, micrograph.truth[["x", "y"]].to_numpy()))
    return found


def set_average_precision(examples: list[tuple[Features, np.ndarray]], score: Scorer) -> float:
    scores, hits, particles = [], [], 0
    for features, truth in examples:
        coarse = score(features)
        fine = ndimage.zoom(coarse, [(STRIDE * (n - 1) + 1) / n for n in coarse.shape], order=3)
        y, x = np.mgrid[-6:7, -6:7]
        disc = np.hypot(x, y) <= 0.6 * WORKING_RADIUS
        rows, columns = np.nonzero(fine == ndimage.maximum_filter(fine, footprint=disc))
        picks = np.stack([columns, rows], 1) * SCALE
        scores.append(fine[rows, columns])
        hits.append(match(picks, truth, SETTINGS.radius_px))
        particles += len(truth)
    return average_precision(np.concatenate(scores), np.concatenate(hits), particles)


def learn(examples: list[tuple[Features, np.ndarray]]) -> Scorer:
    """Fit a logistic regression to the true particles and to random positions off them."""
    rng = np.random.default_rng(0)
    inputs, labels = [], []
    for features, truth in examples:
        size = features.shape[1]
        random = rng.uniform(0, (size - 1) * STRIDE * SCALE, (1500, 2))
        off = [np.hypot(*(truth - spot).T).min() > 0.6 * SETTINGS.radius_px for spot in random]
        spots = np.concatenate([truth, random[off]])
        columns, rows = np.rint(spots / SCALE / STRIDE).astype(int).clip(0, size - 1).T
        inputs.append(features[:, rows, columns].T)
        labels.append(np.arange(len(spots)) < len(truth))
    data = np.concatenate(inputs)
    spread = data.std(0) + 1e-6
    fit = LogisticRegression(C=0.01, max_iter=300).fit(data / spread, np.concatenate(labels))
    weights = fit.coef_[0] / spread
    return lambda features: np.tensordot(weights, features, 1)


@pytest.fixture(scope="module")
def pretrained(model: Any) -> Scorer:
    weights = model.classifier.weight.detach().numpy()[0, :, 0, 0]
    return lambda features: np.tensordot(weights, features, 1)


def test_the_default_set_is_as_difficult_as_real_micrographs(
    examples: list[tuple[Features, np.ndarray]], pretrained: Scorer
) -> None:
    assert 0.3 < set_average_precision(examples, pretrained) < 0.7


def test_learning_helps_on_other_micrographs(
    examples: list[tuple[Features, np.ndarray]], pretrained: Scorer
) -> None:
    learned = set_average_precision(examples[2:], learn(examples[:2]))
    assert learned > set_average_precision(examples[2:], pretrained) + 0.1
