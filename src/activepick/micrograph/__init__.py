"""Read micrographs and bring them to the scale at which particles are looked for."""

from activepick.micrograph.micrograph import Micrograph
from activepick.micrograph.normalise import Normalisation
from activepick.micrograph.reading import EXTENSIONS, has_micrograph_extension
from activepick.micrograph.working_image import WorkingImage

__all__ = [
    "EXTENSIONS",
    "Micrograph",
    "Normalisation",
    "WorkingImage",
    "has_micrograph_extension",
]
