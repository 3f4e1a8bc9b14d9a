"""The meaning of scores: log-odds, a confidence, or a number of another program.

In memory a table has scores of one of two kinds, which ``attrs["score_meaning"]`` states:

- ``"log-odds"``: the score is the logit of a probability, as activepick computes it. Tables without
  the attribute have such scores.
- ``"number"``: the score is a number of another program, such as a cross-correlation or a figure of
  merit. It ranks the picks, but cannot be converted to a probability.

Confidences are converted to log-odds when they are read. In formats whose score column contains
numbers of many programs, scores of activepick are marked, so that they are read as log-odds.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from activepick.errors import SettingsError

__all__ = [
    "LOG_ODDS_MARK",
    "ScoreMeaning",
    "common_meaning",
    "from_probability",
    "has_mark",
    "keep_scores",
    "look_like_probabilities",
    "score_meaning",
    "score_threshold",
    "to_probability",
    "with_log_odds",
    "with_meaning",
]

# Meanings of the scores in a format: "number" even if activepick marks its own scores as log-odds.
ScoreMeaning = Literal["log-odds", "probability", "number", "none"]
# Comment in text files whose scores are log-odds.
LOG_ODDS_MARK = "# scores are log-odds"
_ATTRIBUTE = "score_meaning"
# Log-odds beyond this correspond to a probability of 0 or 1 in double precision.
_HIGHEST = 36.0
# Number of scores from which their meaning can be determined.
_MANY = 20


def score_meaning(table: pd.DataFrame) -> ScoreMeaning:
    """Return the meaning of the scores of a table.

    Parameters
    ----------
    table
        As `activepick.formats.read_table` returns it, or made by other code.

    Returns
    -------
    str
        ``"log-odds"``, ``"number"``, or ``"none"`` where no row has a score.
    """
    if "score" not in table or (len(table) and bool(table["score"].isna().all())):
        return "none"
    return "number" if table.attrs.get(_ATTRIBUTE) == "number" else "log-odds"


def with_meaning(table: pd.DataFrame, meaning: ScoreMeaning) -> pd.DataFrame:
    """Record the meaning of the scores in a table, and return the same table.

    Parameters
    ----------
    table
        The table, which is changed in place. A table without a column ``score`` is not changed.
    meaning
        ``"log-odds"`` or ``"number"``.
    """
    if "score" in table:
        table.attrs[_ATTRIBUTE] = meaning
    return table


def common_meaning(tables: Iterable[pd.DataFrame]) -> ScoreMeaning:
    """Return the meaning of the scores of several tables together.

    Scores with different meanings are numbers, since not all of them can be converted.
    """
    found = {score_meaning(table) for table in tables if len(table)} - {"none"}
    return "log-odds" if found <= {"log-odds"} else "number"


def has_mark(head: bytes) -> bool:
    """Return whether the beginning of a text file marks its scores as log-odds."""
    return LOG_ODDS_MARK.encode() in head[:4096]


def from_probability(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute log-odds from probabilities, at most 36 away from 0; NaN stays NaN."""
    with np.errstate(divide="ignore"):
        odds = logit(np.asarray(probability, dtype=np.float64))
    clipped: npt.NDArray[np.float64] = np.clip(odds, -_HIGHEST, _HIGHEST)
    return clipped


def with_log_odds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose scores are probabilities with log-odds, and that meaning.

    Parameters
    ----------
    table
        With the column ``score``. If a score is not between 0 and 1, all of them are kept as
        numbers.
    """
    score = table["score"]
    if not (score.between(0, 1) | score.isna()).all():
        return with_meaning(table, "number")
    return with_meaning(table.assign(score=from_probability(score)), "log-odds")


def look_like_probabilities(table: pd.DataFrame) -> bool:
    """Return whether scores that should be log-odds are rather probabilities.

    Many log-odds are not all between 0 and 1, which would be probabilities from 0.5 to 0.73.
    """
    if score_meaning(table) != "log-odds":
        return False
    score = table["score"].dropna()
    return len(score) >= _MANY and bool(score.between(0, 1).all()) and score.nunique() > 2


def to_probability(score: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute probabilities from log-odds, the reverse of `from_probability`."""
    probability: npt.NDArray[np.float64] = expit(np.asarray(score, dtype=np.float64))
    return probability


def score_threshold(probability: float) -> float:
    """Return the score (logit) that belongs to a threshold on the probability.

    Parameters
    ----------
    probability
        Between 0 (everything passes, -inf) and 1 (nothing finite passes, inf).

    Raises
    ------
    SettingsError
        If it is not between 0 and 1.
    """
    if not 0 <= probability <= 1:
        raise SettingsError(
            f"The threshold {probability} is not a probability: give a number between 0 and 1 "
            "(0.5 keeps picks that are more likely particles than not)."
        )
    # The logits of 0 and 1 are infinite: all scores pass, or no finite one.
    with np.errstate(divide="ignore"):
        return float(logit(probability))


def keep_scores(
    table: pd.DataFrame, *, threshold: float | None = None, min_score: float | None = None
) -> pd.DataFrame:
    """Return the rows whose scores reach a threshold; rows without a score do not.

    Parameters
    ----------
    table
        With the column ``score``.
    threshold
        Lowest probability. Only log-odds can be compared with it.
    min_score
        Lowest score, as the number in the table.

    Raises
    ------
    SettingsError
        If there are no scores, the scores are not log-odds, or the threshold is not a probability.
    """
    if threshold is None and min_score is None:
        return table
    meaning = score_meaning(table)
    if meaning == "none":
        raise SettingsError("the picks have no scores, so a threshold cannot be applied")
    scores = table["score"].to_numpy(np.float64)
    keep = ~np.isnan(scores)
    if threshold is not None:
        lowest = score_threshold(threshold)
        if meaning == "number":
            raise SettingsError(
                "the scores are from another program and not log-odds, so they cannot be "
                f"compared with a probability: they are between {np.nanmin(scores):g} and "
                f"{np.nanmax(scores):g}; give the lowest score to keep",
                option="--min-score",
            )
        keep &= scores >= lowest
    if min_score is not None:
        keep &= scores >= min_score
    kept: pd.DataFrame = table[keep].reset_index(drop=True)
    return kept
