"""Kinds of particles among the picks."""

import numpy as np
import pytest

from activepick.picking import LabelledPositions, PickRules, select_picks
from activepick.picking.rules import accepted_peaks
from activepick.scoremap import Peaks

RULES = PickRules(threshold=0.5, separation=0, edge_margin=0)


def peaks(kind=(1, 2, 2, 1)):
    xy = np.array([(10, 10), (60, 10), (10, 60), (60, 60)], np.float32)
    score = np.array([3, 1, 0.5, -0.5], np.float32)
    return Peaks(xy, score, None, 20.0, (100, 100), kind=np.array(kind, np.int16))


def test_picks_have_kinds_and_their_names():
    table = select_picks(peaks(), RULES).table("a.mrc", {1: "ribosome", 2: "proteasome"})
    assert table["rlnClassNumber"].tolist() == [1, 2, 2]
    assert table["class"].tolist() == ["ribosome", "proteasome", "proteasome"]
    assert list(select_picks(peaks(), RULES).table("a.mrc").columns) == [
        "micrograph", "x", "y", "score", "rlnClassNumber",
    ]  # fmt: skip


def test_a_kind_may_have_its_own_threshold():
    rules = PickRules(0.5, 0, 0, kind_thresholds=((2, 0.7), (1, 0.3)))
    picks = select_picks(peaks(), rules)
    assert picks.score.tolist() == [3, 1, -0.5]
    assert picks.kind.tolist() == [1, 2, 1]
    assert accepted_peaks(peaks(), rules).tolist() == [True, True, False, True]


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_the_threshold_of_a_kind_is_a_probability(threshold):
    from activepick.errors import SettingsError

    with pytest.raises(SettingsError, match="probability"):
        PickRules(kind_thresholds=((1, threshold),))


def test_a_pick_at_a_label_has_the_kind_of_the_label():
    labels = LabelledPositions.of([(11, 11), (60, 61), (30, 90)], [1, 1, 1], kind=[2, 2, 1])
    picks = select_picks(peaks(), RULES, labels)
    kinds = {
        tuple(at): kind for at, kind in zip(picks.xy.tolist(), picks.kind.tolist(), strict=True)
    }
    assert kinds == {(10, 10): 2, (60, 10): 2, (10, 60): 2, (60, 60): 2, (30, 90): 1}


def test_labels_have_kinds_if_the_head_has_none():
    plain = peaks()
    plain = Peaks(plain.xy, plain.score, None, plain.radius_px, plain.shape)
    labels = LabelledPositions.of([(11, 11)], [1], kind=[2])
    picks = select_picks(plain, RULES, labels)
    assert picks.kind.tolist() == [2, 0, 0]


def test_without_kinds_tables_have_no_column_for_them():
    plain = peaks()
    plain = Peaks(plain.xy, plain.score, None, plain.radius_px, plain.shape)
    labels = LabelledPositions.of([(11, 11)], [1])
    picks = select_picks(plain, RULES, labels)
    assert picks.kind is None
    assert "rlnClassNumber" not in picks.table("a.mrc")
