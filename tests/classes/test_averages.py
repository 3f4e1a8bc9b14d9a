from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from turned_shapes import RADIUS, SIDE, crops, likeness, purity, shapes

from activepick.classes import maximisation
from activepick.classes.averages import assign_classes, average_classes
from activepick.classes.polar import PolarGrid, transform


@pytest.fixture(scope="module")
def sorted_shapes():
    images, kinds = crops(60, 0.6, seed=3)
    return images, kinds, average_classes(images, RADIUS, 6, seed=1, device="cpu")


def test_classes_are_pure_and_averages_correlate_with_the_true_shapes(sorted_shapes):
    _images, kinds, found = sorted_shapes
    assert purity(found.classes, kinds) > 0.95
    for number in np.flatnonzero(found.sizes >= 25):
        kind = np.bincount(kinds[found.classes == number]).argmax()
        assert likeness(found.averages[number], shapes()[kind]) > 0.85


def test_members_are_aligned_with_their_average(sorted_shapes):
    images, _, found = sorted_shapes
    largest = int(found.sizes.argmax())
    own = np.flatnonzero(found.classes == largest)
    angle, shift = torch.from_numpy(found.angle_rad[own]), torch.from_numpy(found.shift_px[own])
    aligned = transform(torch.from_numpy(images[own]), angle, shift).numpy()
    mean = aligned.mean(axis=0)
    assert np.corrcoef(mean.ravel(), found.averages[largest].ravel())[0, 1] > 0.9


def test_the_same_seed_gives_the_same_classes(sorted_shapes):
    images, _, found = sorted_shapes
    again = average_classes(images, RADIUS, 6, seed=1, device="cpu")
    np.testing.assert_array_equal(again.classes, found.classes)
    np.testing.assert_array_equal(again.averages, found.averages)


def test_more_crops_refine_the_classes_and_keep_their_numbers(sorted_shapes):
    images, kinds, found = sorted_shapes
    more, more_kinds = crops(20, 0.6, seed=8)
    refined = average_classes(np.concatenate([images, more]), RADIUS, 6, start=found, device="cpu")
    assert purity(refined.classes, np.concatenate([kinds, more_kinds])) > 0.95
    assert (refined.classes[: len(images)] == found.classes).mean() > 0.9
    assigned = assign_classes(more, RADIUS, found, device="cpu")
    assert purity(assigned.classes, more_kinds) > 0.9
    np.testing.assert_array_equal(assigned.averages, found.averages)
    assert len(assign_classes(more[:0], RADIUS, found, device="cpu").classes) == 0


def test_a_class_that_loses_its_members_gets_the_same_number_when_they_return(sorted_shapes):
    images, _, found = sorted_shapes
    lost = int(found.sizes.argmax())
    rest = images[found.classes != lost]
    without = average_classes(rest, RADIUS, 6, start=found, device="cpu")
    assert without.sizes[lost] < 5
    np.testing.assert_array_equal(without.averages[lost], found.averages[lost])
    again = average_classes(images, RADIUS, 6, start=without, device="cpu")
    assert (again.classes[found.classes == lost] == lost).mean() > 0.8


def test_classes_begin_with_some_of_many_crops(monkeypatch):
    monkeypatch.setattr(maximisation, "_FIRST_CROPS", 60)
    images, kinds = crops(60, 0.6, seed=6)
    found = average_classes(images, RADIUS, 6, seed=1, device="cpu")
    assert purity(found.classes, kinds) > 0.95
    assert len(found.classes) == len(images)


def test_every_class_of_equal_particles_has_members():
    images, kinds = crops(80, 0.8, seed=4)
    found = average_classes(images[kinds == 1], RADIUS, 16, seed=2, device="cpu")
    assert (found.sizes > 0).all()
    assert len(found.averages) == len(found.references) == len(found.descriptors)


def test_classes_without_members_are_left_out_and_the_others_keep_their_order(sorted_shapes):
    found = sorted_shapes[2]
    last = len(found.averages) - 1
    gap = replace(found, classes=np.where(found.classes == 0, last, found.classes))
    kept = gap.without_empty()
    np.testing.assert_array_equal(kept.averages, found.averages[1:])
    np.testing.assert_array_equal(kept.classes, gap.classes - 1)


def test_few_crops_give_few_classes_and_no_crops_are_an_error():
    images, _ = crops(3, 0.5, seed=0)
    assert len(average_classes(images, RADIUS, 20, device="cpu").averages) == 1
    with pytest.raises(ValueError, match="cannot be sorted"):
        average_classes(images[:0], RADIUS, device="cpu")


@pytest.mark.parametrize("cancelled_at", [0.2, 0.6])
def test_averaging_can_be_cancelled_at_each_step(cancelled_at):
    images, _ = crops(80, 0.5, seed=0)

    class Cancelled(Exception):
        pass

    reported = []

    def progress(fraction: float) -> None:
        reported.append(fraction)
        if fraction > cancelled_at:
            raise Cancelled

    with pytest.raises(Cancelled):
        average_classes(images, RADIUS, 3, device="cpu", progress=progress)
    assert reported == sorted(reported)
    assert len(reported) > 5


@settings(max_examples=15, deadline=None)
@given(turn=st.integers(0, 47), kind=st.integers(0, 2))
def test_the_correlation_is_highest_at_the_rotation_of_the_image(turn, kind):
    grid = PolarGrid(10, 48)
    image = torch.from_numpy(shapes()[kind : kind + 1].astype(np.float32))
    angle = torch.tensor([2 * np.pi * turn / grid.angles], dtype=torch.float32)
    nowhere = torch.zeros((1, 2))
    # Position R p of the rotated image corresponds to p of the image.
    turned = transform(image, -angle, nowhere)
    found = grid.correlations(grid.spectra(turned, nowhere), grid.spectra(image, nowhere))
    best = int(found.flatten().argmax())
    period = 24 if kind < 2 else 48  # a bar and two equal spots look the same upside down
    assert (best - turn) % period in (0, 1, period - 1)
    aligned = transform(turned, torch.tensor([2 * np.pi * best / grid.angles]), nowhere)
    assert np.corrcoef(aligned.numpy().ravel(), image.numpy().ravel())[0, 1] > 0.97


def test_rotated_sums_are_sums_of_images_rotated_back():
    grid = PolarGrid(10, 48)
    image = torch.from_numpy(shapes()[2:].astype(np.float32))
    turned = transform(image, torch.tensor([-1.0]), torch.zeros((1, 2)))
    spectra = grid.spectra(turned, torch.zeros((1, 2)))
    weights = torch.zeros((1, 1, grid.angles))
    weights[0, 0, round(grid.angles / (2 * np.pi))] = 1.0
    back = grid.images(grid.turned_sums(spectra, weights), torch.zeros((1, 2)), SIDE)[0].numpy()
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    inside = np.hypot(x, y) < 8
    assert np.corrcoef(back[inside], image[0].numpy()[inside])[0, 1] > 0.98
