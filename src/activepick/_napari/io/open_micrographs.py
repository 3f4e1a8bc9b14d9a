"""Micrographs among the layers of a viewer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

__all__ = ["OpenMicrograph", "open_micrographs"]


@dataclass(frozen=True, eq=False)
class OpenMicrograph:
    """A micrograph that an image layer shows.

    Attributes
    ----------
    name
        Path of the file, or the name of the layer if there is no file.
    transform
        Attributes that place a layer in original pixels of the micrograph on the image.
    shape
        Height and width in original pixels.
    pixel_size_angstrom, diameter_angstrom
        Å per pixel and particle diameter; None if unknown.
    """

    name: str
    transform: dict[str, Any]
    shape: NDArray[np.float64]
    pixel_size_angstrom: float | None
    diameter_angstrom: float | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in original pixels, whole numbers."""
        return int(self.shape[0].round()), int(self.shape[1].round())


def open_micrographs(layers: Iterable[Layer]) -> list[OpenMicrograph]:
    """Return the micrographs among layers; layers of the same file count once.

    Parameters
    ----------
    layers
        Layers of a viewer. The metadata of the image layers of this plugin contain ``path``,
        ``pixel_size_angstrom``, ``spacing_px`` (x, y; original pixels per pixel of the layer) if
        they are down-sampled, and ``diameter_angstrom`` if it is known. Images without a file, such
        as score maps, are used only if there is no other image.
    """
    images = [layer for layer in layers if isinstance(layer, Image) and not layer.rgb]
    with_file = {file: layer for layer in reversed(images) if (file := _file(layer))}
    chosen = with_file or {layer.name: layer for layer in reversed(images)}
    return [_micrograph(name, layer) for name, layer in reversed(chosen.items())]


def _file(layer: Image) -> str | None:
    path = layer.metadata.get("path") or layer.source.path
    return None if path is None else str(path)


def _micrograph(name: str, layer: Image) -> OpenMicrograph:
    facts = layer.metadata
    size = facts.get("pixel_size_angstrom")
    scale = np.asarray(layer.scale[-2:], np.float64)
    if "spacing_px" in facts:
        spacing = np.asarray(facts["spacing_px"][::-1], np.float64)
    elif "pixel_size_angstrom" in facts:
        spacing = scale / (size or 1.0)
    else:
        spacing = np.ones(2)
    transform: dict[str, Any] = {
        "scale": tuple(scale / spacing),
        "translate": tuple(layer.translate[-2:]),
        "units": tuple(layer.units[-2:]),
    }
    if layer.ndim == 2:
        transform |= {"rotate": layer.rotate, "shear": layer.shear, "affine": layer.affine}
    shape = np.asarray(layer.data.shape[-2:], np.float64) * spacing
    return OpenMicrograph(name, transform, shape, size, facts.get("diameter_angstrom"))
