"""Sample weights, checked and scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet._inputs import arrays, strips
from fcnet._inputs.arrays import Array
from fcnet._inputs.targets import targets

_UNSCALED = 40  # weights between 2**-40 and 2**40 are not scaled


def checked(given: ArrayLike, n: int, dtype: np.dtype[Any], name: str, of: str = "sample") -> tuple[Array, int]:
    """Check weights (n,), convert them to ``dtype``, and scale them if they are very small or large.

    Parameters
    ----------
    given : array-like of numbers >= 0
    n : int
    dtype : the network's
    name : str
        Name of the argument in messages.
    of : str
        What has a weight, in messages.

    Returns
    -------
    array (n,), int
        The weights and the exponent of their scale, as ``scaled`` returns them.

    Raises
    ------
    TypeError, ValueError : the weights are invalid.
    """
    array = arrays.plain(given, name)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}: expected ({n},), a number for each {of}")
    column = targets(array, n, 1, np.dtype(np.float64), name)[:, 0]
    if (column < 0).any():
        raise ValueError(f"{name} has a negative number: expected weights of at least 0")
    with np.errstate(over="ignore"):
        total = column.sum()
    if not np.isfinite(total):
        raise ValueError(f"{name} adds up to more than float64 can hold: expected smaller weights")
    return scaled(column, dtype, name)


def scaled(weights: Array, dtype: np.dtype[Any], name: str) -> tuple[Array, int]:
    """Return ``2**-e`` times the weights as ``dtype``, and e, which is 0 unless weights are very small or large.

    The scale of the weights does not change a weighted mean, but sums and products of extreme weights would underflow
    or overflow. Scaling by a power of two is exact.

    Raises
    ------
    ValueError : the range of the weights is larger than that of the dtype.
    """
    parts = (part[part > 0] for _, part in strips.of(weights))
    extremes = [(part.min(), part.max()) for part in parts if part.size]
    if not extremes:
        return arrays.converted(weights, dtype), 0
    least, most = min(low for low, _ in extremes), max(high for _, high in extremes)
    (_, low), (_, high) = np.frexp(least), np.frexp(most)
    if -_UNSCALED <= low and high <= _UNSCALED:
        return arrays.converted(weights, dtype), 0
    if high - low > np.finfo(dtype).maxexp // 5 * 4:
        raise ValueError(
            f"{name} has weights from {least:.3g} to {most:.3g}, too far apart for {dtype}: "
            f"expected 0 in place of the smallest"
        )
    exponent = int(low + high) // 2
    return np.ascontiguousarray(np.ldexp(weights, -exponent), dtype), exponent
