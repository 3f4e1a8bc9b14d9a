import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from activepick.errors import SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.features.orientations import ORIENTATIONS, oriented
from activepick.features.turning_extractor import TurningExtractor


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


def test_features_averaged_over_turns_turn_with_the_image(extractor):
    image = np.random.default_rng(0).standard_normal((97, 97)).astype(np.float32)
    turning = TurningExtractor(extractor, 4)
    straight, turned = turning.extract(image), turning.extract(np.rot90(image).copy())
    assert straight.shape == extractor.extract(image).shape
    assert np.allclose(np.rot90(straight), turned, atol=2e-3)
    weights = extractor.backbone.weights
    assert np.allclose(turning.score(image, weights, 0.5), straight @ weights + 0.5, atol=0.02)
    half = turning.with_stride(2)
    assert (half.orientations, half.stride) == (4, 2)


def test_two_of_four_sides_give_nearly_the_same(extractor):
    image = np.random.default_rng(0).standard_normal((97, 130)).astype(np.float32)
    weights = extractor.backbone.weights

    def scores(*sides):
        return TurningExtractor(extractor, *sides).score(image, weights, 0.0)

    four, two, one = scores(4), scores(4, 2), scores(4, 1)
    assert np.array_equal(one, extractor.score(image, weights, 0.0))
    assert 0 < np.std(two - four) < np.std(one - four)
    assert np.array_equal(scores(2, 4), scores(2))


def test_progress_rises_to_the_end(extractor):
    seen = []
    TurningExtractor(extractor, 2).extract(np.zeros((80, 80), np.float32), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_odd_numbers_of_orientations_are_refused(extractor):
    for wrong in ((3,), (4, 3)):
        with pytest.raises(SettingsError, match="1, 2, 4 or 8"):
            TurningExtractor(extractor, *wrong)
