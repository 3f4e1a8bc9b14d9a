import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit, softmax

from activepick.learning.uncertainty import entropy
from activepick.scoremap import ScoreMap, find_peaks, merge_kinds
from activepick.scoremap.kinds import any_kind, best_kind, kind_entropy, kind_log_odds

SCORES = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6)),
                elements=st.floats(-30, 30))  # fmt: skip


@settings(deadline=None)
@given(SCORES)
def test_log_odds_and_entropy_equal_those_of_the_softmax(z):
    p = softmax(np.vstack([z, np.zeros(z.shape[1])]), axis=0)
    index, best = best_kind(z)
    with np.errstate(divide="ignore"):
        assert np.allclose(1 / (1 + np.exp(-any_kind(z))), 1 - p[-1], atol=1e-12)
        assert np.allclose(1 / (1 + np.exp(-best)), p[:-1].max(axis=0), atol=1e-12)
        assert np.allclose(p[index, np.arange(z.shape[1])], p[:-1].max(axis=0))
        found = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=0)
    assert np.allclose(kind_entropy(z), found, atol=1e-9)
    for k in range(len(z)):
        odds = kind_log_odds(z, k)
        assert np.allclose(1 / (1 + np.exp(-odds)), p[k], atol=1e-12)
        assert np.allclose(odds[index == k], best[index == k])


@settings(deadline=None)
@given(SCORES)
def test_one_kind_gives_the_scores_of_a_head_without_kinds(z):
    assert np.array_equal(any_kind(z[:1]), z[0])
    assert np.array_equal(best_kind(z[:1])[1], z[0])
    assert np.allclose(kind_entropy(z[:1]), entropy(z[0]), atol=1e-9)


def bump(x, y, height, shape=(40, 60)):
    rows, columns = np.indices(shape)
    distance = (columns - x) ** 2 + (rows - y) ** 2
    return (height * np.exp(-distance / 18) - 4).astype(np.float32)


def maps(*values):
    return [ScoreMap(one, 2.0, 14.0, (80, 120)) for one in values]


def test_each_peak_has_its_most_likely_kind_and_the_log_odds_of_that_kind():
    first, second = bump(10, 10, 8), np.maximum(bump(40, 20, 7), bump(10, 10, 6))
    found = find_peaks(merge_kinds(maps(first, second), (1, 4)))
    assert [tuple(at) for at in found.xy[:2]] == [(80, 40), (20, 20)]
    assert found.kind[:2].tolist() == [4, 1]
    p = softmax([4.0, 2.0, 0.0])
    assert found.score[1] == pytest.approx(logit(p[0]), abs=1e-5)
    assert (np.diff(found.score) <= 0).all()
    assert found.take(np.array([1])).kind.tolist() == [1]


def test_peaks_of_one_kind_equal_those_of_its_map():
    [plain] = maps(np.maximum(bump(10, 10, 8), bump(40, 20, 7)))
    mine, theirs = find_peaks(merge_kinds([plain], (3,))), find_peaks(plain)
    assert np.array_equal(mine.xy, theirs.xy)
    assert np.array_equal(mine.score, theirs.score)
    assert theirs.kind is None
    assert set(mine.kind.tolist()) == {3}


def test_the_map_of_a_kind_has_its_log_odds_everywhere_also_where_another_kind_is_more_likely():
    first, second = bump(10, 10, 8), bump(10, 10, 9)
    both = merge_kinds(maps(first, second), (1, 4))
    less, more = both.of_kind(1), both.of_kind(4)
    p = softmax([4.0, 5.0, 0.0])
    assert less.at([(20, 20)]) == pytest.approx(logit(p[0]), abs=1e-5)
    assert more.at([(20, 20)]) == pytest.approx(logit(p[1]), abs=1e-5)
    assert less.kinds is None
    assert find_peaks(less).kind is None
    with pytest.raises(ValueError, match="no kind with the number 2"):
        both.of_kind(2)
