import sys
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from activepick._napari.io.sample_data import simulated_micrograph, simulated_session
from activepick.formats import read_table


@pytest.fixture(scope="module")
def sample():
    return simulated_micrograph()


def test_the_particles_of_the_sample_lie_on_its_image(sample):
    viewer = ViewerModel()
    for layer in sample:
        viewer._add_layer_from_data(*layer)
    image, particles = viewer.layers
    assert particles.name == "true particles"
    assert image.data.ndim == 2
    np.testing.assert_array_equal(image.scale, particles.scale)
    assert image.units == particles.units
    assert len(particles.data) > 20
    assert (particles.data >= 0).all()
    assert (particles.data <= np.array(image.data.shape) - 1).all()
    diameter = image.metadata["diameter_angstrom"]
    np.testing.assert_allclose(particles.size * particles.scale[0], diameter)
    # Circles, not discs, so that the particle is visible.
    assert (particles.face_color[:, 3] == 0).all()


def test_the_sample_is_dark_at_the_true_particles(sample):
    (pixels, image, _), (rows_columns, *_) = sample
    radius = int(image["metadata"]["diameter_angstrom"] / image["metadata"]["pixel_size_angstrom"])
    inside = [
        pixels[y - radius // 4 : y + radius // 4, x - radius // 4 : x + radius // 4].mean()
        for y, x in np.rint(rows_columns).astype(int)
        if radius <= y < len(pixels) - radius and radius <= x < len(pixels) - radius
    ]
    assert np.mean(inside) < pixels.mean()


def test_the_sample_is_reproducible(sample):
    again = simulated_micrograph()
    np.testing.assert_array_equal(again[0][0], sample[0][0])
    np.testing.assert_array_equal(again[1][0], sample[1][0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the cache cannot be moved")
def test_the_sample_session_is_on_disk_with_known_particles(cache):
    layers = simulated_session()
    viewer = ViewerModel()
    for layer in layers:
        viewer._add_layer_from_data(*layer)
    image, particles = viewer.layers
    assert Path(image.metadata["path"]).is_relative_to(cache)
    np.testing.assert_allclose(image.scale, particles.scale)
    truth = read_table(Path(image.metadata["path"]).with_name("truth.star"))
    truth = truth[truth["micrograph"] == image.name]
    np.testing.assert_allclose(particles.data, truth[["y", "x"]])
