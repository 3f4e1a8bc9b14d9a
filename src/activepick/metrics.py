"""Quality of picks: matching with true particles, precision and recall, AP, AP90, F1."""

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.special import expit

from activepick.errors import SettingsError, TableError
from activepick.formats.names import match_names
from activepick.formats.orientation import mirror_offsets, scale_factor
from activepick.formats.scores import ScoreMeaning, score_meaning, score_threshold
from activepick.learning.calibration import expected_precision

__all__ = [
    "Curve",
    "Evaluation",
    "OtherWay",
    "ap90",
    "average_precision",
    "best_f1",
    "evaluate",
    "f1_at",
    "match",
    "precision_recall",
]

Floats = npt.NDArray[np.float64]
# With fewer hits than this, another orientation could match by chance.
_FEWEST_HITS = 3


class Curve(NamedTuple):
    """Precision and recall of the picks at or above each distinct score, highest score first."""

    precision: Floats
    recall: Floats
    thresholds: Floats


@dataclass(frozen=True)
class OtherWay:
    """Another orientation or scale in which far more picks are true particles; see `evaluate`.

    Attributes
    ----------
    change
        "flip-y", "flip-x" or "flip-both" if rows, columns or both are reversed, "swap-xy" if x and
        y are exchanged, or "scale" if the picks are in larger or smaller pixels.
    n_hits
        Number of picks that are true particles in this orientation.
    height, width
        Size of the micrographs in pixels, estimated from the positions, if the change needs it;
        otherwise None.
    scale
        Factor for the positions of the picks; None for other changes.
    """

    change: Literal["flip-y", "flip-x", "flip-both", "swap-xy", "scale"]
    n_hits: int
    height: int | None = None
    width: int | None = None
    scale: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """Picks compared with true particles over all annotated micrographs; see `evaluate`.

    Attributes
    ----------
    ap, ap90
        Average precision, and precision at a recall of 0.9; NaN if the picks are not ranked.
    precision, recall, f1
        Of the picks that reach `threshold` or `min_score`; of all picks if both are None.
    predicted_precision
        Mean probability of the picks that reach `threshold`; NaN if there are none, or if the
        scores are not log-odds.
    threshold
        Smallest probability; None if the scores are not log-odds.
    min_score
        Lowest score; None if none was given.
    score_meaning
        "log-odds", "number", or "none" if the picks have no scores.
    ranked
        Whether scores rank the picks: there are scores, and they are not all equal.
    best_f1
        Highest F1 of the curve; NaN if the picks are not ranked.
    best_threshold
        The probability at which `best_f1` is reached; NaN if the scores are not log-odds.
    best_score
        The score at which `best_f1` is reached.
    n_picks, n_truth, n_hits, n_micrographs
        Number of picks and of true particles on annotated micrographs, of picks that are true
        particles, and of annotated micrographs.
    radius_px
        Matching radius in pixels.
    not_annotated
        Micrographs that have picks but no true particles; they are left out.
    not_picked
        Micrographs that have true particles but no picks; their particles count as missed.
    other_way
        Another orientation or scale in which far more picks are true particles; None if there is
        none.
    """

    ap: float
    ap90: float
    precision: float
    recall: float
    f1: float
    predicted_precision: float
    threshold: float | None
    min_score: float | None
    score_meaning: ScoreMeaning
    ranked: bool
    best_f1: float
    best_threshold: float
    best_score: float
    n_picks: int
    n_truth: int
    n_hits: int
    n_micrographs: int
    radius_px: float
    not_annotated: tuple[str, ...]
    not_picked: tuple[str, ...]
    other_way: OtherWay | None


