"""The head: what is learnt, and all that is needed to use it again."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec

__all__ = ["Evidence", "Head", "pretrained_head", "scale_mixture"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a head learnt from, as features: enough to learn again, together with other heads.

    Attributes
    ----------
    rows
        Mean features of each label, shape (n, D).
    targets
        1 particle, 0 not, shape (n,).
    unlabelled
        Features of sampled pixels, shape (u, D).
    """

    rows: NDArray[np.float64]
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
        The score is the sum of weights times features, plus this.
    spec
        The features it was made for.
    diameter_angstrom
        Of the particles that it learnt from; used on other particles by giving theirs.
    inverted
        Whether the particles that it learnt from were bright.
    particles, others
        How many labels of either class it learnt from.
    notes
        Anything else that is worth remembering, as JSON.
    mean
        Weights and bias of the moving average over the refits, if there were any.
    evidence
        What it learnt from, when it was kept.
    directions
        Shape (k, number of scales, C): ways in which proteins differ, that labels may follow
        easily from here.
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
    evidence: Evidence | None = None
    directions: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or len(self.weights) != len(self.spec.working_radii):
            raise HeadError(
                f"A head for {len(self.spec.working_radii)} scales cannot have weights of shape "
                f"{self.weights.shape}."
            )

    def require(self, spec: FeatureSpec) -> None:
        """Make sure that features are those that this head was made for.

        Raises
        ------
        HeadError
            Naming all that differs.
        """
        mine, theirs = asdict(self.spec), asdict(spec)
        # The name of a network does not matter when its weights are the same, and tells a person
        # more than their hash when they are not.
        differences = [
            f"{shown} {mine[shown]} instead of {theirs[shown]}"
            for name, shown in ((name, "backbone" if name == "digest" else name) for name in mine)
            if mine[name] != theirs[name] and name != "backbone"
        ]
        if differences:
            raise HeadError(
                f"This head was made for other features: {', '.join(differences)}. "
                "Use it with its own settings, or train a new one."
            )


def pretrained_head(
    spec: FeatureSpec, weights: NDArray[np.float64], bias: float, radius: float
) -> Head:
    """Give the network's own classifier as a head on one of several scales.

    Parameters
    ----------
    spec
        The features; must contain the working radius.
    weights, bias
        The network's classifier, shape (C,) and a number.
    radius
        Working radius of the scale that gets the weights; the others get zeros.
    """
    scales = np.zeros((len(spec.working_radii), len(weights)))
    scales[spec.working_radii.index(radius)] = weights
    return Head(scales, bias, spec)


def scale_mixture(head: Head, weights: NDArray[np.float64]) -> Head:
    """Let labels move the network's own classifier between the scales at a low price.

    Parameters
    ----------
    head
        Before the first label.
    weights
        The network's classifier, shape (C,).
    """
    count = len(head.weights)
    return replace(head, directions=np.einsum("ij,c->ijc", np.eye(count), weights))
