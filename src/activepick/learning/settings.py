"""Settings of the training of a head."""

from dataclasses import dataclass, field
from typing import Literal

from activepick.learning.fit import HeadFit

__all__ = ["LearnerSettings"]


@dataclass(frozen=True)
class LearnerSettings:
    """Settings that determine how a head is trained.

    Attributes
    ----------
    fit
        The logistic regression.
    label_radius
        Radius of the disc around a label whose pixels share its weight, in particle radii.
    unlabelled
        Number of unlabelled pixels that are sampled from all labelled micrographs together.
    consistency, consistency_unlabelled
        Weights, in labels, of the terms that draw the predictions at labels and at sampled pixels
        to those of the mean model (`activepick.learning.strategies.mean_model`).
    consistency_loss
        The cross entropy of the predictions, or half the squared error of the scores (logits).
    stand_ins
        Whether unlabelled peaks stand in for the missing class while all labels are of one class
        (`activepick.learning.one_sided`).
    """

    fit: HeadFit = field(default_factory=HeadFit)
    label_radius: float = 0.15
    unlabelled: int = 2000
    consistency: float = 0.0
    consistency_unlabelled: float = 0.0
    consistency_loss: Literal["cross-entropy", "logits"] = "cross-entropy"
    stand_ins: bool = True
