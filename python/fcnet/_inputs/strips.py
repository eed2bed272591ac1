"""Long arrays are worked on in strips, ranges of rows: small enough that Ctrl-C does not have to wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCANNED = 1 << 20  # elements of a strip, between which Ctrl-C is possible


def ranges(n: int, row_size: int, *, objects: bool = False) -> Iterator[slice]:
    """Yield the strips of n rows of ``row_size`` elements.

    Strips of text and other objects, which take about ten times as long, are shorter.
    """
    rows = max(1, (SCANNED // 8 if objects else SCANNED) // max(1, row_size))
    for first in range(0, n, rows):
        yield slice(first, min(first + rows, n))


def of(array: NDArray[Any], overlap: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the strips of an array, each with the number of its first row."""
    for rows in ranges(len(array), array[:1].size, objects=array.dtype.kind in "OUST"):
        yield rows.start, array[rows.start : rows.stop + overlap]


def joined(n: int, parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Join arrays of n rows together, whose common type is that of the result.

    Parameters
    ----------
    n : int
        Number of rows.
    parts : iterable of arrays
        At least one, with the same shape but for the rows.

    Returns
    -------
    array
    """
    result, first = None, 0
    for part in parts:
        kind = part.dtype if result is None else np.result_type(result, part)
        if result is None or result.dtype != kind:
            wider = np.empty((n, *part.shape[1:]), kind)
            if result is not None:
                for at, old in of(result[:first]):
                    wider[at : at + len(old)] = old
            result = wider
        result[first : first + len(part)] = part
        first += len(part)
    assert result is not None
    return result


def stacked(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return an array whose columns are these arrays."""
    result = np.empty((len(columns), len(columns[0])), np.result_type(*columns))
    for row, column in zip(result, columns, strict=True):
        for first, part in of(column):
            row[first : first + len(part)] = part
    return result.T
