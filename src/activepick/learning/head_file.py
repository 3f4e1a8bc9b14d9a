"""Save and load heads as safetensors files, with all other data in the JSON metadata.

Nothing is unpickled, so that heads from untrusted sources can be opened.
"""

import errno
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

import activepick
from activepick.atomic import replacing
from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.files import check_readable
from activepick.json_text import parse_json
from activepick.learning.calibration import Calibration
from activepick.learning.head import Head, TrainingData
from activepick.learning.kinds import KindWeights

__all__ = ["load_head", "save_head"]

FORMAT = "activepick-head"
VERSION = 1

# Exceptions that a damaged or malicious file may raise.
_DAMAGE = (
    SafetensorError,
    OSError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)
_TRAINING_DATA = ("features", "targets", "unlabelled")
# Weights of the labels, which older files lack: all labels had the weight 1.
_WEIGHTS = "label_weights"

_Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class _Spec:
    """A `FeatureSpec` as stored in a file."""

    backbone: str
    digest: str
    working_radii: Annotated[tuple[_Above0, ...], Field(min_length=1)]
    stride: Literal[1, 2, 4]
    normalisation: Literal["affine", "gmm"]
    orientations: Literal[1, 2, 4, 8] = 1


@dataclass(frozen=True)
class _Calibration:
    """A `Calibration` as stored in a file."""

    slope: _Above0 = 1.0


@dataclass(frozen=True)
class _Facts:
    """Metadata of a head."""

    spec: _Spec
    diameter_angstrom: _Above0 | None
    inverted: Annotated[bool, Field(strict=True)]
    particles: _Count
    others: _Count
    notes: dict[str, Any]
    calibration: _Calibration = _Calibration()
    kinds: dict[Annotated[int, Field(ge=1, le=9999)], Annotated[str, Field(min_length=1)]] = field(
        default_factory=dict
    )


def save_head(head: Head, path: str | Path, *, within: Path | None = None) -> None:
    """Write a head to a safetensors file atomically.

    Parameters
    ----------
    head
        The head.
    path
        Path of the file.
    within
        A folder above `path`; folders in between must not be links. See
        `activepick.atomic.replacing`.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    facts = {
        "version": VERSION,
        "activepick": activepick.__version__,
        "spec": asdict(head.spec),
        "diameter_angstrom": head.diameter_angstrom,
        "inverted": head.inverted,
        "particles": head.particles,
        "others": head.others,
        "notes": head.notes,
        "calibration": asdict(head.calibration),
    }
    tensors = {"weights": np.ascontiguousarray(head.weights), "bias": np.array([head.bias])}
    if head.training_data is not None:
        for name in _TRAINING_DATA:
            tensors[name] = getattr(head.training_data, name).astype(np.float16)
        tensors[_WEIGHTS] = head.training_data.weights.astype(np.float16)
    if head.directions is not None:
        tensors["directions"] = np.ascontiguousarray(head.directions, np.float32)
    if head.kinds is not None:
        facts["kinds"] = head.kinds.name_of
        tensors["kind_weights"] = np.ascontiguousarray(head.kinds.weights)
        tensors["kind_bias"] = np.ascontiguousarray(head.kinds.bias)
    with replacing(path, within=within) as temporary:
        try:
            save_file(tensors, temporary, metadata={FORMAT: json.dumps(facts)})
        except SafetensorError as error:  # such as a full disk
            raise OSError(errno.EIO, str(error)) from error


def load_head(path: str | Path) -> Head:
    """Read a head from a safetensors file.

    Raises
    ------
    HeadError
        If the file is missing, damaged, not a head, or from a newer version of activepick.
    """
    path = Path(path)
    if not path.is_file():
        raise HeadError(f"{path} does not exist. Give the path of a saved head.")
    try:
        check_readable(path)
        with safe_open(path, framework="numpy") as file:
            metadata = (file.metadata() or {}).get(FORMAT)
            if metadata is None:
                raise HeadError(f"{path}: this safetensors file is not a head of activepick.")
            facts = parse_json(metadata)
            weights = np.asarray(file.get_tensor("weights"), np.float64)
            bias = float(file.get_tensor("bias")[0])
            data = directions = kind_weights = kind_bias = None
            if "kind_weights" in file.keys():  # noqa: SIM118 - a file is not a dict
                kind_weights = np.asarray(file.get_tensor("kind_weights"), np.float64)
                kind_bias = np.asarray(file.get_tensor("kind_bias"), np.float64)
            if "directions" in file.keys():  # noqa: SIM118 - a file is not a dict
                directions = np.asarray(file.get_tensor("directions"), np.float64)
            if set(_TRAINING_DATA) <= set(file.keys()):
                features, targets, unlabelled = (
                    file.get_tensor(name).astype(np.float64) for name in _TRAINING_DATA
                )
                label_weights = np.ones(len(targets))
                if _WEIGHTS in file.keys():  # noqa: SIM118
                    label_weights = file.get_tensor(_WEIGHTS).astype(np.float64)
                data = TrainingData(features, targets, unlabelled, label_weights)
        if facts["version"] > VERSION:
            raise HeadError(
                f"{path}: this head was saved by activepick {facts['activepick']}, which is newer "
                f"than this one ({activepick.__version__}). Update activepick to use it."
            )
        numbers: list[NDArray[np.float64]] = [weights, np.array(bias)]
        if data is not None:
            numbers += [data.features, data.targets, data.unlabelled, data.weights]
        if directions is not None:
            numbers.append(directions)
        if kind_weights is not None and kind_bias is not None:
            numbers += [kind_weights, kind_bias]
        if not all(np.isfinite(part).all() for part in numbers):
            raise HeadError(f"{path}: this head contains numbers that are not finite.")
        known = TypeAdapter(_Facts).validate_python(facts)
        _check_shapes(weights, data, directions)
        kinds = None
        if kind_weights is not None and kind_bias is not None:
            order = tuple(known.kinds)
            kinds = KindWeights(order, tuple(known.kinds.values()), kind_weights, kind_bias)
        return Head(
            weights=weights,
            bias=bias,
            spec=FeatureSpec(**asdict(known.spec)),
            diameter_angstrom=known.diameter_angstrom,
            inverted=known.inverted,
            particles=known.particles,
            others=known.others,
            notes=known.notes,
            training_data=data,
            directions=directions,
            calibration=Calibration(**asdict(known.calibration)),
            kinds=kinds,
        )
    except _DAMAGE as error:
        reason = _damage(error) if isinstance(error, ValidationError) else error
        raise HeadError(
            f"{path}: this is not a head of activepick, or it is damaged ({reason})."
        ) from error


def _check_shapes(
    weights: NDArray[np.float64],
    data: TrainingData | None,
    directions: NDArray[np.float64] | None,
) -> None:
    """Raise ValueError if the shapes of the arrays are inconsistent."""
    if directions is not None and directions.shape[1:] != weights.shape:
        raise ValueError(f"directions of shape {directions.shape}")
    if data is None:
        return
    if (
        data.features.shape != (len(data.targets), weights.size)
        or data.unlabelled.shape[1:] != (weights.size,)
        or not set(data.targets.tolist()) <= {0.0, 1.0}
        or data.weights.shape != data.targets.shape
        or not ((data.weights > 0) & (data.weights <= 1)).all()
    ):
        raise ValueError("its training data do not match its weights")


def _damage(error: ValidationError) -> str:
    """Describe the part of the metadata that is invalid."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'its metadata'}: {first['msg'][:1].lower()}{first['msg'][1:]}"
