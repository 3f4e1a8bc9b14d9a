import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import SettingsError
from activepick.picking.rules import apply_labels, make_picks, score_threshold

EMPTY = np.empty((0, 2))


def picks(*rows: tuple[float, float, float]) -> pd.DataFrame:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return make_picks("a.mrc", table[:, :2], table[:, 2], (100, 200))


def test_threshold_is_a_probability():
    assert score_threshold(0.5) == 0
    assert score_threshold(0) == -np.inf
    assert score_threshold(0.9) == pytest.approx(np.log(9))
    table = make_picks("a.mrc", [(1, 1), (2, 2), (3, 3)], [-0.1, 0.0, 2.2], (10, 10), threshold=0.5)
    assert table["score"].tolist() == [2.2, 0.0]
    assert list(table.columns) == ["micrograph", "x", "y", "score"]


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(SettingsError, match="probability"):
        score_threshold(threshold)


def test_edge_margin_counts_from_the_outermost_pixels():
    xy = [(9.9, 50), (10, 50), (189, 50), (189.1, 50), (100, 9.9), (100, 89), (100, 89.1)]
    table = make_picks("a.mrc", xy, np.zeros(len(xy)), (100, 200), edge_margin_px=10)
    assert sorted(zip(table["x"], table["y"], strict=True)) == [(10, 50), (100, 89), (189, 50)]
    with pytest.raises(SettingsError, match="margin"):
        make_picks("a.mrc", EMPTY, [], (100, 200), edge_margin_px=-1)


def test_a_clicked_particle_keeps_its_peak_below_the_threshold():
    table = apply_labels(
        picks((50, 50, -3), (90, 50, 1)), [(52, 50)], [1], 20, micrograph="a.mrc", threshold=0.5
    )
    assert table[["x", "y", "score"]].to_numpy().tolist() == [[90, 50, 1], [50, 50, -3]]


def test_a_clicked_particle_without_a_peak_becomes_a_pick():
    table = apply_labels(
        picks((50, 50, 2)), [(70, 50)], [1], 20, micrograph="a.mrc", label_scores=[-1.5]
    )
    assert table[["x", "score"]].to_numpy().tolist() == [[50, 2], [70, -1.5]]
    table = apply_labels(picks(), [(70, 50)], [1], 20, micrograph="b.mrc", threshold=0.9)
    assert table["micrograph"].tolist() == ["b.mrc"]
    assert table["score"].iloc[0] == pytest.approx(np.log(9))


def test_a_rejected_place_loses_its_peak_and_no_other():
    table = apply_labels(picks((50, 50, 5), (63, 50, 4)), [(51, 50)], [0], 20, micrograph="a.mrc")
    assert table["x"].tolist() == [63]


def test_the_nearer_label_decides_about_a_peak():
    peak = picks((50, 50, 5))
    near_no = apply_labels(peak, [(55, 50), (51, 50)], [1, 0], 20, micrograph="a.mrc")
    assert near_no["x"].tolist() == [55]  # the particle stays a pick, at the click itself
    near_yes = apply_labels(peak, [(51, 50), (55, 50)], [1, 0], 20, micrograph="a.mrc")
    assert near_yes["x"].tolist() == [50]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 8), st.floats(0, 1))
def test_labels_hold_whatever_the_threshold(seed, n_picks, n_labels, threshold):
    rng = np.random.default_rng(seed)
    before = picks(*zip(*rng.random((2, n_picks)) * 100, rng.normal(size=n_picks), strict=True))
    labels, answers = rng.random((n_labels, 2)) * 100, rng.integers(0, 2, n_labels)
    after = apply_labels(before, labels, answers, 12, micrograph="a.mrc", threshold=threshold)
    xy = after[["x", "y"]].to_numpy()
    for place in labels[answers == 1]:
        assert (np.hypot(*(xy - place).T) <= 6 + 1e-9).any()
    for x, y, score in after[["x", "y", "score"]].itertuples(index=False):
        gaps = np.hypot(*(labels - (x, y)).T)
        if len(gaps) and gaps.min() <= 6 - 1e-9:
            assert answers[gaps.argmin()] == 1
        else:
            assert score >= score_threshold(threshold)
    assert (np.diff(after["score"]) <= 0).all()
