"""What differs from protein to protein, learnt from simulated micrographs and shipped.

Heads of proteins differ from the pretrained classifier in similar ways. The differences, each
between the head of a simulated protein and the classifier, are directions that labels of any other
protein may follow at a low price: the prior of a hierarchical model whose other datasets are
simulated (see `activepick.learning.combine`; Khosla et al., ECCV 2012). Nothing changes before
the first label. `benchmarks/simulated_prior.py` makes the file.
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
    """Give a pretrained head the directions in which simulated proteins differ from it.

    Parameters
    ----------
    head
        The pretrained head. On features other than those of the file it is given back as it is.
    leave_out
        Simulated proteins that shall not count: those that it will be judged on.
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
        By name, differences of heads from the pretrained one, shape (k, number of scales, C).
    spec
        The features; its working radii do not matter, their number does.
    path
        The file.
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
    """Give what has to be the same: all but the radii, which suit each protein in turn."""
    facts = asdict(spec)
    facts["working_radii"] = len(spec.working_radii)
    return facts
