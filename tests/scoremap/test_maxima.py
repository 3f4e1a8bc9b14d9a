import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from activepick.scoremap import Peaks, maxima
from activepick.scoremap.maxima import local_maxima, suppress

MAPS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.integers(-4, 4).map(float) | st.just(np.nan) | st.just(-np.inf),
)


def noise(seed: int, shape: tuple[int, int] = (40, 33)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def regional_maxima(scores: np.ndarray) -> list[set[tuple[int, int]]]:
    """Flood-fill every flat region and keep those that nothing higher touches."""
    clean = np.where(np.isnan(scores), -np.inf, scores)
    height, width = clean.shape
    seen: set[tuple[int, int]] = set()
    found = []
    for start in np.ndindex(clean.shape):
        if start in seen or clean[start] == -np.inf:
            continue
        region, todo, is_top = {start}, [start], True
        while todo:
            y, x = todo.pop()
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    if clean[v, u] > clean[start]:
                        is_top = False
                    elif clean[v, u] == clean[start] and (v, u) not in region:
                        region.add((v, u))
                        todo.append((v, u))
        seen |= region
        if is_top:
            found.append(region)
    return found


def greedy(positions: np.ndarray, distance: float) -> list[int]:
    kept: list[int] = []
    alive = np.ones(len(positions), dtype=bool)
    for index in range(len(positions)):
        if alive[index]:
            kept.append(index)
            gaps = positions[index + 1 :] - positions[index]
            alive[index + 1 :] &= np.sqrt((gaps**2).sum(axis=1)) >= distance
    return kept


@settings(max_examples=150, deadline=None)
@given(MAPS)
def test_without_a_distance_each_regional_maximum_is_a_peak(scores):
    positions, values = local_maxima(scores, 0)
    tops = regional_maxima(scores)
    assert len(positions) == len(tops)
    for region in tops:
        # A refined position is at most half a sample away from a sample of its region.
        gaps = [np.abs(positions - (x, y)).max(axis=1) for y, x in region]
        y, x = next(iter(region))
        assert np.any((np.min(gaps, axis=0) <= 0.5) & (values == scores[y, x]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 12))
def test_suppression_equals_the_greedy_algorithm(seed, distance):
    scores = noise(seed)
    every_position, every_value = local_maxima(scores, 0)
    positions, values = local_maxima(scores, distance)
    expected = greedy(every_position, distance)
    np.testing.assert_array_equal(positions, every_position[expected])
    np.testing.assert_array_equal(values, every_value[expected])
    # Each removed peak has a kept peak at least as high within the distance.
    for index in sorted(set(range(len(every_position))) - set(expected)):
        gaps = np.sqrt(((positions - every_position[index]) ** 2).sum(axis=1))
        assert (values[gaps < distance] >= every_value[index]).any()


@pytest.mark.parametrize("most_pairs", [0, 1 << 23])
def test_suppression_in_blocks_equals_suppression_at_once(monkeypatch, most_pairs):
    monkeypatch.setattr(maxima, "_PAIRS", most_pairs)
    scores = noise(3, (400, 300))
    every_position, _ = local_maxima(scores, 0)
    assert len(every_position) > 2 * 4096
    positions, values = local_maxima(scores, 3.3)
    np.testing.assert_array_equal(positions, every_position[greedy(every_position, 3.3)])
    assert (np.diff(values) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.lists(st.floats(-3, 3), max_size=4))
def test_peaks_above_any_score_are_separated(seed, separation, lowest_scores):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (80, 2)).astype(np.float32)
    score = np.sort(rng.normal(0, 1, 80).round(1).astype(np.float32))[::-1]
    peaks = Peaks(xy, score, None, 5.0, (100, 100))
    expected = np.zeros(80, bool)
    expected[greedy(xy.astype(np.float64), separation * 5.0) if separation else slice(None)] = True
    for lowest in [*lowest_scores, -np.inf, *lowest_scores]:
        found = peaks.separated(separation, lowest)
        np.testing.assert_array_equal(found, expected & (score >= np.float32(lowest)))


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(0, 30), st.just(2)), elements=st.floats(-1e6, 1e6)),
    st.floats(1e-3, 1e7),
)
def test_the_number_of_close_pairs_is_bounded(positions, distance):
    gaps = np.sqrt(((positions[:, None] - positions) ** 2).sum(axis=2))
    near = (np.triu(gaps < distance, 1)).sum()
    assert near <= maxima._most_pairs(positions, distance)
    assert suppress(positions, distance).tolist() == greedy(positions, distance)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_peaks_rotate_with_the_map(seed):
    scores = noise(seed)
    height, width = scores.shape
    positions, values = local_maxima(scores, 3.0)
    flipped, flipped_values = local_maxima(scores[::-1, ::-1], 3.0)
    np.testing.assert_allclose([width - 1, height - 1] - flipped, positions, atol=1e-9)
    np.testing.assert_array_equal(flipped_values, values)
    turned, _ = local_maxima(scores.T, 3.0)
    np.testing.assert_allclose(turned[:, ::-1], positions, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(3, 20), st.floats(3, 16), st.floats(0.9, 2.5))
def test_a_maximum_between_samples_is_interpolated(x, y, sigma):
    v, u = np.mgrid[:20, :24]
    scores = 5 * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2))
    positions, values = local_maxima(scores, 4, threshold=1)
    assert len(positions) == 1
    np.testing.assert_allclose(positions[0], (x, y), atol=0.1)
    assert values[0] == scores.max()


@pytest.mark.parametrize("corner", [(0, 0), (0, 8), (6, 0), (6, 8)])
def test_a_maximum_in_a_corner_is_a_peak(corner):
    scores = np.full((7, 9), -5.0)
    scores[corner] = 3.0
    opposite = (6 - corner[0], 8 - corner[1])
    scores[opposite] = 2.0
    positions, values = local_maxima(scores, 4.0)
    assert values[:2].tolist() == [3.0, 2.0]
    assert positions[0].tolist() == [corner[1], corner[0]]
    assert positions[1].tolist() == [opposite[1], opposite[0]]


def test_masked_samples_are_not_peaks_and_do_not_affect_neighbours():
    scores = np.zeros((5, 5))
    scores[2, 2] = 4.0
    scores[2, 3] = np.nan
    scores[0, 0] = -np.inf
    positions, values = local_maxima(scores, 2.0)
    assert values[0] == 4.0
    assert positions[0].tolist() == [2.0, 2.0]
    assert len(local_maxima(np.full((4, 4), np.nan), 1.0)[0]) == 0
    assert len(local_maxima(np.empty((0, 4)), 1.0)[0]) == 0


def test_a_peak_at_the_threshold_is_kept():
    scores = np.zeros((9, 9))
    scores[2, 2], scores[6, 6] = 1.0, 2.0
    assert local_maxima(scores, 1.0, threshold=1.0)[1].tolist() == [2.0, 1.0]
    assert local_maxima(scores, 1.0, threshold=1.0001)[1].tolist() == [2.0]


def test_peaks_at_exactly_the_distance_are_both_kept():
    scores = np.zeros((9, 9))
    scores[4, 1], scores[4, 6] = 2.0, 1.0
    assert len(local_maxima(scores, 5.0, threshold=0.5)[0]) == 2
    assert len(local_maxima(scores, 5.0001, threshold=0.5)[0]) == 1


@pytest.mark.parametrize("distance", [-1.0, float("nan")])
def test_an_invalid_distance_is_refused(distance):
    with pytest.raises(ValueError, match="min_distance_px"):
        local_maxima(np.zeros((3, 3)), distance)
