"""Scores of several kinds of particles at the same positions.

The functions compute log-odds and entropy from the scores z of multinomial logistic regression. The
score of "not a particle" is 0.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["any_kind", "best_kind", "kind_entropy", "kind_log_odds"]

Floats = NDArray[np.floating]


def any_kind(z: Floats) -> Floats:
    """Compute the log-odds of a particle of any kind, ``log sum_k exp(z_k)``.

    Parameters
    ----------
    z
        Scores, shape (K, ...).

    Returns
    -------
    array, shape (...)
        Log-odds, in the precision of `z`.
    """
    highest = z.max(axis=0)
    if len(z) == 1:
        return np.asarray(highest)
    # In place: on a whole map, memory for intermediate results takes longer than the computation.
    total, part = np.zeros_like(highest), np.empty_like(highest)
    for own in z:
        np.subtract(own, highest, out=part)
        total += np.exp(part, out=part)
    np.log(total, out=total)
    total += highest
    return np.asarray(total)


def kind_log_odds(z: Floats, index: int) -> Floats:
    """Compute the log-odds of one kind against the other kinds and "not a particle".

    Parameters
    ----------
    z
        Scores, shape (K, ...).
    index
        Index of the kind.

    Returns
    -------
    array, shape (...)
        Log-odds, in the precision of `z`.
    """
    own, others = z[index], np.delete(z, index, axis=0)
    if not len(others):
        return np.asarray(own)
    return np.asarray(own - np.logaddexp(0, any_kind(others)), z.dtype)


def best_kind(z: Floats) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the most likely kind, and its log-odds against everything else.

    Parameters
    ----------
    z
        Scores, shape (K, n).

    Returns
    -------
    index : array of int, shape (n,)
        Index of the kind; of equally likely kinds, the first.
    log_odds : array, shape (n,)
        Log-odds of the kind.
    """
    z = np.asarray(z, np.float64)
    index = z.argmax(axis=0)
    best = z.max(axis=0)
    if len(z) == 1:
        return index, best
    others = np.where(np.arange(len(z))[:, None] == index, -np.inf, z)
    against = np.logaddexp(0.0, any_kind(others))
    return index, best - against


def kind_entropy(z: Floats) -> NDArray[np.float64]:
    """Compute the entropy, in nats, over the kinds and "not a particle".

    Parameters
    ----------
    z
        Scores, shape (K, ...).

    Returns
    -------
    array, shape (...)
        Entropies between 0 and log(K + 1).
    """
    z = np.asarray(z, np.float64)
    whole = np.logaddexp(0.0, any_kind(z))
    logs = np.concatenate([z - whole, -whole[None]])
    return np.asarray(-(np.exp(logs) * logs).sum(axis=0))
