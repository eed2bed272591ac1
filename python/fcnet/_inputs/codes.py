"""Codes of categories among the columns of x: whole numbers from 0 to the number of categories."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import strips, tensors
from fcnet._inputs.feature_names import Name, shown


class Codes(NamedTuple):
    """The first column of codes, and how many categories each has; they are the last columns of x."""

    first: int
    categories: tuple[int, ...]

    def first_unknown(self, x: NDArray[Any]) -> tuple[int, int] | None:
        """Return row and column of the first code that is none of 0, 1, ..., categories."""
        most = np.array(self.categories)
        for first, rows in strips.of(x):
            codes = tensors.widened(rows[:, self.first :])
            with np.errstate(invalid="ignore"):
                known = (codes >= 0) & (codes <= most)
                if codes.dtype.kind == "f":
                    known &= codes == np.floor(codes)
            if not known.all():
                row, column = np.argwhere(~known)[0].tolist()
                return first + row, self.first + column
        return None

    def check(self, x: NDArray[Any], name: str, columns: tuple[Name, ...] | None) -> None:
        """Raise ValueError for the first code of x that is unknown; ``columns`` are the column names, if known."""
        at = self.first_unknown(x) if self.categories else None
        if at is not None:
            row, column = at
            where = f"row {row}, column {column if columns is None else shown(columns[column])}"
            expected = f"a whole number from 0 (missing or unknown) to {self.categories[column - self.first]}"
            what = f"{name} contains {tensors.widened(x[at])!s} in {where}, a column of codes"
            raise ValueError(f"{what}: expected {expected}")
