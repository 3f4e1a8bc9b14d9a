"""From micrograph files to features and score maps."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from activepick.features.extractor import Extractor
from activepick.features.feature_map import MicrographFeatures
from activepick.features.map_engine import MapEngine
from activepick.features.scale_search import EDGE_RADII, FirstLook, find_radius, middle
from activepick.features.scales import score_tail
from activepick.micrograph import Micrograph, WorkingImage
from activepick.progress import Progress, part_of
from activepick.scoremap.score_map import ScoreMap, merge

__all__ = ["FeatureEngine"]

# The polarity shows in a part of the micrograph; at this working radius it shows for all proteins.
_POLARITY_RADIUS = 10.0
_POLARITY_EDGE = 256
_POLARITY_MARGIN = 0.5


class FeatureEngine(MapEngine):
    """Computes what a head needs, for particles of one diameter; see `MapEngine`."""

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
        maps = self._maps(micrograph, radii, self._extractors(radii), progress)
        radius_px = micrograph.radius_px(self.diameter_angstrom)
        return MicrographFeatures(micrograph.name, maps, micrograph.shape, radius_px)

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
        return self.score_images(micrograph, images, radii, weights, bias, progress)

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
            Its working images, one for each scale whose weights are not zero.
        radii, weights, bias, progress
            As in `score_map`, of all scales: which of them are the coarse ones decides how they
            are looked at.
        """
        used = [i for i in range(len(radii)) if weights[i].any()]
        extractors = self._extractors(radii, self.sides)
        return self._merged(
            micrograph,
            images,
            [extractors[i] for i in used],
            [radii[i] for i in used],
            weights[used],
            bias,
            progress,
        )

    def _merged(
        self,
        micrograph: Micrograph,
        images: Sequence[WorkingImage],
        extractors: Sequence[Extractor],
        radii: Sequence[float],
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None,
    ) -> ScoreMap:
        parts = []
        for k, radius in enumerate(radii):
            step = None if progress is None else part_of(progress, k, len(radii))
            scores = extractors[k].score(images[k].pixels, weights[k], 0.0, step)
            parts.append((scores, self._spacing(micrograph, radius)))
        radius_px = micrograph.radius_px(self.diameter_angstrom)
        return merge(parts, bias, micrograph.shape, radius_px)

    def is_cached(self, micrograph: Micrograph, radii: Sequence[float]) -> bool:
        """Tell whether the features of a micrograph need not be computed."""
        cache, extractors = self.cache, self._extractors(radii)
        return cache is not None and all(
            self._key(micrograph, radius, extractor) in cache
            for radius, extractor in zip(radii, extractors, strict=True)
        )

    def best_radius(
        self, micrographs: Iterable[Micrograph], progress: Progress | None = None
    ) -> float:
        """Find the working radius that suits these particles, from images alone.

        Parameters
        ----------
        micrographs
            Those of a dataset. The first three that can be read are looked at, in their middle;
            more than ten are not tried.
        progress
            Called with the fraction done; may raise to cancel.

        Raises
        ------
        ActivepickError
            When none of them can be read: what is wrong with the first.
        """
        looks = (FirstLook(m, self.diameter_angstrom, self.normalisation) for m in micrographs)
        return find_radius(looks, self._tail, progress)

    def _tail(self, look: FirstLook, radius: float) -> float:
        """Give the upper tail of the pretrained score map at a working radius; see `scales`."""

        def compute() -> NDArray[np.float16]:
            backbone = self.extractor.backbone
            scores = self.extractor.score(look.image(radius), backbone.weights, backbone.bias)
            return np.array([score_tail(scores)], np.float16)

        if self.cache is None:
            return float(compute()[0])
        key = f"{self._key(look.micrograph, radius, self.extractor)} tail of {EDGE_RADII:g}"
        return float(self.cache.get(key, compute)[0])

    def looks_inverted(self, micrograph: Micrograph) -> bool:
        """Tell whether the network finds particles in the negative, and not in the image.

        The middle of the micrograph is enough for that.
        """
        [image] = micrograph.working_images(
            self.diameter_angstrom, [_POLARITY_RADIUS], self.normalisation
        )
        pixels = middle(image.pixels, _POLARITY_EDGE)
        backbone = self.extractor.backbone
        as_is, negative = (
            score_tail(self.extractor.score(sign * pixels, backbone.weights, backbone.bias))
            for sign in (np.float32(1), np.float32(-1))
        )
        return negative > as_is + _POLARITY_MARGIN
