"""Fine-tuning of Topaz's network on labels.

The baseline of Kiewisz and Bepler (NeurIPS 2023 workshop on machine learning in structural
biology): the pretrained detector trained on the labelled positions with Adam, binary cross entropy
and an L2 term, either as a whole or only its last layer.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from activepick.features.backbone import Backbone
from activepick.features.device import choose_device

__all__ = ["FineTuning", "Labelled", "fine_tune"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A working image with labels.

    Attributes
    ----------
    pixels
        Normalised, shape (h, w).
    xy
        Working pixels (n, 2).
    targets
        1 particle, 0 not, shape (n,).
    """

    pixels: NDArray[np.float32]
    xy: NDArray[np.float64]
    targets: NDArray[np.float64]


@dataclass(frozen=True)
class FineTuning:
    """Settings of the training.

    Attributes
    ----------
    whole
        Train all layers, or only the classifier.
    epochs
        Number of passes over the labels.
    batch
        Number of labels in a step.
    rate
        Learning rate of Adam; None for 1e-4 for the whole network and 1e-2 for the classifier.
    l2
        Weight of the L2 term.
    """

    whole: bool
    epochs: int = 10
    batch: int = 16
    rate: float | None = None
    l2: float = 1e-4


def fine_tune(
    backbone: Backbone,
    labelled: Sequence[Labelled],
    settings: FineTuning,
    seed: int = 0,
    step: Callable[[float], None] = lambda fraction: None,
    device: str | torch.device = "auto",
) -> Backbone:
    """Train a copy of a network on labelled positions.

    Parameters
    ----------
    backbone
        The pretrained network; it is not changed.
    labelled
        Images with their labels.
    settings
        Settings of the training.
    seed
        Determines the order of the labels.
    step
        Called with the fraction done; may raise to cancel.
    device
        Device for the training; by default a GPU if there is one.
    """
    device = choose_device(str(device))
    crops = torch.cat([_crops(part, backbone.width) for part in labelled]).to(device)
    targets = torch.from_numpy(np.concatenate([p.targets for p in labelled])).float().to(device)
    layers = copy.deepcopy(backbone.layers).to(device).requires_grad_(settings.whole)
    layers.eval()  # there is neither dropout nor batch norm to be trained
    classifier = nn.Linear(backbone.channels, 1).to(device)
    with torch.no_grad():
        classifier.weight.copy_(torch.from_numpy(backbone.weights)[None])
        classifier.bias.fill_(backbone.bias)
        if not settings.whole:
            parts = [_features(layers, part) for part in torch.split(crops, settings.batch)]
            crops = torch.cat(parts)
    trained = [*layers.parameters(), *classifier.parameters()]
    trained = trained if settings.whole else list(classifier.parameters())
    rate = settings.rate or (1e-4 if settings.whole else 1e-2)
    optimiser = torch.optim.Adam(trained, lr=rate)
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(settings.epochs):
        order = torch.randperm(len(crops), generator=generator)
        for index in torch.split(order, settings.batch):
            x = _features(layers, crops[index]) if settings.whole else crops[index]
            penalty = sum((p**2).sum() for p in trained)
            loss = F.binary_cross_entropy_with_logits(classifier(x)[:, 0], targets[index])
            optimiser.zero_grad()
            (loss + settings.l2 / 2 * penalty).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        step((epoch + 1) / settings.epochs)
    weights = classifier.weight.detach().double().cpu().numpy().ravel().copy()
    bias = float(classifier.bias.detach())
    layers.requires_grad_(False).cpu()
    digest = hashlib.sha256(weights.tobytes())
    for parameter in layers.parameters():
        digest.update(parameter.detach().contiguous().numpy().tobytes())
    return replace(
        backbone,
        name=f"{backbone.name}, fine-tuned",
        layers=layers,
        weights=weights,
        bias=bias,
        digest=digest.hexdigest()[:16],
    )


def _features(layers: nn.Module, crops: Tensor) -> Tensor:
    features: Tensor = layers(crops)
    return features[:, :, 0, 0]


def _crops(part: Labelled, width: int) -> Tensor:
    """Cut the window of the network around each label: (n, 1, width, width), padded with zeros."""
    padded = np.pad(part.pixels, width // 2)
    last = np.array(part.pixels.shape)[::-1] - 1
    corners = np.clip(np.rint(part.xy), 0, last).astype(int)
    cut = [padded[y : y + width, x : x + width] for x, y in corners]
    return torch.from_numpy(np.array(cut, np.float32).reshape(-1, 1, width, width))
