"""Weights of samples: how much each counts in the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet._inputs import arrays
from fcnet._inputs.arrays import Array
from fcnet._inputs.targets import targets

_USUAL = 40  # weights between 2**-40 and 2**40 are taken as they are


def checked(given: ArrayLike, n: int, dtype: np.dtype[Any], name: str) -> tuple[Array, int]:
    """Weights (n,) as ``dtype``, scaled where they are very small or large, and the exponent of their scale.

    Parameters
    ----------
    given : array-like of numbers >= 0
    n : int
    dtype : the network's
    name : str
        What messages call them.

    Returns
    -------
    array (n,), int
        As ``scaled`` gives them.

    Raises
    ------
    TypeError, ValueError : they are not that.
    """
    array = arrays.plain(given, name)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}: expected ({n},), a number for each sample")
    column = targets(array, n, 1, np.dtype(np.float64), name)[:, 0]
    if (column < 0).any():
        raise ValueError(f"{name} has a negative number: expected weights of at least 0")
    with np.errstate(over="ignore"):
        total = column.sum()
    if not np.isfinite(total):
        raise ValueError(f"{name} adds up to more than float64 can hold: expected smaller weights")
    return scaled(column, dtype, name)


def scaled(weights: Array, dtype: np.dtype[Any], name: str) -> tuple[Array, int]:
    """Weights as ``dtype``, and e where they are ``2**-e`` times those given: 0 unless some are very small or large.

    A mean does not change with the scale of its weights, but sums and products of extreme ones would underflow or
    overflow. A power of two changes no digit of them.

    Raises
    ------
    ValueError : they span more than the type can hold.
    """
    parts = (part[part > 0] for _, part in arrays.strips(weights))
    extremes = [(part.min(), part.max()) for part in parts if part.size]
    if not extremes:
        return arrays.converted(weights, dtype), 0
    least, most = min(low for low, _ in extremes), max(high for _, high in extremes)
    (_, low), (_, high) = np.frexp(least), np.frexp(most)
    if -_USUAL <= low and high <= _USUAL:
        return arrays.converted(weights, dtype), 0
    if high - low > np.finfo(dtype).maxexp // 5 * 4:
        raise ValueError(
            f"{name} has weights from {least:.3g} to {most:.3g}, too far apart for {dtype}: "
            f"expected 0 in place of the smallest"
        )
    exponent = int(low + high) // 2
    return np.ascontiguousarray(np.ldexp(weights, -exponent), dtype), exponent
