"""The head: a trained linear classifier, with the data that are needed to apply it."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.calibration import Calibration
from activepick.learning.kinds import KindWeights
from activepick.learning.simulated_calibration import calibration_after
from activepick.scoremap import ScoreMap, merge_kinds
from activepick.scoremap.kinds import any_kind

if TYPE_CHECKING:  # the module needs PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["Head", "TrainingData", "pretrained_head", "scale_mixture"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Training examples that are stored with a head, so that it can be refitted.

    Attributes
    ----------
    features
        Mean features of each label, shape (n, D).
    targets
        1 for particles, 0 for non-particles, shape (n,).
    unlabelled
        Features of sampled pixels, shape (u, D).
    weights
        Weight of each label, from above 0 to 1, shape (n,).
    """

    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    unlabelled: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Head:
    """A linear classifier on the features of one or more scales.

    Attributes
    ----------
    weights
        Weights of the features, float64, shape (number of scales, C).
    bias
        Bias. The linear score is the sum of weights times features, plus the bias.
    spec
        The features on which it was trained.
    diameter_angstrom
        Diameter in Å of the particles on which it was trained; None if unknown. Other particles are
        picked with their own diameter.
    inverted
        Whether the particles on which it was trained were bright.
    particles, others
        Numbers of labels of particles and of non-particles on which it was trained.
    notes
        Additional metadata, which can be written as JSON.
    mean
        Weights and bias of the moving average over the refits; None before the first refit.
    training_data
        The training examples; None if they were not stored.
    directions
        Differences between heads of proteins, along which the prior of the weights is wide; shape
        (k, number of scales, C).
    calibration
        Conversion of linear scores to scores, which are logits of calibrated probabilities; see
        `activepick.learning.calibration`.
    kinds
        Weights of each kind of particle; `weights` are their mean. None for a head without kinds.
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
    kinds: KindWeights | None = None

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or len(self.weights) != len(self.spec.working_radii):
            raise HeadError(
                f"A head for {len(self.spec.working_radii)} scales cannot have weights of shape "
                f"{self.weights.shape}."
            )
        if self.kinds is not None and self.kinds.weights.shape[1:] != self.weights.shape:
            raise HeadError(
                f"A head with weights of shape {self.weights.shape} cannot have kinds of particles "
                f"with weights of shape {self.kinds.weights.shape[1:]}."
            )

    @property
    def used_scales(self) -> list[int]:
        """Indices of the scales with weights other than zero; the others need no features."""
        weights = self.weights[None] if self.kinds is None else self.kinds.weights
        return np.flatnonzero(weights.any(axis=(0, 2))).tolist()

    @property
    def used_radii(self) -> list[float]:
        """Working radii of the scales with weights other than zero."""
        return [self.spec.working_radii[i] for i in self.used_scales]

    def linear_scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the linear scores, shape (n,), for features of shape (n, D).

        With kinds of particles, they are the log-odds of a particle of any kind.
        """
        if self.kinds is not None:
            return np.asarray(any_kind(self.kinds.linear_scores(features).T))
        return np.asarray(features @ self.weights.ravel() + self.bias)

    def linear_map(self, features: "MicrographFeatures") -> ScoreMap:
        """Compute the map of linear scores of a micrograph; the arguments are as in `score_map`."""
        if self.kinds is None:
            return features.score_map(self.weights, self.bias)
        pairs = zip(self.kinds.weights, self.kinds.bias.tolist(), strict=True)
        return merge_kinds([features.score_map(*pair) for pair in pairs], self.kinds.numbers)

    def score_map(self, features: "MicrographFeatures") -> ScoreMap:
        """Compute the score map: the logit of the calibrated probability at each position.

        Parameters
        ----------
        features
            Features of a micrograph at the scales of this head.

        Returns
        -------
        ScoreMap
        """
        return self.calibration.score_map(self.linear_map(features))

    def require(self, spec: FeatureSpec) -> None:
        """Check that this head was trained on the given features.

        Raises
        ------
        HeadError
            If it was not; the message names all differences.
        """
        mine, theirs = asdict(self.spec), asdict(spec)
        # Networks are compared by the hash of their weights; the message shows their names.
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

    The calibration is the one from simulated proteins.

    Parameters
    ----------
    spec
        The features; their working radii must contain `radius`.
    weights, bias
        Weights, shape (C,), and bias of the classifier of the network.
    radius
        Working radius, in working pixels, of the scale that gets the weights; the weights of the
        other scales are zero.
    """
    scales = np.zeros((len(spec.working_radii), len(weights)))
    scales[spec.working_radii.index(radius)] = weights
    return Head(scales, bias, spec, calibration=calibration_after(0, spec))


def scale_mixture(head: Head, weights: NDArray[np.float64]) -> Head:
    """Return a head with a prior that is wide along the network classifier on each scale.

    Parameters
    ----------
    head
        The head before the first label.
    weights
        Weights of the classifier of the network, shape (C,).
    """
    count = len(head.weights)
    return replace(head, directions=np.einsum("ij,c->ijc", np.eye(count), weights))
