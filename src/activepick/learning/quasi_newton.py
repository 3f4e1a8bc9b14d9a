"""Minimise a smooth function of many parameters whose inverse Hessian is approximately known.

The limited-memory BFGS method (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4),
which starts from the given inverse Hessian instead of a multiple of the identity. With a good one,
nearly all steps have unit length, and a few evaluations suffice.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Minimum", "minimise"]

Floats = NDArray[np.float64]
_Step: TypeAlias = tuple[Floats, Floats, float]

# Number of earlier steps from which the inverse Hessian is corrected.
_MEMORY = 20
_MOST_EVALUATIONS = 1000
# A step is accepted if the function decreases by this share of what the slope predicts.
_DECREASE = 1e-4
# Smallest and largest factor by which a step that is not accepted is shortened.
_SHORTER = 0.1, 0.5
# A line search ends at this step length: the rest is rounding error.
_SHORTEST = 1e-10
# Smallest curvature along a step, relative to the change of the gradient, with which the inverse
# Hessian is corrected.
_LEAST_CURVATURE = 1e-12


class Minimum(NamedTuple):
    """The end of a minimisation.

    Attributes
    ----------
    parameters
        Parameters, shape (n,).
    lowest
        Value of the function.
    evaluations
        Number of evaluations of the function.
    """

    parameters: Floats
    lowest: float
    evaluations: int


def minimise(
    function: Callable[[Floats], tuple[float, Floats]],
    begin: Floats,
    inverse_hessian: Callable[[Floats], Floats],
    tolerance: float,
) -> Minimum:
    """Return the minimum of a function.

    Parameters
    ----------
    function
        Returns the value and the gradient (n,) at parameters (n,).
    begin
        Initial parameters, shape (n,).
    inverse_hessian
        Returns the product of an approximate inverse Hessian, which is positive definite, and a
        vector (n,).
    tolerance
        The search ends with the first step from which the quadratic model expects a smaller
        relative decrease of the value. The function is not evaluated after this last step.

    Returns
    -------
    Minimum
        Its lowest value is that of the quadratic model after the last step.
    """
    x = np.array(begin, np.float64)
    value, gradient = function(x)
    evaluations = 1
    steps: deque[_Step] = deque(maxlen=_MEMORY)
    while True:
        step = -_product(inverse_hessian, steps, gradient)
        slope = float(gradient @ step)
        if not slope < 0:  # rounding errors, or an inverse Hessian that is far off
            steps.clear()
            step, slope = -gradient, -float(gradient @ gradient)
        if -slope <= 2 * tolerance * abs(value) or evaluations >= _MOST_EVALUATIONS:
            return Minimum(x + step, value + slope / 2, evaluations)
        length = 1.0
        while True:
            new = x + length * step
            new_value, new_gradient = function(new)
            evaluations += 1
            if new_value <= value + _DECREASE * length * slope:
                break
            if length < _SHORTEST:
                return Minimum(x, value, evaluations)
            # The minimum of the parabola through both values and the first slope.
            excess = new_value - value - length * slope
            best = -slope * length / (2 * excess) if np.isfinite(excess) else 0.0
            length *= float(np.clip(best, *_SHORTER))
        moved, change = new - x, new_gradient - gradient
        curvature = float(moved @ change)
        if curvature > _LEAST_CURVATURE * (change @ change):
            steps.append((moved, change, curvature))
        x, value, gradient = new, new_value, new_gradient


def _product(
    inverse_hessian: Callable[[Floats], Floats],
    steps: deque[_Step],
    vector: Floats,
) -> Floats:
    """Return the product of a vector and the inverse Hessian that earlier steps have corrected.

    Parameters
    ----------
    inverse_hessian
        As in `minimise`.
    steps
        Change of the parameters, change of the gradient, and the product of both, of earlier steps,
        the oldest first.
    vector
        Shape (n,).
    """
    rest, factors = vector.copy(), []
    for moved, change, curvature in reversed(steps):
        factor = (moved @ rest) / curvature
        factors.append(factor)
        rest -= factor * change
    out = np.array(inverse_hessian(rest), np.float64)
    for (moved, change, curvature), factor in zip(steps, reversed(factors), strict=True):
        out += (factor - (change @ out) / curvature) * moved
    return out
