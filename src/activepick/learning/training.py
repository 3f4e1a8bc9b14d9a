"""From labels on features to a head."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["LABEL_PIXELS", "LearnerSettings", "fit_head", "label_rows", "sampled_rows"]

Floats = NDArray[np.float64]

# A label stands for its centre and six pixels around it.
_RING = np.arange(6) * np.pi / 3
_DISC = np.vstack([np.zeros((1, 2)), np.stack([np.cos(_RING), np.sin(_RING)], axis=1)])
LABEL_PIXELS = len(_DISC)


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
    """

    fit: HeadFit = field(default_factory=HeadFit)
    label_radius: float = 0.15
    unlabelled: int = 2000


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
        An earlier head to begin with; the optimum does not depend on it.
    """
    count, per_label, features = rows.shape
    fitted = replace(fit).fit(
        rows.reshape(-1, features),
        np.repeat(targets, per_label),
        np.full(count * per_label, 1 / per_label),
        unlabelled=unlabelled,
        pretrained=(pretrained.weights.ravel(), pretrained.bias),
        warm_start=None if warm_start is None else (warm_start.weights.ravel(), warm_start.bias),
    )
    return replace(
        pretrained,
        weights=fitted.weights_.reshape(pretrained.weights.shape),
        bias=fitted.bias_,
        particles=int(targets.sum()),
        others=int(count - targets.sum()),
    )
