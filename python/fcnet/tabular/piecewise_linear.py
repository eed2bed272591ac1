"""Piecewise linear encoding of numbers (Gorishniy, Rubachev, Babenko 2022), and bins for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs import arrays
from fcnet._inputs.finite import Scaling, refuse_unfit
from fcnet.tabular.quantiles import equal_quantiles


def quantile_edges(x: ArrayLike, bins: int = 48) -> NDArray[np.float64]:
    """Edges of bins for ``piecewise_linear``: the distinct ones of the quantiles at 0, 1 / bins, ..., 1.

    Quantiles that differ by a millionth of their size, as 0.3 and 0.1 + 0.2 do, count as equal: a bin between them
    would make huge numbers of a number above it.

    Parameters
    ----------
    x : array-like (n,) of finite numbers, n >= 1
    bins : int >= 1
        At most n - 1 are made.

    Returns
    -------
    array (T + 1,) of float64, ascending, T <= bins
        T is smaller if numbers are equal, and 0 for a constant column.

    Raises
    ------
    TypeError : x does not hold numbers, or bins is not a whole number.
    ValueError : x is empty, has another shape or is not finite, or bins is below 1.

    Examples
    --------
    >>> from fcnet.tabular import quantile_edges
    >>> quantile_edges([0, 1, 1, 1, 4], bins=4).tolist()
    [0.0, 1.0, 4.0]
    """
    bins = whole_number(bins, "bins", 1)
    array = _column(x, "x")
    if not len(array):
        raise ValueError("x is empty: expected at least one number")
    refuse_unfit(array, "x", Scaling(np.dtype(np.float64)))
    found = np.unique(equal_quantiles(np.sort(array), min(bins, max(len(array) - 1, 1))))
    return apart(found, lambda edge: 1e-6 * abs(edge))


def apart(edges: NDArray[np.float64], least: Callable[[float], float]) -> NDArray[np.float64]:
    """Leave out edges until neighbours differ by more than ``least`` of the upper one; the last one is kept.

    Parameters
    ----------
    edges : array (T + 1,), ascending
    least : function of an edge

    Returns
    -------
    array, ascending
    """
    kept: list[float] = []
    for edge in edges[::-1].tolist():
        if not kept or kept[-1] - edge > least(kept[-1]):
            kept.append(edge)
    return np.array(kept[::-1])


def piecewise_linear(x: ArrayLike, edges: ArrayLike) -> NDArray[Any]:
    """Encode numbers by the bins that they lie in: ``e_t = (x - b_{t-1}) / (b_t - b_{t-1})``, cut to [0, 1].

    e_1 is not cut below and e_T not above, and with T = 1 nothing is cut (Gorishniy, Rubachev, Babenko 2022, eq. 1).

    Parameters
    ----------
    x : array-like (n,)
        NaN becomes NaN in all bins.
    edges : array-like (T + 1,), ascending
        b_0 to b_T, such as those of ``quantile_edges``.

    Returns
    -------
    array (n, T), float32 if x is, else float64

    Raises
    ------
    TypeError : x or edges do not hold numbers.
    ValueError : they have another shape, or edges are not finite or not ascending.

    Examples
    --------
    >>> from fcnet.tabular import piecewise_linear
    >>> piecewise_linear([-1, 0.5, 3, 6], edges=[0, 1, 2, 4]).tolist()
    [[-1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [1.0, 1.0, 0.5], [1.0, 1.0, 2.0]]
    """
    array, ends = _column(x, "x"), _column(edges, "edges").astype(np.float64)
    if not len(ends) or not np.isfinite(ends).all() or (np.diff(ends) <= 0).any():
        raise ValueError(f"edges is {ends.tolist()}: expected finite numbers in ascending order, each different")
    return np.ascontiguousarray(encoded(array.astype(np.float64), ends).T, array.dtype)


def _column(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return x as an array (n,) of float32 or float64."""
    array = arrays.real(arrays.plain(x, name), name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}: expected one dimension")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def encoded(x: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute ``piecewise_linear`` of an array (n,) and edges (T + 1,), bin by bin (T, n), without checks."""
    result = x - edges[:-1, None]
    result /= np.diff(edges)[:, None]
    np.maximum(result[1:], 0, out=result[1:])
    np.minimum(result[:-1], 1, out=result[:-1])
    return result
