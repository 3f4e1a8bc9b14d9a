"""The head: the linear classifier that is trained, with all data that are needed to apply it."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.calibration import Calibration
from activepick.learning.simulated_calibration import calibration_after
from activepick.scoremap import ScoreMap

if TYPE_CHECKING:  # which needs PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["Head", "TrainingData", "pretrained_head", "scale_mixture"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Record of the examples that a head was fitted to, kept with it so that it can be refitted.

    Attributes
    ----------
    features
        Mean features of each label, shape (n, D).
    targets
        1 particle, 0 not a particle, shape (n,).
    unlabelled
        Features of sampled pixels, shape (u, D).
    """

    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    unlabelled: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Head:
    """A linear classifier on the features of one or more scales.

    Attributes
    ----------
    weights
        float64, shape (number of scales, C).
    bias
        The sum of weights times features, plus the bias, is the linear score.
    spec
        The features that it was made for.
    diameter_angstrom
        Diameter of the particles that it was trained on; it is used on other particles with their
        diameter.
    inverted
        Whether the particles that it was trained on were bright.
    particles, others
        Number of labels of either class that it was trained on.
    notes
        Further facts, as JSON.
    mean
        Weights and bias of the moving average over the refits, if there were any.
    training_data
        The examples that it was trained on, where they were kept.
    directions
        Shape (k, number of scales, C): differences between heads of proteins, along which the prior
        of the weights is wide.
    calibration
        From linear scores to scores, the logits of probabilities; see
        `activepick.learning.calibration`.
    """

    weights: NDArray[np.float64]
    bias: float
    spec: FeatureSpec
    diameter_angstrom: float | None = None
    inverted: bool = False
    particles: int = 0
    others: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    mean: tuple[NDArray[np.float64], float] | None = None
    training_data: TrainingData | None = None
    directions: NDArray[np.float64] | None = None
    calibration: Calibration = field(default_factory=Calibration)

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or len(self.weights) != len(self.spec.working_radii):
            raise HeadError(
                f"A head for {len(self.spec.working_radii)} scales cannot have weights of shape "
                f"{self.weights.shape}."
            )

    def score_map(self, features: "MicrographFeatures") -> ScoreMap:
        """Compute the score at every position: the logit of the calibrated probability.

        Parameters
        ----------
        features
            Features of a micrograph at the scales of this head.
        """
        return self.calibration.score_map(features.score_map(self.weights, self.bias))

    def require(self, spec: FeatureSpec) -> None:
        """Check that features are those on which this head was trained.

        Raises
        ------
        HeadError
            If they are not; all differences are named.
        """
        mine, theirs = asdict(self.spec), asdict(spec)
        # Networks are compared by the hash of their weights, and named in the message.
        differences = [
            f"{shown} {mine[shown]} instead of {theirs[shown]}"
            for name, shown in ((name, "backbone" if name == "digest" else name) for name in mine)
            if mine[name] != theirs[name] and name != "backbone"
        ]
        if differences:
            raise HeadError(
                f"This head was trained on other features: {', '.join(differences)}. "
                "Use it with its own settings, or train a new one."
            )


def pretrained_head(
    spec: FeatureSpec, weights: NDArray[np.float64], bias: float, radius: float
) -> Head:
    """Return the classifier of a network as a head on one of several scales.

    Its calibration is that of simulated proteins.

    Parameters
    ----------
    spec
        The features; must contain the working radius.
    weights, bias
        The classifier of the network, shape (C,) and a number.
    radius
        Working radius of the scale that gets the weights; the others get zeros.
    """
    scales = np.zeros((len(spec.working_radii), len(weights)))
    scales[spec.working_radii.index(radius)] = weights
    return Head(scales, bias, spec, calibration=calibration_after(0, spec))


def scale_mixture(head: Head, weights: NDArray[np.float64]) -> Head:
    """Return a head whose prior is wide along the classifier of the network on each scale.

    Parameters
    ----------
    head
        The head before the first label.
    weights
        The classifier of the network, shape (C,).
    """
    count = len(head.weights)
    return replace(head, directions=np.einsum("ij,c->ijc", np.eye(count), weights))
