import numpy as np
import pytest

from activepick.learning.patches import Patch, PatchPeaks
from activepick.workspace.patch_review import PatchReview

PATCH = Patch(0, 0.0, 0.0, 160.0, 160.0)
PICKS = np.array([[40.0, 40.0], [80.0, 40.0], [200.0, 40.0]])


@pytest.fixture
def review():
    xy = np.concatenate([PICKS, [[120.0, 120.0], [40.0, 120.0]]])
    score = np.array([3.0, 2.0, 1.0, -1.0, -2.0])
    return PatchReview(7, PATCH, PatchPeaks(xy, score, np.empty((0, 2)), 20.0, (500, 600)), PICKS)


def test_clicks_in_a_patch_remove_restore_and_add_picks(review):
    assert review.particles.tolist() == PICKS[:2].tolist()
    assert review.click(45, 40)
    assert review.removed.tolist() == [[40, 40]]
    assert review.corrections == 1
    assert review.click(45, 40)
    assert review.corrections == 0
    assert review.click(120, 70)
    assert review.particles.tolist() == [*PICKS[:2].tolist(), [120, 70]]
    assert review.click(118, 70)
    assert review.particles.tolist() == PICKS[:2].tolist()
    assert not review.click(200, 40)  # in no patch
    assert review.corrections == 0


def test_a_click_beside_a_pick_moves_it_and_can_be_undone(review):
    assert review.click(40, 55)
    assert review.particles.tolist() == [[80, 40], [40, 55]]
    assert review.corrections == 1
    made = review.labels()
    found = dict(zip(map(tuple, made.xy.tolist()), made.targets.tolist(), strict=True))
    assert found[40, 55] == found[80, 40] == 1
    assert found[40, 40] == 0
    assert (200, 40) not in found
    assert review.click(40, 55)
    assert review.particles.tolist() == PICKS[:2].tolist()
    review.click(40, 55)
    assert review.click(40, 38)  # the pick where it was
    assert review.particles.tolist() == PICKS[:2].tolist()
    assert review.corrections == 0


def test_labelled_positions_cannot_be_corrected():
    peaks = PatchPeaks(PICKS, np.ones(3), np.array([[41.0, 41.0]]), 20.0, (500, 600))
    review = PatchReview(7, PATCH, peaks, PICKS)
    assert review.particles.tolist() == [[80, 40]]
    assert not review.click(40, 40)
    assert (40, 40) not in map(tuple, review.labels().xy.tolist())


def test_clicks_are_undone_one_by_one(review):
    assert not review.can_undo
    assert not review.undo()
    review.click(40, 40)
    assert review.can_undo
    review.click(80, 55)
    assert not review.click(200, 40)
    assert review.undo()
    assert (review.corrections, review.removed.tolist()) == (1, [[40, 40]])
    assert review.undo()
    assert review.corrections == 0
    assert review.particles.tolist() == PICKS[:2].tolist()
    assert not review.undo()


def test_a_patch_does_not_label_positions_labelled_in_the_meantime(review):
    review.click(40, 40)
    review.click(120, 70)
    review.set_answered(np.array([[41.0, 41.0], [120.0, 119.0]]))
    assert review.corrections == 2
    made = review.labels()
    found = dict(zip(map(tuple, made.xy.tolist()), made.targets.tolist(), strict=True))
    assert found == {(80, 40): 1, (120, 70): 1, (40, 120): 0}


def kinds_at(made):
    return dict(zip(map(tuple, made.xy.tolist()), made.kinds.tolist(), strict=True))


def test_particles_of_a_patch_keep_the_kinds_of_their_picks(review):
    kinds = np.array([2, 1, 2], np.int16)
    several = PatchReview(7, PATCH, review.peaks, PICKS, kinds)
    assert several.particle_kinds.tolist() == [2, 1]
    found = kinds_at(several.labels())
    assert (found[40, 40], found[80, 40]) == (2, 1)
    assert set(found.values()) == {0, 1, 2}


def test_a_click_changes_the_kind_of_a_pick_and_another_one_removes_it(review):
    several = PatchReview(7, PATCH, review.peaks, PICKS, np.array([2, 1, 2], np.int16))
    assert several.click(40, 40, 1)
    assert several.particle_kinds.tolist() == [1, 1]
    assert several.corrections == 1
    assert several.click(40, 40, 2)  # as it was picked
    assert several.corrections == 0
    assert several.click(40, 40, 2)
    assert several.removed.tolist() == [[40, 40]]
    assert several.corrections == 1
    assert several.undo()
    assert several.click(120, 70, 2)
    assert several.click(120, 70, 1)
    assert kinds_at(several.labels())[120, 70] == 1
    assert several.click(120, 70, 1)
    assert several.corrections == 0
    assert several.undo()
    assert several.undo()
    assert kinds_at(several.labels())[120, 70] == 2


def test_a_pick_that_is_moved_is_of_the_clicked_kind(review):
    several = PatchReview(7, PATCH, review.peaks, PICKS, np.array([2, 1, 2], np.int16))
    assert several.click(40, 55, 1)
    found = kinds_at(several.labels())
    assert (found[40, 55], found[40, 40]) == (1, 0)
    assert several.corrections == 1
