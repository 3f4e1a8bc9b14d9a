"""From micrograph files to features and score maps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from activepick.features.cache import FeatureCache
from activepick.features.extractor import Extractor
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.features.feature_spec import FeatureSpec
from activepick.features.scales import climb, score_tail
from activepick.features.score_map import ScoreMap, merge
from activepick.micrograph import Micrograph, Normalisation, WorkingImage

__all__ = ["FeatureEngine"]

# The polarity shows in a part of the micrograph; at this working radius it shows for all proteins.
_POLARITY_RADIUS = 10.0
_POLARITY_EDGE = 256
_POLARITY_MARGIN = 0.5

Progress = Callable[[float], None]


@dataclass(frozen=True)
class FeatureEngine:
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
    """

    extractor: Extractor
    diameter_angstrom: float
    normalisation: Normalisation = "affine"
    cache: FeatureCache | None = None

    def spec(self, radii: Sequence[float]) -> FeatureSpec:
        """Describe the features at some working radii, for a head to remember."""
        backbone = self.extractor.backbone
        return FeatureSpec(
            backbone=backbone.name,
            digest=backbone.digest,
            working_radii=tuple(radii),
            stride=self.extractor.stride,
            normalisation=self.normalisation,
        )

    def features(
        self, micrograph: Micrograph, radii: Sequence[float], progress: Progress | None = None
    ) -> MicrographFeatures:
        """Features of a micrograph at several working radii.

        Parameters
        ----------
        micrograph
            The file.
        radii
            Working radii in working pixels, one a scale.
        progress
            Called with the fraction done; may raise to cancel.

        Raises
        ------
        ActivepickError
            When the micrograph cannot be read or the settings do not fit it.
        """
        images: dict[float, WorkingImage] = {}

        def compute(index: int) -> NDArray[np.float16]:
            if not images:  # one read of the file serves all scales that are not in the cache
                made = micrograph.working_images(self.diameter_angstrom, radii, self.normalisation)
                images.update(zip(radii, made, strict=True))
            step = None if progress is None else _part(progress, index, len(radii))
            return self.extractor.extract(images[radii[index]].pixels, step)

        maps: list[FeatureMap] = []
        for i, radius in enumerate(radii):
            if self.cache is None:
                values = compute(i)
            else:
                values = self.cache.get(self._key(micrograph, radius), partial(compute, i))
            maps.append(FeatureMap(values, self._spacing(micrograph, radius), radius))
        if progress is not None:
            progress(1.0)
        radius_px = micrograph.radius_px(self.diameter_angstrom)
        return MicrographFeatures(micrograph.name, tuple(maps), micrograph.shape, radius_px)

    def score_map(
        self,
        micrograph: Micrograph,
        radii: Sequence[float],
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None = None,
    ) -> ScoreMap:
        """Score of a linear head on a micrograph whose features nobody else needs.

        Parameters
        ----------
        micrograph
            The file.
        radii
            Working radii, one a scale.
        weights
            Shape (number of scales, C). Scales with zero weights are not computed.
        bias
            Added once.
        progress
            Called with the fraction done; may raise to cancel.
        """
        used = [i for i in range(len(radii)) if weights[i].any()]
        images = micrograph.working_images(
            self.diameter_angstrom, [radii[i] for i in used], self.normalisation
        )
        return self.score_images(
            micrograph, images, [radii[i] for i in used], weights[used], bias, progress
        )

    def score_images(
        self,
        micrograph: Micrograph,
        images: Sequence[WorkingImage],
        radii: Sequence[float],
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None = None,
    ) -> ScoreMap:
        """Score of a linear head on a micrograph that was read already.

        Parameters
        ----------
        micrograph
            The file.
        images
            Its working images, one a scale.
        radii, weights, bias, progress
            As in `score_map`; all scales are computed.
        """
        parts = []
        for k, radius in enumerate(radii):
            step = None if progress is None else _part(progress, k, len(radii))
            scores = self.extractor.score(images[k].pixels, weights[k], 0.0, step)
            parts.append((scores, self._spacing(micrograph, radius)))
        radius_px = micrograph.radius_px(self.diameter_angstrom)
        return merge(parts, bias, micrograph.shape, radius_px)

    def is_cached(self, micrograph: Micrograph, radii: Sequence[float]) -> bool:
        """Tell whether the features of a micrograph need not be computed."""
        cache = self.cache
        return cache is not None and all(self._key(micrograph, r) in cache for r in radii)

    def tails(self, micrograph: Micrograph, radii: Sequence[float]) -> list[float]:
        """Upper tail of the pretrained score map at each working radius; see `scales`."""
        backbone = self.extractor.backbone
        if self.cache is not None:
            maps = self.features(micrograph, radii).maps
            return [score_tail(m.project(backbone.weights) + backbone.bias) for m in maps]
        images = micrograph.working_images(self.diameter_angstrom, radii, self.normalisation)
        return [
            score_tail(self.extractor.score(image.pixels, backbone.weights, backbone.bias))
            for image in images
        ]

    def best_radius(self, micrographs: Sequence[Micrograph]) -> float:
        """Find the working radius that suits these particles, from images alone.

        Parameters
        ----------
        micrographs
            A few of the dataset; all are looked at.
        """

        def mean_tails(radii: Sequence[float]) -> list[float]:
            return list(np.mean([self.tails(m, radii) for m in micrographs], axis=0))

        return climb(mean_tails)

    def looks_inverted(self, micrograph: Micrograph) -> bool:
        """Tell whether the network finds particles in the negative, and not in the image.

        The middle of the micrograph is enough for that.
        """
        [image] = micrograph.working_images(
            self.diameter_angstrom, [_POLARITY_RADIUS], self.normalisation
        )
        cut = tuple(
            slice(max(0, (n - _POLARITY_EDGE) // 2), (n + _POLARITY_EDGE) // 2) for n in image.shape
        )
        backbone = self.extractor.backbone
        as_is, negative = (
            score_tail(
                self.extractor.score(sign * image.pixels[cut], backbone.weights, backbone.bias)
            )
            for sign in (np.float32(1), np.float32(-1))
        )
        return negative > as_is + _POLARITY_MARGIN

    def _spacing(self, micrograph: Micrograph, radius: float) -> tuple[float, float]:
        x, y = micrograph.working_ratio(self.diameter_angstrom, radius)
        return x * self.extractor.stride, y * self.extractor.stride

    def _key(self, micrograph: Micrograph, radius: float) -> str:
        """Name everything that the values of a feature map depend on."""
        extractor = self.extractor
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
        )
        return " ".join(map(str, parts))


def _part(progress: Progress, index: int, count: int) -> Progress:
    """Turn the progress of one of several equal parts into that of the whole."""
    return lambda fraction: progress((index + fraction) / count)
