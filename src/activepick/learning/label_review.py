"""Find the labels that the head and all other labels contradict most.

A wrong answer pulls the head towards itself, so that its score under the head that it was learnt
from looks better than it is. Each label is therefore judged by a head fitted without it, which
follows from the posterior without a refit (`activepick.learning.posterior.left_out_scores`).
Removing or relearning the labels that a model contradicts is the approach of confident learning
(Northcutt, Jiang and Chuang, J. Artif. Intell. Res. 70, 1373, 2021); here a person decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.learning.posterior import Posterior, left_out_scores
from activepick.learning.training_set import TrainingExamples

__all__ = ["DoubtfulLabel", "contradictions", "doubtful_labels"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label, and how much all others contradict it.

    Attributes
    ----------
    micrograph
        Key of the micrograph.
    x, y
        Position in original pixels.
    target
        1 particle, 0 not a particle.
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
        Fitted to all labels.
    examples
        The labels, n of them.

    Returns
    -------
    array, shape (n,)
    """
    scores = left_out_scores(head, posterior, examples.features, examples.targets)
    return head.calibration.probability(np.where(examples.targets > 0.5, -scores, scores))


def doubtful_labels(
    head: Head, posterior: Posterior, examples: TrainingExamples
) -> list[DoubtfulLabel]:
    """Return all labels, the most contradicted first; parameters as in `contradictions`."""
    found = contradictions(head, posterior, examples)
    order = np.argsort(-found, kind="stable")
    places = (examples.labels[i] for i in order)
    return [
        DoubtfulLabel(key, x, y, int(examples.targets[i]), float(found[i]))
        for i, (key, x, y) in zip(order, places, strict=True)
    ]
