import numpy as np
import pytest
import torch
from turned_shapes import RADIUS, SIDE, crops, likeness, purity, shapes

from activepick.classes.first_classes import first_classes
from activepick.classes.polar import transform


def found_classes(images: np.ndarray, count: int) -> tuple[np.ndarray, torch.Tensor]:
    members, angle = first_classes(torch.from_numpy(images), RADIUS, count, lambda fraction: None)
    return members.numpy(), angle


def test_first_classes_contain_crops_of_one_shape_in_equal_rotations():
    images, kinds = crops(100, 0.6, seed=5)
    members, angle = found_classes(images, 6)
    rows, classes = np.nonzero(members)
    assert len(set(rows.tolist())) == len(rows)
    assert purity(classes, kinds[rows]) > 0.95
    aligned = transform(torch.from_numpy(images), angle, torch.zeros((len(images), 2))).numpy()
    for number in range(6):
        own = rows[classes == number]
        shape = shapes()[np.bincount(kinds[own]).argmax()]
        assert likeness(aligned[own].mean(axis=0), shape) > 0.7
        assert likeness(images[own].mean(axis=0), shape) < 0.7


@pytest.mark.parametrize("count", [1, 3, 10])
def test_noise_and_few_crops_are_divided_into_classes(count):
    noise = np.random.default_rng(0).normal(size=(10, SIDE, SIDE)).astype(np.float32)
    for images in (noise, np.zeros_like(noise)):
        members, angle = found_classes(images, count)
        assert members.shape == (10, count)
        assert members.sum() >= 1
        assert torch.isfinite(angle).all()
