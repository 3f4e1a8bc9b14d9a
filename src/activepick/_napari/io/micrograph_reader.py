"""napari reader of MRC micrographs."""

from activepick._napari.io.layer_data import LayerData, contrast_limits, in_angstrom
from activepick._napari.io.reading import Paths, Reader, files_of, notify_errors
from activepick.micrograph import Micrograph, has_micrograph_extension

__all__ = ["get_reader", "read_micrographs"]


def get_reader(path: Paths) -> Reader | None:
    """Return the reader of some files, judged by their extensions.

    Stacks, movies and damaged files are accepted: if they were rejected here, napari would only
    report that no reader returned data, whereas the error of `read_micrographs` says what to do.

    Returns
    -------
    callable or None
        `read_micrographs`; None if one of the extensions is not that of a micrograph.
    """
    return read_micrographs if all(map(has_micrograph_extension, files_of(path))) else None


@notify_errors
def read_micrographs(path: Paths) -> list[LayerData]:
    """Read each file as an image layer.

    Returns
    -------
    list of (pixels, layer attributes, "image")
        Pixels (H, W) float32 in the row order of the file; scale in Å per pixel if the header has a
        pixel size; `metadata` contains `path` and `pixel_size_angstrom` (None if unknown).

    Raises
    ------
    MicrographError
        If a file is damaged or is not a single image; in a window the error is shown as a
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
