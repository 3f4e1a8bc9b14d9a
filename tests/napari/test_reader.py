import bz2
import gzip
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel

from activepick._napari.io.layer_data import contrast_limits
from activepick._napari.io.micrograph_reader import get_reader
from activepick.errors import MicrographError


def opened(path: Path) -> ViewerModel:
    viewer = ViewerModel()
    for layer in get_reader(str(path))(str(path)):
        viewer._add_layer_from_data(*layer)
    return viewer


def test_a_micrograph_is_an_image_in_angstrom(micrograph_file):
    (layer,) = opened(micrograph_file).layers
    np.testing.assert_array_equal(layer.data, mrcfile.read(micrograph_file))
    assert layer.name == "grid_07.mrc"
    np.testing.assert_allclose(layer.scale, 1.5)
    assert {str(unit) for unit in layer.units} == {"angstrom"}
    assert layer.metadata["pixel_size_angstrom"] == pytest.approx(1.5)
    assert layer.metadata["path"] == str(micrograph_file)


def test_without_a_pixel_size_the_layer_stays_in_pixels(micrograph_file):
    with mrcfile.open(micrograph_file, "r+") as file:
        file.voxel_size = 0
    (layer,) = opened(micrograph_file).layers
    np.testing.assert_array_equal(layer.scale, 1)
    assert {str(unit) for unit in layer.units} == {"pixel"}
    assert layer.metadata["pixel_size_angstrom"] is None


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_micrographs_are_read(micrograph_file, ending, compress):
    packed = micrograph_file.with_name(f"grid_07.mrc.{ending}")
    packed.write_bytes(compress(micrograph_file.read_bytes()))
    (layer,) = opened(packed).layers
    np.testing.assert_array_equal(layer.data, mrcfile.read(micrograph_file))


def test_several_files_are_separate_layers(micrograph_file, tmp_path):
    other = tmp_path / "grid_08.mrc"
    other.write_bytes(micrograph_file.read_bytes())
    paths = [str(micrograph_file), str(other)]
    assert [layer[1]["name"] for layer in get_reader(paths)(paths)] == [
        "grid_07.mrc",
        "grid_08.mrc",
    ]


def test_a_movie_is_refused_with_advice(tmp_path):
    movie = tmp_path / "movie.mrcs"
    with mrcfile.new(movie, data=np.ones((3, 32, 32), np.float32)):
        pass
    read = get_reader(str(movie))
    with pytest.raises(MicrographError, match=r"movie\.mrcs is a stack of 3 .*motion correction"):
        read(str(movie))


def test_files_of_other_formats_are_not_claimed():
    assert get_reader("notes.txt") is None
    assert get_reader(["grid_07.mrc", "notes.txt"]) is None


def test_contrast_limits_ignore_hot_pixels():
    pixels = np.random.default_rng(0).normal(100, 5, (512, 512)).astype(np.float32)
    pixels[10, 10] = 1e6
    low, high = contrast_limits(pixels)
    assert 80 < low < high < 120


def test_contrast_limits_of_a_nearly_constant_image_differ():
    pixels = np.zeros((64, 64), np.float32)
    pixels[3, 4] = 1
    assert contrast_limits(pixels) == (0, 1)
