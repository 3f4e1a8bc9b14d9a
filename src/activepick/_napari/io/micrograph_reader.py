"""Open MRC micrographs in napari."""

from activepick._napari.io.layer_data import LayerData, contrast_limits, in_angstrom
from activepick._napari.io.reading import Paths, Read, files_of, plainly
from activepick.micrograph import Micrograph, has_micrograph_extension

__all__ = ["get_reader", "read_micrographs"]


def get_reader(path: Paths) -> Read | None:
    """Say whether files can be opened, by the endings of their names.

    A stack, a movie or a damaged file is taken as well: refused here, napari would only say that
    no reader returned data, while the error of `read_micrographs` says what to do.

    Returns
    -------
    callable or None
        `read_micrographs`, or None when one of the names is not a micrograph's.
    """
    return read_micrographs if all(map(has_micrograph_extension, files_of(path))) else None


@plainly
def read_micrographs(path: Paths) -> list[LayerData]:
    """Read each file as an image layer.

    Returns
    -------
    list of (pixels, layer attributes, "image")
        Pixels (H, W) float32, row 0 as the file gives it; scale in Å per pixel when the header
        has a pixel size; `metadata` has `path` and `pixel_size_angstrom` (None if unknown).

    Raises
    ------
    MicrographError
        When a file is damaged or is not a single image; in a window it is shown as a
        notification instead.
    """
    return [_image_layer(Micrograph(file)) for file in files_of(path)]


def _image_layer(micrograph: Micrograph) -> LayerData:
    pixels = micrograph.read()
    size = micrograph.pixel_size_angstrom if micrograph.has_pixel_size else None
    attributes = {
        "name": micrograph.name,
        "colormap": "gray",
        "contrast_limits": contrast_limits(pixels),
        "metadata": {"path": str(micrograph.path), "pixel_size_angstrom": size},
        **in_angstrom(size),
    }
    return pixels, attributes, "image"
