"""Find the labels that all other labels contradict most.

A wrong label biases the head that is fitted to it, so that the head contradicts it too little. Each
label is therefore compared with predictions without this label, of two models, whose weighted mean
finds more of the wrong labels than either of them (`benchmarks/wrong_answers.py`):

- the head, whose score without the label follows from the posterior without a refit
  (`activepick.learning.posterior.left_out_scores`), and
- a Gaussian process on standardised features (`activepick.learning.gaussian_process`), which
  compares labels with each other and, unlike the head, has no pretrained classifier as its prior.

Removing or correcting labels that a model contradicts is known as confident learning (Northcutt,
Jiang and Chuang, J. Artif. Intell. Res. 70, 1373, 2021); here the user decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activepick.learning.gaussian_process import left_out_probabilities
from activepick.learning.head import Head
from activepick.learning.posterior import Posterior, left_out_scores
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import head_posterior, without_kinds
from activepick.learning.training_set import TrainingExamples

__all__ = ["DoubtfulLabel", "contradictions", "doubtful_labels", "left_out_predictions"]

Floats = NDArray[np.float64]

# Weights of the predictions of the head and of the Gaussian process.
_WEIGHTS = (1 / 3, 2 / 3)


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
        Probability of the other class according to all other labels.
    """

    micrograph: str
    x: float
    y: float
    target: int
    contradiction: float


def left_out_predictions(head: Head, posterior: Posterior, examples: TrainingExamples) -> Floats:
    """Compute for each label the probability of a particle according to all other labels.

    Parameters
    ----------
    head, posterior
        The head that is fitted to all labels, and its posterior.
    examples
        The training examples of the n labels.

    Returns
    -------
    array, shape (n, 2)
        Probabilities of the head and of the Gaussian process.
    """
    targets, weights = examples.targets, examples.weights
    scores = left_out_scores(head, posterior, examples.features, targets, weights)
    by_labels = left_out_probabilities(_standardised(examples), targets, weights)
    return np.stack([head.calibration.probability(scores), by_labels], axis=1)


def contradictions(head: Head, posterior: Posterior, examples: TrainingExamples) -> Floats:
    """Compute for each label the probability of the other class according to all other labels.

    It is the weighted mean of both predictions; the parameters are those of `left_out_predictions`.

    Returns
    -------
    array, shape (n,)
        Probabilities between 0 and 1.
    """
    particle = left_out_predictions(head, posterior, examples) @ np.array(_WEIGHTS)
    return np.asarray(np.where(examples.targets > 0.5, 1 - particle, particle))


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


def _standardised(examples: TrainingExamples) -> Floats:
    """Return the features of the labels, shape (n, D), divided by their standard deviations.

    The deviations are those of the sampled pixels if there are any, otherwise those of the labels.
    """
    centres = examples.features.mean(axis=1)
    pixels = examples.unlabelled if len(examples.unlabelled) else centres
    deviation = pixels.std(axis=0)
    return np.asarray(centres / np.where(deviation > 0, deviation, 1.0))
