import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topaz.algorithms import match_coordinates
from topaz.metrics import precision_recall_curve as topaz_curve

from activepick import metrics
from activepick.errors import SettingsError, TableError
from activepick.formats.scores import with_meaning

SEEDS = st.integers(0, 2**32 - 1)


def table(*rows: tuple, score: bool = True) -> pd.DataFrame:
    columns = ["micrograph", "x", "y", "score"] if score else ["micrograph", "x", "y"]
    return pd.DataFrame(list(rows), columns=columns)


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.integers(1, 80), st.integers(1, 60), st.floats(0.5, 30))
def test_hits_equal_those_of_topaz(seed, n_picks, n_truth, radius):
    rng = np.random.default_rng(seed)
    picks, truth = rng.random((n_picks, 2)) * 100, rng.random((n_truth, 2)) * 100
    expected, _ = match_coordinates(truth, picks, radius)
    np.testing.assert_array_equal(metrics.match(picks, truth, radius), expected.astype(bool))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 30), st.integers(1, 30), st.integers(1, 5))
def test_hits_equal_those_of_topaz_in_number_and_distance_with_ties(seed, n_picks, n_truth, radius):
    # With ties the optimum is not unique, but the best cost is. Leaving the misses out must not
    # change it, so solve again densely with the hits alone.
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, 8, (n_picks, 2)).astype(float)
    truth = rng.integers(0, 8, (n_truth, 2)).astype(float)

    def best_cost(chosen: np.ndarray) -> float:
        if not len(chosen):
            return 0.0
        hit, distance = match_coordinates(truth, chosen, radius)
        return float(((distance**2 - radius**2) * hit).sum())

    hits = metrics.match(picks, truth, radius)
    assert best_cost(picks[hits]) == pytest.approx(best_cost(picks), abs=1e-9)


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.integers(1, 200), st.integers(1, 60), st.sampled_from([0, 1, 6]))
def test_curve_and_ap_equal_those_of_topaz(seed, n_picks, n_truth, decimals):
    rng = np.random.default_rng(seed)
    picks, truth = rng.random((n_picks, 2)) * 100, rng.random((n_truth, 2)) * 100
    # float32 values, as Topaz needs them; few decimals make ties.
    scores = np.round(rng.normal(size=n_picks), decimals).astype(np.float32)
    hits = metrics.match(picks, truth, 12)
    target, _ = match_coordinates(truth, picks, 12)
    precision, recall, thresholds, ap = topaz_curve(target, scores, N=n_truth)
    curve = metrics.precision_recall(scores, hits, n_truth)
    np.testing.assert_allclose(curve.precision, precision, atol=1e-6)
    np.testing.assert_allclose(curve.recall, recall, atol=1e-6)
    np.testing.assert_allclose(curve.thresholds, thresholds, atol=1e-6)
    assert metrics.average_precision(scores, hits, n_truth) == pytest.approx(ap, abs=1e-6)


def test_thousands_of_crowded_picks_are_matched():
    rng = np.random.default_rng(5)
    truth = rng.random((600, 2)) * 4096
    picks = np.vstack([truth + rng.normal(size=truth.shape) * 10, rng.random((3000, 2)) * 4096])
    hits = metrics.match(picks, truth, 54)
    expected, _ = match_coordinates(truth, picks, 54)
    np.testing.assert_array_equal(hits, expected.astype(bool))


def test_a_pick_at_exactly_the_radius_is_not_a_hit_and_each_particle_is_hit_once():
    assert metrics.match([(10, 0)], [(0, 0)], 10).tolist() == [False]
    assert metrics.match([(9.999, 0)], [(0, 0)], 10).tolist() == [True]
    assert metrics.match([(3, 0), (1, 0), (2, 0)], [(0, 0)], 10).tolist() == [False, True, False]


def test_metrics_are_defined_without_picks_or_particles():
    none = np.empty((0, 2))
    assert metrics.match(none, [(0, 0)], 5).shape == (0,)
    assert metrics.match([(0, 0)], none, 5).tolist() == [False]
    assert metrics.average_precision([], [], 4) == 0
    assert metrics.ap90([], [], 4) == 0
    assert metrics.best_f1([], [], 4)[0] == 0
    with pytest.raises(ValueError, match="true particle"):
        metrics.precision_recall([1.0], [True], 0)
    with pytest.raises(ValueError, match="NaN"):
        metrics.precision_recall([np.nan], [True], 1)


