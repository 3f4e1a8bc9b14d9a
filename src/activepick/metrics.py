"""How good picks are: matching with the truth, precision and recall, AP, AP90, F1."""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.special import expit, logit

from activepick.errors import SettingsError, TableError
from activepick.formats.names import match_names

__all__ = [
    "Curve",
    "Evaluation",
    "ap90",
    "average_precision",
    "best_f1",
    "evaluate",
    "f1_at",
    "match",
    "precision_recall",
]

Floats = npt.NDArray[np.float64]


class Curve(NamedTuple):
    """Precision and recall when all picks down to each distinct score are taken, highest first."""

    precision: Floats
    recall: Floats
    thresholds: Floats


@dataclass(frozen=True)
class Evaluation:
    """Picks against truth over all annotated micrographs; see `evaluate`.

    `precision`, `recall` and `f1` are at the probability `threshold`; `best_f1` is the highest F1
    of the curve, reached at the probability `best_threshold`. `not_annotated` names micrographs
    that have picks only, which were left out, and `not_picked` those that have truth only, whose
    particles count as missed.
    """

    ap: float
    ap90: float
    precision: float
    recall: float
    f1: float
    threshold: float
    best_f1: float
    best_threshold: float
    n_picks: int
    n_truth: int
    n_hits: int
    n_micrographs: int
    radius_px: float
    not_annotated: tuple[str, ...]
    not_picked: tuple[str, ...]


def match(picks_xy: npt.ArrayLike, truth_xy: npt.ArrayLike, radius: float) -> npt.NDArray[np.bool_]:
    """Find the picks that are true particles, one to one.

    The assignment minimises the sum of ``min(d² - radius², 0)``, whatever the scores are, and a
    pick is a hit when it is closer than `radius` to its particle: the same as
    ``topaz.algorithms.match_coordinates``, but solved for each group of picks and particles that
    are within reach of each other instead of for one dense matrix. Where several assignments are
    equally good, other picks than Topaz's may be chosen, of the same total cost.

    Parameters
    ----------
    picks_xy, truth_xy
        ``(n, 2)`` and ``(m, 2)``, in the same pixels.
    radius
        Matching radius in pixels, exclusive; usually the particle radius.

    Returns
    -------
    ndarray of bool, (n,)
    """
    picks = np.asarray(picks_xy, dtype=np.float64).reshape(-1, 2)
    truth = np.asarray(truth_xy, dtype=np.float64).reshape(-1, 2)
    hits = np.zeros(len(picks), dtype=bool)
    if not (len(picks) and len(truth) and radius > 0):
        return hits
    near = cKDTree(picks).sparse_distance_matrix(
        cKDTree(truth), radius * (1 + 1e-9), output_type="ndarray"
    )
    pick, target = near["i"], near["j"]
    cost = ((picks[pick] - truth[target]) ** 2).sum(axis=1) - radius * radius
    pick, target, cost = pick[cost < 0], target[cost < 0], cost[cost < 0]
    nodes = len(picks) + len(truth)
    edges = coo_array((np.ones(len(pick)), (pick, target + len(picks))), shape=(nodes, nodes))
    _, component = connected_components(edges, directed=False)
    order = np.argsort(component[pick], kind="stable")
    pick, target, cost = pick[order], target[order], cost[order]
    starts = np.flatnonzero(np.diff(component[pick], prepend=-1))
    for members in np.split(np.arange(len(pick)), starts[1:]):
        if len(members) == 1:
            hits[pick[members]] = True
            continue
        rows, row = np.unique(pick[members], return_inverse=True)
        columns, column = np.unique(target[members], return_inverse=True)
        dense = np.zeros((len(rows), len(columns)))
        dense[row, column] = cost[members]
        chosen = linear_sum_assignment(dense)
        hits[rows[chosen[0][dense[chosen] < 0]]] = True
    return hits


def precision_recall(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int) -> Curve:
    """Give the precision-recall curve over all picks.

    Picks with equal scores enter together, as in ``topaz.metrics.precision_recall_curve``, but in
    float64 throughout.

    Parameters
    ----------
    scores, hits
        ``(n,)``: score of each pick and whether it is a true particle.
    n_truth
        Number of true particles, found or not; at least 1.

    Raises
    ------
    ValueError
        When there is no true particle, a score is NaN, or the lengths differ.
    """
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    found = np.asarray(hits, dtype=bool).reshape(-1)
    if n_truth < 1:
        raise ValueError("recall has no meaning without a true particle")
    if len(values) != len(found) or np.isnan(values).any():
        raise ValueError("every pick needs a score that is a number, and a hit or a miss")
    order = np.argsort(-values, kind="stable")
    values, found = values[order], found[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True)[: len(values)])
    true_positives = np.cumsum(found)[last]
    return Curve(true_positives / (last + 1), true_positives / n_truth, values[last])


