"""`activepick evaluate` prints only what the scores of a file allow to compute."""

import json

import numpy as np
import pandas as pd
import pytest
from invoked import invoke

from activepick.formats import write_table
from activepick.formats.scores import with_meaning


@pytest.fixture
def truth(tmp_path):
    table = pd.DataFrame({"micrograph": "m", "x": [100.0, 200], "y": [100.0, 200]})
    write_table(table, tmp_path / "truth.csv")
    return tmp_path / "truth.csv"


@pytest.fixture
def numbers(tmp_path):
    """Cross-correlations of another program: two right picks, and two wrong ones."""
    at = [100.0, 200, 500, 700]
    table = pd.DataFrame({"micrograph": "m", "x": at, "y": at, "score": [0.9, 0.8, 0.2, 0.1]})
    write_table(with_meaning(table, "number"), tmp_path / "ncc.star")
    return tmp_path / "ncc.star"


def evaluate(picks, truth, *options, fails=None):
    done = invoke(
        "evaluate", "--picks", picks, "--truth", truth, "--radius", 20, *options, fails=fails
    )
    return done.stdout, done.stderr


def test_a_threshold_in_probability_needs_log_odds(numbers, truth):
    out, said = evaluate(numbers, truth, "--threshold", 0.5, "--json")
    assert "not log-odds" in said
    assert "--threshold 0.5 is ignored" in said
    found = json.loads(out)
    assert (found["precision"], found["recall"], found["ap"]) == (0.5, 1, 1)
    assert found["threshold"] is None
    assert found["best_threshold"] is None
    out, said = evaluate(numbers, truth, "--min-score", 0.5)
    assert "probability" not in out + said
    assert "at score 0.5: precision 1.000" in out
    assert "at score 0.8" in out


def test_log_odds_have_thresholds_in_probability(numbers, truth, tmp_path):
    table = pd.DataFrame({"micrograph": "m", "x": [100.0, 500], "y": [100.0, 500]})
    write_table(table.assign(score=[2.0, -1]), tmp_path / "ours.star")
    out, said = evaluate(tmp_path / "ours.star", truth)
    assert said == ""
    assert "at probability 0.5: precision 1.000   recall 0.500" in out
    out, _ = evaluate(tmp_path / "ours.star", truth, "--threshold", 0.1)
    assert "at probability 0.1: precision 0.500   recall 0.500" in out
    evaluate(tmp_path / "ours.star", truth, "--threshold", 7, fails="not a probability")


def test_without_scores_there_is_no_average_precision(truth, tmp_path):
    table = pd.DataFrame({"micrograph": "m", "x": [100.0, 500], "y": [100.0, 500]})
    write_table(table, tmp_path / "plain.csv")
    out, said = evaluate(tmp_path / "plain.csv", truth)
    assert "have no scores, so AP and AP90 are not defined" in said
    assert "AP" not in out
    assert "all picks: precision 0.500   recall 0.500   F1 0.500" in out
    found = json.loads(evaluate(tmp_path / "plain.csv", truth, "--json")[0])
    assert (found["ap"], found["ap90"], found["precision"]) == (None, None, 0.5)
    write_table(table.assign(score=3.0), tmp_path / "equal.csv")
    assert "all have the same score" in evaluate(tmp_path / "equal.csv", truth)[1]


def test_rows_in_reverse_order_are_detected(tmp_path):
    rng = np.random.default_rng(0)
    right = pd.DataFrame(rng.uniform(0, (5760, 4092), (150, 2)), columns=["x", "y"])
    right["micrograph"], right["score"] = "m", rng.normal(size=150)
    write_table(right, tmp_path / "picks.csv")
    truth = right.assign(y=4091 - right["y"])[["x", "y"]]
    truth.to_csv(tmp_path / "m.csv", index=False)
    _, said = evaluate(tmp_path / "picks.csv", tmp_path / "m.csv")
    assert "150 do so with the rows reversed" in said
    assert "--flip-y --size WIDTHx4092" in said
    command = ["convert", tmp_path / "m.csv", tmp_path / "t.csv", "--flip-y", "--size", "5760x4092"]
    invoke(*command)
    out, said = evaluate(tmp_path / "picks.csv", tmp_path / "t.csv")
    assert said == ""
    assert "found 150" in out


def test_picks_in_pixels_of_another_size_are_detected(tmp_path):
    rng = np.random.default_rng(0)
    truth = pd.DataFrame(rng.uniform(0, (5760, 4092), (150, 2)), columns=["x", "y"])
    truth["micrograph"], truth["score"] = "m", rng.normal(size=150)
    write_table(truth, tmp_path / "m.csv")
    small = tmp_path / "small.csv"
    write_table(truth.assign(x=truth["x"] / 4, y=truth["y"] / 4), small)
    _, said = evaluate(small, tmp_path / "m.csv")
    assert "150 do so multiplied by 4" in said
    assert f"activepick convert {small} OUT --scale 4" in said
    _, said = evaluate(tmp_path / "m.csv", small)
    assert "--scale 0.25" in said
    invoke("convert", small, tmp_path / "t.csv", "--scale", 4)
    assert evaluate(tmp_path / "t.csv", tmp_path / "m.csv")[1] == ""


def test_a_pick_of_a_kind_is_false_on_a_micrograph_with_other_kinds_only(tmp_path):
    known = {"micrograph": ["m", "n"], "x": [100.0, 100], "y": [100.0, 100]}
    pd.DataFrame({**known, "class": ["a", "b"]}).to_csv(tmp_path / "truth.csv", index=False)
    picks = pd.DataFrame({**known, "score": [2.0, 1], "class": ["a", "a"]})
    pd.concat([picks, picks[:1].assign(x=500.0, **{"class": "c"})]).to_csv(
        tmp_path / "picks.csv", index=False
    )
    given = tmp_path / "picks.csv", tmp_path / "truth.csv", "--kinds", "class"
    out, said = evaluate(*given)
    assert "a: picks 2   particles 1" in out
    assert "precision 0.500   recall 1.000" in out
    assert "b: picks 0   particles 1" in out
    [warning] = said.splitlines()
    assert warning.startswith("warning: kinds of particles in")
    assert warning.endswith(": c")
