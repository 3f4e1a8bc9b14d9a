"""A prior from simulated proteins, shipped with the program.

Heads of proteins differ from the pretrained classifier in similar ways. The differences between the
heads of simulated proteins and the classifier are directions along which the prior of the weights
is wide: the prior of a hierarchical model whose other datasets are simulated (see
`activepick.learning.combine`; Khosla et al., ECCV 2012). It has no effect before the first label.
The proteins are random shapes under varied conditions (`activepick.simulate.random_protein`), so
that none is like one that learning is evaluated on. The file is made by
`benchmarks/simulated_prior.py`.
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
    """Return a pretrained head with the directions of simulated proteins in its prior.

    Parameters
    ----------
    head
        The pretrained head. On features other than those of the file it is returned unchanged.
    leave_out
        Simulated proteins whose directions are left out: those that the head is evaluated on.
    """
    spec, proteins = _shipped()
    kept = [rows for name, rows in proteins.items() if name not in leave_out]
    if _kind(head.spec) != spec or not kept:
        return head
    return replace(head, directions=np.concatenate(kept).astype(np.float64))


def save_directions(proteins: Mapping[str, Floats], spec: FeatureSpec, path: Path) -> None:
    """Write the directions of simulated proteins.

    Parameters
    ----------
    proteins
        By name, differences between heads and the pretrained one, shape (k, number of scales, C).
    spec
        The features; the number of working radii matters, their values do not.
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
    """Return the facts that have to agree: all but the values of the working radii."""
    facts = asdict(spec)
    facts["working_radii"] = len(spec.working_radii)
    return facts
