"""Layers in the model of a viewer, without a window."""

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points

from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.foreign_units import ForeignUnits
from activepick._napari.layers import Layers
from activepick._napari.navigation import Navigation
from activepick.micrograph.display import DisplayImage

SHAPE = (600, 900)


@pytest.fixture
def layers() -> Layers:
    return Layers(ViewerModel())


def displayed(pixel_size_angstrom: float | None) -> DisplayedMicrograph:
    pixels = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    image = DisplayImage(pixels, spacing_px=(1.0, 1.0), limits=(-1.0, 1.0))
    return DisplayedMicrograph(1, Path("a.mrc"), image, SHAPE, pixel_size_angstrom)


def test_units_of_all_layers_agree_and_positions_are_kept(layers):
    viewer = layers.viewer
    foreign = ForeignUnits(viewer, layers)
    before = viewer.add_layer(Image(np.zeros((3, 20, 30)), scale=(1, 2, 2)))
    layers.show_micrograph(displayed(1.5))
    after = viewer.add_layer(Points([[1, 2]], translate=(5, 6)))
    for layer in (before, after):
        assert [str(unit) for unit in layer.units[-2:]] == ["angstrom", "angstrom"]
    assert str(before.units[0]) == "pixel"
    assert viewer.layers.extent.units is not None
    np.testing.assert_allclose(before.scale, (1, 2, 2))
    np.testing.assert_allclose(after.data_to_world((1, 2)), (6, 8))
    # Micrographs without a pixel size, and no micrograph. The view does not change.
    navigation = Navigation(viewer, layers)
    viewer.scene.camera.zoom = 4.0
    viewer.scene.camera.center = (0, 150.0, 300.0)
    layers.show_micrograph(displayed(None))
    np.testing.assert_allclose(navigation.centre_of_view(), (200.0, 100.0))
    np.testing.assert_allclose(viewer.scene.camera.zoom, 6.0)
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"pixel"}
    layers.show_micrograph(displayed(1.5))
    assert viewer.layers.extent.units is not None
    layers.clear()
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"pixel"}
    foreign.release()
    layers.show_micrograph(displayed(1.5))
    assert str(after.units[-1]) == "pixel"


def test_areas_are_shown_after_their_image(layers):
    layers.show_areas([np.array([(0, 0), (10, 0), (10, 10)], float)])
    assert not layers.viewer.layers
    layers.show_micrograph(displayed(2.0))
    layers.show_areas([np.array([(0, 0), (10, 0), (10, 20)], float)])
    np.testing.assert_allclose(layers.viewer.layers["excluded areas"].extent.world[1], (40, 20))


def test_areas_are_shown_when_the_3d_view_is_left(layers):
    layers.show_micrograph(displayed(2.0))
    square = np.array([(0, 0), (10, 0), (10, 20), (0, 20)], float)
    layers.show_areas([square])
    shapes = layers.viewer.layers["excluded areas"]
    for shown in ([square + 50], [square, square + 100], []):
        layers.viewer.dims.ndisplay = 3
        layers.show_areas([square])  # of the micrograph before
        layers.show_areas(shown)
        layers.viewer.dims.ndisplay = 2
        assert len(shapes.data) == len(shown)
        for one, outline in zip(shapes.data, shown, strict=True):
            np.testing.assert_allclose(one, outline[:, ::-1])


@pytest.mark.parametrize("pixel_size_angstrom", [None, 1.5])
@pytest.mark.parametrize("canvas", [(400, 300), (300, 500)])
@pytest.mark.parametrize("zoom", [0.1, 1.0, 3.0])
def test_a_centred_position_does_not_show_space_beyond_the_image(
    layers, pixel_size_angstrom, canvas, zoom
):
    viewer, camera = layers.viewer, layers.viewer.scene.camera
    navigation = Navigation(viewer, layers)
    layers.show_micrograph(displayed(pixel_size_angstrom))
    viewer.canvas.size = canvas
    scale = layers.scale
    camera.zoom = zoom / scale
    view, image = np.array(canvas) / camera.zoom, np.array(SHAPE) * scale
    below = np.array([0.125 * min(canvas) / camera.zoom, 0])  # not behind the bar
    for x in (0, 30, 450, 899):
        for y in (0, 30, 300, 599):
            navigation.centre(x, y)
            assert navigation.is_in_view(x, y)
            low = np.array(camera.center[-2:]) - view / 2
            if zoom == 0.1:  # the whole image is visible and centred
                np.testing.assert_allclose(low + view / 2, image / 2)
            else:
                assert (low >= -1e-6).all()
                assert (low + view <= image + below + 1e-6).all()
