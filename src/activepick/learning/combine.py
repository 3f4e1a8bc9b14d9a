"""Combine the heads of several datasets into a generic head.

Each dataset has a head of its own, fitted to its own labels and tied to a common one by an L2 term;
all are fitted together (Khosla et al., Undoing the damage of dataset bias, ECCV 2012; for picking
HydraPicker, Masoumzadeh and Brubaker, BMVC 2019, and the training across molecules of DeepPicker,
Wang et al., J. Struct. Biol. 195, 325, 2016):
``sum_d L_d(w_d) + tie / 2 sum_d |w_d - g|^2 + root / 2 |g - w0|^2``. The generic head g picks new
datasets without labels, and is the mean of the prior for their first labels. The differences
between the heads and g become directions along which that prior is wide. The covariance is a mean
over the directions (`activepick.learning.fit.HeadFit`), so that it does not grow with the number of
heads, nor when heads are combined that were combined before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head, TrainingData
from activepick.learning.simulated_calibration import calibration_after

__all__ = ["Combined", "combine", "on_scales_of"]

Floats = NDArray[np.float64]

# Alternating fits of the heads and of the generic one: most end before this number of rounds, when
# the generic head changes by less than this share.
_ROUNDS = 12
_CONVERGED = 1e-4
# Note of a generic head: the number of heads that it was made of.
_GENERIC = "generic"


@dataclass(frozen=True, eq=False)
class Combined:
    """Result of `combine`.

    Attributes
    ----------
    generic
        The generic head.
    specialised
        The head of each dataset, fitted together with the generic one.
    """

    generic: Head
    specialised: list[Head]


def combine(
    heads: Sequence[Head], pretrained: Head, tie: float = 15.0, trust: float = 0.1
) -> Combined:
    """Fit the heads of several datasets and their generic head together.

    A head with training data (`Head.training_data`) is refitted; any other stays as it is.

    Parameters
    ----------
    heads
        Heads of different datasets, on features of the same network and number of scales. The
        values of the scales may differ; they correspond by their order, from the one that suits
        the protein to finer ones.
    pretrained
        Mean of the prior of the generic head, on the same number of scales. Its directions are
        kept.
    tie
        Weight of the L2 term between a head and the generic one.
    trust
        Position of the generic head between the pretrained one (0) and the mean of all heads (1),
        from which `root` follows. The mean of a few datasets says little about another one.

    Raises
    ------
    HeadError
        If there is no head, or they were made for features that cannot be compared.
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
            _refit(head.training_data, tie, generic, own) if head.training_data is not None else own
            for head, own in zip(heads, parameters, strict=True)
        ]
        if np.abs(generic - before).max() < _CONVERGED * np.abs(generic).max():
            break
    specialised = [
        replace(head, weights=weights.reshape(shape), bias=bias)
        for head, (weights, bias) in zip(heads, parameters, strict=True)
    ]
    bias = float(np.mean([bias for _, bias in parameters]))
    labels = round(np.mean([max(1, head.particles + head.others) for head in heads]))
    common = replace(
        pretrained,
        weights=generic.reshape(shape),
        bias=bias,
        particles=sum(head.particles for head in heads),
        others=sum(head.others for head in heads),
        notes={_GENERIC: len(heads)},
        directions=_directions(heads, parameters, pretrained, generic),
        # Its bias is that of heads which were taught.
        calibration=calibration_after(labels, pretrained.spec),
    )
    return Combined(common, specialised)


def on_scales_of(head: Head, spec: FeatureSpec) -> Head:
    """Return a generic head for the working radii that suit another protein.

    Parameters
    ----------
    head
        The result of `combine`.
    spec
        Features with the same number of working radii, from the one that suits best to finer ones.

    Raises
    ------
    HeadError
        If the head was made for other features.
    """
    _require_alike(head.spec, spec)
    return replace(head, spec=spec)


def _directions(
    heads: Sequence[Head], parameters: Sequence[tuple[Floats, float]], pretrained: Head, g: Floats
) -> Floats | None:
    """Return the distinct directions of the pretrained head, of generic heads, and of datasets.

    A generic head stands for the datasets that it was made of, by their directions.
    """
    shape = pretrained.weights.shape
    found = [*(() if pretrained.directions is None else pretrained.directions)]
    for head, (weights, _) in zip(heads, parameters, strict=True):
        if _GENERIC not in head.notes:
            found.append((weights - g).reshape(shape))
        elif head.directions is not None:
            found += [*head.directions]
    # Compared in the precision of files.
    distinct = {rows.astype(np.float32).tobytes(): rows for rows in found}
    return np.stack(list(distinct.values())) if distinct else None


def _refit(
    data: TrainingData, tie: float, generic: Floats, own: tuple[Floats, float]
) -> tuple[Floats, float]:
    fit = HeadFit(l2=tie, caution=0.0).fit(
        data.features,
        data.targets,
        unlabelled=data.unlabelled,
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
            "These heads were trained on features that cannot be compared: the network, the number "
            "of working radii, the stride, the normalisation and the orientations have to be the "
            "same."
        )
