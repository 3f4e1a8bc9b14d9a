import pickle

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import MicrographError, SettingsError
from activepick.micrograph import Micrograph, WorkingImage


def write(path, pixels, pixel_size=2.0):
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(pixels.astype(np.float32))
        mrc.voxel_size = pixel_size
    return path


def noise(shape):
    return np.random.default_rng(3).standard_normal(shape)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.mrc", noise((201, 250)))


def test_the_given_pixel_size_takes_precedence(path):
    assert Micrograph(path).pixel_size_angstrom == pytest.approx(2.0)
    assert Micrograph(path, 1.1).pixel_size_angstrom == 1.1
    assert Micrograph(path, 1.1).radius_px(110) == pytest.approx(50)


@pytest.mark.parametrize(
    "header", [0.0, -1.0, 0.01, 500.0, np.nan, np.inf, (1.0, 1.02, 1.0), (0.0, 1.0, 1.0)]
)
def test_a_missing_pixel_size_is_an_error_with_advice(tmp_path, header):
    path = write(tmp_path / "a.mrc", noise((40, 50)))
    with mrcfile.open(path, "r+") as mrc:
        cell = np.broadcast_to(header, 3) * (50, 40, 1)
        mrc.header.cella.x, mrc.header.cella.y, mrc.header.cella.z = cell
    micrograph = Micrograph(path)
    assert not micrograph.has_pixel_size
    with pytest.raises(MicrographError, match=r"a\.mrc .*give it in Å") as raised:
        _ = micrograph.pixel_size_angstrom
    assert raised.value.option == "--pixel-size"
    with pytest.raises(MicrographError, match="pixel size"):
        micrograph.working_images(30, [10])
    assert Micrograph(path, 1.5).has_pixel_size


def test_pixel_sizes_of_the_axes_may_differ_by_a_percent(tmp_path):
    path = write(tmp_path / "a.mrc", noise((40, 50)), (1.0, 1.005, 1.0))
    assert Micrograph(path).pixel_size_angstrom == pytest.approx(1.0025)


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf, 0.01, 1000])
def test_impossible_pixel_size_is_refused(path, size):
    with pytest.raises(SettingsError, match="pixel size"):
        Micrograph(path, size)


@pytest.mark.parametrize("diameter", [0, -5, np.nan, np.inf])
def test_impossible_diameter_is_refused(path, diameter):
    with pytest.raises(SettingsError, match="diameter"):
        Micrograph(path).radius_px(diameter)


@pytest.mark.parametrize(
    ("diameter", "radius", "message"),
    [
        (500, 10, "does not fit"),
        (390, 10, "too small for picking"),
        (2, 10, "which is too small: the micrograph would have to be enlarged"),
        (100, -3, "working radius"),
        (100, np.nan, "working radius"),
    ],
)
def test_a_diameter_that_does_not_fit_the_micrograph_is_refused(path, diameter, radius, message):
    with pytest.raises(SettingsError, match=message) as error:
        Micrograph(path).working_images(diameter, [radius])
    assert "a.mrc" in str(error.value) or "working radius" in message


def test_creating_a_micrograph_reads_nothing(tmp_path):
    assert Micrograph(tmp_path / "missing.mrc").name == "missing.mrc"
    assert "missing.mrc" in repr(Micrograph(tmp_path / "missing.mrc"))


def test_micrographs_can_be_sent_to_another_process(path):
    micrograph = Micrograph(path, 1.5)
    expected = micrograph.read()
    copy = pickle.loads(pickle.dumps(micrograph))
    np.testing.assert_array_equal(copy.read(), expected)
    assert copy.pixel_size_angstrom == 1.5


def test_working_images_have_the_requested_scale_and_even_sides(path):
    images = Micrograph(path).working_images(100, [7, 10, 14, 50])
    for radius, image in zip([7, 10, 14, 50], images, strict=True):
        height, width = image.shape
        assert height % 2 == width % 2 == 0
        assert image.original_shape == (201, 250)
        assert image.working_radius_px == pytest.approx(radius, rel=0.03)
        assert image.working_radius_px**2 == pytest.approx(25**2 * height / 201 * width / 250)
        assert image.pixels.dtype == np.float32
        assert image.pixels.mean() == pytest.approx(0, abs=1e-5)
        assert image.pixels.std() == pytest.approx(1, abs=1e-5)
    assert Micrograph(path).working_images(100, []) == []


def test_large_particles_make_a_small_image_and_small_ones_a_large_image(path):
    (small,) = Micrograph(path).working_images(100, [10])
    (large,) = Micrograph(path).working_images(20, [10])
    assert small.shape == (80, 100)
    assert large.shape == (402, 500)


@pytest.mark.parametrize("normalisation", ["affine", "gmm"])
def test_inverted_flips_the_sign(path, normalisation):
    (dark,) = Micrograph(path).working_images(100, [10], normalisation)
    (bright,) = Micrograph(path, inverted=True).working_images(100, [10], normalisation)
    np.testing.assert_array_equal(dark.pixels, -bright.pixels)