def test_metrics_of_a_worked_example():
    scores, hits = [4, 3, 2, 1, 0], [1, 0, 1, 0, 1]
    assert metrics.average_precision(scores, hits, 4) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    assert metrics.ap90(scores, hits, 4) == 0  # recall ends at 0.75
    assert metrics.ap90(scores, hits, 3) == pytest.approx(3 / 5)
    assert metrics.best_f1(scores, hits, 3) == (pytest.approx(0.75), 0)
    assert metrics.f1_at(scores, hits, 4, 1.5) == pytest.approx((2 / 3, 0.5, 4 / 7))
    assert metrics.f1_at(scores, hits, 4, 9) == (0, 0, 0)


def test_ap90_includes_a_recall_of_exactly_nine_tenths():
    hits = [1] * 9 + [0] * 9 + [1]
    assert metrics.ap90(np.arange(19, 0, -1), hits, 10) == 1.0


def test_evaluation_combines_micrographs():
    truth = table(("a.mrc", 0, 0), ("a.mrc", 50, 50), ("b.mrc", 0, 0), ("c.mrc", 9, 9), score=False)
    # The name without its ending, and a pick of `b` that would fit in `a`.
    picks = table(("a", 1, 1, 2.0), ("a", 20, 0, -1.0), ("b", 50, 50, 1.0), ("b", 0, 1, -0.5))
    result = metrics.evaluate(picks, truth, 10)
    assert (result.n_picks, result.n_truth, result.n_hits, result.n_micrographs) == (4, 4, 2, 3)
    assert result.ap == pytest.approx((1 + 2 / 3) / 4)
    assert (result.precision, result.recall) == (0.5, 0.25)
    assert result.best_f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    assert result.best_threshold == pytest.approx(1 / (1 + np.exp(0.5)))
    assert metrics.evaluate(picks, truth, 10, threshold=0).recall == 0.5


def test_picks_on_micrographs_without_truth_are_left_out_and_reported():
    truth = table(("a.mrc", 0, 0), score=False)
    picks = table(("a.mrc", 0, 0, 1.0), ("z.mrc", 0, 0, 3.0))
    with pytest.warns(UserWarning, match=r"z\.mrc"):
        result = metrics.evaluate(picks, truth, 10)
    assert result.ap == 1
    assert result.not_annotated == ("z.mrc",)


def test_negative_labels_are_not_truth_and_scores_may_be_missing():
    truth = table(("a.mrc", 0, 0), ("a.mrc", 50, 50), score=False).assign(label=[1, 0])
    picks = table(("a.mrc", 0, 0), ("a.mrc", 50, 50), score=False)
    result = metrics.evaluate(picks, truth, 10, threshold=0.99)
    assert (result.n_truth, result.precision, result.recall) == (1, 0.5, 1)
    assert result.f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize("score", [None, 1.5])
def test_picks_without_a_ranking_have_no_average_precision(score):
    truth = table(("a.mrc", 0, 0), ("a.mrc", 90, 90), score=False)
    picks = table(("a.mrc", 0, 0), ("a.mrc", 50, 50), score=False)
    picks = picks if score is None else picks.assign(score=score)
    result = metrics.evaluate(picks, truth, 10)
    assert not result.ranked
    assert np.isnan([result.ap, result.ap90, result.best_f1, result.best_score]).all()
    assert (result.precision, result.recall, result.f1) == (0.5, 0.5, 0.5)


def test_numbers_of_other_programs_give_no_probability():
    truth = table(("a.mrc", 0, 0), ("a.mrc", 50, 50), score=False)
    rows = ("a.mrc", 0, 0, 0.9), ("a.mrc", 50, 50, 0.8), ("a.mrc", 99, 0, 0.1), ("a.mrc", 0, 99, -3)
    picks = with_meaning(table(*rows), "number")
    result = metrics.evaluate(picks, truth, 10, threshold=0.99)
    assert (result.score_meaning, result.threshold) == ("number", None)
    assert (result.precision, result.recall, result.ap) == (0.5, 1, 1)
    assert np.isnan(result.best_threshold)
    assert result.best_score == 0.8
    result = metrics.evaluate(picks, truth, 10, min_score=0.5)
    assert (result.precision, result.recall, result.min_score) == (1, 1, 0.5)
    # The same numbers as log-odds do have one.
    result = metrics.evaluate(with_meaning(picks, "log-odds"), truth, 10)
    assert (result.threshold, result.precision) == (0.5, pytest.approx(2 / 3))
    assert result.best_threshold == pytest.approx(1 / (1 + np.exp(-0.8)))
    with pytest.raises(SettingsError, match="no scores"):
        metrics.evaluate(picks.drop(columns="score"), truth, 10, min_score=0.5)


