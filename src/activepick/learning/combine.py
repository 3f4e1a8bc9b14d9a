"""Heads of several datasets, and the generic head behind them.

Each dataset has a head of its own, fitted to its own labels and tied to a common one by an L2 term;
all are fitted together (Khosla et al., Undoing the damage of dataset bias, ECCV 2012; for picking
HydraPicker, Masoumzadeh and Brubaker, BMVC 2019, and the training across molecules of DeepPicker,
Wang et al., J. Struct. Biol. 195, 325, 2016):
``sum_d L_d(w_d) + tie / 2 sum_d |w_d - g|^2 + root / 2 |g - w0|^2``. The generic head g is used on
a new dataset as it is, and is what the first labels there are drawn to. The differences of the
others from it span the ways in which proteins differ: labels follow these more easily than others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.fit import HeadFit
from activepick.learning.head import Evidence, Head

__all__ = ["Combined", "combine", "on_scales_of"]

Floats = NDArray[np.float64]

# Each round takes the common head a large part of the rest of the way; this many bring it there.
_ROUNDS = 12
_SETTLED = 1e-4


@dataclass(frozen=True, eq=False)
class Combined:
    """What comes out of `combine`.

    Attributes
    ----------
    generic
        The common head.
    specialised
        The head of each dataset, fitted together with the common one.
    """

    generic: Head
    specialised: list[Head]


def combine(
    heads: Sequence[Head], pretrained: Head, tie: float = 15.0, trust: float = 0.1
) -> Combined:
    """Fit the heads of several datasets and their generic head together.

    A head that carries what it learnt from (`Head.evidence`) is fitted anew; any other stays as it
    is and only draws the generic one.

    Parameters
    ----------
    heads
        Of different datasets, on features of as many scales of the same network. The scales may
        differ: what counts is the order from the one that suits the protein to finer ones.
    pretrained
        What the generic head is drawn to, on the same number of scales. Its directions stay.
    tie
        Weight of the L2 term between a head and the generic one.
    trust
        How far the generic head goes from the pretrained one (0) to the mean of all heads (1);
        root follows from it. A few datasets are too few to trust their mean on any other.

    Raises
    ------
    HeadError
        When there is no head, or they were made for features that cannot be compared.
    """
    if not heads:
        raise HeadError("Give at least one head to combine.")
    for head in heads:
        _require_alike(head.spec, pretrained.spec)
    first, shape = pretrained.weights.ravel(), pretrained.weights.shape
    parameters = [(head.weights.ravel(), head.bias) for head in heads]
    generic = first
    root = tie * len(heads) * (1 - trust) / trust
    for _ in range(_ROUNDS):
        before = generic
        drawn = tie * np.sum([weights for weights, _ in parameters], axis=0)
        generic = (root * first + drawn) / (root + tie * len(heads))
        parameters = [
            _fitted(head.evidence, tie, generic, own) if head.evidence is not None else own
            for head, own in zip(heads, parameters, strict=True)
        ]
        if np.abs(generic - before).max() < _SETTLED * np.abs(generic).max():
            break
    specialised = [
        replace(head, weights=weights.reshape(shape), bias=bias)
        for head, (weights, bias) in zip(heads, parameters, strict=True)
    ]
    bias = float(np.mean([bias for _, bias in parameters]))
    common = replace(
        pretrained,
        weights=generic.reshape(shape),
        bias=bias,
        particles=sum(head.particles for head in heads),
        others=sum(head.others for head in heads),
        notes={"generic": len(heads)},
        directions=_directions([weights - generic for weights, _ in parameters], pretrained),
    )
    return Combined(common, specialised)


def on_scales_of(head: Head, spec: FeatureSpec) -> Head:
    """Give a generic head on the working radii that suit another protein.

    Parameters
    ----------
    head
        As `combine` gives it.
    spec
        With the same number of working radii, from the one that suits best to finer ones.

    Raises
    ------
    HeadError
        When it was made for other features.
    """
    _require_alike(head.spec, spec)
    return replace(head, spec=spec)


def _directions(differences: Sequence[Floats], pretrained: Head) -> Floats:
    """Give those of the heads, after those that the pretrained head has already."""
    own = np.stack(differences).reshape(-1, *pretrained.weights.shape)
    return own if pretrained.directions is None else np.concatenate([pretrained.directions, own])


def _fitted(
    evidence: Evidence, tie: float, generic: Floats, own: tuple[Floats, float]
) -> tuple[Floats, float]:
    fit = HeadFit(l2=tie, caution=0.0).fit(
        evidence.rows,
        evidence.targets,
        unlabelled=evidence.unlabelled,
        pretrained=(generic, own[1]),
        warm_start=own,
    )
    return fit.weights_, fit.bias_


def _require_alike(spec: FeatureSpec, other: FeatureSpec) -> None:
    mine = replace(spec, working_radii=(), backbone="")
    if mine != replace(other, working_radii=(), backbone="") or len(spec.working_radii) != len(
        other.working_radii
    ):
        raise HeadError(
            "These heads were made for features that cannot be compared: the network, the number "
            "of working radii, the stride, the normalisation and the orientations have to be the "
            "same."
        )
