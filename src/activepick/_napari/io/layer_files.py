"""Find or create the files of images that are open in napari, for a session."""

import re
from collections.abc import Sequence
from pathlib import Path

import mrcfile
import numpy as np
from napari.layers import Image

from activepick.atomic import replacing
from activepick.micrograph import has_micrograph_extension

__all__ = ["files_of_layers"]


def files_of_layers(layers: Sequence[Image], folder: Path) -> list[Path]:
    """Return the file of each layer; layers without a file are written as MRC files.

    Parameters
    ----------
    layers
        2D images. The file is ``metadata["path"]`` or the source of the layer; the pixel size is
        the scale if the unit is Å.
    folder
        Folder for new MRC files.
    """
    return [_file(layer) or _written(layer, folder) for layer in layers]


def _file(layer: Image) -> Path | None:
    path = layer.metadata.get("path") or layer.source.path
    if path and has_micrograph_extension(Path(path)) and Path(path).is_file():
        return Path(path)
    return None


def _written(layer: Image, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "_", layer.name).strip("._") or "image"
    path, number = folder / f"{stem}.mrc", 1
    while path.exists():  # the existing file may belong to a session
        number += 1
        path = folder / f"{stem}_{number}.mrc"
    size = layer.metadata.get("pixel_size_angstrom") or _in_angstrom(layer)
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        with mrcfile.new(temporary, data=np.asarray(layer.data, np.float32)) as file:
            if size:
                file.voxel_size = size
    return path


def _in_angstrom(layer: Image) -> float | None:
    return float(layer.scale[-1]) if str(layer.units[-1]) in ("angstrom", "Å") else None
