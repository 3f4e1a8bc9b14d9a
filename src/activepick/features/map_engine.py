"""Feature maps of a micrograph at several scales, each computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from activepick.features.cache import FeatureCache
from activepick.features.extractor import Extractor
from activepick.features.feature_map import FeatureMap
from activepick.features.feature_spec import FeatureSpec
from activepick.features.turning_extractor import TurningExtractor
from activepick.micrograph import Micrograph, Normalisation, WorkingImage
from activepick.progress import Progress, part_of

__all__ = ["MapEngine"]


@dataclass(frozen=True)
class MapEngine:
    """Computes what a head needs, for particles of one diameter.

    Attributes
    ----------
    extractor
        The network on its device.
    diameter_angstrom
        Particle diameter in Å.
    normalisation
        "affine" or "gmm".
    cache
        Keeps feature maps; None computes them each time.
    orientations
        Where there are several scales, the features of the coarsest are averaged over so many
        orientations of the micrograph, 1 to 8: see `TurningExtractor`. It is small, so that this
        costs little and helps as much as all scales would.
    sides
        Where only scores are wanted, look at so few of these orientations: 1, 2 or 4. None looks
        at all. Features are always the mean over all.
    """

    extractor: Extractor
    diameter_angstrom: float
    normalisation: Normalisation = "affine"
    cache: FeatureCache | None = None
    orientations: int = 4
    sides: int | None = None

    def spec(self, radii: Sequence[float]) -> FeatureSpec:
        """Describe the features at some working radii, for a head to remember."""
        backbone = self.extractor.backbone
        return FeatureSpec(
            backbone=backbone.name,
            digest=backbone.digest,
            working_radii=tuple(radii),
            stride=self.extractor.stride,
            normalisation=self.normalisation,
            orientations=self._turns(radii),
        )

    def _maps(
        self,
        micrograph: Micrograph,
        radii: Sequence[float],
        extractors: Sequence[Extractor],
        progress: Progress | None,
    ) -> tuple[FeatureMap, ...]:
        images: dict[float, WorkingImage] = {}

        def compute(index: int) -> NDArray[np.float16]:
            if not images:  # one read of the file serves all scales that are not in the cache
                made = micrograph.working_images(self.diameter_angstrom, radii, self.normalisation)
                images.update(zip(radii, made, strict=True))
            step = None if progress is None else part_of(progress, index, len(radii))
            return extractors[index].extract(images[radii[index]].pixels, step)

        maps: list[FeatureMap] = []
        for i, radius in enumerate(radii):
            if self.cache is None:
                values = compute(i)
            else:
                key = self._key(micrograph, radius, extractors[i])
                values = self.cache.get(key, partial(compute, i))
            maps.append(FeatureMap(values, self._spacing(micrograph, radius), radius))
        if progress is not None:
            progress(1.0)
        return tuple(maps)

    def _extractors(self, radii: Sequence[float], sides: int | None = None) -> list[Extractor]:
        """Give what each scale is looked at with: the coarsest of several in more orientations."""
        turning = self._turns(radii)
        return [
            TurningExtractor(self.extractor, turning, sides)
            if turning > 1 and radius == min(radii)
            else self.extractor
            for radius in radii
        ]

    def _turns(self, radii: Sequence[float]) -> int:
        return self.orientations if len(radii) > 1 else 1

    def _spacing(self, micrograph: Micrograph, radius: float) -> tuple[float, float]:
        x, y = micrograph.working_ratio(self.diameter_angstrom, radius)
        return x * self.extractor.stride, y * self.extractor.stride

    def _key(self, micrograph: Micrograph, radius: float, extractor: Extractor) -> str:
        """Name everything that the values of a feature map depend on."""
        parts = (
            micrograph.content_key(),
            micrograph.inverted,
            micrograph.radius_px(self.diameter_angstrom),
            radius,
            self.normalisation,
            extractor.backbone.digest,
            extractor.stride,
            extractor.dtype,
            extractor.device.type,
            *([extractor.orientations] if extractor.orientations > 1 else []),
        )
        return " ".join(map(str, parts))
