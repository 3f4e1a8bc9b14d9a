import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from activepick.micrograph import Micrograph
from activepick.micrograph.border import NO_BORDER, BorderFinder
from activepick.simulate import SimulationSettings, simulate_dataset

FILL = {"constant": {"constant_values": 128}}


def border_of(pixels, rows=7):
    finder = BorderFinder(pixels.shape)
    blocks = [pixels[start : start + rows] for start in range(0, len(pixels), rows)]
    assert [block.shape for block in finder.watch(blocks)] == [block.shape for block in blocks]
    return finder.border


def noise(shape=(80, 120), seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    widths=st.tuples(*[st.integers(0, 12)] * 4),
    mode=st.sampled_from(["edge", "constant"]),
    rows=st.integers(1, 100),
    seed=st.integers(0, 99),
)
def test_padding_and_repeated_lines_are_found(widths, mode, rows, seed):
    left, top, right, bottom = widths
    pixels = np.pad(noise(seed=seed), ((top, bottom), (left, right)), mode=mode)
    found = border_of(pixels, rows)
    # Two equal lines are needed, and the innermost one may count as well.
    for width, side in zip(widths, found, strict=True):
        least = width if mode == "edge" or width > 1 else 0
        assert least <= side <= width + (width > 0)
        assert width or not side


def test_integer_noise_has_no_border():
    pixels = np.round(10 * noise()).astype(np.float32)
    assert border_of(pixels) == NO_BORDER


@pytest.mark.parametrize("quality", [60, 75, 90, 95])
@pytest.mark.parametrize("mode", ["edge", "constant"])
@pytest.mark.parametrize("smoothed", [0.0, 1.5])
def test_padding_is_found_after_lossy_compression(tmp_path, quality, mode, smoothed):
    widths = (37, 0, 11, 60)
    left, top, right, bottom = widths
    pixels = gaussian_filter(noise((500, 640)), smoothed)
    pixels *= 30 / pixels.std()
    pixels = np.pad(pixels + 128, ((top, bottom), (left, right)), mode, **FILL.get(mode, {}))
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=quality)
    found = Micrograph(path, pixel_size_angstrom=1.5).border
    for width, side in zip(widths, found, strict=True):
        # Blocks of 8 x 8 pixels that contain some of the image are compressed as a whole.
        assert (width - 8 < side <= width + 8) if width else side == 0, found


def test_padding_is_found_after_a_filter_that_wraps_around():
    pixels = np.pad(noise((500, 640)), ((0, 0), (0, 60)), mode="edge")
    filtered = gaussian_filter(pixels, 3.0, mode="wrap")
    # The rim at the right is an image of the left side.
    assert filtered[:, -4:].std() > 0.02
    left, top, right, bottom = border_of(filtered)
    assert (left, top, bottom) == (0, 0, 0)
    assert 50 <= right <= 61


def test_lines_of_a_faulty_detector_are_not_a_border():
    pixels = noise((500, 640))
    pixels[40:43] = 7
    pixels[:, 600:602] = 0
    pixels[::9, ::11] = 1e6
    assert border_of(pixels) == NO_BORDER


def test_uneven_ice_and_dim_beams_are_not_a_border():
    bright = np.linspace(0.3, 1, 640, dtype=np.float32)[None] * np.linspace(0.5, 1, 500)[:, None]
    assert border_of((noise((500, 640)) * bright).astype(np.float32)) == NO_BORDER


def test_simulated_micrographs_have_no_border(tmp_path):
    for path in simulate_dataset(
        tmp_path, 2, seed=3, settings=SimulationSettings(shape=(640, 800))
    ).micrographs:
        assert Micrograph(path).border == NO_BORDER


@pytest.mark.parametrize("name", ["empiar-10059", "empiar-10146"])
def test_real_micrographs_without_padding_have_no_border(real_data, name):
    paths = sorted((real_data / name).glob("*.png"))
    assert paths
    for path in paths:
        assert Micrograph(path, pixel_size_angstrom=1.5).border == NO_BORDER, path.name


def test_padding_of_real_compressed_micrographs_is_found(real_data):
    paths = sorted((real_data / "empiar-10017").glob("*.jpg"))
    assert paths
    for path in paths[:2]:  # the shifts of the others are the same
        border = Micrograph(path, pixel_size_angstrom=1.77).border
        assert all(40 < side < 110 for side in border), path.name


def test_an_image_that_is_empty_at_one_side_has_a_border_of_a_quarter_at_most():
    pixels = noise()
    pixels[:, :100] = 3
    assert border_of(pixels) == (30, 0, 0, 0)


def test_the_border_of_an_incomplete_image_is_unknown():
    finder = BorderFinder((80, 120))
    for _ in finder.watch([noise()[:40]]):
        pass
    assert finder.border is None


@pytest.mark.parametrize("read_first", [False, True])
def test_a_micrograph_has_its_border(tmp_path, read_first):
    path = tmp_path / "a.mrc"
    with mrcfile.new(path, data=np.pad(noise(), ((0, 6), (0, 0)), mode="edge")) as file:
        file.voxel_size = 1.5
    micrograph = Micrograph(path)
    if read_first:
        micrograph.read()
    assert micrograph.border == (0, 0, 0, 7)
