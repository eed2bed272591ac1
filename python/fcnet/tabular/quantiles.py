"""Quantiles at equal distances, as ``numpy.quantile`` interpolates them, of numbers that are sorted once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def equal_quantiles(ordered: NDArray[Any], parts: int) -> NDArray[np.float64]:
    """Return the quantiles at the levels 0, 1 / parts, ..., 1.

    Their places among the n numbers, ``i (n - 1) / parts``, are computed in whole numbers: a quantile that is one of
    the numbers is exactly this number.

    Parameters
    ----------
    ordered : array (n,), ascending, n >= 1
    parts : int >= 1

    Returns
    -------
    array (parts + 1,) of float64, ascending
    """
    last = len(ordered) - 1
    place, rest = np.divmod(np.arange(parts + 1) * last, parts)
    share = rest / parts
    below, above = (ordered[at].astype(np.float64) for at in (place, np.minimum(place + 1, last)))
    step = above - below
    # from the nearer end, so that rounding keeps the order
    return np.where(share < 0.5, below + step * share, above - step * (1 - share))


def quarters_of_counts(values: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the quantiles at the levels 0, 1/4, ..., 1 of numbers that are given by how often they occur.

    Parameters
    ----------
    values : array (k,), ascending
    counts : array (..., k) of int
        How often each value occurs; in every row they add up to the same n >= 1.

    Returns
    -------
    array (5, ...) of float64
    """
    ends = np.cumsum(counts, axis=-1)
    last = int(np.max(ends[..., -1], initial=1)) - 1
    quarters = []
    for quarter in range(5):
        place, rest = divmod(quarter * last, 4)
        below, above = (values[(ends <= min(at, last)).sum(axis=-1)] for at in (place, place + 1))
        quarters.append(below + (above - below) * (rest / 4))
    return np.array(quarters)
