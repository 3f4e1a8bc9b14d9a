"""The micrographs that lie open in a viewer, whoever opened them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

__all__ = ["OpenMicrograph", "open_micrographs"]


@dataclass(frozen=True, eq=False)
class OpenMicrograph:
    """An image layer, seen as a micrograph.

    Attributes
    ----------
    name
        Its path, or the name of the layer where that is all there is.
    transform
        Attributes of a layer whose data are original pixels of the micrograph, and which then lies
        on the image.
    shape
        Height and width in original pixels.
    pixel_size_angstrom, diameter_angstrom
        Of its pixels and particles; None where nobody said.
    """

    name: str
    transform: dict[str, Any]
    shape: NDArray[np.float64]
    pixel_size_angstrom: float | None
    diameter_angstrom: float | None


def open_micrographs(layers: Iterable[Layer]) -> list[OpenMicrograph]:
    """Give the micrographs among layers; layers of one file count once.

    Parameters
    ----------
    layers
        Of a viewer. Our own image layers have ``path``, ``pixel_size_angstrom`` and, where they
        were down-sampled, ``spacing_px`` (x, y; original pixels per pixel of the layer) in their
        metadata, and perhaps ``diameter_angstrom``. Images without a file, such as score maps,
        count only where there is no other.
    """
    images = [layer for layer in layers if isinstance(layer, Image) and not layer.rgb]
    with_file = {str(file): layer for layer in reversed(images) if (file := _file(layer))}
    chosen = with_file or {layer.name: layer for layer in reversed(images)}
    return [_seen(name, layer) for name, layer in reversed(chosen.items())]


def _file(layer: Image) -> str | None:
    return layer.metadata.get("path") or layer.source.path


def _seen(name: str, layer: Image) -> OpenMicrograph:
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
