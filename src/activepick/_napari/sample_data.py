"""The sample in napari's File menu: a simulated micrograph and where its particles are."""

from activepick._napari.layer_data import LayerData, contrast_limits, in_angstrom
from activepick.simulate import SimulationSettings, simulate_micrograph

__all__ = ["simulated_micrograph"]

# Of a palette that colour-blind people can tell apart (Okabe and Ito, 2008).
ORANGE = "#e69f00"


def simulated_micrograph() -> list[LayerData]:
    """Simulate a micrograph, the same one each time.

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
    circles = {
        "name": "true particles",
        "size": micrograph.diameter_angstrom / micrograph.pixel_size_angstrom,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": ORANGE,
        "border_width": 0.04,
        "border_width_is_relative": True,
        **scale,
    }
    return [
        (micrograph.pixels, image, "image"),
        (micrograph.truth[["y", "x"]].to_numpy(), circles, "points"),
    ]
