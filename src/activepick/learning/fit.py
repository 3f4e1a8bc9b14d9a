"""Fit the weights of a head: penalised logistic regression."""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.learning.loss import HeadLoss, ScoreTargets
from activepick.threads import one_thread

__all__ = ["HeadFit", "Objective"]

Floats = NDArray[np.float64]

# Weight of the pi term for each label, and its bounds. The bounds were chosen by benchmarks/priors:
# the first labels say more about the number of particles than the expected share does, and a weight
# that does not grow with the labels has no effect among a hundred.
_PI_FOR_LABEL, _PI_BOUNDS = 0.05, (1.0, 3.0)
# Caution is the same for any number of labels below this.
_FIRST = 5

# The largest component of the gradient at the optimum, in parameters of unit curvature.
_GTOL = 1e-6
# Share of the mean curvature by which all curvatures are raised for the scale of the parameters;
# that of the bias can vanish.
_RIDGE = 1e-6

# Above this number of features the dense matrix of BFGS makes a refit slower than L-BFGS's.
_BFGS_FEATURES = 256


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss that is minimised, as a function of weights, steps along directions, and bias.

    The weights of the head are ``w + steps @ along``: a step along a direction of the prior is a
    parameter of its own, scaled so that one L2 weight holds for all parameters.

    Attributes
    ----------
    loss
        Loss of D weights, k steps and the bias.
    along
        Scaled directions, shape (k, D).
    """

    loss: HeadLoss
    along: Floats

    def parameters(self, weights: Floats, bias: float) -> Floats:
        """Write weights (D,) and bias as parameters (D + k + 1,), those of the least penalty."""
        away = weights - self.loss.mean[: len(weights)]
        steps = np.linalg.solve(np.eye(len(self.along)) + self.along @ self.along.T,
                                self.along @ away)  # fmt: skip
        return np.concatenate([weights - steps @ self.along, steps, [bias]])

    def weights(self, parameters: Floats) -> tuple[Floats, float]:
        """Return the weights (D,) and the bias that parameters (D + k + 1,) stand for."""
        features = self.along.shape[1]
        steps = parameters[features:-1]
        return parameters[:features] + steps @ self.along, float(parameters[-1])


@dataclass
class HeadFit:
    """Binary logistic regression on features, as an estimator in the manner of scikit-learn.

    Parameters
    ----------
    l2
        Weight of the L2 term: the prior covariance of the weights is ``I / l2``.
    towards
        Mean of the prior of the weights: the "pretrained" classifier or "zero".
    start
        Initial value of a fit without a warm start: "pretrained" or "zero".
    pi, pi_weight
        Expected share of particle pixels, and the weight of the term that draws the fit to it; by
        default a weight that grows with the number of labels.
    balanced
        Give both classes the same total weight.
    directions_l2
        L2 weight along the directions of the prior, if it has k directions D, shape (k, D): they
        add ``D'D / (k directions_l2)`` to the prior covariance, so that it is at least as wide as
        without them in every direction. The mean over the directions keeps it as wide as it is
        when there are more of them.
    caution
        Strength with which the prior holds against the first labels: with n labels, of which the
        first five count as five, each L2 term weighs ``1 + (caution / n)^2`` times as much.
    solver
        "bfgs", "lbfgs", or "auto": BFGS for up to 256 features. All reach the same optimum.

    Attributes
    ----------
    weights_
        Shape (D,).
    bias_
        A number.
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
    solver: Literal["auto", "bfgs", "lbfgs"] = "auto"
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
        """Fit to labelled pixels.

        Parameters
        ----------
        x
            Features, shape (n, D).
        y
            Targets, shape (n,): 1 particle, 0 not a particle, or a probability in between.
        weights
            Weight of each pixel, shape (n,); by default 1.
        labels
            Number of labels, which `caution` and the weight of the pi term depend on; by default
            the sum of the weights.
        unlabelled
            Features of sampled pixels, shape (u, D), for the pi term.
        pretrained
            Weights (D,) and bias of the pretrained classifier; zeros when not given.
        warm_start
            Weights (D,) and bias of an earlier fit to begin with.
        directions
            Directions of the prior, shape (k, D).
        score_targets
            Pixels whose scores are drawn to given ones.

        Returns
        -------
        HeadFit
            The estimator itself.
        """
        objective = self.objective(
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
        zero = (np.zeros(objective.along.shape[1]), 0.0)
        begin = objective.parameters(*(warm_start or initial or zero))
        # The matrices are small: waiting for a second thread costs many times what it saves.
        with one_thread("blas"):
            found = self._minimise(objective.loss, begin)
        self.weights_, self.bias_ = objective.weights(found)
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
    ) -> Objective:
        """Return the loss that `fit` minimises; parameters as there."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        features = x.shape[1]
        v = self._weights(y, weights)
        labels = float(v.sum()) if labels is None else labels
        u = np.asarray(np.empty((0, features)) if unlabelled is None else unlabelled, np.float64)
        l2, along = self.prior(features, directions, labels)
        mean = np.zeros(features + len(along))
        if pretrained is not None and self.towards == "pretrained":
            mean[:features] = pretrained[0]
        loss = HeadLoss(
            x=np.hstack([x, x @ along.T]),
            y=y,
            v=v,
            unlabelled=np.hstack([u, u @ along.T]),
            mean=mean,
            l2=l2,
            pi=self.pi,
            pi_weight=self.pi_weight_for(labels),
            score_targets=None if score_targets is None else _along(score_targets, along),
        )
        return Objective(loss, along)

    def prior(
        self, features: int, directions: Floats | None, labels: float
    ) -> tuple[float, Floats]:
        """Return the L2 weight of all parameters, and the scaled directions of the prior.

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
        along : array, shape (k, D)
            As in `Objective`; k = 0 without directions.
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
        # Imported here, as the command line needs the methods' names and would start more slowly.
        from scipy.linalg import cholesky, solve_triangular
        from scipy.optimize import minimize

        # In parameters in which the curvature at the start is the identity, a few steps lead to the
        # optimum; as the features are correlated, the plain ones take more than a hundred.
        hessian = loss.hessian(begin, gauss_newton=True, single=True)
        hessian[np.diag_indices(len(begin))] += _RIDGE * np.trace(hessian) / len(begin)
        lower = cholesky(hessian, lower=True, overwrite_a=True, check_finite=False)
        solve = partial(solve_triangular, lower, lower=True, check_finite=False)

        def scaled(steps: Floats) -> tuple[float, Floats]:
            value, gradient = loss(begin + solve(steps, trans="T"))
            return value, solve(gradient)

        solver = self.solver
        if solver == "auto":
            solver = "bfgs" if len(begin) - 1 <= _BFGS_FEATURES else "lbfgs"
        start = np.zeros(len(begin))
        if solver == "bfgs":
            result = minimize(scaled, start, jac=True, method="BFGS", options={"gtol": _GTOL})
        else:
            options = {"maxiter": 1000, "maxcor": 40, "ftol": 1e-10, "gtol": _GTOL}
            result = minimize(scaled, start, jac=True, method="L-BFGS-B", options=options)
        self.loss_, self.evaluations_ = float(result.fun), int(result.nfev)
        return np.asarray(begin + solve(result.x, trans="T"))


def _along(targets: ScoreTargets, along: Floats) -> ScoreTargets:
    """Append the features along the directions of the prior."""
    return targets._replace(x=np.hstack([targets.x, targets.x @ along.T]))