def match(picks_xy: npt.ArrayLike, truth_xy: npt.ArrayLike, radius: float) -> npt.NDArray[np.bool_]:
    """Find the picks that are true particles, one to one.

    The assignment minimises the sum of ``min(d² - radius², 0)``, whatever the scores are, and a
    pick is a hit if it is closer than `radius` to its particle, as in
    ``topaz.algorithms.match_coordinates``. It is solved for each group of picks and particles
    that are within `radius` of each other instead of for one dense matrix. If several assignments
    have the same total cost, the result may differ from Topaz's.

    Parameters
    ----------
    picks_xy, truth_xy
        ``(n, 2)`` and ``(m, 2)``, in the same pixels.
    radius
        Matching radius in pixels, exclusive; usually the particle radius.

    Returns
    -------
    ndarray of bool, (n,)
    Whether each pick is a true particle.
    """
    picks = np.asarray(picks_xy, dtype=np.float64).reshape(-1, 2)
    truth = np.asarray(truth_xy, dtype=np.float64).reshape(-1, 2)
    hits = np.zeros(len(picks), dtype=bool)
    if not (len(picks) and len(truth) and radius > 0):
        return hits
    from scipy.optimize import linear_sum_assignment  # takes 0.06 s

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
    """Compute the precision-recall curve over all picks.

    Picks with equal scores form one point of the curve, as in
    ``topaz.metrics.precision_recall_curve``, but all calculations use float64.

    Parameters
    ----------
    scores, hits
        ``(n,)``: score of each pick and whether it is a true particle.
    n_truth
        Number of true particles, found or not; at least 1.

    Raises
    ------
    ValueError
        If there is no true particle, a score is NaN, or the lengths differ.
    """
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    found = np.asarray(hits, dtype=bool).reshape(-1)
    if n_truth < 1:
        raise ValueError("recall is not defined without a true particle")
    if len(values) != len(found) or np.isnan(values).any():
        raise ValueError("scores and hits must have the same length, and no score may be NaN")
    order = np.argsort(-values, kind="stable")
    values, found = values[order], found[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True)[: len(values)])
    true_positives = np.cumsum(found)[last]
    return Curve(true_positives / (last + 1), true_positives / n_truth, values[last])


