import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activepick.learning.patches import Patch, PatchPeaks, choose_patch, label_patch
from activepick.learning.uncertainty import entropy
from activepick.scoremap import far_from

RADIUS = 20.0
SHAPE = (500, 600)
NOTHING = np.empty((0, 2))
# Positions on a grid of the particle diameter, so that no two are at the same place.
GRID = np.stack(np.meshgrid(np.arange(20.0, 590, 40), np.arange(20.0, 490, 40)), -1).reshape(-1, 2)


def peaks(score, xy=GRID, answered=NOTHING, shape=SHAPE):
    return PatchPeaks(xy, np.asarray(score, float), answered, RADIUS, shape)


def scores():
    return arrays(np.float64, len(GRID), elements=st.floats(-30, 30))


@given(st.lists(scores(), min_size=1, max_size=3))
def test_the_chosen_patch_has_the_largest_entropy(found):
    patch = choose_patch([peaks(score) for score in found])
    assert patch is not None
    assert patch.right - patch.left == patch.bottom - patch.top == pytest.approx(8 * RADIUS)
    assert patch.left >= 0
    assert patch.top >= 0
    assert patch.right <= SHAPE[1] - 1
    assert patch.bottom <= SHAPE[0] - 1
    chosen = entropy(found[patch.micrograph])[patch.contains(GRID)].sum()
    half = 4 * RADIUS
    centres = np.clip(GRID, half, np.array(SHAPE[::-1]) - 1 - half)
    for score in found:
        for centre in centres:
            inside = (np.abs(GRID - centre) <= half + 1e-9).all(axis=1)
            assert entropy(score)[inside].sum() <= chosen + 1e-9


def test_labelled_and_skipped_positions_do_not_affect_the_choice_of_a_patch():
    score = np.full(len(GRID), -8.0)
    score[:3] = 0.0
    first = choose_patch([peaks(score)])
    assert first.contains(GRID[:3]).all()
    elsewhere = choose_patch([peaks(score, answered=GRID[:3] + 3)])
    assert not elsewhere.contains(GRID[:3]).all()
    assert choose_patch([peaks(score, answered=GRID), peaks([], NOTHING)]) is None


def test_a_patch_of_a_small_image_is_the_whole_image():
    patch = choose_patch([peaks([0.0], np.array([[10.0, 50.0]]), shape=(100, 90))])
    corners = [(0, 0), (89, 0), (0, 99), (89, 99)]
    assert patch.contains(corners).all()


def test_a_confirmed_patch_labels_particles_and_as_much_background():
    score = -1.0 - np.arange(len(GRID)) / 100
    own = peaks(score)
    patch = Patch(0, 0.0, 0.0, 160.0, 160.0)
    particles, wrong = GRID[[16, 17]], GRID[[31]]
    missed = np.array([[100.0, 61.0]])
    assert patch.contains(np.concatenate([particles, wrong, missed])).all()
    outside = GRID[[-1]]
    made = label_patch(patch, own, np.concatenate([particles, missed, outside]), wrong)
    positive, negative = made.xy[made.targets == 1], made.xy[made.targets == 0]
    assert {*map(tuple, positive)} == {*map(tuple, [*particles, *missed])}
    assert len(negative) == 1 + 4
    assert tuple(negative[0]) == tuple(wrong[0])
    # The highest peaks that are neither particles nor close to one.
    empty = patch.contains(GRID) & far_from(GRID, np.concatenate([particles, wrong, missed]), 20.0)
    best = GRID[empty][np.argsort(-score[empty], kind="stable")[:4]]
    assert np.array_equal(negative[1:], best)


def test_a_patch_without_particles_gives_one_label_and_none_at_labelled_positions():
    own = peaks(np.full(len(GRID), -1.0))
    patch = choose_patch([own])
    [target] = label_patch(patch, own, NOTHING, NOTHING).targets
    assert target == 0
    known = peaks(own.score, answered=GRID[:-1])
    again = label_patch(patch, known, GRID[:5], NOTHING)
    assert len(again.xy) == int(patch.contains(GRID[-1:]).sum())
