"""The description of the features that a head needs."""

from dataclasses import dataclass

__all__ = ["FeatureSpec"]


@dataclass(frozen=True)
class FeatureSpec:
    """Description of the features on which a head was trained; it cannot be applied to others.

    Attributes
    ----------
    backbone, digest
        Name of the network and hash of its weights.
    working_radii
        Particle radius in working pixels at each scale.
    stride
        Working pixels between samples.
    normalisation
        "affine" or "gmm".
    orientations
        Number of orientations of the image over which the features are averaged.
    """

    backbone: str
    digest: str
    working_radii: tuple[float, ...]
    stride: int
    normalisation: str
    orientations: int = 1
