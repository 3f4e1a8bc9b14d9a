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
        Expected share of particle pixels, and the weight of the term that says so.
    balanced
        Give both classes the same total weight.
    directions_l2, besides_l2
        Weight of the L2 term along the prior's directions, if it has any, and in all other ways
        then.
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
    pi_weight: float = 2.0
    balanced: bool = False
    directions_l2: float = 5.0
    besides_l2: float = 20.0
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
        l2, along = self.prior(x.shape[1], directions)
        loss = HeadLoss(
            x=np.hstack([x, x @ along.T]),
            y=y,
            v=self._weights(y, weights),
            unlabelled=np.hstack([u, u @ along.T]),
            mean=np.append(mean, np.zeros(len(along))),
            l2=l2,
            pi=self.pi,
            pi_weight=self.pi_weight,
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

    def prior(self, features: int, directions: Floats | None) -> tuple[float, Floats]:
        """Give the L2 weight of all parameters, and the steps (k, D) that are parameters too.

        Steps along a direction are parameters of their own, scaled so that one penalty does.
        """
        if directions is None:
            return self.l2, np.empty((0, features))
        return self.besides_l2, np.sqrt(self.besides_l2 / self.directions_l2) * directions

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
            options = {"maxiter": 1000, "maxcor": 40, "ftol": 1e-8, "gtol": 1e-6}
            result = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options)
        self.weights_, self.bias_ = result.x[:-1], float(result.x[-1])
        self.loss_, self.evaluations_ = float(result.fun), int(result.nfev)
