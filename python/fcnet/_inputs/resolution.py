"""Loss of precision: numbers that are distinct in the given type, but equal in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._inputs.feature_names import Name, shown

_LOOKED_AT = 256  # rows, evenly spaced, and as many from the first on
_STEPS = 1024  # of float32 between a column's extremes, below which its distinct numbers are counted


def lossy_column(array: NDArray[Any], offset: NDArray[Any] | float = 0.0) -> int | None:
    """Find the first column where float32 keeps at most two thirds of the distinct numbers of some rows.

    Parameters
    ----------
    array : array (n, columns) of real numbers
    offset : array () or (columns,)
        Subtracted first, in float64.

    Returns
    -------
    int, or None
    """
    if len(array) < 2 or np.can_cast(array.dtype, np.float32):
        return None
    spaced, first = array[:: -(-len(array) // _LOOKED_AT)], array[:_LOOKED_AT]
    with np.errstate(all="ignore"):  # numbers that are not finite or too large are refused elsewhere
        rows = spaced.astype(np.float64) - offset
        low, high = rows.min(axis=0), rows.max(axis=0)
        step = np.spacing(np.maximum(abs(low), abs(high)).astype(np.float32)).astype(np.float64)
        suspect = np.flatnonzero((high > low) & (high - low < _STEPS * step))
        if not suspect.size:
            return None
        for some in (rows, first.astype(np.float64) - offset):
            for column in suspect:
                numbers = np.unique(some[:, column])
                if len(np.unique(numbers.astype(np.float32))) <= 2 / 3 * len(numbers):
                    return int(column)
    return None


def warn_of_lost(column: int | None, name: str, columns: tuple[Name, ...] | None, advice: str) -> None:
    """Give a UserWarning for a column that ``lossy_column`` found; ``columns`` are the column names, if known.

    The text is the same for all batches, so that Python shows the warning once.
    """
    if column is None:
        return
    label = column if columns is None else shown(columns[column])
    console.warn(f"{name} loses digits in float32: distinct numbers of column {label} become equal; {advice}")