def average_precision(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int) -> float:
    """Give AP: precision times the step in recall, summed over the ranked picks.

    Particles that were never found keep it below 1; no picks at all give 0. Arguments and errors
    as in `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    return float((curve.precision * np.diff(curve.recall, prepend=0.0)).sum())


def ap90(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int, recall: float = 0.9) -> float:
    """Give the precision where the recall first reaches 0.9, and 0 if it never does.

    Arguments and errors as in `precision_recall`; `recall` is another recall to look at.
    """
    curve = precision_recall(scores, hits, n_truth)
    reached = np.flatnonzero(curve.recall >= recall - 1e-12)
    return float(curve.precision[reached[0]]) if len(reached) else 0.0


def best_f1(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int) -> tuple[float, float]:
    """Give the highest F1 of the curve and the score at which it is reached.

    Of equal ones the highest score. Without picks 0 and inf. Arguments and errors as in
    `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    if not len(curve.recall):
        return 0.0, float("inf")
    f1 = _f1(curve.precision, curve.recall)
    return float(f1.max()), float(curve.thresholds[f1.argmax()])


def f1_at(
    scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int, score: float
) -> tuple[float, float, float]:
    """Give precision, recall and F1 of the picks with at least this score.

    The hits are those of all picks together, so that the point lies on the curve. Precision is 0
    where nothing is picked. Arguments and errors as in `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    taken = int((curve.thresholds >= score).sum())
    if not taken:
        return 0.0, 0.0, 0.0
    precision, recall = curve.precision[taken - 1], curve.recall[taken - 1]
    return float(precision), float(recall), float(_f1(precision, recall))


def evaluate(
    picks: pd.DataFrame, truth: pd.DataFrame, radius_px: float, threshold: float = 0.5
) -> Evaluation:
    """Compare picks with the truth over many micrographs.

    Matching is done in each micrograph, the curve over all of them together. A micrograph without
    picks counts with all its particles as missed. One without truth is left out, with a warning
    that lists it: a picker runs over more micrographs than were annotated, and nobody knows what
    is right there. Rows of the truth with label 0 are not particles.

    Parameters
    ----------
    picks
        Columns ``micrograph, x, y`` and ``score`` (logits). Without scores all picks rank alike
        and pass every threshold.
    truth
        Columns ``micrograph, x, y`` and optionally ``label``.
    radius_px
        Matching radius in original pixels, usually the particle radius.
    threshold
        Probability from which a pick counts for precision, recall and F1.

    Raises
    ------
    TableError
        When the truth has no particle, names are ambiguous, no name of the picks is in the truth,
        or a score is missing.
    SettingsError
        When the radius is not above 0 or the threshold is no probability.
    """
    if not radius_px > 0:
        raise SettingsError(f"the matching radius {radius_px} px has to be above 0")
    if not 0 <= threshold <= 1:
        raise SettingsError(f"the threshold {threshold} is no probability between 0 and 1")
    if "label" in truth:
        truth = truth[truth["label"].to_numpy(dtype=float, na_value=1) != 0]
    if not len(truth):
        raise TableError("the truth holds no particle, so nothing can be compared with it")
    scores = (
        picks["score"].to_numpy(dtype=np.float64)
        if "score" in picks
        else np.full(len(picks), np.inf)
    )
    if np.isnan(scores).any():
        raise TableError(
            f"{int(np.isnan(scores).sum())} of {len(picks)} picks have no score: give scores to "
            "all of them, or leave the score column out"
        )
    names, not_annotated = _names_in_truth(picks, truth)
    hits = np.zeros(len(picks), dtype=bool)
    annotated = np.zeros(len(picks), dtype=bool)
    true_xy = {str(n): g[["x", "y"]].to_numpy(float) for n, g in truth.groupby("micrograph")}
    for name, rows in picks.groupby("micrograph").indices.items():
        if str(name) in names:
            xy = picks[["x", "y"]].to_numpy(float)[rows]
            hits[rows] = match(xy, true_xy[names[str(name)]], radius_px)
            annotated[rows] = True
    scores, hits = scores[annotated], hits[annotated]
    with np.errstate(divide="ignore"):
        lowest = float(logit(threshold))
    precision, recall, f1 = f1_at(scores, hits, len(truth), lowest)
    top_f1, top_score = best_f1(scores, hits, len(truth))
    return Evaluation(
        ap=average_precision(scores, hits, len(truth)),
        ap90=ap90(scores, hits, len(truth)),
        precision=precision,
        recall=recall,
        f1=f1,
        threshold=threshold,
        best_f1=top_f1,
        best_threshold=float(expit(top_score)),
        n_picks=len(scores),
        n_truth=len(truth),
        n_hits=int(hits.sum()),
        n_micrographs=len(true_xy),
        radius_px=float(radius_px),
        not_annotated=not_annotated,
        not_picked=tuple(sorted(set(true_xy) - set(names.values()))),
    )


def _names_in_truth(
    picks: pd.DataFrame, truth: pd.DataFrame
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Map the names of the picks to those of the truth, and list those that are not in it."""
    picked = [str(name) for name in picks["micrograph"].unique()]
    names = match_names(picked, [str(name) for name in truth["micrograph"].unique()])
    if names.ambiguous:
        name, found = next(iter(names.ambiguous.items()))
        raise TableError(
            f"the micrograph {name!r} of the picks cannot be told apart in the truth (it could be "
            f"{_some(found)}, or another of the picks means the same): use the same names in both"
        )
    if picked and not names:
        raise TableError(
            f"no micrograph of the picks ({_some(picked)}) is in the truth "
            f"({_some([str(n) for n in truth['micrograph'].unique()])}): check the names"
        )
    if names.unmatched:
        warnings.warn(
            f"left out, as the truth does not have them: {_some(names.unmatched)}", stacklevel=3
        )
    return names, tuple(names.unmatched)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _f1(precision: npt.ArrayLike, recall: npt.ArrayLike) -> Floats:
    p, r = np.asarray(precision, dtype=np.float64), np.asarray(recall, dtype=np.float64)
    return np.divide(2 * p * r, p + r, out=np.zeros_like(p), where=p + r > 0)
