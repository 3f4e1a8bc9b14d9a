"""Score picks of other programs, and remove those that are not particles.

PickerOptimizer (Li et al., J. Comput. Biol. 30, 2023) trains a network for this purpose from a few
labels for each class; this module trains a head.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from activepick.learning.training_set import label_features

if TYPE_CHECKING:  # loads PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["accuracy_and_macro_f1", "adapt_to_shares", "particle_scores", "pick_rows"]

Floats = NDArray[np.float64]

# Centres of other programs are less accurate: features are averaged over the disc of a label.
_DISC_RADIUS = 0.15
# The shares of classes converge within a few steps, and never become 0.
_STEPS = 50
_SMALLEST_SHARE = 0.02
# Logits are clipped, so that files contain finite numbers.
_SURE = 1e-12


def pick_rows(features: "MicrographFeatures", xy: ArrayLike) -> Floats:
    """Return the mean features over the disc of each pick, shape (n, D).

    Parameters
    ----------
    features
        Features of the micrograph.
    xy
        Positions (n, 2) in original pixels.
    """
    return np.asarray(label_features(features, xy, _DISC_RADIUS).mean(axis=1))


def adapt_to_shares(probabilities: Floats) -> Floats:
    """Correct probabilities for the shares of the classes among the picks.

    A head that is trained with equally many labels of each class assumes that all classes are
    equally frequent. Their true shares are estimated from the picks by expectation maximisation
    (Saerens, Latinne and Decaestecker, Neural Computation 14, 21, 2002).

    Parameters
    ----------
    probabilities
        Probability of each class for all picks, shape (n, K), for equal shares.

    Returns
    -------
    array, shape (n, K)
    Corrected probabilities.
    """
    adapted = probabilities
    for _ in range(_STEPS):
        share = np.maximum(adapted.mean(axis=0), _SMALLEST_SHARE)
        adapted = probabilities * share
        adapted = adapted / adapted.sum(axis=1, keepdims=True)
    return adapted


def particle_scores(probabilities: Floats) -> Floats:
    """Return the logit of the first class, "particle", against all others (n,)."""
    return np.asarray(logit(np.clip(probabilities[:, 0], _SURE, 1 - _SURE)))


def accuracy_and_macro_f1(scores: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Compute accuracy and macro F1 at a probability of 0.5, as in PickerOptimizer's tables.

    Parameters
    ----------
    scores
        Logits (n,).
    right
        Which picks are particles, (n,).

    Returns
    -------
    accuracy, macro_f1
        Share of correct decisions; mean of the F1 of "particle" and the F1 of "not a particle".
    """
    kept = expit(scores) >= 0.5
    both = []
    for wanted, chosen in ((right, kept), (~right, ~kept)):
        total = wanted.sum() + chosen.sum()
        both.append(2 * (wanted & chosen).sum() / total if total else 1.0)
    return float((kept == right).mean()), float(np.mean(both))
