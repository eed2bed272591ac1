"""Checks that numbers are finite, also after input scaling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fcnet._inputs import strips, tensors
from fcnet._inputs.arrays import Array
from fcnet._inputs.feature_names import Name, shown, variable

_FEW = 1 << 14  # numbers, up to which they are checked at once


@dataclass(frozen=True, eq=False)
class Scaling:
    """Input scaling: x becomes ``scale (x - offset)`` as ``dtype``, which may overflow.

    ``offset`` and ``scale`` are numbers, or arrays with an entry for each column.
    """

    dtype: np.dtype[Any]
    offset: Array | float = 0.0
    scale: Array | float = 1.0

    @cached_property
    def is_identity(self) -> bool:
        """Whether the scaling changes nothing but the type."""
        are_single = getattr(self.offset, "ndim", 0) == getattr(self.scale, "ndim", 0) == 0
        return bool(are_single and self.offset == 0 and self.scale == 1)

    def holds(self, low: float, high: float) -> bool:
        """Whether numbers from ``low`` to ``high`` are certainly finite after scaling; False for NaN."""
        farthest = max(abs(low), abs(high)) + float(np.abs(self.offset).max())
        return farthest * max(1.0, float(np.abs(self.scale).max())) <= float(np.finfo(self.dtype).max) / 2

    def of(self, x: Array) -> Array:
        """Scale x."""
        with np.errstate(all="ignore"):
            difference = x.astype(np.result_type(x, np.float64)) - self.offset
            return np.asarray(difference.astype(self.dtype) * np.asarray(self.scale, self.dtype))

    def at(self, columns: Array) -> Scaling:
        """Return the scaling for an array whose entries belong to these columns."""
        offset, scale = (v[columns] if isinstance(v, np.ndarray) and v.ndim else v for v in (self.offset, self.scale))
        return Scaling(self.dtype, offset, scale)

    def takes(self, x: Array) -> bool:
        """Whether all numbers are certainly finite after scaling, by one or two fast passes."""
        unchanged = self.is_identity and (x.dtype == self.dtype or np.can_cast(x.dtype, self.dtype))
        if unchanged and x.size <= _FEW:
            return bool(np.isfinite(x).all())
        with np.errstate(all="ignore"):
            if unchanged:
                return bool(np.isfinite(x.sum(dtype=self.dtype)))
            return x.size == 0 or self.holds(float(x.min()), float(x.max()))


def first_unfit(array: Array, scaling: Scaling) -> tuple[int, ...] | None:
    """Return the index of the first number that is not finite, or not finite after scaling."""
    kind = array.dtype.kind
    if kind == "b" or kind in "iu":
        limits = (0, 1) if kind == "b" else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
        if scaling.holds(*map(float, limits)):
            return None
    if 0 < array.size <= _FEW and scaling.takes(tensors.widened(array)):  # fast path for few numbers
        return None
    for first, rows in strips.of(array):
        part = tensors.widened(rows)
        if not scaling.takes(part):
            wrong = np.argwhere(~np.isfinite(scaling.of(part)))
            if len(wrong):
                return (first + int(wrong[0][0]), *map(int, wrong[0][1:]))
    return None


def unfit(
    value: Any, row: int, column: int | None, name: str, columns: tuple[Name, ...] | None, scaling: Scaling
) -> ValueError:
    """Return the error for a number that is not finite; ``columns`` are the column names, if known."""
    where = f"row {row}"
    if column is not None:
        where += f", column {column if columns is None else shown(columns[column])}"
    contains, dtype = f"{name} contains {value!s} in {where}", scaling.dtype
    if not np.isfinite(value):
        return ValueError(f"{contains}: expected finite numbers")
    wider = ", or give the network dtype='float64'" if dtype == np.float32 else ""
    if np.isfinite(Scaling(dtype).of(np.asarray(value))):
        becomes = f"for which scale * ({variable(name)} - offset) is too large for {dtype}"
        return ValueError(f"{contains}, {becomes}: expected a smaller scale or number{wider}")
    most = np.finfo(dtype).max
    return ValueError(
        f"{contains}, too large for {dtype}: expected at most {most:.3g} in size; divide the numbers{wider}"
    )


def refuse_unfit(array: Array, name: str, scaling: Scaling, columns: tuple[Name, ...] | None = None) -> None:
    """Raise ValueError for the first number that is not finite, or not finite after scaling."""
    at = first_unfit(array, scaling)
    if at is not None:
        value = tensors.widened(array[at])
        raise unfit(value, at[0], at[1] if len(at) > 1 else None, name, columns, scaling)
