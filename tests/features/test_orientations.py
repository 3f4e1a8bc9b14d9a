import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from activepick.errors import SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.features.orientations import ORIENTATIONS, mean_features, oriented


@pytest.mark.parametrize("shape", [(50, 62), (48, 51), (49, 53)])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_samples_lie_where_those_of_the_image_do(shape, orientation):
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    def same_from_all_sides(turned):
        return gaussian_filter(turned, 3, mode="constant")[::4, ::4]

    assert np.allclose(
        oriented(same_from_all_sides, image, 4, orientation), same_from_all_sides(image), atol=1e-6
    )


def test_all_orientations_are_different():
    image = np.arange(20.0, dtype=np.float32).reshape(4, 5)
    seen = []
    for orientation in ORIENTATIONS:
        oriented(lambda turned: seen.append(turned) or turned, image, 1, orientation)
    assert len({part.tobytes() + bytes(part.shape) for part in seen}) == 8


@pytest.fixture(scope="module")
def extractor():
    return Extractor(load_backbone("resnet8_u32"), device="cpu", precision="float32")


def test_features_averaged_over_quarter_turns_turn_with_the_image(extractor):
    image = np.random.default_rng(0).standard_normal((97, 97)).astype(np.float32)
    straight = mean_features(extractor, image, 4)
    turned = mean_features(extractor, np.rot90(image).copy(), 4)
    assert straight.shape == extractor.extract(image).shape
    assert np.allclose(np.rot90(straight), turned, atol=2e-3)


def test_features_averaged_over_a_half_turn_turn_with_the_image(extractor):
    image = np.random.default_rng(0).standard_normal((97, 129)).astype(np.float32)
    straight = mean_features(extractor, image, 2)
    turned = mean_features(extractor, np.rot90(image, 2).copy(), 2)
    assert np.allclose(np.rot90(straight, 2), turned, atol=2e-3)
    one = extractor.extract(image)
    assert np.array_equal(mean_features(extractor, image, 1), one)
    assert np.std(straight.astype(float) - one) > 0


def test_progress_rises_to_the_end(extractor):
    seen = []
    mean_features(extractor, np.zeros((80, 80), np.float32), 2, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_odd_numbers_of_orientations_are_refused(extractor):
    with pytest.raises(SettingsError, match="1, 2, 4 or 8"):
        mean_features(extractor, np.zeros((80, 80), np.float32), 3)
