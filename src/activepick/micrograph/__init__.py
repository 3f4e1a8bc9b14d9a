"""Read micrographs and bring them to the scale at which particles are picked."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activepick.micrograph.extensions import EXTENSIONS, has_micrograph_extension
    from activepick.micrograph.micrograph import Micrograph
    from activepick.micrograph.normalise import Normalisation
    from activepick.micrograph.working_image import WorkingImage

__all__ = [
    "EXTENSIONS",
    "Micrograph",
    "Normalisation",
    "WorkingImage",
    "has_micrograph_extension",
]

_MODULES = {
    "EXTENSIONS": "extensions",
    "Micrograph": "micrograph",
    "Normalisation": "normalise",
    "WorkingImage": "working_image",
    "has_micrograph_extension": "extensions",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: sessions need only the identity of files, and open without NumPy and
    # SciPy.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
