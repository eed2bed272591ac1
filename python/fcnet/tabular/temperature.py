"""Temperature scaling: probabilities made as sure as they are right (Guo et al. 2017).

With the logarithms ``z`` of probabilities (n, classes) and a temperature ``T``, the calibrated probabilities are
``softmax(z / T)``. ``T`` has the least log loss on rows that were not trained on; above 1, the network was too sure.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TINY = float(np.finfo(np.float32).tiny)
_STEPS = 100
_CLOSE = 1e-12  # relative


def at_temperature(probabilities: Array, temperature: float) -> Array:
    """Return probabilities (n, classes) at a temperature; 1 leaves them as they are."""
    return probabilities if temperature == 1 else _softmax(_logarithms(probabilities), 1 / temperature)


def slope_at_temperature(probabilities: Array, temperature: float, output: int) -> Array:
    """Return the derivative of ``at_temperature``'s probability of a class by the probabilities (n, classes)."""
    if temperature == 1:
        return np.eye(probabilities.shape[1])[[output]].repeat(len(probabilities), axis=0)
    p = at_temperature(probabilities, temperature)
    of_logarithms = -p * p[:, [output]] / temperature
    of_logarithms[:, output] += p[:, output] / temperature
    return np.where(probabilities > TINY, of_logarithms / np.maximum(probabilities, TINY), 0.0)


def temperature_of(probabilities: Array, y: NDArray[Any], weights: NDArray[Any] | None) -> float | None:
    """Return the temperature of least log loss.

    Parameters
    ----------
    probabilities : array (n, classes)
    y : array (n,) of class numbers
    weights : array (n,), optional
        Of the rows.

    Returns
    -------
    float, or None
        None where no temperature is best: all rows are predicted right, or they are predicted worse than by chance.
    """
    z, w = _logarithms(probabilities), np.ones(len(y)) if weights is None else weights.astype(np.float64)
    of_class = np.take_along_axis(z, y[:, None].astype(np.intp), axis=1)[:, 0]

    def slopes(inverse: float) -> tuple[float, float]:
        """First and second derivative of the log loss by 1 / T, in which it is convex."""
        p = _softmax(z, inverse)
        mean = (p * z).sum(axis=1)
        variance = (p * (z - mean[:, None]) ** 2).sum(axis=1)
        return float(w @ (mean - of_class)), float(w @ variance)

    all_right = bool((of_class == z.max(axis=1))[w > 0].all())
    if all_right or float(w @ (z.mean(axis=1) - of_class)) >= 0:  # the best T would be 0 or infinite
        return None
    low, high = 1.0, 1.0
    while slopes(low)[0] > 0:
        low /= 2
    while slopes(high)[0] < 0:
        high *= 2
    inverse = math.sqrt(low * high)
    for _ in range(_STEPS):  # Newton's, halving the bracket where a step leaves it
        slope, curvature = slopes(inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / curvature if curvature > 0 else low
        after = step if low < step < high else math.sqrt(low * high)
        if abs(after - inverse) <= _CLOSE * inverse:
            return 1 / after
        inverse = after
    return 1 / inverse


def _logarithms(probabilities: Array) -> Array:
    result: Array = np.log(np.maximum(probabilities, TINY))
    return result


def _softmax(z: Array, inverse: float) -> Array:
    e = np.exp(inverse * (z - z.max(axis=1, keepdims=True)))
    result: Array = e / e.sum(axis=1, keepdims=True)
    return result
