import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.micrograph import Micrograph
from activepick.micrograph.border import NO_BORDER, BorderFinder


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


def test_noise_of_whole_numbers_has_no_border():
    pixels = np.round(10 * noise()).astype(np.float32)
    assert border_of(pixels) == NO_BORDER


def test_an_image_that_is_empty_at_one_side_has_a_border_of_a_quarter_at_most():
    pixels = noise()
    pixels[:, :100] = 3
    assert border_of(pixels) == (30, 0, 0, 0)


def test_half_of_an_image_says_nothing():
    finder = BorderFinder((80, 120))
    for _ in finder.watch([noise()[:40]]):
        pass
    assert finder.border is None


@pytest.mark.parametrize("read_first", [False, True])
def test_a_micrograph_knows_its_border(tmp_path, read_first):
    path = tmp_path / "a.mrc"
    with mrcfile.new(path, data=np.pad(noise(), ((0, 6), (0, 0)), mode="edge")) as file:
        file.voxel_size = 1.5
    micrograph = Micrograph(path)
    if read_first:
        micrograph.read()
    assert micrograph.border == (0, 0, 0, 7)
