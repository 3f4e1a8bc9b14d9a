"""Find the labels that the head, fitted to all other labels, contradicts most.

A wrong label biases the head that is fitted to it, so that the head contradicts it too little. Each
label is therefore compared with a head that is fitted without this label. Its score follows from
the posterior without a refit (`activepick.learning.posterior.left_out_scores`). Removing or
correcting labels that a model contradicts is known as confident learning (Northcutt, Jiang and
Chuang, J. Artif. Intell. Res. 70, 1373, 2021); here the user decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.learning.posterior import Posterior, left_out_scores
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import head_posterior, without_kinds
from activepick.learning.training_set import TrainingExamples

__all__ = ["DoubtfulLabel", "contradictions", "doubtful_labels"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label, with the strength of its contradiction by all other labels.

    Attributes
    ----------
    micrograph
        Key of the micrograph.
    x, y
        Position in original pixels.
    target
        1 for a particle, 0 for a non-particle.
    contradiction
        Probability of the other class under a head fitted without the label.
    """

    micrograph: str
    x: float
    y: float
    target: int
    contradiction: float


def contradictions(head: Head, posterior: Posterior, examples: TrainingExamples) -> Floats:
    """Compute for each label the probability of the other class under a head fitted without it.

    Parameters
    ----------
    head, posterior
        The head that is fitted to all labels, and its posterior.
    examples
        The training examples of the n labels.

    Returns
    -------
    array, shape (n,)
        Probabilities between 0 and 1.
    """
    scores = left_out_scores(head, posterior, examples.features, examples.targets, examples.weights)
    return head.calibration.probability(np.where(examples.targets > 0.5, -scores, scores))


def doubtful_labels(
    head: Head, pretrained: Head, settings: LearnerSettings, examples: TrainingExamples
) -> list[DoubtfulLabel]:
    """Return all labels, sorted by decreasing contradiction.

    The parameters are those of `activepick.learning.training.head_posterior`. Kinds of particles
    are not distinguished.
    """
    head = without_kinds(head, pretrained, settings, examples)
    posterior = head_posterior(head, pretrained, settings, examples)
    found = contradictions(head, posterior, examples)
    order = np.argsort(-found, kind="stable")
    places = (examples.labels[i] for i in order)
    return [
        DoubtfulLabel(key, x, y, int(examples.targets[i]), float(found[i]))
        for i, (key, x, y) in zip(order, places, strict=True)
    ]
