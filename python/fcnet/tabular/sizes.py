"""Sizes of numbers in a table: they are finite, and not so large that differences would be infinite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import strips
from fcnet._inputs.feature_names import Name, shown

LARGEST = 1e300


def extremes(array: NDArray[Any]) -> tuple[float, float, bool]:
    """Return the smallest and largest number, and whether there are gaps, which are NaN; 0 and 0 if all are gaps.

    Parameters
    ----------
    array : array of real numbers
    """
    if not array.size:
        return 0.0, 0.0, False
    least, most = float(array.min()), float(array.max())
    if least == least:
        return least, most, False
    least, most = (float(ends.reduce(array, axis=None)) for ends in (np.fmin, np.fmax))
    return (least, most, True) if least == least else (0.0, 0.0, True)


def refuse_too_large(array: NDArray[Any], name: str, labels: Sequence[Name], first_row: int = 0) -> None:
    """Raise ValueError for a number that is infinite or beyond ``LARGEST`` in size.

    Parameters
    ----------
    array : array (n,) or (n, columns) of real numbers
    name : str
        Name of the table in the message.
    labels : sequence of Name
        Names of the columns.
    first_row : int
        Number of the array's first row in the table.
    """
    if array.dtype.kind != "f":
        return
    for first, part in strips.of(array):
        least, most, _ = extremes(part)
        if least < -LARGEST or most > LARGEST:
            at = np.argwhere(np.abs(part.astype(np.float64)) > LARGEST)[0]
            value, column = part[tuple(at)], shown(labels[at[1] if len(at) > 1 else 0])
            most_text = "" if np.isinf(value) else f", at most {LARGEST:g} in size"
            raise ValueError(
                f"{name} contains {value} in row {first_row + first + at[0]}, column {column}: "
                f"expected finite numbers{most_text}, or NaN for a gap"
            )
