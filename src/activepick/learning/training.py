"""From labels on features to a head."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.one_sided import held_share, stand_ins

__all__ = ["LABEL_PIXELS", "LearnerSettings", "fit_head", "label_rows", "sampled_rows"]

Floats = NDArray[np.float64]

# A label stands for its centre and six pixels around it.
_RING = np.arange(6) * np.pi / 3
_DISC = np.vstack([np.zeros((1, 2)), np.stack([np.cos(_RING), np.sin(_RING)], axis=1)])
LABEL_PIXELS = len(_DISC)

# Share of the moving average that a refit leaves as it was.
_DECAY = 0.7


@dataclass(frozen=True)
class LearnerSettings:
    """How labels become a head.

    Attributes
    ----------
    fit
        The regression.
    label_radius
        Radius of the disc around a label whose pixels share its weight, in particle radii.
    unlabelled
        Number of pixels sampled from all micrographs together for the pi term.
    consistency, consistency_unlabelled
        Weights of the terms that draw the answers at labels and at sampled pixels to those of the
        mean over the refits (`activepick.learning.strategies.mean_model`), in labels.
    stand_ins
        Whether peaks stand in while all labels are of one kind (`activepick.learning.one_sided`).
    """

    fit: HeadFit = field(default_factory=HeadFit)
    label_radius: float = 0.15
    unlabelled: int = 2000
    consistency: float = 0.0
    consistency_unlabelled: float = 0.0
    stand_ins: bool = True


def label_rows(features: MicrographFeatures, xy: ArrayLike, label_radius: float) -> Floats:
    """Features of the pixels that labels stand for.

    Parameters
    ----------
    features
        Of the micrograph.
    xy
        Positions (n, 2) in original pixels.
    label_radius
        As in `LearnerSettings`.

    Returns
    -------
    array of float64, shape (n, pixels of a label, D)
    """
    xy = np.asarray(xy, np.float64).reshape(-1, 2)
    offsets = _DISC * (label_radius * features.radius_px)
    rows = features.at((xy[:, None] + offsets).reshape(-1, 2))
    return rows.astype(np.float64).reshape(len(xy), len(_DISC), -1)


def sampled_rows(features: MicrographFeatures, count: int, rng: np.random.Generator) -> Floats:
    """Features (count, D) at places drawn from the whole micrograph."""
    height, width = features.shape
    xy = rng.uniform(0, 1, (count, 2)) * [width - 1, height - 1]
    return features.at(xy).astype(np.float64)


def fit_head(
    pretrained: Head,
    fit: HeadFit,
    rows: Floats,
    targets: Floats,
    unlabelled: Floats,
    warm_start: Head | None = None,
    *,
    consistency: float = 0.0,
    consistency_unlabelled: float = 0.0,
    peaks: Floats | None = None,
) -> Head:
    """Fit a head to labels.

    Parameters
    ----------
    pretrained
        The head before the first label; also what the fit is drawn to.
    fit
        The regression; it is not changed.
    rows
        What `label_rows` gives for all labels, at least one, shape (n, pixels of a label, D).
    targets
        1 particle, 0 not a particle, shape (n,).
    unlabelled
        What `sampled_rows` gives, shape (u, D).
    warm_start
        The head of the last refit, to begin with; the optimum does not depend on it, the moving
        average does.
    consistency, consistency_unlabelled
        As in `LearnerSettings`.
    peaks
        Features (m, D) of unlabelled peaks of the pretrained head, which stand in while labels of
        one kind are missing; see `activepick.learning.one_sided`.
    """
    count, per_label, features = rows.shape
    mean = (warm_start or pretrained).mean or _parameters(warm_start or pretrained)
    x = [rows.reshape(-1, features)]
    y = [np.repeat(targets, per_label)]
    v = [np.full(count * per_label, 1 / per_label)]
    for places, weight in ((x[0], consistency), (unlabelled, consistency_unlabelled)):
        if weight and len(places):
            x.append(places)
            y.append(expit(places @ mean[0].ravel() + mean[1]))
            v.append(np.full(len(places), weight / len(places)))
    if peaks is not None and len(peaks):
        weights, kind = stand_ins(pretrained, peaks, targets)
        x, y, v = [*x, peaks], [*y, np.full(len(peaks), kind)], [*v, weights]
    fitted = replace(held_share(fit, targets, _share(pretrained, unlabelled, fit.pi))).fit(
        np.concatenate(x),
        np.concatenate(y),
        np.concatenate(v),
        unlabelled=unlabelled,
        pretrained=(pretrained.weights.ravel(), pretrained.bias),
        warm_start=None if warm_start is None else (warm_start.weights.ravel(), warm_start.bias),
        directions=None if pretrained.directions is None else _flat(pretrained.directions),
    )
    weights = fitted.weights_.reshape(pretrained.weights.shape)
    return replace(
        pretrained,
        weights=weights,
        bias=fitted.bias_,
        particles=int(targets.sum()),
        others=int(count - targets.sum()),
        mean=(
            _DECAY * mean[0] + (1 - _DECAY) * weights,
            _DECAY * mean[1] + (1 - _DECAY) * fitted.bias_,
        ),
    )


def _share(pretrained: Head, unlabelled: Floats, otherwise: float) -> float:
    if not len(unlabelled):
        return otherwise
    return float(expit(unlabelled @ pretrained.weights.ravel() + pretrained.bias).mean())


def _flat(directions: Floats) -> Floats:
    return directions.reshape(len(directions), -1)


def _parameters(head: Head) -> tuple[Floats, float]:
    return head.weights, head.bias
