"""Mean and standard deviation of every column of x, in one pass over the rows or batches.

They are computed in float64 for each part and merged (Chan, Golub, LeVeque 1983), so that neither a large mean nor many
rows lose precision. A column is constant if its smallest and largest numbers are equal, because a rounded variance may
differ from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import strips, tables, tensors
from fcnet._inputs.codes import Codes
from fcnet._inputs.feature_names import Name
from fcnet._inputs.features import check_x
from fcnet._inputs.iterables import inputs_of, is_batches
from fcnet._inputs.sparse import SparseRows, is_sparse

_Array = NDArray[np.float64]
_Part = tuple[int, _Array, _Array, _Array, _Array]  # number of rows; mean, squared deviations, minimum, maximum


def _of_dense(rows: NDArray[Any]) -> Iterator[_Part]:
    for _, strip in strips.of(rows):
        part = tensors.widened(strip).astype(np.float64)
        mean = part.mean(axis=0)
        yield len(part), mean, ((part - mean) ** 2).sum(axis=0), part.min(axis=0), part.max(axis=0)


def _of_sparse(rows: SparseRows) -> Iterator[_Part]:
    first, (n, columns) = 0, rows.shape
    stored = max(strips.SCANNED // 4, columns)  # numbers of a part, which goes over all columns several times
    while first < n:
        end = int(rows.starts[first]) + stored
        last = max(first + 1, min(n, int(np.searchsorted(rows.starts, end, side="right")) - 1))
        part = slice(rows.starts[first], rows.starts[last])
        yield _of_sparse_part(rows.data[part].astype(np.float64), rows.indices[part], last - first, columns)
        first = last


def _of_sparse_part(data: _Array, indices: NDArray[Any], n: int, columns: int) -> _Part:
    stored = np.bincount(indices, minlength=columns)
    mean = np.bincount(indices, weights=data, minlength=columns) / n
    squares = np.bincount(indices, weights=(data - mean[indices]) ** 2, minlength=columns) + (n - stored) * mean**2
    low, high = (np.where(stored < n, 0.0, limit) for limit in (np.inf, -np.inf))
    np.minimum.at(low, indices, data)
    np.maximum.at(high, indices, data)
    return n, mean, squares, low, high


def _is_batch(first: Any) -> bool:
    """Whether the first entry of an iterable is a batch, x or (x, y) or (x, y, sample_weight), and not a row of x."""
    return np.ndim(inputs_of(first)) == 2


def _batches(x: Any) -> Iterator[tuple[str, Any]]:
    """Yield the batches of x, or x itself if it is not batches, with their names in messages."""
    whole = hasattr(x, "shape") or hasattr(x, "columns") or is_sparse(x) or tables.is_stream(x)
    if isinstance(x, list | tuple):
        whole = not x or not _is_batch(x[0])
    if whole or not (isinstance(x, list | tuple) or is_batches(x)):
        yield "x", x
        return
    for i, batch in enumerate(x):
        yield f"x of batch {i}", inputs_of(batch)


class Columns:
    """Statistics of the columns of x, updated part by part; codes of categories stay as they are.

    Attributes
    ----------
    names : tuple or None
        Column names of the first table.
    count : int
        Number of rows.
    """

    def __init__(self, inputs: int, names: tuple[Name, ...] | None, codes: Codes | None = None) -> None:
        self.names, self.count, self._codes = names, 0, codes
        self._inputs, self._sparse = inputs, False
        self._mean, self._squares = np.zeros((2, inputs))
        self._low, self._high = np.full(inputs, np.inf), np.full(inputs, -np.inf)

    def add(self, x: ArrayLike | Iterable[Any]) -> None:
        """Add rows, or an iterable of batches.

        Raises
        ------
        TypeError, ValueError : x is not as for a fit.
        """
        for name, batch in _batches(x):
            table = tables.in_memory(batch, name)
            own = self._inputs, np.dtype(float)
            rows = check_x(table, *own, finite=True, known=self.names, codes=self._codes, name=name)
            self.names = self.names or tables.column_names(table)
            self._sparse |= isinstance(rows, SparseRows)
            for part in _of_sparse(rows) if isinstance(rows, SparseRows) else _of_dense(rows):
                self._merge(*part)

    def _merge(self, n: int, mean: _Array, squares: _Array, low: _Array, high: _Array) -> None:
        total, difference = self.count + n, mean - self._mean
        self._squares += squares + difference**2 * (self.count * n / total)
        self._mean += difference * (n / total)
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        self.count = total

    def offset_and_scale(self, dtype: np.dtype[Any]) -> tuple[_Array, _Array]:
        """Return mean and 1 / standard deviation; constant columns get scale 1, and sparse rows offset 0."""
        with np.errstate(divide="ignore", over="ignore"):
            scale = 1 / np.sqrt(self._squares / self.count)
            varies = (self._low < self._high) & np.isfinite(scale.astype(dtype))
        offset = np.zeros_like(self._mean) if self._sparse else np.where(varies, self._mean, self._low)
        scale = np.where(varies, scale, 1.0)
        if self._codes is not None:
            offset[self._codes.first :], scale[self._codes.first :] = 0, 1
        return offset, scale
