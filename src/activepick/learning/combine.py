"""Combine the heads of several datasets into a generic head.

Each dataset has a separate head, which is fitted to the labels of the dataset and tied to a common
head by an L2 term. All heads are fitted together (Khosla et al., Undoing the damage of dataset
bias, ECCV 2012; for particle picking HydraPicker, Masoumzadeh and Brubaker, BMVC 2019, and the
training across molecules of DeepPicker, Wang et al., J. Struct. Biol. 195, 325, 2016):
``sum_d L_d(w_d) + tie / 2 sum_d |w_d - g|^2 + root / 2 |g - w0|^2``. The generic head g picks
particles in new datasets without labels, and is the mean of the prior for their first labels. The
differences between the heads and g become directions along which this prior is wide. The prior
covariance is a mean over the directions (`activepick.learning.fit.HeadFit`). It therefore grows
neither with the number of heads nor when generic heads are combined again.
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

# The heads and the generic head are fitted alternately. The iteration ends after this number of
# rounds, or (in most cases) earlier, when the generic head changes by less than this share.
_ROUNDS = 12
_CONVERGED = 1e-4
# Key in the notes of a generic head: the number of heads that were combined.
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

    A head with training data (`Head.training_data`) is refitted; other heads are not changed.

    Parameters
    ----------
    heads
        Heads of different datasets, on features of the same network and with the same number of
        scales. The scales may differ; they are matched by their order, from the scale that is
        chosen for the protein to finer scales.
    pretrained
        Mean of the prior of the generic head, with the same number of scales. The generic head
        also gets its directions.
    tie
        Weight of the L2 term between each head and the generic head.
    trust
        Position of the generic head between the pretrained head (0) and the mean of all heads
        (1), which determines `root`. It is small by default, because the mean over a few datasets
        is a poor estimate for another dataset.

    Returns
    -------
    Combined

    Raises
    ------
    HeadError
        If no heads are given, or they were trained on features that cannot be compared.
    """
    if not heads:
        raise HeadError("Give at least one head to combine.")
    heads = [replace(head, kinds=None) for head in heads]  # a generic head finds any particle
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
        # The calibration belongs to the bias, which is the mean over trained heads.
        calibration=calibration_after(labels, pretrained.spec),
    )
    return Combined(common, specialised)


def on_scales_of(head: Head, spec: FeatureSpec) -> Head:
    """Return a generic head for the working radii of another protein.

    Parameters
    ----------
    head
        The result of `combine`.
    spec
        Features with the same number of working radii, from the best radius to finer scales.

    Raises
    ------
    HeadError
        If the head was trained on features that cannot be compared.
    """
    _require_alike(head.spec, spec)
    return replace(head, spec=spec)


def _directions(
    heads: Sequence[Head], parameters: Sequence[tuple[Floats, float]], pretrained: Head, g: Floats
) -> Floats | None:
    """Return the distinct directions of the pretrained head, of generic heads and of datasets.

    A generic head contributes the directions of the datasets that it was combined from.
    """
    shape = pretrained.weights.shape
    found = [*(() if pretrained.directions is None else pretrained.directions)]
    for head, (weights, _) in zip(heads, parameters, strict=True):
        if _GENERIC not in head.notes:
            found.append((weights - g).reshape(shape))
        elif head.directions is not None:
            found += [*head.directions]
    # Rows are compared as float32, the precision in which files store them.
    distinct = {rows.astype(np.float32).tobytes(): rows for rows in found}
    return np.stack(list(distinct.values())) if distinct else None


def _refit(
    data: TrainingData, tie: float, generic: Floats, own: tuple[Floats, float]
) -> tuple[Floats, float]:
    fit = HeadFit(l2=tie, caution=0.0).fit(
        data.features,
        data.targets,
        data.weights,
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
