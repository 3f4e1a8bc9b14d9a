"""How sure a head is of itself: the Laplace approximation, in closed form.

Around the optimum the loss is a parabola, so that weights and bias are distributed normally, with
the Hessian as the precision (MacKay, Neural Computation 4, 720, 1992):
``P = diag(l2, ..., l2, free) + sum_i v_i s_i (1 - s_i) x_i x_i' + 2 pi_weight g g'``, where x ends
in a 1 for the bias and g is the gradient of logit(p) of the pi term. Steps along the prior's
directions are weights of their own, as in the fit. The sums have far fewer terms than there are
weights, so all is done by the matrix inversion lemma.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit
from threadpoolctl import threadpool_limits

from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["Posterior", "laplace", "left_out_scores", "moderated"]

Floats = NDArray[np.float64]

# The bias is free: it only needs to be proper where there is no pi term.
_FREE = 1e-3
# No single label makes an answer more certain than this.
_LEVERAGE = 0.9


@dataclass(frozen=True, eq=False)
class Posterior:
    """Normal distribution of weights and bias around a head.

    Attributes
    ----------
    prior
        Diagonal of the prior precision, shape (D + 1,); the bias is last.
    root
        The rest of the precision is root' root, shape (k, D + 1).
    along
        Shape (d, D - d): of the D weights the last ones are steps along these directions.
    """

    prior: Floats
    root: Floats
    along: Floats
    _factor: tuple[Floats, bool] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        with threadpool_limits(1, user_api="blas"):
            inner = np.eye(len(self.root)) + (self.root / self.prior) @ self.root.T
            object.__setattr__(self, "_factor", cho_factor(inner))

    def variance(self, rows: ArrayLike) -> Floats:
        """Give the variance of the scores (n,) of features (n, D)."""
        x = _extended(np.asarray(rows, np.float64), self.along)
        with threadpool_limits(1, user_api="blas"):
            scaled = x / self.prior
            seen = self.root @ scaled.T
            known = (seen * cho_solve(self._factor, seen)).sum(axis=0)
        return np.asarray(np.maximum((x * scaled).sum(axis=1) - known, 0.0))


def laplace(head: Head, fit: HeadFit, rows: Floats, unlabelled: Floats) -> Posterior:
    """Give the posterior of a fitted head.

    Parameters
    ----------
    head
        The optimum.
    fit
        The regression that it was fitted with.
    rows
        Features of the labels, shape (n, pixels of a label, D), as `label_rows` gives them.
    unlabelled
        Features of the sample for the pi term, shape (u, D); may be empty.
    """
    weights = head.weights.ravel()
    labels, per_label, features = rows.shape
    flat = rows.reshape(-1, features)
    directions = None if head.directions is None else head.directions.reshape(-1, features)
    l2, along = fit.prior(features, directions, labels)
    x = _extended(flat, along)
    s = expit(flat @ weights + head.bias)
    parts = [np.sqrt(s * (1 - s) / per_label)[:, None] * x]
    pi_weight = fit.weight_of_pi(labels)
    if pi_weight and len(unlabelled):
        u = expit(unlabelled @ weights + head.bias)
        p = np.clip(u.mean(), 1e-15, 1 - 1e-15)
        gradient = (u * (1 - u)) @ _with_one(unlabelled) / (len(u) * p * (1 - p))
        gradient = _extended(gradient[None, :-1], along, gradient[-1])[0]
        parts.append(np.sqrt(2 * pi_weight) * gradient[None])
    prior = np.append(np.full(features + len(along), l2), _FREE)
    return Posterior(prior, np.concatenate(parts), along)


def moderated(score: Floats, variance: Floats) -> Floats:
    """Give the score whose sigmoid is the probability expected under a normal score.

    ``z / sqrt(1 + pi v / 8)`` (MacKay 1992, Eq. 10): a place that is unlike all labels is pulled
    towards "don't know".
    """
    return np.asarray(score / np.sqrt(1 + np.pi / 8 * variance))


def left_out_scores(head: Head, posterior: Posterior, rows: Floats, targets: Floats) -> Floats:
    """Give the score (n,) that each label would get from a head fitted without it.

    One Newton step away from the optimum (approximate leave-one-out; Rad and Maleki, J. R. Stat.
    Soc. B 82, 965, 2020): ``z + v (s - y) / (1 - v s (1 - s))`` with v the posterior variance.

    Parameters
    ----------
    head, posterior
        Fitted to all labels.
    rows
        Features of the labels, shape (n, pixels of a label, D).
    targets
        1 particle, 0 not, shape (n,).
    """
    centre = rows.mean(axis=1)
    z = centre @ head.weights.ravel() + head.bias
    s = expit(z)
    v = posterior.variance(centre)
    return np.asarray(z + v * (s - targets) / (1 - np.minimum(v * s * (1 - s), _LEVERAGE)))


def _with_one(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows))])


def _extended(rows: Floats, along: Floats, one: float = 1.0) -> Floats:
    return np.column_stack([rows, rows @ along.T, np.full(len(rows), one)])
