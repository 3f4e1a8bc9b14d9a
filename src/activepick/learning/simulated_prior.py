"""A prior from simulated proteins, which is part of the package.

The heads of different proteins differ from the pretrained classifier in similar ways. The prior of
the weights is therefore wide along the differences between the heads of simulated proteins and the
classifier. This is the prior of a hierarchical model in which the other datasets are simulated (see
`activepick.learning.combine`; Khosla et al., ECCV 2012). It has no effect before the first label.
The proteins have random shapes, and the imaging conditions vary
(`activepick.simulate.random_protein`), so that they do not resemble the proteins of the benchmarks.
The file is written by `benchmarks/simulated_prior.py`.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from activepick.atomic import replacing
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head

__all__ = ["SHIPPED", "save_directions", "with_simulated_prior"]

Floats = NDArray[np.float64]

SHIPPED = Path(__file__).with_suffix(".safetensors")
_SPEC = "features"


def with_simulated_prior(head: Head, leave_out: Collection[str] = ()) -> Head:
    """Add the directions of simulated proteins to the prior of a pretrained head.

    Parameters
    ----------
    head
        The pretrained head.
    leave_out
        Names of simulated proteins whose directions are left out, because the head is evaluated on
        them.

    Returns
    -------
    Head
        A head with directions, or `head` itself if the file is for other features.
    """
    spec, proteins = _shipped()
    kept = [rows for name, rows in proteins.items() if name not in leave_out]
    if _kind(head.spec) != spec or not kept:
        return head
    return replace(head, directions=np.concatenate(kept).astype(np.float64))


def save_directions(proteins: Mapping[str, Floats], spec: FeatureSpec, path: Path) -> None:
    """Write the directions of simulated proteins to a safetensors file.

    Parameters
    ----------
    proteins
        Differences between heads and the pretrained head by the name of the protein, shape (k,
        number of scales, C).
    spec
        The features. Only the number of the working radii is stored, not their values.
    path
        Path of the file.
    """
    tensors = {name: np.ascontiguousarray(rows, np.float32) for name, rows in proteins.items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={_SPEC: json.dumps(_kind(spec), sort_keys=True)})


@cache
def _shipped() -> tuple[dict[str, object], dict[str, NDArray[np.float32]]]:
    with safe_open(SHIPPED, framework="numpy") as file:
        spec = json.loads(file.metadata()[_SPEC])
        return spec, {name: file.get_tensor(name) for name in sorted(file.keys())}


def _kind(spec: FeatureSpec) -> dict[str, object]:
    """Return the attributes that have to agree: all except the values of the working radii."""
    facts = asdict(spec)
    facts["working_radii"] = len(spec.working_radii)
    return facts
