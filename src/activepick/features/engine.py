"""Compute features and score maps of micrograph files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from activepick.features.cache import FeatureCache
from activepick.features.device import own_stream
from activepick.features.extractor import Extractor
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.features.feature_spec import FeatureSpec
from activepick.features.orientations import DEFAULT_ORIENTATIONS
from activepick.features.scale_search import EDGE_RADII, MiddleCrop, find_radius, middle
from activepick.features.scales import POLARITY_RADIUS, best_peaks, score_tail
from activepick.features.torch_transforms import TorchTransforms
from activepick.micrograph import Micrograph, Normalisation, WorkingImage
from activepick.micrograph.border import Border
from activepick.progress import Progress, part_of
from activepick.scoremap import ScoreMap, merge_scales

__all__ = ["FeatureEngine", "OnKnown"]

# Called with the features of a micrograph, of which only a part is computed, and a mask (h, w) of
# this part.
OnKnown = Callable[[MicrographFeatures, NDArray[np.bool_]], None]

# The polarity is determined from a part of the micrograph of this size in working pixels.
_POLARITY_EDGE = 256
_POLARITY_MARGIN = 0.5
# With an upper tail of the scores from this logit the polarity is right, and the negative is not
# tested. In 36 real and simulated micrographs, that of the wrong polarity is at most 1.5, and that
# of the right one is higher in 28.
_CLEAR = 2.0


@dataclass(frozen=True)
class FeatureEngine:
    """Computation of features and scores of micrographs, for particles of one diameter.

    Scores are always computed from features in half precision, even if the features are not stored,
    so that a head gives the same score map everywhere.

    Attributes
    ----------
    extractor
        The network on its device.
    diameter_angstrom
        Particle diameter in Å.
    normalisation
        "affine" or "gmm".
    cache
        Cache of feature maps; None to compute them each time.
    orientations
        Number of orientations of the image over which features are averaged: 1, 2, 4 or 8.
    """

    extractor: Extractor
    diameter_angstrom: float
    normalisation: Normalisation = "affine"
    cache: FeatureCache | None = None
    orientations: int = DEFAULT_ORIENTATIONS

    def spec(self, radii: Sequence[float]) -> FeatureSpec:
        """Return the description of features at working radii, which is stored in a head."""
        backbone = self.extractor.backbone
        return FeatureSpec(
            backbone=backbone.name,
            digest=backbone.digest,
            working_radii=tuple(radii),
            stride=self.extractor.stride,
            normalisation=self.normalisation,
            orientations=self.orientations,
        )

    def features(
        self,
        micrograph: Micrograph,
        radii: Sequence[float],
        progress: Progress | None = None,
        on_part: OnKnown | None = None,
    ) -> MicrographFeatures:
        """Compute the features of a micrograph at several working radii, or read the cached ones.

        Parameters
        ----------
        micrograph
            The micrograph.
        radii
            Working radii in working pixels, one for each scale.
        progress
            Called with the fraction done; may raise to cancel.
        on_part
            Called after each tile of the image except the last one, if there is only one radius and
            its features are not cached. Its arguments change after it returns.

        Raises
        ------
        ActivepickError
            If the micrograph cannot be read or the settings do not fit it.
        """
        images: dict[float, WorkingImage] = {}

        def compute(index: int) -> NDArray[np.float16]:
            if not images:  # the file is read once for all scales that are not in the cache
                made = self.working_images(micrograph, radii)
                images.update(zip(radii, made, strict=True))
            step = None if progress is None else part_of(progress, index, len(radii))
            first = self._first_orientation(micrograph, radii, index)
            image = images[radii[index]].pixels
            return self.extractor.extract(image, step, self.orientations, first, found)

        def features_of(maps: Sequence[FeatureMap]) -> MicrographFeatures:
            radius_px = micrograph.radius_px(self.diameter_angstrom)
            border = self.border(micrograph)
            return MicrographFeatures(
                micrograph.name, tuple(maps), micrograph.shape, radius_px, border
            )

        def report_part(values: NDArray[np.float16], known: NDArray[np.bool_]) -> None:
            assert on_part is not None
            # Without the projector of the engine, which may keep a copy of the values.
            made = FeatureMap(values, self._spacing(micrograph, radii[0]), radii[0])
            on_part(features_of([made]), known)

        found = None if on_part is None or len(radii) > 1 else report_part
        projector = self.extractor.projector
        maps = [
            compute(i)
            if self.cache is None
            else self.cache.get(self._key(micrograph, radii, i), partial(compute, i))
            for i in range(len(radii))
        ]
        if progress is not None:
            progress(1.0)
        return features_of(
            [
                FeatureMap(values, self._spacing(micrograph, radius), radius, projector)
                for values, radius in zip(maps, radii, strict=True)
            ]
        )

    def working_images(self, micrograph: Micrograph, radii: Sequence[float]) -> list[WorkingImage]:
        """Read a micrograph and resample it, on the GPU if there is one.

        Parameters
        ----------
        micrograph
            The micrograph.
        radii
            Working radii in working pixels, one for each image.

        Raises
        ------
        ActivepickError
            As for `Micrograph.working_images`.
        """
        device = self.extractor.device
        read = partial(micrograph.working_images, self.diameter_angstrom, radii, self.normalisation)
        if device.type != "cuda":
            return read()
        try:
            with own_stream(device):
                return read(TorchTransforms(device))
        except torch.OutOfMemoryError:  # the network uses all memory of the GPU
            return read()

    def score_map(
        self,
        micrograph: Micrograph,
        radii: Sequence[float],
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None = None,
    ) -> ScoreMap:
        """Compute the score map of a linear head without storing the features.

        Parameters
        ----------
        micrograph
            The micrograph.
        radii
            Working radii in working pixels, one for each scale.
        weights
            Shape (number of scales, C). Scales whose weights are all zero are not computed.
        bias
            Bias of the head.
        progress
            Called with the fraction done; may raise to cancel.
        """
        used = [radius for radius, own in zip(radii, weights, strict=True) if own.any()]
        images = self.working_images(micrograph, used)
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
        """Compute the score map of a linear head from working images that are already in memory.

        Parameters
        ----------
        micrograph
            The micrograph.
        images
            Its working images, one for each scale whose weights are not all zero.
        radii, weights, bias, progress
            As in `score_map`, for all scales.
        """
        return self.score_heads(micrograph, images, radii, weights[None], [bias], progress)[0]

    def score_heads(
        self,
        micrograph: Micrograph,
        images: Sequence[WorkingImage],
        radii: Sequence[float],
        weights: NDArray[np.float64],
        biases: Sequence[float],
        progress: Progress | None = None,
    ) -> list[ScoreMap]:
        """Compute the score maps of several linear heads at once.

        Parameters
        ----------
        micrograph, images, radii, progress
            As in `score_images`. A scale is used if a weight of any head is not zero.
        weights
            Weights of the heads, shape (K, number of scales, C).
        biases
            Bias of each head, shape (K,).

        Returns
        -------
        list of ScoreMap
            The score map of each head.
        """
        used = [i for i in range(len(radii)) if weights[:, i].any()]
        parts: list[list[tuple[NDArray[np.float32], tuple[float, float]]]] = [[] for _ in biases]
        for k, i in enumerate(used):
            step = None if progress is None else part_of(progress, k, len(used))
            scores = self.extractor.score(
                images[k].pixels, weights[:, i], 0.0, step, self.orientations
            )
            for own, values in zip(parts, scores, strict=True):
                own.append((values, self._spacing(micrograph, radii[i])))
        radius_px = micrograph.radius_px(self.diameter_angstrom)
        return [
            merge_scales(own, bias, micrograph.shape, radius_px, micrograph.border)
            for own, bias in zip(parts, biases, strict=True)
        ]

    def border(self, micrograph: Micrograph) -> Border:
        """Return the columns and rows without an image: left, top, right, bottom.

        They are determined when the file is read, and stored in the cache.
        """

        def compute() -> NDArray[np.int32]:
            return np.array(micrograph.border, np.int32)

        if self.cache is None:
            return micrograph.border
        key = f"border without an image {micrograph.content_key()}"
        left, top, right, bottom = self.cache.get(key, compute)
        return int(left), int(top), int(right), int(bottom)

    def is_cached(self, micrograph: Micrograph, radii: Sequence[float]) -> bool:
        """Return whether all features of a micrograph are in the cache."""
        cache = self.cache
        return cache is not None and all(
            self._key(micrograph, radii, i) in cache for i in range(len(radii))
        )

    def best_radius(
        self, micrographs: Iterable[Micrograph], progress: Progress | None = None
    ) -> float:
        """Choose the working radius for the particles from the images, without labels.

        Parameters
        ----------
        micrographs
            Micrographs of a dataset, in the order of
            `activepick.features.scale_search.spread_out`. The middles of the first three that can
            be read and contain particles are used; at most ten are tried.
        progress
            Called with the fraction done; may raise to cancel.

        Returns
        -------
        float
            Working radius in working pixels.

        Raises
        ------
        ActivepickError
            The error of the first micrograph, if none can be read.
        """
        crops = (MiddleCrop(m, self.diameter_angstrom, self.working_images) for m in micrographs)
        return find_radius(crops, self._best_peaks, progress)

    def looks_inverted(self, micrograph: Micrograph) -> bool:
        """Return whether the network finds the particles in the negative of the image.

        Only the middle of the micrograph is used.
        """
        [image] = self.working_images(micrograph, [POLARITY_RADIUS])
        pixels = middle(image.pixels, _POLARITY_EDGE)
        as_is = score_tail(self._pretrained_scores(pixels))
        if as_is >= _CLEAR:
            return False
        return score_tail(self._pretrained_scores(-pixels)) > as_is + _POLARITY_MARGIN

    def _pretrained_scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        backbone = self.extractor.backbone
        return self.extractor.score(pixels, backbone.weights, backbone.bias)

    def _best_peaks(self, crop: MiddleCrop, radius: float) -> NDArray[np.float16]:
        """Return the highest peaks of the pretrained score map at a working radius."""

        def compute() -> NDArray[np.float16]:
            scores = self._pretrained_scores(crop.image(radius))
            return best_peaks(scores, self.extractor.stride, radius).astype(np.float16)

        if self.cache is None:
            return compute()
        key = replace(self, orientations=1)._key(crop.micrograph, (radius,), 0)
        return self.cache.get(f"{key} highest peaks of {EDGE_RADII:g}", compute)

    def _first_orientation(
        self, micrograph: Micrograph, radii: Sequence[float], index: int
    ) -> NDArray[np.float16] | None:
        """Return the features of the first orientation from the cache, if they are there."""
        if self.cache is None or self.orientations == 1:
            return None
        return self.cache.find(replace(self, orientations=1)._key(micrograph, radii, index))

    def _spacing(self, micrograph: Micrograph, radius: float) -> tuple[float, float]:
        x, y = micrograph.working_ratio(self.diameter_angstrom, radius)
        return x * self.extractor.stride, y * self.extractor.stride

    def _key(self, micrograph: Micrograph, radii: Sequence[float], index: int) -> str:
        """Return the key of a feature map, which contains everything that it depends on."""
        parts = (
            micrograph.content_key(),
            micrograph.inverted,
            micrograph.radius_px(self.diameter_angstrom),
            radii[index],
            self.normalisation,
            self.extractor.backbone.digest,
            self.extractor.stride,
            self.extractor.dtype,
            self.extractor.device.type,
            self.orientations,
        )
        return " ".join(map(str, parts))