def average_precision(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int) -> float:
    """Compute AP: precision times the step in recall, summed over the ranked picks.

    AP is below 1 if particles were not found, and 0 without picks. Arguments and errors are those
    of `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    return float((curve.precision * np.diff(curve.recall, prepend=0.0)).sum())


def ap90(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int, recall: float = 0.9) -> float:
    """Compute the precision where the recall first reaches 0.9, or 0 if it never does.

    Arguments and errors are those of `precision_recall`; `recall` replaces 0.9.
    """
    curve = precision_recall(scores, hits, n_truth)
    reached = np.flatnonzero(curve.recall >= recall - 1e-12)
    return float(curve.precision[reached[0]]) if len(reached) else 0.0


def best_f1(scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int) -> tuple[float, float]:
    """Compute the highest F1 of the curve and the score at which it is reached.

    If several scores have the same F1, the highest of them is returned. Without picks the result
    is 0 and inf. Arguments and errors are those of `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    if not len(curve.recall):
        return 0.0, float("inf")
    f1 = _f1(curve.precision, curve.recall)
    return float(f1.max()), float(curve.thresholds[f1.argmax()])


def f1_at(
    scores: npt.ArrayLike, hits: npt.ArrayLike, n_truth: int, score: float
) -> tuple[float, float, float]:
    """Compute precision, recall and F1 of the picks at or above a score.

    The hits are those of the matching of all picks, so that the point lies on the curve. Precision
    is 0 if there are no picks. Arguments and errors are those of `precision_recall`.
    """
    curve = precision_recall(scores, hits, n_truth)
    taken = int((curve.thresholds >= score).sum())
    if not taken:
        return 0.0, 0.0, 0.0
    precision, recall = curve.precision[taken - 1], curve.recall[taken - 1]
    return float(precision), float(recall), float(_f1(precision, recall))


def evaluate(
    picks: pd.DataFrame,
    truth: pd.DataFrame,
    radius_px: float,
    threshold: float = 0.5,
    *,
    min_score: float | None = None,
    annotated: Iterable[str] = (),
) -> Evaluation:
    """Compare picks with true particles over many micrographs.

    Picks are matched in each micrograph, and the curve is computed over all micrographs. All
    particles of a micrograph without picks count as missed. A micrograph without true particles
    was not annotated; it is left out, with a warning that lists it. Rows of the truth with label
    0 are not particles.

    AP and AP90 need picks that are ranked by scores. Without scores, or if all scores are equal,
    they are NaN, and precision, recall and F1 are those of all picks. A threshold is a probability
    and needs scores that are log-odds (see `activepick.formats.scores`); for other scores it is
    ignored.

    Parameters
    ----------
    picks
        Columns ``micrograph, x, y`` and optionally ``score``.
    truth
        Columns ``micrograph, x, y`` and optionally ``label``.
    radius_px
        Matching radius in original pixels, usually the particle radius.
    threshold
        Smallest probability of the picks that count for precision, recall and F1.
    min_score
        Lowest score of the picks that count for them, instead of the threshold.
    annotated
        Names of annotated micrographs without true particles, on which all picks are false.

    Raises
    ------
    TableError
        If the truth has no particles, names are ambiguous, no micrograph of the picks is in the
        truth, or some scores are missing.
    SettingsError
        If the radius is not above 0, the threshold is not a probability, or a lowest score is
        given for picks without scores.
    """
    if not radius_px > 0:
        raise SettingsError(f"the matching radius {radius_px} px must be above 0")
    probable = score_threshold(threshold)
    if "label" in truth:
        truth = truth[truth["label"].to_numpy(dtype=float, na_value=1) != 0]
    if not len(truth):
        raise TableError("the truth has no particles, so picks cannot be compared with it")
    meaning = score_meaning(picks)
    if "score" in picks:
        scores = picks["score"].to_numpy(dtype=np.float64)
    else:
        scores = np.full(len(picks), np.inf)
        if min_score is not None:
            raise SettingsError("the picks have no scores, so no lowest score can be applied")
    if np.isnan(scores).any():
        raise TableError(
            f"{int(np.isnan(scores).sum())} of {len(picks)} picks have no score: give scores to "
            "all of them, or remove the score column"
        )
    true_xy = {str(name): np.empty((0, 2)) for name in annotated}
    true_xy |= {str(n): g[["x", "y"]].to_numpy(float) for n, g in truth.groupby("micrograph")}
    names, not_annotated = _names_in_truth(picks, list(true_xy))
    xy = picks[["x", "y"]].to_numpy(float)
    groups = {
        names[str(name)]: np.asarray(rows, dtype=np.intp)
        for name, rows in picks.groupby("micrograph").indices.items()
        if str(name) in names
    }
    hits = _hits(xy, groups, true_xy, radius_px)
    counted = np.zeros(len(picks), dtype=bool)
    for rows in groups.values():
        counted[rows] = True
    other_way = _other_way(xy, groups, true_xy, radius_px, int(hits.sum()))
    scores, hits = scores[counted], hits[counted]
    by_probability = meaning == "log-odds" and min_score is None
    lowest = -math.inf if min_score is None else min_score
    if by_probability:
        lowest = probable
    predicted = math.nan
    if by_probability:
        predicted = expected_precision(expit(scores[scores >= lowest]))
    precision, recall, f1 = f1_at(scores, hits, len(truth), lowest)
    ranked = meaning != "none" and (len(scores) < 2 or bool((scores != scores[0]).any()))
    ap = ap_90 = top_f1 = top_score = math.nan
    if ranked:
        ap, ap_90 = (f(scores, hits, len(truth)) for f in (average_precision, ap90))
        top_f1, top_score = best_f1(scores, hits, len(truth))
    return Evaluation(
        ap=ap,
        ap90=ap_90,
        precision=precision,
        recall=recall,
        f1=f1,
        predicted_precision=predicted,
        threshold=threshold if by_probability else None,
        min_score=min_score,
        score_meaning=meaning,
        ranked=ranked,
        best_f1=top_f1,
        best_threshold=float(expit(top_score)) if meaning == "log-odds" else math.nan,
        best_score=top_score,
        n_picks=len(scores),
        n_truth=len(truth),
        n_hits=int(hits.sum()),
        n_micrographs=len(true_xy),
        radius_px=float(radius_px),
        not_annotated=not_annotated,
        not_picked=tuple(sorted(set(true_xy) - set(names.values()))),
        other_way=other_way,
    )


def _hits(
    xy: Floats,
    groups: Mapping[str, npt.NDArray[np.intp]],
    true_xy: Mapping[str, Floats],
    radius_px: float,
) -> npt.NDArray[np.bool_]:
    """Return which picks are true particles, by rows of each micrograph."""
    hits = np.zeros(len(xy), dtype=bool)
    for name, rows in groups.items():
        hits[rows] = match(xy[rows], true_xy[name], radius_px)
    return hits


def _other_way(
    xy: Floats,
    groups: Mapping[str, npt.NDArray[np.intp]],
    true_xy: Mapping[str, Floats],
    radius_px: float,
    n_hits: int,
) -> OtherWay | None:
    """Find an orientation or a scale in which far more picks are true particles."""
    possible = sum(min(len(rows), len(true_xy[name])) for name, rows in groups.items())
    needed = max(_FEWEST_HITS, 2 * n_hits + 1, possible / 2)
    if possible < needed:
        return None
    found: list[OtherWay] = []
    swapped = int(_hits(xy[:, ::-1], groups, true_xy, radius_px).sum())
    found.append(OtherWay("swap-xy", swapped))
    pairs = [(xy[rows], true_xy[name]) for name, rows in groups.items() if len(true_xy[name])]
    scale = scale_factor(pairs, radius_px)
    if scale is not None:
        # The radius may be meant in the pixels of the picks, or in those of the particles.
        for radius in (radius_px * scale, radius_px):
            scaled = int(_hits(xy * scale, groups, true_xy, radius).sum())
            found.append(OtherWay("scale", scaled, scale=scale))
    for flip, (c_x, c_y) in mirror_offsets(pairs, radius_px).items():
        along = np.array([flip in ("x", "both"), flip in ("y", "both")])
        mirrored = np.where(along, (c_x, c_y) - xy, xy)
        hits = int(_hits(mirrored, groups, true_xy, radius_px).sum())
        change: Literal["flip-y", "flip-x", "flip-both"] = (
            "flip-both" if flip == "both" else "flip-y" if flip == "y" else "flip-x"
        )
        height = round(c_y) + 1 if along[1] else None
        found.append(OtherWay(change, hits, height, round(c_x) + 1 if along[0] else None))
    best = max(found, key=lambda way: way.n_hits)
    return best if best.n_hits >= needed else None


def _names_in_truth(
    picks: pd.DataFrame, known: list[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Map the names of the picks to those of the truth, and return those that are not in it."""
    picked = [str(name) for name in picks["micrograph"].unique()]
    names = match_names(picked, known)
    if names.ambiguous:
        name, found = next(iter(names.ambiguous.items()))
        raise TableError(
            f"the micrograph {name!r} of the picks is ambiguous in the truth (it matches "
            f"{_some(found)}, or several names of the picks match the same one): use the same "
            "names in both"
        )
    if picked and not names:
        raise TableError(
            f"no micrograph of the picks ({_some(picked)}) is in the truth "
            f"({_some(known)}): check the names"
        )
    if names.unmatched:
        warnings.warn(
            f"left out, since the truth does not contain them: {_some(names.unmatched)}",
            stacklevel=3,
        )
    return names, tuple(names.unmatched)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _f1(precision: npt.ArrayLike, recall: npt.ArrayLike) -> Floats:
    p, r = np.asarray(precision, dtype=np.float64), np.asarray(recall, dtype=np.float64)
    return np.divide(2 * p * r, p + r, out=np.zeros_like(p), where=p + r > 0)
