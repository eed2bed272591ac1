"""The result of ``explain_row``, and the rows that it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._checks.public import public_in
from fcnet._inputs import feature_names
from fcnet._inputs.feature_names import Name, cut
from fcnet.tabular.aligned import aligned, short
from fcnet.tabular.column_encoder import ColumnEncoder
from fcnet.tabular.reading import Table, read
from fcnet.tabular.values import Values

_SHOWN = 20  # columns


@public_in("fcnet.tabular")
@dataclass(frozen=True, eq=False)
class RowExplanation:
    """The result of ``explain_row``; ``print`` shows it as a table, the largest contribution first.

    Attributes
    ----------
    what : str
        What is explained, such as "prediction" or "probability of yes".
    names : tuple of str
        Names of the columns.
    values, base_values : tuple
        Their values in the row and in the base row; None for gaps.
    contributions : array (columns,)
        Their sum is ``prediction - base_prediction``.
    prediction, base_prediction : float
        Of the row and of the base row.
    """

    what: str
    names: tuple[str, ...]
    values: tuple[Any, ...]
    base_values: tuple[Any, ...]
    contributions: NDArray[np.float64]
    prediction: float
    base_prediction: float

    def __str__(self) -> str:
        order = np.argsort(-np.abs(self.contributions), kind="stable")
        shown, rest = order[:_SHOWN], order[_SHOWN:]
        lines = [("column", "value", "base", "contribution")]
        for i in shown:
            values = _text(self.values[i]), _text(self.base_values[i])
            lines.append((self.names[i], *values, short(self.contributions[i], "+")))
        if len(rest):
            lines.append((f"{len(rest)} others", "", "", short(self.contributions[rest].sum(), "+")))
        lines.append(("sum", "", "", short(self.contributions.sum(), "+")))
        head = f"{self.what} {short(self.prediction)}; of the base row {short(self.base_prediction)}"
        return console.printable(f"{head}\n{aligned(lines)}")


def _text(value: Any) -> str:
    return "missing" if value is None else f"{value:.5g}" if isinstance(value, float) else cut(str(value))


def median_row(encoder: ColumnEncoder) -> Table:
    """Return the row of the medians and of the most frequent categories of the training rows."""
    values: list[Any] = []
    for column in encoder.columns:
        if column.kind == "number":
            values.append(None if column.gaps == encoder.rows else column.median)
        else:
            values.append(column.categories[int(np.argmax(column.counts))] if column.categories else None)
    return _table(values, encoder.feature_names)


def one_row(row: Any, names: tuple[Name, ...] | None, name: str) -> Table:
    """Read a row: a table or list of one row, a mapping, a Series of pandas, or a list of values.

    Parameters
    ----------
    row : object
    names : tuple, or None
        Of the columns of the fit.
    name : str
        Name of the argument in messages.

    Returns
    -------
    Table
        With its columns in the order of the fit, if they are the same.

    Raises
    ------
    TypeError, ValueError : it is not one row.
    """
    if hasattr(row, "iloc") and getattr(row, "ndim", 0) == 1:
        row = dict(row.items())
    if isinstance(row, Mapping):
        given = dict(zip(feature_names.all_kept(row) or (), row.values(), strict=False))
        if names is None:
            raise ValueError(f"{name} has names, but the columns of the fit had none: expected a list of values")
        same = set(given) == set(names)
        return _table([given[key] for key in names] if same else list(given.values()), names if same else tuple(given))
    if isinstance(row, list | tuple | np.ndarray) and np.ndim(np.array(row, object)) == 1:
        return _table(list(row), None)
    table = read(row, name)
    if table.rows != 1:
        raise ValueError(f"{name} has {table.rows} rows: expected one")
    return table


def _table(values: Sequence[Any], names: tuple[Name, ...] | None) -> Table:
    row = np.empty((1, len(values)), object)
    row[0] = values
    found = read(row)
    return Table(names, 1, found.columns, found.values)


def plain_values(table: Table) -> tuple[Any, ...]:
    """Return the values of a table of one row; None for gaps."""
    return tuple(map(_plain, table.values))


def _plain(values: Values) -> Any:
    if values.gaps()[0]:
        return None
    value = values.array[0].item()
    return values.texts[value] if values.sort == "text" else bool(value) if values.sort == "truths" else value
