"""Compressed sparse rows (CSR), such as SciPy's, as the native core reads them without making x dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import arrays, strips
from fcnet._inputs.feature_names import Name
from fcnet._inputs.finite import Scaling, unfit

# Types that the native core reads without a copy.
_VALUES = (np.float32, np.float64)
_PLACES = (np.int32, np.int64)


def is_sparse(x: object) -> bool:
    """Whether x is a sparse array of SciPy, or another one that can be converted to CSR."""
    return callable(getattr(type(x), "tocsr", None))  # of the type, as a DataFrame may have a column of this name


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Sparse rows: row i has ``data[starts[i]:starts[i + 1]]`` in the unique columns ``indices`` of the same range."""

    data: NDArray[Any]
    indices: NDArray[Any]
    starts: NDArray[np.int64]
    shape: tuple[int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[Any] | slice) -> SparseRows:
        """Return a copy of some rows."""
        rows = np.arange(len(self))[rows] if isinstance(rows, slice) else rows
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        taken = np.repeat(self.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return SparseRows(self.data[taken], self.indices[taken], starts, (len(rows), self.shape[1]))

    def dense(self) -> NDArray[Any]:
        """Return the rows as a dense array (n, columns)."""
        rows = np.zeros(self.shape, self.data.dtype)
        rows[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.indices] = self.data
        return rows

    def refuse_unfit(self, name: str, scaling: Scaling, columns: tuple[Name, ...] | None) -> None:
        """Raise ValueError for the first number that is not finite, or not finite after scaling."""
        for first, part in strips.of(self.data):
            if not scaling.takes(part):
                places = self.indices[first : first + len(part)]
                wrong = np.flatnonzero(~np.isfinite(scaling.at(places).of(part)))
                if len(wrong):
                    row = int(np.searchsorted(self.starts, first + wrong[0], side="right")) - 1
                    raise unfit(part[wrong[0]], row, int(places[wrong[0]]), name, columns, scaling)


def _part(x: Any, what: str, length: int, name: str) -> NDArray[Any]:
    """Return one of the arrays of a sparse array, without unused memory at its end."""
    array = np.asarray(getattr(x, what))
    if array.ndim != 1 or len(array) < length or (what != "data" and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} is damaged: its {what} has dtype {array.dtype} and shape {array.shape}")
    return array[:length]


def rows(x: Any, dtype: np.dtype[Any], name: str) -> SparseRows:
    """Return the rows of a sparse array.

    float32 and float64 are not converted; other types become ``dtype`` or, if that would round them, float64.

    Parameters
    ----------
    x : sparse array, of SciPy or with its ``tocsr``
        Duplicate entries are summed, as by ``toarray``.
    dtype : the network's
    name : str
        Name of the argument in messages.

    Returns
    -------
    SparseRows

    Raises
    ------
    TypeError : x does not hold real numbers.
    ValueError : x is not two-dimensional, or its arrays are inconsistent.
    """
    x = x.tocsr()
    if len(x.shape) != 2:
        raise ValueError(f"{name} has shape {x.shape}: expected (n_samples, n_features)")
    n, columns = map(int, x.shape)
    starts = _part(x, "indptr", n + 1, name).astype(np.int64)
    if starts[0] != 0 or any((part[1:] < part[:-1]).any() for _, part in strips.of(starts, overlap=1)):
        raise ValueError(f"{name} is damaged: its indptr does not ascend from 0")
    indices = _part(x, "indices", int(starts[-1]), name)
    if any(part.min() < 0 or part.max() >= columns for _, part in strips.of(indices)):
        raise ValueError(f"{name} is damaged: its indices are not all in [0, {columns})")
    data = arrays.real(_part(x, "data", int(starts[-1]), name), name)
    exact = np.can_cast(data.dtype, dtype)  # else float64, from which the core subtracts offsets
    data, indices, starts = _summed(data, indices, starts)
    return SparseRows(
        np.require(data, data.dtype if data.dtype in _VALUES else dtype if exact else np.float64, ["C", "A"]),
        np.require(indices, indices.dtype if indices.dtype in _PLACES else np.int64, ["C", "A"]),
        starts,
        (n, columns),
    )


def _ascend(indices: NDArray[Any], starts: NDArray[np.int64]) -> bool:
    """Whether the indices of every row ascend, so that no entry is duplicate."""
    for first, part in strips.of(indices, overlap=1):
        falls = first + 1 + np.flatnonzero(part[1:] <= part[:-1])
        if (starts[np.searchsorted(starts, falls)] != falls).any():
            return False
    return True


def _summed(
    data: NDArray[Any], indices: NDArray[Any], starts: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Sum duplicate entries, in their order and starting from 0."""
    if _ascend(indices, starts):
        return data, indices, starts
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.lexsort((indices, row))
    row, column = row[order], indices[order]
    first = np.ones(len(order), bool)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    if first.all():
        return data[order], column, starts
    sums = np.zeros(np.count_nonzero(first), data.dtype)
    with np.errstate(all="ignore"):
        np.add.at(sums, np.cumsum(first) - 1, data[order])
    return sums, column[first], np.searchsorted(row[first], np.arange(len(starts)))
