"""Calibrations from simulated proteins, which are part of the package.

The slopes from linear scores to logits of probabilities were fitted to peaks on simulated
micrographs, for which it is known whether they are particles. The proteins have random shapes, and
the imaging conditions vary (`activepick.simulate.random_protein`). There are slopes for the
pretrained detector and for heads that are trained with different numbers of labels. The file is
written by `benchmarks/simulated_calibration.py`.
"""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from activepick.features.feature_spec import FeatureSpec
from activepick.learning.calibration import Calibration

__all__ = ["SHIPPED", "calibration_after", "feature_facts"]

SHIPPED = Path(__file__).with_suffix(".json")


def calibration_after(labels: int, spec: FeatureSpec) -> Calibration:
    """Return the calibration of a head that was trained with a given number of labels.

    Parameters
    ----------
    labels
        Number of labels; 0 for the pretrained detector. Between the numbers in the file, the slope
        is interpolated over the logarithm of the number plus 1; outside their range it is constant.
    spec
        The features. For features other than those of the file, the slope is 1.

    Returns
    -------
    Calibration
    """
    shipped = _shipped()
    if feature_facts(spec) != shipped["features"]:
        return Calibration()
    known, slopes = zip(*shipped["slopes"], strict=True)
    return Calibration(float(np.interp(np.log1p(labels), np.log1p(known), slopes)))


def feature_facts(spec: FeatureSpec) -> dict[str, object]:
    """Return the attributes that have to agree: all except working radii and network name."""
    facts = asdict(spec)
    return {name: facts[name] for name in facts if name not in ("working_radii", "backbone")}


@cache
def _shipped() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return found
