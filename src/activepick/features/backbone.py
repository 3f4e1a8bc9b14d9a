"""The convolutional networks of Topaz, used as feature extractors.

Topaz (Bepler et al., Nature Methods 16, 1153, 2019) ships pretrained particle detectors: a ResNet
without padding that ends in a ReLU, and a 1x1 convolution, the classifier, whose output is the
logit of the class "particle". Here the ResNet is the backbone. The fit of a head starts from the
weights of the classifier.
"""

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from topaz.model.classifier import LinearClassifier
from topaz.model.factory import load_model
from topaz.model.features.resnet import MaxPool, ResNet8, ResNet16
from torch import Tensor, nn

from activepick.errors import BackboneError
from activepick.files import open_to_read

__all__ = ["PRETRAINED", "Backbone", "load_backbone"]

PRETRAINED = ("resnet16_u64", "resnet16_u32", "resnet8_u64", "resnet8_u32")


@dataclass(frozen=True)
class Backbone:
    """A feature extractor and the classifier that was trained on top of it.

    Attributes
    ----------
    name
        One of `PRETRAINED`, or the file name of a user's own model.
    layers
        Blocks that are run in sequence, without padding. Each block has an integer attribute
        `stride`.
    width
        Receptive field of one output sample, in working pixels (odd).
    stride
        Working pixels between two output samples.
    channels
        Number of features C.
    weights, bias
        Weights of the trained classifier, float64, shape (C,), and its bias.
    digest
        Hash of all weights. It is stored in a head to identify the backbone of its features.
    """

    name: str
    layers: nn.Sequential
    width: int
    stride: int
    channels: int
    weights: NDArray[np.float64]
    bias: float
    digest: str


def load_backbone(model: str | Path = "resnet16_u64", *, trust_pickle: bool = False) -> Backbone:
    """Load a pretrained Topaz detector, or the model in a file.

    Parameters
    ----------
    model
        One of `PRETRAINED`, or the path of a file with the state dict of a Topaz ResNet8 or
        ResNet16 detector.
    trust_pickle
        Whether to load pickled modules, which is how Topaz saves models after training. Unpickling
        can run any code in the file; use it only for files from a trusted source.

    Returns
    -------
    Backbone
        On the CPU, in evaluation mode.

    Raises
    ------
    BackboneError
        If the name is unknown, or the file is missing, untrusted or of another architecture.
    """
    if str(model) in PRETRAINED:
        return _backbone(str(model), load_model(str(model)))
    path = Path(model)
    if not path.exists():
        raise BackboneError(
            f"{model}: this model does not exist. Use one of {', '.join(PRETRAINED)}, or the "
            "path of "
            "a Topaz model file."
        )
    return _backbone(path.name, _load_file(path, trust_pickle))


def _load_file(path: Path, trust_pickle: bool) -> LinearClassifier:
    try:
        with open_to_read(path) as file:
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or error
        raise BackboneError(f"{path}: this model cannot be read: {reason}.") from error
    except pickle.UnpicklingError as error:
        if not trust_pickle:
            raise BackboneError(
                f"{path}: this is a pickled model, and opening it would run any code in it. If you "
                "trained it yourself or trust its source, allow this; or save "
                "model.state_dict() in "
                "Python and use that file.",
                option="--trust-model",
            ) from error
        try:
            with open_to_read(path) as file:
                loaded = torch.load(file, map_location="cpu", weights_only=False)
        except Exception as inner:  # unpickling can raise any exception
            raise BackboneError(f"{path}: this model cannot be unpickled: {inner}") from inner
    except Exception as error:  # PyTorch raises errors of many kinds on other files
        raise BackboneError(f"{path}: this is not a PyTorch model file: {error}") from error
    if isinstance(loaded, nn.Module):
        # Networks with pooling and with strides have the same weights: only the module differs.
        if any(isinstance(module, MaxPool) for module in loaded.modules()):
            raise BackboneError(f"{path}: networks with max pooling are not supported.")
        loaded = loaded.state_dict()
    return _from_state(path, loaded)


def _from_state(path: Path, state: object) -> LinearClassifier:
    """Rebuild a detector from its weights, which determine depth, units and batch norm."""
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise BackboneError(f"{path}: this file contains no state dict of a model.")
    blocks = {key.split(".")[2] for key in state if key.startswith("features.features.")}
    architecture = {9: ResNet16, 5: ResNet8}.get(len(blocks))
    try:
        if architecture is None:
            raise KeyError(f"{len(blocks)} blocks")
        units = [
            state["features.features.0.conv.weight"].shape[0],
            state[f"features.features.{len(blocks) - 2}.conv1.weight"].shape[0],
            state["classifier.weight"].shape[1],
        ]
        batch_norm = any(".bn" in key for key in state)
        model = LinearClassifier(architecture(units=units, bn=batch_norm))
        model.load_state_dict(state)
    except (KeyError, IndexError, RuntimeError, AttributeError) as error:
        raise BackboneError(
            f"{path}: this is not a Topaz ResNet8 or ResNet16 detector ({error})."
        ) from error
    return model


def _backbone(name: str, model: LinearClassifier) -> Backbone:
    model = model.eval().requires_grad_(False)
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    blocks = [block for block in model.features.features if not isinstance(block, nn.Dropout)]
    return Backbone(
        name=name,
        layers=nn.Sequential(*blocks),
        width=int(model.width),
        stride=int(np.prod([block.stride for block in blocks])),
        channels=int(model.latent_dim),
        weights=model.classifier.weight.double().numpy().ravel(),
        bias=float(model.classifier.bias),
        digest=digest.hexdigest()[:16],
    )
