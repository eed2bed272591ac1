"""A table of any library, or an array, read column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.public import public_in
from fcnet._inputs import arrays, tables, tensors
from fcnet._inputs.feature_names import Name, shown
from fcnet.tabular.values import UnreadableError, Values, values_of


@public_in("fcnet.tabular")
@dataclass(eq=False)
class Table:
    """A table that is read once, for several fits (such as folds) and transformations. Made by ``read``.

    Attributes
    ----------
    names : tuple, or None
        Names of the columns in the form of ``feature_names``; None for an array.
    rows, columns : int
        Their numbers.
    content : tuple of Values, or array (rows, columns) of numbers
    """

    names: tuple[Name, ...] | None
    rows: int
    columns: int
    content: tuple[Values, ...] | NDArray[Any]

    @cached_property
    def values(self) -> tuple[Values, ...]:
        """The values of each column."""
        content = self.content
        return content if isinstance(content, tuple) else tuple(Values("numbers", column) for column in content.T)

    def __len__(self) -> int:
        """The number of rows."""
        return self.rows


def read(table: Any, name: str = "X") -> Table:
    """Read a table of pandas, Polars or Arrow, an array or a list of rows; a ``Table`` is returned as it is.

    Numbers are of any real type; NaN, None, NA and NaT are gaps. ``ColumnEncoder`` checks whether numbers are finite.

    Parameters
    ----------
    table : table, array or list of rows (n, columns)
    name : str
        Name of the argument in messages.

    Returns
    -------
    Table

    Raises
    ------
    TypeError : a column holds dates, a mixture of text and numbers, or other objects; it is not a table.
    ValueError : it is not rectangular, has no columns, or two of one name.

    Examples
    --------
    >>> from fcnet.tabular import read
    >>> [values.sort for values in read([["red", 1.5, True], [None, 2, False]]).values]
    ['text', 'numbers', 'truths']
    """
    if isinstance(table, Table):
        return table
    table = tables.in_memory(table, name)
    names = tables.column_names(table)
    if names is not None and len(set(names)) < len(names):
        twice = next(label for i, label in enumerate(names) if label in names[:i])
        raise ValueError(f"{name} has the column {shown(twice)} twice: expected names that differ")
    columns = _columns(table) if names is not None else None
    if names is not None and columns is not None:
        return Table(names, len(table), len(names), _values(columns, names, name))
    array = np.asarray(table) if names is not None else _array(table, name)
    if array.ndim != 2:
        expected = f"expected (n_samples, n_columns){_advice(array, name)}"
        raise ValueError(f"{name} has shape {array.shape}: Reshape your data, {expected}")
    rows, count = array.shape
    if not count:
        raise ValueError(f"{name} has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    are_numbers = array.dtype.kind in "fiu" and array.itemsize <= 8
    content = array if are_numbers else _values(list(array.T), names or range(count), name)
    return Table(names, rows, count, content)


def _columns(table: Any) -> list[Any] | None:
    """Return the columns of a table, of pandas and Polars as arrays; None if it can only be converted as a whole."""
    if hasattr(table, "get_columns") and not hasattr(table, "iloc"):
        # by np.asarray, texts of Polars would have equally many characters in every row
        return [np.asarray(column.to_numpy()) for column in table.get_columns()]
    if not hasattr(table, "iloc"):
        return tables.columns_of(table)
    try:
        return list(table._iter_column_arrays())  # internal to pandas, but ten times as fast as items()
    except (AttributeError, TypeError):
        return [getattr(column, "array", column) for _, column in table.items()]


def _array(x: Any, name: str) -> NDArray[Any]:
    """Convert an array-like to an array; a list that NumPy would convert to text keeps its numbers."""
    array = tensors.widened(arrays.plain(x, name))
    return np.array(x, object) if array.dtype.kind in "US" and isinstance(x, list | tuple) else array


def _advice(array: NDArray[Any], name: str) -> str:
    """Return advice for an array that does not have two dimensions."""
    if array.dtype.names is not None or (array.ndim == 1 and len(array) and isinstance(array[0], dict)):
        return f", use pandas.DataFrame({name})"
    return f", for one row use [{name}], for one column np.reshape({name}, (-1, 1))" if array.ndim == 1 else ""


def _values(columns: Sequence[Any], labels: Sequence[Name], name: str) -> tuple[Values, ...]:
    values = []
    for label, column in zip(labels, columns, strict=True):
        try:
            values.append(values_of(column))
        except UnreadableError as error:
            raise TypeError(f"{name} has the column {shown(label)} {error}") from None
    return tuple(values)
