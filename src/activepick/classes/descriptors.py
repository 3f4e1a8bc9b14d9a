"""Describe crops by features of a network in which particles differ from other objects.

The features are those of a network of Topaz (Bepler et al., Nature Methods 16, 1153, 2019),
averaged over four orientations. They are projected onto the directions in which the means of
fragments, aggregates, crystals and empty ice differ most from those of particles, relative to the
covariance within each of these kinds (linear discriminant analysis; Fisher 1936, Ann. Eugenics 7,
179-188).
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from activepick.classes import frequencies
from activepick.classes.directions import directions
from activepick.features.backbone import Backbone, load_backbone
from activepick.features.device import choose_precision
from activepick.features.network import Network
from activepick.features.orientations import orientations_of
from activepick.progress import Progress

__all__ = ["describe", "network_features"]

# The network, the particle radius in pixels of its input, and the number of orientations.
_BACKBONE, _RADIUS_PX, _ORIENTATIONS = "resnet8_u64", 16.0, 4
# Crops that are described at a time.
_IMAGES = 16


def describe(crops: Tensor, radius_px: float, report: Progress) -> Tensor:
    """Compute the descriptors of crops.

    Parameters
    ----------
    crops
        Crops (n, side, side), particles bright, on the device that computes the features.
    radius_px
        Particle radius in pixels of the crops.
    report
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    Tensor
        Descriptors, (n, d), float32. In simulated sets, their variance within a kind is about 1.
    """
    features = network_features(crops, radius_px, report)
    return features @ torch.from_numpy(directions()).to(crops.device)


def network_features(crops: Tensor, radius_px: float, report: Progress) -> Tensor:
    """Compute the features of crops; parameters as in `describe`.

    Returns
    -------
    Tensor
        Features, (n, C), float32, at the centres of the crops, averaged over four orientations.
    """
    backbone, network = _network(crops.device)
    parts = torch.split(crops, _IMAGES)
    made = []
    for number, part in enumerate(parts):
        report(number / len(parts))
        images = _input(part, radius_px, backbone.width)
        turned = (turn.apply(images) for turn in orientations_of(_ORIENTATIONS))
        features = torch.stack([network.centres(one) for one in turned])
        made.append(features.float().mean(0))
    return torch.cat(made)


@cache
def _network(device: torch.device) -> tuple[Backbone, Network]:
    backbone = load_backbone(_BACKBONE)
    return backbone, Network(backbone.layers, (), device, choose_precision("auto", device))


def _input(crops: Tensor, radius_px: float, width: int) -> Tensor:
    """Return crops as the network expects them, (n, width, width), particles dark."""
    side = 2 * round(crops.shape[-1] * _RADIUS_PX / radius_px / 2)
    images = frequencies.resized(crops, side)
    background = images[:, frequencies.disc(side, _RADIUS_PX, crops.device) < 1]
    mean, deviation = background.mean(1), background.std(1).clamp(min=1e-6)
    images = (mean[:, None, None] - images) / deviation[:, None, None]
    # The centre is the pixel `side // 2` before and `width // 2` after; negative widths cut off.
    before = width // 2 - side // 2
    after = width - side - before
    return pad(images, (before, after, before, after))
