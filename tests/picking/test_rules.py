from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import SettingsError
from activepick.formats.scores import score_threshold
from activepick.picking import ALL_PEAKS, LabelledPositions, PickRules, select_picks
from activepick.picking.rules import eligible_peaks
from activepick.scoremap import Peaks

ALL = PickRules(threshold=0, separation=0, edge_margin=0)


def peaks(*rows, radius=20.0, shape=(100, 200)):
    table = np.array(sorted(rows, key=lambda row: -row[2]), np.float32).reshape(-1, 3)
    return Peaks(table[:, :2], table[:, 2], None, radius, shape)


def picked(found, labels=(), rules=ALL, **more):
    xy, answers = [row[:2] for row in labels], [row[2] == 1 for row in labels]
    return select_picks(found, rules, LabelledPositions.of(xy, answers, **more)).table("a.mrc")


def test_the_threshold_is_a_probability():
    assert score_threshold(0.5) == 0
    assert score_threshold(0) == -np.inf
    assert score_threshold(0.9) == pytest.approx(np.log(9))
    found = peaks((1, 1, -0.1), (2, 2, 0.0), (3, 3, 2.25))
    table = select_picks(found, PickRules(0.5, 0, 0)).table("a.mrc")
    assert table["score"].tolist() == [2.25, 0.0]
    assert list(table.columns) == ["micrograph", "x", "y", "score"]
    assert len(select_picks(found, PickRules(1.0, separation=0))) == 0


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_that_is_not_a_probability_is_refused(threshold):
    with pytest.raises(SettingsError, match="probability"):
        score_threshold(threshold)
    with pytest.raises(SettingsError, match="probability"):
        PickRules(threshold)


@pytest.mark.parametrize("name", ["separation", "edge_margin"])
def test_negative_distances_are_refused(name):
    with pytest.raises(SettingsError, match="below 0"):
        PickRules(**{name: -0.1})


def test_the_edge_margin_is_measured_from_the_outermost_pixels():
    xy = [(9.9, 50), (10, 50), (189, 50), (189.1, 50), (100, 9.9), (100, 89), (100, 89.1)]
    found = peaks(*((x, y, 0) for x, y in xy))
    table = select_picks(found, PickRules(0, 0, edge_margin=0.5)).table("a.mrc")
    assert sorted(zip(table["x"], table["y"], strict=True)) == [(10, 50), (100, 89), (189, 50)]


def test_the_edge_margin_is_measured_from_the_border_of_the_image():
    xy = [(29, 50), (31, 50), (159, 50), (161, 50), (100, 24), (100, 26), (100, 74), (100, 76)]
    table = np.array([(x, y, 0) for x, y in xy], np.float32)
    border = (10, 5, 19, 4)
    found = Peaks(table[:, :2], table[:, 2], None, 20.0, (100, 200), border)
    kept = eligible_peaks(found, PickRules(0, 0, edge_margin=1.0))
    assert [tuple(one) for one in found.xy[kept]] == [(31, 50), (159, 50), (100, 26), (100, 74)]
    assert eligible_peaks(found, PickRules(0, 0, edge_margin=0)).all()
    assert eligible_peaks(found, replace(ALL_PEAKS, separation=0)).all()


def test_a_particle_cut_by_the_border_is_a_pick_only_if_labelled():
    found = peaks((10, 50, 3), (50, 50, 2))
    assert PickRules().edge_margin == 1
    assert select_picks(found, PickRules()).xy.tolist() == [[50, 50]]
    assert sorted(picked(found, [(10, 50, 1)], PickRules())["x"]) == [10, 50]


def test_contrast_limits_need_the_contrast():
    rules = PickRules(0, 0, 0, highest_contrast=2)
    with pytest.raises(ValueError, match="contrast"):
        eligible_peaks(peaks((1, 1, 1)), rules)
    found = Peaks(
        np.array([(1, 1), (9, 9)], np.float32),
        np.array([2, 1], np.float32),
        np.array([2.5, 1.5], np.float32),
        1.0,
        (20, 20),
    )
    assert eligible_peaks(found, rules).tolist() == [False, True]
    table = select_picks(found, rules).table("a.mrc")
    assert table[["x", "contrast"]].to_numpy().tolist() == [[9, 1.5]]


