"""Robust scaling and smooth clipping of numbers (Holzmüller, Grinsztajn, Steinwart 2024, appendix A)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet.tabular.quantiles import equal_quantiles

FAR = 1e15  # beyond, the result is +-3 to the last digit, and the square might overflow


def factor_of(quarters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors of columns from their quantiles at the levels 0, 1/4, ..., 1.

    ``1 / q`` with the distance q of the quartiles; where it is 0, with half the distance of the extremes; and 0 where
    that is 0 too, or so small that the factor is infinite.

    Parameters
    ----------
    quarters : array (5, ...)

    Returns
    -------
    array (...) of float64
    """
    least, lower, _, upper, most = quarters
    distance = np.where(upper > lower, upper - lower, (most - least) / 2)
    with np.errstate(divide="ignore", over="ignore"):
        factor = 1 / distance
    return np.where(np.isfinite(factor), factor, 0.0)


def median_and_factor(x: ArrayLike) -> tuple[float, float]:
    """Median m and factor f of a column, for ``z = f (x - m)``.

    f is 1 / (distance of the quartiles); if this is 0, 2 / (distance of the extremes); and 0 for a constant column.

    Parameters
    ----------
    x : array-like (n,) of finite numbers, n >= 1

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> from fcnet.tabular import median_and_factor
    >>> median_and_factor([1, 2, 3, 4, 9])
    (3.0, 0.5)
    """
    quarters = equal_quantiles(np.sort(np.asarray(x, np.float64)), 4)
    return float(quarters[2]), float(factor_of(quarters))


def smooth_clip(z: ArrayLike) -> NDArray[Any]:
    """Clip numbers smoothly to (-3, 3): ``z / sqrt(1 + (z / 3)^2)``.

    Parameters
    ----------
    z : array-like
        NaN stays NaN.

    Returns
    -------
    array of the same shape, float32 if z is, else float64

    Examples
    --------
    >>> from fcnet.tabular import smooth_clip
    >>> smooth_clip([0.0, 1.0, 4.0]).round(3).tolist()
    [0.0, 0.949, 2.4]
    """
    numbers = np.asarray(z)
    if numbers.dtype != np.float32:
        numbers = numbers.astype(np.float64, copy=False)
    return clip_smoothly(np.array(np.clip(numbers, -FAR, FAR)))


def clip_smoothly(z: NDArray[Any]) -> NDArray[Any]:
    """Compute ``smooth_clip`` in place, of numbers within ``FAR``; return the array."""
    root = z * z
    root *= 1 / 9
    root += 1
    z /= np.sqrt(root)
    return z
