"""Fit the weights of a head: penalised logistic regression."""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.learning.loss import HeadLoss, ScoreTargets
from activepick.learning.quasi_newton import minimise
from activepick.threads import one_thread

__all__ = ["HeadFit"]

Floats = NDArray[np.float64]

# Weight of the pi term per label, and its bounds (benchmarks/variants): the first labels contain
# more information about the number of particles than the expected share does, and a constant weight
# has no effect once there are a hundred labels.
_PI_FOR_LABEL, _PI_BOUNDS = 0.05, (1.0, 3.0)
# Below this number of labels, caution does not depend on the number.
_FIRST = 5

# Relative decrease of the loss that is expected from the last step of L-BFGS, and largest component
# of the gradient at the end of BFGS.
_TOLERANCE, _GTOL = 1e-8, 1e-6


@dataclass
class HeadFit:
    """Binary logistic regression with the estimator interface of scikit-learn.

    Parameters
    ----------
    l2
        Weight of the L2 term: the prior covariance of the weights is ``I / l2``.
    towards
        Mean of the prior of the weights: "pretrained" for the pretrained classifier, or "zero".
    start
        Initial value of a fit without a warm start: "pretrained" or "zero".
    pi, pi_weight
        Expected share of particle pixels, and the weight of the term of the loss that penalises
        the deviation from it. By default the weight grows with the number of labels.
    balanced
        Whether both classes get the same total weight.
    directions_l2
        L2 weight along the directions of the prior. The k directions V, shape (k, D), add
        ``V'V / (k directions_l2)`` to the prior covariance, which can only become wider. The term
        is a mean over the directions, so that the width does not grow with their number.
    caution
        Strength of the prior while there are few labels: each L2 weight is multiplied by
        ``1 + (caution / n)^2`` for n labels; fewer than five labels count as five.
    solver
        "lbfgs" or "bfgs". Both find the same optimum; the time of BFGS grows with the square of the
        number of features.

    Attributes
    ----------
    weights_
        Fitted weights, shape (D,).
    bias_
        Fitted bias.
    loss_
        Loss at the optimum.
    evaluations_
        Number of evaluations of the loss.
    """

    l2: float = 7.0
    towards: Literal["pretrained", "zero"] = "pretrained"
    start: Literal["pretrained", "zero"] = "pretrained"
    pi: float = 0.02
    pi_weight: float | None = None
    balanced: bool = False
    directions_l2: float = 5.0 / 15.0
    caution: float = 15.0
    solver: Literal["lbfgs", "bfgs"] = "lbfgs"
    weights_: Floats = field(init=False, repr=False, compare=False)
    bias_: float = field(init=False, repr=False, compare=False)
    loss_: float = field(init=False, repr=False, compare=False)
    evaluations_: int = field(init=False, repr=False, compare=False)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        labels: float | None = None,
        unlabelled: ArrayLike | None = None,
        pretrained: tuple[Floats, float] | None = None,
        warm_start: tuple[Floats, float] | None = None,
        directions: Floats | None = None,
        score_targets: ScoreTargets | None = None,
    ) -> Self:
        """Fit the model to labelled pixels.

        Parameters
        ----------
        x
            Features, shape (n, D).
        y
            Targets, shape (n,): 1 for particles, 0 for non-particles, or a probability in between.
        weights
            Weight of each pixel, shape (n,); by default 1.
        labels
            Number of labels, on which `caution` and the weight of the pi term depend. By default
            the sum of the weights.
        unlabelled
            Features of sampled pixels, shape (u, D), for the pi term.
        pretrained
            Weights (D,) and bias of the pretrained classifier; by default zeros.
        warm_start
            Weights (D,) and bias of an earlier fit, used as initial values.
        directions
            Directions of the prior, shape (k, D).
        score_targets
            Pixels with target scores; the squared deviation from them is penalised.

        Returns
        -------
        HeadFit
            The fitted estimator.
        """
        # The matrices are small: waiting for a second thread takes many times longer than it saves,
        # and the idle thread spins for so long that it slows down the following computation.
        with one_thread("blas"):
            loss = self.objective(
                x,
                y,
                weights,
                labels=labels,
                unlabelled=unlabelled,
                pretrained=pretrained,
                directions=directions,
                score_targets=score_targets,
            )
            initial = pretrained if self.start == "pretrained" else None
            begin = np.append(*(warm_start or initial or (np.zeros(len(loss.mean)), 0.0)))
            found = self._minimise(loss, begin)
        self.weights_, self.bias_ = found[:-1], float(found[-1])
        return self

    def objective(
        self,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        labels: float | None = None,
        unlabelled: ArrayLike | None = None,
        pretrained: tuple[Floats, float] | None = None,
        directions: Floats | None = None,
        score_targets: ScoreTargets | None = None,
    ) -> HeadLoss:
        """Return the loss that `fit` minimises; the parameters are those of `fit`."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        features = x.shape[1]
        v = self._weights(y, weights)
        labels = float(v.sum()) if labels is None else labels
        u = np.asarray(np.empty((0, features)) if unlabelled is None else unlabelled, np.float64)
        l2, along = self.prior(features, directions, labels)
        mean = np.zeros(features)
        if pretrained is not None and self.towards == "pretrained":
            mean[:] = pretrained[0]
        return HeadLoss(
            x=x,
            y=y,
            v=v,
            unlabelled=u,
            mean=mean,
            l2=l2,
            pi=self.pi,
            pi_weight=self.pi_weight_for(labels),
            along=along if len(along) else None,
            score_targets=score_targets,
        )

    def prior(
        self, features: int, directions: Floats | None, labels: float
    ) -> tuple[float, Floats]:
        """Return the L2 weight and the scaled directions of the prior.

        Parameters
        ----------
        features
            Number of features, D.
        directions
            Directions of the prior, shape (k, D).
        labels
            Number of labels.

        Returns
        -------
        l2 : float
            L2 weight, as in `HeadLoss`.
        along : array, shape (k, D)
            Scaled directions, as in `HeadLoss`; k = 0 without directions.
        """
        held = 1 + (self.caution / max(labels, _FIRST)) ** 2
        if directions is None or not len(directions):
            return held * self.l2, np.empty((0, features))
        scale = self.l2 / (self.directions_l2 * len(directions))
        return held * self.l2, np.sqrt(scale) * directions

    def pi_weight_for(self, labels: float) -> float:
        """Return the weight of the pi term for a number of labels."""
        if self.pi_weight is None:
            return float(np.clip(_PI_FOR_LABEL * labels, *_PI_BOUNDS))
        return self.pi_weight

    def _weights(self, y: Floats, weights: ArrayLike | None) -> Floats:
        v = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        if self.balanced:
            totals = np.array([v[y == 0].sum(), v[y == 1].sum()])
            if totals.all():
                factors = totals.sum() / 2 / totals
                v = v * np.select([y == 0, y == 1], factors, 1.0)
        return v

    def _minimise(self, loss: HeadLoss, begin: Floats) -> Floats:
        inverse = loss.inverse_curvature(begin)
        if self.solver == "bfgs":
            # Imported here, because the command line imports this module and would start more
            # slowly.
            from scipy.optimize import minimize

            matrix = np.stack([inverse(row) for row in np.eye(len(begin))])
            options = {"gtol": _GTOL, "hess_inv0": (matrix + matrix.T) / 2}
            result = minimize(loss, begin, jac=True, method="BFGS", options=options)
            self.loss_, self.evaluations_ = float(result.fun), int(result.nfev)
            return np.asarray(result.x, np.float64)
        found = minimise(loss, begin, inverse, _TOLERANCE)
        self.loss_, self.evaluations_ = found.lowest, found.evaluations
        return found.parameters
