"""The target of a table: whether it is classes or numbers, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs.feature_names import cut
from fcnet.cli.table_file import TableFile
from fcnet.tabular.values import Values

TASKS = ("classes", "numbers")
_LEAST = 10  # rows
_FEW = 10  # different whole numbers, up to which they are classes


@dataclass(frozen=True, eq=False)
class Target:
    """The target of a table.

    Attributes
    ----------
    task : {"classes", "numbers"}
    why : str
        The reason, in words.
    rows : array of int
        The rows that have a target.
    y : array
        The targets of these rows: text, bool, int or float.
    fits_both : bool
        Whether the other task is possible too.
    """

    task: str
    why: str
    rows: NDArray[np.intp]
    y: NDArray[Any]
    fits_both: bool


def target_of(file: TableFile, name: str, task: str | None) -> Target:
    """Return the target, as classes or numbers as ``task`` says, or else as its values suggest.

    Raises
    ------
    TypeError, ValueError : its values cannot be a target, or not for this task.
    """
    what = f"the target {cut(repr(name))}"
    if file.columns[name].are_dates:
        raise ValueError(f"{what} has dates: expected classes or numbers, such as days since a date")
    values = file.values(name)
    rows = np.flatnonzero(~values.gaps())
    if len(rows) < _LEAST:
        count = f"{len(rows)} row{'s' * (len(rows) != 1)}"
        raise ValueError(f"{what} has values in {count}: expected at least {_LEAST} rows to train on")
    y = _plain(values, rows)
    distinct, first = np.unique(y, return_index=True)
    if len(distinct) == 1:
        raise ValueError(f"{what} is {_shown(distinct[0])} in every row: expected different values")
    found, why = _task(values, distinct, len(rows))
    if found == "classes" and values.sort == "text" and len(distinct) > max(2, len(rows) / 2):
        example = cut(repr(str(y[first[0]])))
        raise ValueError(
            f"{what} is text that differs in most rows, such as {example}: expected classes, or numbers alone"
        )
    if task is not None and task != found:
        if task == "numbers" and values.sort == "text":
            raise ValueError(f"{what} is text, such as {_shown(distinct[0])}: expected numbers for --task numbers")
        if task == "classes" and not _are_whole(distinct):
            odd = distinct[distinct != np.rint(distinct)][0]
            raise ValueError(f"{what} is {odd:g} in a row: expected text or whole numbers for --task classes")
        why, found = "--task says so", task
    fits_both = values.sort != "text" and _are_whole(distinct)
    if found == "numbers":
        return Target(found, why, rows, y.astype(np.float64), fits_both)
    return Target(found, why, rows, y.astype(np.int64) if values.sort == "numbers" else y, fits_both)


def _plain(values: Values, rows: NDArray[np.intp]) -> NDArray[Any]:
    array: NDArray[Any] = values.array[rows]
    if values.sort == "text":
        array = np.array(values.texts)[array]
    return array.astype(bool) if values.sort == "truths" else array


def _are_whole(numbers: NDArray[Any]) -> bool:
    return numbers.dtype.kind != "f" or bool((numbers == np.rint(numbers)).all() and np.abs(numbers).max() < 2**53)


def _task(values: Values, distinct: NDArray[Any], n: int) -> tuple[str, str]:
    """Return the task that the values of a target suggest, and why."""
    count = len(distinct)
    if values.sort == "text":
        return "classes", f"it is text of {count:,} kinds"
    if values.sort == "truths":
        return "classes", "it is true or false"
    if not _are_whole(distinct):
        return "numbers", f"it has {count:,} different numbers, not all of them whole"
    if count <= 2 or (count <= _FEW and 10 * count <= n):
        return (
            "classes",
            f"it has only {count} different whole numbers, {', '.join(f'{each:.0f}' for each in distinct)}",
        )
    return "numbers", f"it has {count:,} different whole numbers"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, np.floating) else cut(repr(value.item()))
