"""Settings of the training of a head."""

from dataclasses import dataclass, field
from typing import Literal

from activepick.learning.fit import HeadFit

__all__ = ["LearnerSettings"]


@dataclass(frozen=True)
class LearnerSettings:
    """Settings of the training of a head.

    Attributes
    ----------
    fit
        The logistic regression.
    label_radius
        Radius, in particle radii, of the disc around a label over whose pixels the weight of the
        label is distributed.
    unlabelled
        Total number of unlabelled pixels that are sampled from the labelled micrographs.
    consistency, consistency_unlabelled
        Weights, in labels, of the terms that penalise deviations from the predictions of the mean
        model (`activepick.learning.strategies.mean_model`), at labels and at sampled pixels.
    consistency_loss
        "cross-entropy" of the predictions, or "logits" for half the squared error of the scores.
    stand_ins
        Whether unlabelled peaks are used as substitutes for the missing class while all labels are
        of one class (`activepick.learning.one_sided`).
    """

    fit: HeadFit = field(default_factory=HeadFit)
    label_radius: float = 0.15
    unlabelled: int = 2000
    consistency: float = 0.0
    consistency_unlabelled: float = 0.0
    consistency_loss: Literal["cross-entropy", "logits"] = "cross-entropy"
    stand_ins: bool = True
