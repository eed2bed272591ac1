"""The command line: ``fcnet predict``."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._checks.suggestions import meant
from fcnet._inputs.feature_names import cut, shown
from fcnet._saving.atomic_file import replacing
from fcnet._threads import threads
from fcnet.cli.table_file import TableFile, check_output, read_table
from fcnet.loading import load
from fcnet.network import Network
from fcnet.tabular import TabularClassifier, TabularRegressor
from fcnet.tabular.reading import Table

_LISTED = 5  # names in a message


def predict(given: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    given : argparse.Namespace

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ImportError : the file is Parquet, and nothing is installed that reads it.
    TypeError, ValueError : the arguments are invalid, or the columns are not those of the model.
    OSError : a file cannot be read or written.
    """
    if given.output is not None:
        check_output(given.output, given.force)
    model = load(given.model)
    if isinstance(model, Network):
        raise ValueError(f"{given.model} holds a network: expected a model of fcnet train")
    if given.interval is not None and not isinstance(model, TabularRegressor):
        raise ValueError(f"--interval is given, but {given.model} predicts classes: expected a model of numbers")
    if given.proba and not isinstance(model, TabularClassifier):
        raise ValueError(f"--proba is given, but {given.model} predicts numbers: expected a model of classes")
    file = read_table(given.table, given.encoding)
    table = _table(file, model)
    with threads(given.threads) if given.threads is not None else nullcontext():
        columns = _predictions(model, table, given)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    if given.output is None:
        console.write_line(text.getvalue().removesuffix("\n"))
        return 0
    with replacing(given.output) as out:
        out.write(text.getvalue().encode())
    print(f"Saved: {given.output}, {file.rows:,} predictions", file=sys.stderr)
    return 0


def _table(file: TableFile, model: TabularClassifier | TabularRegressor) -> Table:
    """Return the model's columns of a file, in its order.

    Raises
    ------
    TypeError : a column has other values than in the fit.
    ValueError : a column is missing.
    """
    columns = model.columns_
    if not hasattr(model, "feature_names_in_"):
        if len(file.columns) != len(columns):
            expected = f"expected {len(columns)}, as in the fit, which had no names"
            raise ValueError(f"{file.path} has {len(file.columns)} columns: {expected}")
        names = list(file.columns)
    else:
        names = [column.name if isinstance(column.name, str) else shown(column.name) for column in columns]
    missing = [name for name in names if name not in file.columns]
    if missing:
        listed = ", ".join(repr(cut(name)) for name in missing[:_LISTED])
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        hint = meant(missing[0], [name for name in file.columns if name not in names])
        raise ValueError(f"{file.path} lacks the column{'s' * (len(missing) > 1)} {listed}{more} of the model{hint}")
    values = tuple(file.values(name, column) for name, column in zip(names, columns, strict=True))
    labels = tuple(column.name for column in columns) if hasattr(model, "feature_names_in_") else None
    return Table(labels, file.rows, len(values), values)


def _predictions(
    model: TabularClassifier | TabularRegressor, table: Table, given: argparse.Namespace
) -> dict[str, Sequence[Any]]:
    """Return the columns to write, by name."""
    if isinstance(model, TabularClassifier):
        probabilities = model.predict_proba(table)
        found = {"prediction": model.classes_[probabilities.argmax(axis=1)].tolist()}
        if given.proba:
            for name, column in zip(model.classes_, probabilities.T, strict=True):
                found[f"probability {name}"] = _texts(column, 6)
        return found
    outputs = model.predict(table)
    ends = None if given.interval is None else model.predict_interval(table, given.interval)
    if outputs.ndim == 1:
        outputs, ends = outputs[:, None], None if ends is None else ends[:, None]
    found = {}
    for i, column in enumerate(outputs.T):
        end = f" {i}" if outputs.shape[1] > 1 else ""
        found[f"prediction{end}"] = _texts(column, 9)
        if ends is not None:
            found |= {f"lower{end}": _texts(ends[:, i, 0], 9), f"upper{end}": _texts(ends[:, i, 1], 9)}
    return found


def _texts(numbers: NDArray[np.float64], digits: int) -> list[str]:
    return [f"{number:.{digits}g}" for number in numbers]
