"""Which columns of a file a network is trained on, and why others are not."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs.feature_names import cut
from fcnet.cli.table_file import TableFile
from fcnet.cli.text_column import of_rows, written_numbers
from fcnet.tabular.values import Values

_DATES = "dates; make columns such as year, month, weekday or days since a date of it"


def features_of(
    file: TableFile, target: str, rows: NDArray[np.intp], ignore: Collection[str], keep: Collection[str]
) -> tuple[dict[str, Values], dict[str, str]]:
    """Choose the columns to train on.

    Parameters
    ----------
    file : TableFile
    target : str
        Its name.
    rows : array of int
        The rows that have a target, of which the values are.
    ignore : collection of str
        Columns to leave out.
    keep : collection of str
        Columns to take even where they look as if they told nothing.

    Returns
    -------
    values : {name: Values}
    left_out : {name: str}
        The reason for each column that is left out, in words.

    Raises
    ------
    TypeError : a column cannot be read.
    ValueError : no column is left.
    """
    values: dict[str, Values] = {}
    left_out: dict[str, str] = {}
    for name, column in file.columns.items():
        if name == target:
            continue
        if name in ignore:
            left_out[name] = "--ignore says so"
        elif column.are_dates and name not in keep:
            left_out[name] = _DATES
        else:
            found = file.values(name)
            reason = None if name in keep else _reason(found)
            if reason is None:
                values[name] = of_rows(_decided(found), rows)
            else:
                left_out[name] = f"{reason}; --keep {shlex.quote(name)} takes it"
    if not values:
        raise ValueError(f"{file.path} has no columns to learn from beside the target: expected at least one")
    return values, left_out


def _decided(values: Values) -> Values:
    """Return values of which the fit need not say that they differ in most rows."""
    return replace(values, is_category=True) if values.sort == "text" else values


def looks_like(values: Values) -> str:
    """Return the advice to convert text that looks like numbers, as the end of a line; "" if it does not."""
    found = written_numbers(values.texts) if values.sort == "text" else None
    return f", which looks like {found}: convert it to plain numbers" if found else ""


def _reason(values: Values) -> str | None:
    """Return why a column is not to be trained on, in words; None if it is."""
    known = values.array[~values.gaps()]
    if values.differ_in_most_rows():
        return f"text that differs in most rows, such as {cut(repr(values.texts[0]))}{looks_like(values)}"
    if values.sort == "numbers" and 2 < len(known) == len(values.array):
        counts = known[0] in (0, 1) and bool((np.diff(known) == 1).all())
        if counts:
            return f"the number of the row, from {known[0]:.0f} on"
    return None