def test_image_whose_contrast_is_too_fine_is_refused(tmp_path):
    checkerboard = np.indices((200, 200)).sum(0) % 2
    path = write(tmp_path / "a.mrc", checkerboard)
    with pytest.raises(MicrographError, match=r"a\.mrc has no contrast"):
        Micrograph(path).working_images(100, [10])


def peak(image: np.ndarray) -> tuple[float, float]:
    """Position of the only blob, by the centre of mass around its maximum."""
    row, column = np.unravel_index(image.argmax(), image.shape)
    rows, columns = slice(row - 6, row + 7), slice(column - 6, column + 7)
    part = image[rows, columns]
    y, x = np.mgrid[rows, columns]
    return float((part * x).sum() / part.sum()), float((part * y).sum() / part.sum())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_to_working_gives_the_position_of_a_blob_in_the_working_image(tmp_path_factory, data):
    shape = data.draw(st.tuples(st.integers(150, 261), st.integers(150, 261)), label="shape")
    radius = data.draw(st.sampled_from([6.0, 10.0, 14.0, 25.0, 40.0]), label="radius")
    # The particle radius is 25 px; the blob stays clear of the edges.
    x = data.draw(st.floats(50, shape[1] - 51))
    y = data.draw(st.floats(50, shape[0] - 51))
    sigma = 1.6 * max(1, 25 / radius)
    rows, columns = np.indices(shape)
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    path = write(tmp_path_factory.mktemp("blob") / "a.mrc", blob)
    (image,) = Micrograph(path).working_images(100, [radius])
    expected = image.to_working([(x, y)])[0]
    found = peak(image.pixels - np.median(image.pixels))
    np.testing.assert_allclose(found, expected, atol=0.05)
    np.testing.assert_allclose(
        image.to_original([found])[0], (x, y), atol=0.05 * 25 / radius * 1.05
    )


@settings(deadline=None)
@given(
    original=st.tuples(st.integers(33, 9000), st.integers(33, 9000)),
    working=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    xy=st.lists(st.tuples(st.floats(-10, 9000), st.floats(-10, 9000)), max_size=5),
)
def test_to_original_is_the_inverse_of_to_working(original, working, xy):
    pixels = np.broadcast_to(np.float32(0), (2 * working[0], 2 * working[1]))
    image = WorkingImage(pixels, original, 10.0)
    positions = np.array(xy, float).reshape(-1, 2)
    there = image.to_working(xy)
    assert there.shape == positions.shape
    np.testing.assert_allclose(image.to_original(there), positions, rtol=1e-12, atol=1e-12)
    height, width = image.shape
    np.testing.assert_allclose(image.to_original([(width, height)])[0], original[::-1])
    np.testing.assert_array_equal(image.to_original([(0, 0)]), [(0, 0)])


def test_the_content_key_changes_with_the_file(path, tmp_path):
    key = Micrograph(path).content_key()
    assert key == Micrograph(path, 1.3, inverted=True).content_key()
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    assert Micrograph(path).content_key() != key
    with pytest.raises(MicrographError, match=r"none\.mrc does not exist"):
        Micrograph(tmp_path / "none.mrc").content_key()


def test_images_that_were_read_early_are_the_same_and_the_file_is_read_once(path):
    plain, early = Micrograph(path, inverted=True), Micrograph(path, inverted=True)
    key = early.content_key()
    early.read_early(60, [5, 10, 14, 1000])  # the last one is not possible
    expected = [plain.working_images(60, [radius])[0] for radius in (5, 14)]
    assert early.content_key() == key  # the thread has ended
    border = plain.border
    path.unlink()
    for one, other in zip(early.working_images(60, [5, 14]), expected, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.working_radius_px == other.working_radius_px
    assert early.border == border
    assert early.content_key() == key
    early.keep_early([14])
    assert np.array_equal(early.working_images(60, [14])[0].pixels, expected[1].pixels)
    # These are not in memory.
    for arguments in ((60, [5]), (60, [7]), (70, [14]), (60, [14], "gmm")):
        with pytest.raises(MicrographError):
            early.working_images(*arguments)


def test_a_file_that_changes_after_it_was_read_early_keeps_its_key(path):
    micrograph = Micrograph(path)
    before = micrograph.content_key()
    micrograph.read_early(60, [10])
    [image] = micrograph.working_images(60, [10])
    write(path, noise((100, 120)))
    assert micrograph.content_key() == before
    assert micrograph.working_images(60, [10]) == [image]
    assert Micrograph(path).content_key() != before


def test_errors_of_reading_early_are_raised_when_the_images_are_needed(path):
    path.write_bytes(path.read_bytes()[:5000])
    micrograph = Micrograph(path)
    micrograph.read_early(60, [10])
    with pytest.raises(MicrographError, match=r"a\.mrc"):
        micrograph.working_images(60, [10])
    missing = Micrograph(path.with_name("b.mrc"))
    missing.read_early(60, [10])
    with pytest.raises(MicrographError, match=r"b\.mrc"):
        missing.working_images(60, [10])