def test_a_labelled_particle_keeps_its_peak_below_the_threshold():
    found = peaks((50, 50, -3), (90, 50, 1))
    table = picked(found, [(52, 50, 1)], PickRules(0.5, 0))
    assert table[["x", "y", "score"]].to_numpy().tolist() == [[90, 50, 1], [50, 50, -3]]


def test_a_labelled_particle_without_a_peak_becomes_a_pick():
    table = picked(peaks((50, 50, 2)), [(70, 50, 1)], score=[-1.5])
    assert table[["x", "score"]].to_numpy().tolist() == [[50, 2], [70, -1.5]]
    table = picked(peaks(), [(70, 50, 1)], PickRules(0.9))
    assert table["micrograph"].tolist() == ["a.mrc"]
    assert table["score"].iloc[0] == pytest.approx(np.log(9))


def test_a_negative_label_removes_its_peak_and_no_other():
    assert picked(peaks((50, 50, 5), (63, 50, 4)), [(51, 50, 0)])["x"].tolist() == [63]


def test_the_nearest_label_determines_whether_a_peak_is_a_pick():
    peak = peaks((50, 50, 5))
    near_no = picked(peak, [(55, 50, 1), (51, 50, 0)])
    assert near_no["x"].tolist() == [55]  # the particle stays a pick, at the label itself
    assert picked(peak, [(51, 50, 1), (55, 50, 0)])["x"].tolist() == [50]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), max_size=8, unique=True),
    st.lists(st.tuples(st.floats(0, 200), st.floats(0, 100)), max_size=8),
)
def test_peaks_at_left_out_positions_are_not_picks(xy, left_out):
    found = peaks(*((x, y, -i) for i, (x, y) in enumerate(xy)))
    kept = [one for one in xy if all(np.hypot(*np.subtract(one, o)) > 10 for o in left_out)]
    assert select_picks(found, ALL, left_out=left_out).xy.tolist() == [list(one) for one in kept]
    # A label takes precedence.
    for x, y in left_out:
        labels = LabelledPositions.of([(x, y)], [True])
        xy_of_picks = select_picks(found, ALL, labels, left_out=left_out).xy
        assert np.hypot(*(xy_of_picks - (x, y)).T).min() <= 10


def test_excluded_areas_remove_peaks_but_not_labelled_particles():
    found = peaks((50, 50, 5), (150, 50, 4))
    area = [(0, 0), (100, 0), (100, 99), (0, 99)]
    assert select_picks(found, ALL, areas=[area]).xy.tolist() == [[150, 50]]
    labels = LabelledPositions.of([(52, 50)], [True])
    assert select_picks(found, ALL, labels, [area]).xy.tolist() == [[50, 50], [150, 50]]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 8), st.floats(0, 1))
def test_labels_take_precedence_at_any_threshold(seed, n_picks, n_labels, threshold):
    rng = np.random.default_rng(seed)
    before = peaks(
        *zip(*rng.random((2, n_picks)) * 100, rng.normal(size=n_picks), strict=True), radius=12.0
    )
    labels, answers = rng.random((n_labels, 2)) * 100, rng.integers(0, 2, n_labels)
    rows = [(x, y, answer) for (x, y), answer in zip(labels, answers, strict=True)]
    after = picked(before, rows, PickRules(threshold, 0))
    xy = after[["x", "y"]].to_numpy()
    for position in labels[answers == 1]:
        assert (np.hypot(*(xy - position).T) <= 6 + 1e-9).any()
    for x, y, score in after[["x", "y", "score"]].itertuples(index=False):
        gaps = np.hypot(*(labels - (x, y)).T)
        if len(gaps) and gaps.min() <= 6 - 1e-9:
            assert answers[gaps.argmin()] == 1
        else:
            assert score >= score_threshold(threshold)
    assert (np.diff(after["score"]) <= 0).all()