def turned(xy: np.ndarray, change: str, height: int, width: int) -> np.ndarray:
    x, y = xy.T
    x = width - 1 - x if change in ("flip-x", "flip-both") else x
    y = height - 1 - y if change in ("flip-y", "flip-both") else y
    return np.stack((y, x) if change == "swap-xy" else (x, y), axis=1)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(["flip-y", "flip-x", "flip-both", "swap-xy"]), st.integers(1, 4))
def test_a_flip_that_fits_far_better_is_reported(seed, change, count):
    height, width, radius = 3710, 5760, 40
    rng = np.random.default_rng(seed)
    parts, others = [], []
    for name in "abcd"[:count]:
        xy = rng.random((120, 2)) * (width, height)
        scattered = xy[:100] + rng.normal(0, radius / 6, (100, 2))
        parts.append(pd.DataFrame(turned(scattered, change, height, width), columns=["x", "y"]))
        others.append(pd.DataFrame(xy, columns=["x", "y"]))
        parts[-1]["micrograph"] = others[-1]["micrograph"] = name
    picks, truth = pd.concat(parts), pd.concat(others)
    way = metrics.evaluate(picks, truth, radius).other_way
    assert way is not None
    assert way.change == change
    assert way.n_hits > 90 * count
    for side, found, flips in (
        (height, way.height, ("flip-y", "flip-both")),
        (width, way.width, ("flip-x", "flip-both")),
    ):
        assert (found is None) == (change not in flips)
        assert found is None or abs(found - side) < radius / 4


@settings(max_examples=20, deadline=None)
@given(
    SEEDS,
    st.sampled_from([0.125, 0.25, 0.5, 2 / 3, 1.0843, 2, 3, 4, 8]),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_scale_that_fits_far_better_is_reported(seed, factor, count, in_picks):
    rng = np.random.default_rng(seed)
    parts, others = [], []
    for name in "abcd"[:count]:
        xy = rng.random((120, 2)) * (5760, 3710)
        scattered = xy[:100] + rng.normal(0, 6, (100, 2))
        parts.append(pd.DataFrame(scattered / factor, columns=["x", "y"]))
        others.append(pd.DataFrame(xy, columns=["x", "y"]))
        parts[-1]["micrograph"] = others[-1]["micrograph"] = name
    # The radius may be given in the pixels of either.
    radius = 40 / factor if in_picks else 40
    way = metrics.evaluate(pd.concat(parts), pd.concat(others), radius).other_way
    assert way is not None
    assert (way.change, way.height, way.width) == ("scale", None, None)
    assert way.n_hits > 90 * count
    # A factor of binning is found as such, any other one closely enough to keep the hits.
    assert way.scale == factor if factor != 1.0843 else abs(way.scale / factor - 1) < 0.003


def test_no_flip_is_reported_for_picks_that_fit_or_fit_nowhere():
    rng = np.random.default_rng(3)
    truth = pd.DataFrame(rng.random((200, 2)) * 4000, columns=["x", "y"]).assign(micrograph="a")
    assert metrics.evaluate(truth, truth, 30).other_way is None
    random = pd.DataFrame(rng.random((200, 2)) * 4000, columns=["x", "y"]).assign(micrograph="a")
    assert metrics.evaluate(random, truth, 30).other_way is None
    assert metrics.evaluate(random[:1], truth, 30).other_way is None


def test_no_picks_give_a_result():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metrics.evaluate(table(), table(("a.mrc", 0, 0), score=False), 10)
    assert (result.ap, result.recall, result.n_truth) == (0, 0, 1)


def test_tables_that_cannot_be_compared_are_refused():
    truth = table(("a.mrc", 0, 0), score=False)
    with pytest.raises(TableError, match="check the names"):
        metrics.evaluate(table(("q.mrc", 0, 0, 1.0)), truth, 10)
    with pytest.raises(TableError, match="no particle"):
        metrics.evaluate(table(("a.mrc", 0, 0, 1.0)), truth[:0], 10)
    with pytest.raises(TableError, match="no score"):
        metrics.evaluate(table(("a.mrc", 0, 0, np.nan)), truth, 10)
    with pytest.raises(TableError, match="is ambiguous"):
        metrics.evaluate(table(("1/a.mrc", 0, 0, 1.0), ("2/a.mrc", 0, 0, 1.0)), truth, 10)
    with pytest.raises(SettingsError, match="radius"):
        metrics.evaluate(table(("a.mrc", 0, 0, 1.0)), truth, 0)
    with pytest.raises(SettingsError, match="probability"):
        metrics.evaluate(table(("a.mrc", 0, 0, 1.0)), truth, 10, threshold=50)
