"""Choose members of a class as labels, after the user has answered what the class shows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

__all__ = ["LABELS_PER_CLASS", "label_weight", "spread_members"]

# Number of members that are labelled after the answer to a class, and their total weight in the
# training; a label that is given separately has weight 1 (benchmarks/class_answers.py).
LABELS_PER_CLASS, _ANSWER_WEIGHT = 20, 4.0


def label_weight(count: int) -> float:
    """Return the weight of each label, given the number of labels from one answer to a class."""
    return min(1.0, _ANSWER_WEIGHT / max(1, count))


def spread_members(
    micrograph: ArrayLike, xy: ArrayLike, probability: ArrayLike, count: int = LABELS_PER_CLASS
) -> NDArray[np.intp]:
    """Return the rows of members of a class that are spread over micrographs and positions.

    The micrographs take turns. On each micrograph, the most probable member is first, and then the
    member that is farthest from those that were chosen before.

    Parameters
    ----------
    micrograph
        Number of the micrograph of each member, (n,).
    xy
        Positions x, y in pixels, (n, 2).
    probability
        Probability that the member belongs to the class, (n,).
    count
        Largest number of members.

    Returns
    -------
    ndarray
        At most `count` rows.
    """
    groups, places = np.asarray(micrograph), np.asarray(xy, np.float64).reshape(-1, 2)
    likely = np.asarray(probability, np.float64)
    waiting = [
        _farthest_first(np.flatnonzero(groups == one), places, likely, count)
        for one in dict.fromkeys(groups[np.argsort(-likely, kind="stable")].tolist())
    ]
    turns = [own[turn] for turn in range(count) for own in waiting if turn < len(own)]
    return np.array(turns[:count], np.intp)


def _farthest_first(
    rows: NDArray[np.intp], xy: NDArray[np.float64], likely: NDArray[np.float64], count: int
) -> list[int]:
    order: list[int] = []
    next_one, distance = int(np.argmax(likely[rows])), np.full(len(rows), np.inf)
    while len(order) < min(count, len(rows)):
        order.append(next_one)
        distance = np.minimum(distance, cdist(xy[rows], xy[rows[next_one : next_one + 1]])[:, 0])
        distance[order] = -1.0  # not again, even if all others are at the same position
        next_one = int(np.argmax(distance))
    return [int(rows[place]) for place in order]
