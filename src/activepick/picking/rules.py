"""From peaks to the table of picks: margin, threshold, and what a person said."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree
from scipy.special import logit

from activepick.errors import SettingsError
from activepick.scoremap.maxima import keep_distance

__all__ = ["apply_labels", "inside", "make_picks", "obey_labels", "score_threshold"]


def score_threshold(probability: float) -> float:
    """Give the score (logit) that belongs to a threshold on the probability.

    Parameters
    ----------
    probability
        Between 0 (everything passes, -inf) and 1 (nothing finite passes, inf).

    Raises
    ------
    SettingsError
        When it is not between 0 and 1.
    """
    if not 0 <= probability <= 1:
        raise SettingsError(
            f"the threshold {probability} is no probability: give a number between 0 and 1 "
            "(0.5 keeps what is more likely a particle than not)"
        )
    return float(logit(probability))


def make_picks(
    micrograph: str,
    xy: npt.ArrayLike,
    scores: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    edge_margin_px: float = 0.0,
    threshold: float = 0.0,
) -> pd.DataFrame:
    """Make the table of picks of one micrograph.

    Parameters
    ----------
    micrograph
        Its name, written into every row.
    xy
        Positions ``(n, 2)`` as ``x, y`` in original pixels.
    scores
        Scores ``(n,)``, logits.
    shape
        ``(H, W)`` of the micrograph in original pixels.
    edge_margin_px
        Picks whose centre is closer than this to the first or last row or column are left out, in
        original pixels; the particle radius leaves out all that are cut by the border.
    threshold
        Lowest *probability* of a pick (inclusive); 0 keeps all.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score``, the highest score first.

    Raises
    ------
    SettingsError
        When the threshold is no probability or the margin is negative.
    """
    if not edge_margin_px >= 0:
        raise SettingsError(f"the edge margin {edge_margin_px} is below 0: give 0 or more pixels")
    positions = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    chosen = inside(positions, shape, edge_margin_px) & (values >= score_threshold(threshold))
    return _table(micrograph, positions[chosen], values[chosen])


def inside(
    xy: npt.NDArray[np.floating], shape: tuple[int, int], edge_margin_px: float
) -> npt.NDArray[np.bool_]:
    """Mark the positions ``(n, 2)`` that keep a distance from the first and last row and column."""
    if edge_margin_px == 0:
        # Also what lies in the outer half of a border pixel is on the micrograph.
        return np.ones(len(xy), dtype=bool)
    last = np.array([shape[1] - 1, shape[0] - 1])
    return np.asarray(((xy >= edge_margin_px) & (xy <= last - edge_margin_px)).all(axis=1))


def apply_labels(
    picks: pd.DataFrame,
    labels_xy: npt.ArrayLike,
    labels_y: npt.ArrayLike,
    radius_px: float,
    *,
    micrograph: str,
    threshold: float = 0.0,
    label_scores: npt.ArrayLike | None = None,
    same_place: float = 0.5,
) -> pd.DataFrame:
    """Make what a person said true in the picks of one micrograph, whatever the threshold.

    A label and a pick are the same place when they are at most ``same_place`` particle radii apart:
    half a radius is the distance within which the benchmark's oracle calls a query a particle, and
    it is below the distance that picks keep from each other (0.6 radius), so that a label rarely
    reaches two. Each pick listens to the nearest label at the same place. Picks of a negative label
    go. The nearest pick of a positive label stays, with its own position and score, also below the
    threshold; where no pick remains at the place, one is added at the label itself.

    Give the picks unthresholded and the threshold here, so that a particle that was clicked keeps
    the position and the score of its peak.

    Parameters
    ----------
    picks
        Table with ``micrograph, x, y, score`` of one micrograph, original pixels.
    labels_xy
        ``(m, 2)`` as ``x, y`` in original pixels.
    labels_y
        ``(m,)``, 1 particle, 0 not a particle.
    radius_px
        Particle radius in original pixels.
    micrograph
        Name for added rows.
    threshold
        Lowest *probability* of a pick without a positive label.
    label_scores
        Score of the head at each label ``(m,)``, used for added picks. Without it an added pick
        gets the lowest score that passes the threshold (0 where the threshold is 0 or 1).
    same_place
        Distance in particle radii within which a label and a pick are the same place.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score``, the highest score first.
    """
    lowest = score_threshold(threshold)
    labels = np.asarray(labels_xy, dtype=np.float64).reshape(-1, 2)
    positive = np.asarray(labels_y).reshape(-1) == 1
    xy = picks[["x", "y"]].to_numpy(dtype=np.float64)
    scores = picks["score"].to_numpy(dtype=np.float64)
    if label_scores is None:
        added_scores = np.full(len(labels), lowest if np.isfinite(lowest) else 0.0)
    else:
        added_scores = np.asarray(label_scores, dtype=np.float64).reshape(-1)
    keep, added = obey_labels(xy, scores >= lowest, labels, positive, same_place * radius_px)
    return _table(
        micrograph,
        np.concatenate([xy[keep], labels[added]]),
        np.concatenate([scores[keep], added_scores[added]]),
    )


def obey_labels(
    xy: npt.NDArray[np.floating],
    keep: npt.NDArray[np.bool_],
    labels_xy: npt.NDArray[np.float64],
    positive: npt.NDArray[np.bool_],
    reach_px: float,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Decide which peaks are picks when a person's word counts more than the head's.

    Parameters
    ----------
    xy
        Peaks ``(n, 2)``.
    keep
        Which of them would be picks without labels, ``(n,)``. It is not changed.
    labels_xy, positive
        Labels ``(m, 2)`` and whether each is a particle ``(m,)``.
    reach_px
        Within this distance a label and a peak are the same place.

    Returns
    -------
    keep : ndarray of bool, (n,)
        The peaks that are picks. The nearest peak of a positive label is one in any case, of those
        that would be picks or else of the others.
    added : ndarray, (k,)
        Indices of the positive labels that no pick is near, to be picks themselves.
    """
    keep = keep.copy()
    particles = np.flatnonzero(positive)
    if len(labels_xy) and len(xy):
        # Positive labels stand first, so that of two labels at one distance the positive one wins.
        order = np.argsort(~positive, kind="stable")
        bound = np.nextafter(reach_px, np.inf)  # which is exclusive
        tree = cKDTree(labels_xy[order])
        distance, nearest = map(np.asarray, tree.query(xy, distance_upper_bound=bound))
        near = np.flatnonzero(np.isfinite(distance))
        owner = order[nearest[near]]
        # Those that would be picks before those that would not, the nearest first.
        preferred = np.lexsort((distance[near], ~keep[near], owner))
        near, owner = near[preferred], owner[preferred]
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        keep[near[~positive[owner]]] = False
        keep[near[first[positive[owner[first]]]]] = True
    if len(particles) and keep.any():
        gap = np.asarray(cKDTree(xy[keep]).query(labels_xy[particles])[0])
        particles = particles[gap > reach_px]
    return keep, particles[keep_distance(labels_xy[particles], reach_px)]


def _table(
    micrograph: str, xy: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> pd.DataFrame:
    order = np.argsort(-scores, kind="stable")
    return pd.DataFrame(
        {
            "micrograph": pd.Series([micrograph] * len(order), dtype=str),
            "x": xy[order, 0],
            "y": xy[order, 1],
            "score": scores[order],
        }
    )
