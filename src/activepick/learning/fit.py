"""Fit the weights of a head."""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from activepick.learning.loss import HeadLoss

__all__ = ["HeadFit"]

Floats = NDArray[np.float64]

# The pi term's weight for each label, and its bounds: the first labels should decide how many
# particles there are, and a weight that does not grow with them has no say among a hundred.
_PI_FOR_LABEL, _PI_BOUNDS = 0.05, (1.0, 3.0)
# Fewer labels than these make nobody more cautious.
_FIRST = 10

# Above this number of features the dense matrix of BFGS makes a refit slower than L-BFGS's.
_BFGS_FEATURES = 256


@dataclass
class HeadFit:
    """Binary logistic regression on features, as an estimator in the manner of scikit-learn.

    Parameters
    ----------
    l2
        Weight of the L2 term, where the prior has no directions.
    towards
        What the L2 term draws the weights to: the "pretrained" classifier or "zero".
    start
        Where a fit without a warm start begins: "pretrained" or "zero".
    pi, pi_weight
        Expected share of particle pixels, and the weight of the term that says so; None takes one
        that grows with the labels.
    balanced
        Give both classes the same total weight.
    directions_l2, besides_l2
        Weight of the L2 term along the prior's directions, if it has any, and in all other ways
        then.
    caution
        The first labels move the head less: with n of them, of which the first ten count as ten,
        each L2 term weighs ``1 + (caution / n)^2`` times as much.
    solver
        "bfgs", "lbfgs", or "auto": BFGS for up to 256 features. All reach the same optimum.

    Attributes
    ----------
    weights_
        Shape (D,).
    bias_
        A number.
    loss_
        Value at the optimum.
    evaluations_
        Number of evaluations of the loss.
    """

    l2: float = 7.0
    towards: Literal["pretrained", "zero"] = "pretrained"
    start: Literal["pretrained", "zero"] = "pretrained"
    pi: float = 0.02
    pi_weight: float | None = None
    balanced: bool = False
    directions_l2: float = 5.0
    besides_l2: float = 20.0
    caution: float = 15.0
    solver: Literal["auto", "bfgs", "lbfgs"] = "auto"
    weights_: Floats = field(init=False, repr=False)
    bias_: float = field(init=False, repr=False)
    loss_: float = field(init=False, repr=False)
    evaluations_: int = field(init=False, repr=False)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        unlabelled: ArrayLike | None = None,
        pretrained: tuple[Floats, float] | None = None,
        warm_start: tuple[Floats, float] | None = None,
        directions: Floats | None = None,
    ) -> Self:
        """Fit to labelled pixels.

        Parameters
        ----------
        x
            Features, shape (n, D).
        y
            1 particle, 0 not a particle, shape (n,). A number in between is how likely it is one.
        weights
            Weight of each pixel, shape (n,); by default 1.
        unlabelled
            Features of sampled pixels, shape (u, D), for the pi term.
        pretrained
            Weights (D,) and bias of the classifier that the fit starts from or is drawn to; zeros
            when not given.
        warm_start
            Weights and bias of an earlier fit to begin with.
        directions
            Shape (k, D): what the weights may follow at a price of its own. The prior's covariance
            is then ``1 / besides_l2 + directions' directions / directions_l2``.

        Returns
        -------
        HeadFit
            Itself.
        """
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        zero = (np.zeros(x.shape[1]), 0.0)
        pretrained = pretrained or zero
        mean = (pretrained if self.towards == "pretrained" else zero)[0]
        u = np.asarray(np.empty((0, x.shape[1])) if unlabelled is None else unlabelled, np.float64)
        begin = np.append(*(warm_start or (pretrained if self.start == "pretrained" else zero)))
        v = self._weights(y, weights)
        l2, along = self.prior(x.shape[1], directions, float(v.sum()))
        loss = HeadLoss(
            x=np.hstack([x, x @ along.T]),
            y=y,
            v=v,
            unlabelled=np.hstack([u, u @ along.T]),
            mean=np.append(mean, np.zeros(len(along))),
            l2=l2,
            pi=self.pi,
            pi_weight=self.weight_of_pi(float(v.sum())),
        )
        # Of all ways to write where it begins with such steps the one of the least penalty, where
        # an earlier fit ended.
        steps = np.linalg.solve(np.eye(len(along)) + along @ along.T, along @ (begin[:-1] - mean))
        begin = np.concatenate([begin[:-1] - steps @ along, steps, begin[-1:]])
        # The matrices are small: waiting for a second thread costs many times what it saves.
        with threadpool_limits(1, user_api="blas"):
            self._minimise(loss, begin)
        self.weights_ = self.weights_[: x.shape[1]] + self.weights_[x.shape[1] :] @ along
        return self

    def prior(
        self, features: int, directions: Floats | None, labels: float
    ) -> tuple[float, Floats]:
        """Give the L2 weight of all parameters, and the steps (k, D) that are parameters too.

        Steps along a direction are parameters of their own, scaled so that one penalty does.
        """
        held = 1 + (self.caution / max(labels, _FIRST)) ** 2
        if directions is None:
            return held * self.l2, np.empty((0, features))
        return held * self.besides_l2, np.sqrt(self.besides_l2 / self.directions_l2) * directions

    def weight_of_pi(self, labels: float) -> float:
        """Give the weight of the pi term when there are so many labels."""
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

    def _minimise(self, loss: HeadLoss, begin: Floats) -> None:
        solver = self.solver
        if solver == "auto":
            solver = "bfgs" if len(begin) - 1 <= _BFGS_FEATURES else "lbfgs"
        if solver == "bfgs":
            result = minimize(loss, begin, jac=True, method="BFGS", options={"gtol": 1e-6})
        else:
            options = {"maxiter": 1000, "maxcor": 40, "ftol": 1e-10, "gtol": 1e-6}
            result = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options)
        self.weights_, self.bias_ = result.x[:-1], float(result.x[-1])
        self.loss_, self.evaluations_ = float(result.fun), int(result.nfev)
