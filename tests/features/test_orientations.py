import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from activepick.errors import SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.features.orientations import ORIENTATIONS, orientations_of


def image(height, width, seed=0):
    return np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_undo_reverses_each_orientation_exactly(orientation):
    pixels = torch.from_numpy(image(50, 62))
    assert torch.equal(orientation.undo(orientation.apply(pixels)), pixels)
    features = torch.from_numpy(image(50, 62 * 3).reshape(50, 62, 3))
    turned = torch.stack([orientation.apply(part) for part in features.unbind(2)], 2)
    assert torch.equal(orientation.undo(turned), features)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_window_is_transformed_with_its_image(orientation):
    pixels = np.zeros((20, 31), np.float32)
    window = slice(3, 11), slice(5, 29)
    pixels[window] = 1
    turned = orientation.apply(torch.from_numpy(pixels)).numpy()
    inside = np.zeros_like(turned)
    inside[orientation.apply_to_window(window, pixels.shape)] = 1
    assert np.array_equal(inside, turned)


def test_all_orientations_are_distinct():
    pixels = torch.arange(20.0).reshape(4, 5)
    turned = [orientation.apply(pixels).contiguous().numpy() for orientation in ORIENTATIONS]
    assert len({part.tobytes() + bytes(part.shape) for part in turned}) == 8


@pytest.fixture(scope="module")
def extractor():
    return Extractor(load_backbone("resnet8_u32"), device="cpu", precision="float32")


@pytest.mark.parametrize(
    ("shape", "orientations", "stride"),
    [((97, 97), 2, 4), ((64, 95), 8, 4), ((66, 59), 2, 1), ((43, 64), 4, 2)],
)
def test_mean_features_are_averages_over_the_rotated_images(shape, orientations, stride):
    backbone = load_backbone("resnet8_u32")
    pixels = gaussian_filter(image(*shape), 2)
    dense = Extractor(backbone, stride=1, device="cpu", precision="float32")
    expected = np.mean(
        [
            orientation.undo(
                torch.from_numpy(dense.extract(orientation.apply(torch.from_numpy(pixels)).numpy()))
            ).numpy()
            for orientation in ORIENTATIONS[:orientations]
        ],
        axis=0,
        dtype=np.float32,
    )[::stride, ::stride]
    # Tiles that do not divide the image, so that parts at its border are turned as well.
    extractor = Extractor(backbone, stride=stride, device="cpu", precision="float32", tile_px=48)
    ours = extractor.extract(pixels, orientations=orientations).astype(np.float32)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() < 2e-3 * np.abs(expected).max()


def test_features_averaged_over_quarter_turns_rotate_with_the_image(extractor):
    pixels = image(97, 97)
    straight = extractor.extract(pixels, orientations=4)
    turned = extractor.extract(np.rot90(pixels).copy(), orientations=4)
    assert straight.shape == extractor.extract(pixels).shape
    assert np.allclose(np.rot90(straight), turned, atol=2e-3)


def test_features_averaged_over_a_half_turn_rotate_with_the_image(extractor):
    pixels = image(97, 129)
    straight = extractor.extract(pixels, orientations=2)
    turned = extractor.extract(np.rot90(pixels, 2).copy(), orientations=2)
    assert np.allclose(np.rot90(straight, 2), turned, atol=2e-3)
    one = extractor.extract(pixels)
    assert np.std(straight.astype(float) - one) > 0


def test_scores_are_those_of_the_mean_features(extractor):
    pixels = image(120, 90)
    backbone = extractor.backbone
    features = extractor.extract(pixels, orientations=2).astype(np.float64)
    scores = extractor.score(pixels, backbone.weights, backbone.bias, orientations=2)
    expected = features @ backbone.weights + backbone.bias
    assert np.abs(scores - expected).max() < 2e-3 * np.abs(expected).max()


def test_progress_increases_to_one(extractor):
    seen = []
    extractor.extract(np.zeros((80, 80), np.float32), seen.append, 2)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_invalid_numbers_of_orientations_are_refused(extractor):
    with pytest.raises(SettingsError, match="1, 2, 4 or 8"):
        orientations_of(3)
    with pytest.raises(SettingsError, match="1, 2, 4 or 8"):
        extractor.extract(np.zeros((80, 80), np.float32), orientations=3)
