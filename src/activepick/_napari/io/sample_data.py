"""Sample data of napari's File menu: simulated micrographs with known particles."""

from typing import Any

import numpy as np
from napari.viewer import current_viewer
from numpy.typing import NDArray

from activepick._napari.colours import TRUTH
from activepick._napari.io.layer_data import LayerData, contrast_limits, in_angstrom
from activepick._napari.io.micrograph_reader import read_micrographs
from activepick.formats import read_table
from activepick.sample import sample_micrographs, sample_session
from activepick.simulate import SimulationSettings, simulate_micrograph

__all__ = ["simulated_micrograph", "simulated_session"]


def simulated_micrograph() -> list[LayerData]:
    """Return a simulated micrograph and its particles, which are the same at each call.

    Returns
    -------
    list of (data, layer attributes, type)
        An image layer in Å, and a points layer "true particles" whose circles have the diameter
        of the particles.
    """
    micrograph = simulate_micrograph(SimulationSettings(), seed=0, defocus_um=2.0, carbon=False)
    scale = in_angstrom(micrograph.pixel_size_angstrom)
    image = {
        "name": "simulated micrograph",
        "colormap": "gray",
        "contrast_limits": contrast_limits(micrograph.pixels),
        "metadata": {
            "pixel_size_angstrom": micrograph.pixel_size_angstrom,
            "diameter_angstrom": micrograph.diameter_angstrom,
        },
        **scale,
    }
    truth = micrograph.truth[["y", "x"]].to_numpy()
    diameter_px = micrograph.diameter_angstrom / micrograph.pixel_size_angstrom
    return [(micrograph.pixels, image, "image"), _circles(truth, diameter_px, scale)]


def simulated_session() -> list[LayerData]:
    """Open a session of micrographs in the widget, which are simulated at the first call.

    Returns
    -------
    list of (data, layer attributes, type)
        In a window, only the true particles of the first micrograph, hidden, since the widget shows
        the image; without a window, the image of that micrograph and its particles.
    """
    folder = sample_micrographs()
    file = sorted(folder.glob("*.mrc"))[0]
    (image,) = read_micrographs(str(file))
    truth = read_table(folder / "truth.star")
    positions = truth.loc[truth["micrograph"] == file.name, ["y", "x"]].to_numpy()
    scale = {name: image[1][name] for name in ("scale", "units")}
    circles = _circles(positions, 2 * SimulationSettings().radius_px, scale)
    viewer = current_viewer()
    if viewer is None:
        return [image, circles]
    _, widget = viewer.window.add_plugin_dock_widget("napari-activepick", "activepick")
    widget.open_path(sample_session())
    circles[1].update(name=f"true particles of {file.name}", visible=False)
    return [circles]


def _circles(truth: NDArray[np.float64], diameter_px: float, scale: dict[str, Any]) -> LayerData:
    circles = {
        "name": "true particles",
        "size": diameter_px,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": TRUTH,
        "border_width": 0.04,
        "border_width_is_relative": True,
        **scale,
    }
    return truth, circles, "points"
