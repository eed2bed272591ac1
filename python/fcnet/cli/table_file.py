"""The table in a CSV or Parquet file, and files that a command writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet._checks.suggestions import meant
from fcnet._inputs.feature_names import cut
from fcnet.cli.csv_file import read_csv, repeated
from fcnet.cli.text_column import TextColumn, is_number, of_rows
from fcnet.tabular.column import Column
from fcnet.tabular.reading import Table
from fcnet.tabular.values import UnreadableError, Values, values_of

_LISTED = 12  # names in a message


@dataclass(eq=False)
class TypedColumn:
    """A column of a Parquet file, which has a type."""

    column: Any

    @property
    def are_dates(self) -> bool:
        """Whether it has dates, times or durations."""
        kind = str(getattr(self.column, "type", None) or self.column.dtype).lower()
        return kind.startswith(("date", "time", "duration"))

    def values(self, fitted: Column | None = None) -> Values:
        """Return the values; UnreadableError if they are neither numbers nor text."""
        return values_of(self.column)


@dataclass(eq=False)
class TableFile:
    """The table in a file.

    Attributes
    ----------
    path : str
    columns : dict of name and column
    rows : int
    separator : str
        Of a CSV file; "" of a Parquet file.
    is_spaced : bool
        Whether spaces may follow the separator.
    """

    path: str
    columns: Mapping[str, TextColumn | TypedColumn]
    rows: int
    separator: str
    is_spaced: bool = False

    def values(self, name: str, fitted: Column | None = None) -> Values:
        """Return the values of a column.

        Raises
        ------
        TypeError : they are neither numbers nor text, or not such as the fit has had.
        ValueError : a number is infinite.
        """
        try:
            found = self.columns[name].values(fitted)
        except UnreadableError as error:
            raise TypeError(f"{self.path} has the column {cut(repr(name))} {error}") from None
        if found.sort == "numbers" and np.isinf(found.array).any():
            row = int(np.flatnonzero(np.isinf(found.array))[0]) + 1
            what = f"{found.array[row - 1]:g} in row {row} of the column {cut(repr(name))}"
            raise ValueError(f"{self.path} has {what}: expected finite numbers, or nothing for a gap")
        return found

    def check(self, names: Iterable[str], option: str) -> None:
        """Raise ValueError if a column that an option names does not exist."""
        for name in names:
            if name not in self.columns:
                raise ValueError(f"{option} is {name!r}, which {self.path} lacks: {self.expected(name)}")

    def expected(self, name: str) -> str:
        """Return the end of a message about a column that does not exist: which there are, and which is near."""
        listed = [repr(cut(each)) for each in list(self.columns)[:_LISTED]]
        more = f" and {len(self.columns) - _LISTED} more" if len(self.columns) > _LISTED else ""
        advice = "; its first line should have the names of the columns" if all(map(is_number, self.columns)) else ""
        return f"expected one of {', '.join(listed)}{more}{meant(name, self.columns)}{advice}"


def read_table(path: str, encoding: str | None = None) -> TableFile:
    """Read a CSV or Parquet file.

    Raises
    ------
    ImportError : it is a Parquet file, and nothing is installed that reads it.
    OSError : it cannot be read.
    ValueError : it is neither a CSV nor a Parquet file, or has no rows.
    """
    with open(path, "rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if not is_parquet:
        found = read_csv(path, encoding)
        return TableFile(path, found.columns, found.rows, found.separator, found.is_spaced)
    names, columns = _parquet(path)
    twice = repeated(names)
    if twice is not None:
        raise ValueError(f"{path} has the column {cut(repr(twice))} twice: expected different names")
    if not columns or not len(columns[0]):
        raise ValueError(f"{path} has no rows")
    return TableFile(path, dict(zip(names, map(TypedColumn, columns), strict=True)), len(columns[0]), "")


def _parquet(path: str) -> tuple[list[str], list[Any]]:
    """Return the names and columns of a Parquet file, read by pyarrow or by Polars."""
    try:
        try:
            frame = import_module("polars") if find_spec("pyarrow") is None else None
        except ImportError:
            frame = None
        if frame is not None:
            table = frame.read_parquet(path)
            return list(table.columns), list(table.get_columns())
        table = optional("pyarrow.parquet", "a Parquet file").read_table(path)
        return list(table.column_names), list(table.columns)
    except (ImportError, OSError):
        raise
    except Exception as error:  # of these libraries, which have errors of their own
        raise ValueError(f"{path} is not a Parquet file that can be read: {str(error).splitlines()[0]}") from None


def table_of(columns: Mapping[str, Values], rows: NDArray[np.intp] | slice = slice(None)) -> Table:
    """Return some rows of columns as a table that an estimator takes."""
    chosen = tuple(of_rows(values, rows) for values in columns.values())
    return Table(tuple(columns), len(chosen[0].array), len(chosen), chosen)


def check_output(path: str, force: bool) -> None:
    """Raise ValueError if a file cannot be written, or exists and is not to be overwritten."""
    if os.path.exists(path) and not force:
        raise ValueError(f"{path} exists: expected another --output, or --force to overwrite it")
    if not os.path.isdir(os.path.dirname(path) or ".") or os.path.isdir(path):
        raise ValueError(f"--output is {path!r}: expected a file in a folder that exists")
