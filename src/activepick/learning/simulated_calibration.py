"""Calibrations from simulated proteins, shipped with the program.

Peaks on micrographs of proteins of random shape under varied conditions, of which it is known
whether they are particles (`activepick.simulate.random_protein`), give the slope from linear scores
to logits of probabilities, for the pretrained detector and for heads that were taught with some
number of labels. The file is made by `benchmarks/simulated_calibration.py`.
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
    """Return the calibration of a head that was taught with a number of labels.

    Parameters
    ----------
    labels
        Number of labels; 0 for the pretrained detector. Between the numbers of the file the slope
        is interpolated over the logarithm of the number plus 1; beyond them it stays the same.
    spec
        The features. For others than those of the file the scores stay as they are.
    """
    shipped = _shipped()
    if feature_facts(spec) != shipped["features"]:
        return Calibration()
    known, slopes = zip(*shipped["slopes"], strict=True)
    return Calibration(float(np.interp(np.log1p(labels), np.log1p(known), slopes)))


def feature_facts(spec: FeatureSpec) -> dict[str, object]:
    """Return the facts that have to agree: all but the working radii and the network's name."""
    facts = asdict(spec)
    return {name: facts[name] for name in facts if name not in ("working_radii", "backbone")}


@cache
def _shipped() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return found
