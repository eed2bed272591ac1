"""The command line: ``fcnet train``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from fcnet._checks import console
from fcnet._checks.numbers import number
from fcnet._inputs.feature_names import cut
from fcnet._threads import threads
from fcnet.cli import scores
from fcnet.cli.features import features_of, looks_like
from fcnet.cli.pandas_options import pandas_options
from fcnet.cli.table_file import TableFile, check_output, read_table, table_of
from fcnet.cli.target import Target, target_of
from fcnet.tabular import TabularClassifier, TabularRegressor
from fcnet.tabular.metrics import metric_of
from fcnet.tabular.recipes import recipe_of
from fcnet.tabular.splits import held_back
from fcnet.tabular.values import Values

_SHARE = ("a number above 0 and at most 0.5, or --no-test instead", lambda value: 0 < value <= 0.5)


def train(given: argparse.Namespace) -> int:
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
    TypeError, ValueError : the arguments are invalid, or the table cannot be trained on.
    OSError : a file cannot be read or written.
    """
    share = 0.0 if given.no_test else number(given.test, "--test", _SHARE)
    check_output(given.output, given.force)
    file = read_table(given.table, given.encoding)
    _check_columns(file, given)
    target = target_of(file, given.target, given.task)
    if given.calibrate and target.task == "numbers":
        raise ValueError("--calibrate is given, but the target is numbers: expected classes")
    metric_of(given.metric, target.task == "classes")
    recipe_of(given.recipe, target.task == "classes")
    values, left_out = features_of(file, given.target, target.rows, given.ignore, {*given.keep, *given.categorical})
    _describe(file, given, target, values, left_out)
    with threads(given.threads) if given.threads is not None else nullcontext():
        model = _fitted(given, target, values, share)
    model.save(given.output)
    console.write_line(_next(given, file, target, values))
    return 0


def _check_columns(file: TableFile, given: argparse.Namespace) -> None:
    """Raise ValueError if an option names a column that does not exist, or that is not for training."""
    if given.target is None:
        raise ValueError(f"--target is missing: {file.expected('')}")
    for option, names in (("--target", [given.target]), ("--ignore", given.ignore)):
        file.check(names, option)
    for option, names in (("--keep", given.keep), ("--categorical", given.categorical)):
        file.check(names, option)
        for name in names:
            if name == given.target or name in given.ignore:
                raise ValueError(f"{option} is {name!r}, which is the target or ignored: expected another column")


def _describe(
    file: TableFile,
    given: argparse.Namespace,
    target: Target,
    values: Mapping[str, Values],
    left_out: Mapping[str, str],
) -> None:
    """Print what was found in the file, and what was decided."""
    other = "numbers" if target.task == "classes" else "classes"
    overrule = f" (otherwise: --task {other})" if target.fits_both and not given.task else ""
    console.write_line(f"{file.path}: {file.rows:,} rows, {len(file.columns)} columns")
    console.write_line(f"Target {cut(given.target)}: {target.task}, because {target.why}{overrule}")
    without = file.rows - len(target.rows)
    if without:
        console.write_line(f"Left out: {without:,} row{'s' * (without > 1)} without a target")
    for name, reason in left_out.items():
        console.write_line(f"Left out: {cut(name)}, {reason}")
    categories = [name for name, each in values.items() if _is_category(name, each, given)]
    numbers = [name for name in values if name not in categories]
    for what, names in (("Numbers", numbers), ("Categories", categories)):
        if names:
            console.write_line(f"{what}: {', '.join(map(cut, names))}")
    for name in categories:
        advice = looks_like(values[name])
        if advice:
            console.write_line(f"Note: {cut(name)} is text, such as {cut(repr(values[name].texts[0]))}{advice}")


def _is_category(name: str, values: Values, given: argparse.Namespace) -> bool:
    return values.sort != "numbers" or values.is_category or name in given.categorical


def _fitted(
    given: argparse.Namespace, target: Target, values: Mapping[str, Values], share: float
) -> TabularClassifier | TabularRegressor:
    """Train on the rows that are not held back for the test, and print scores of those that are."""
    classifies, y, n = target.task == "classes", target.y, len(target.y)
    numbers = np.unique(y, return_inverse=True)[1] if classifies else y
    random = np.random.default_rng(given.seed)
    rest, test = held_back(n, share, numbers if classifies else None, random)
    if share and not len(test):
        raise ValueError(f"--test is {share:g}, which is no row of {n}: expected more rows or a larger share")
    kind: Any = TabularClassifier if classifies else TabularRegressor
    model: TabularClassifier | TabularRegressor = kind(
        given.recipe,
        metric=given.metric,
        categorical_features=given.categorical or "auto",
        folds="auto" if given.folds is None else given.folds,
        networks=given.networks,
        time_limit=given.time_limit,
        random_state=given.seed,
        **({"calibrate": True} if given.calibrate else {}),
    )
    tests = f"; {len(test):,} others are the test" if share else ""
    console.write_line(f"Training on {len(rest):,} rows{tests}")
    table = table_of(values, rest)
    model.fit(table, y[rest])
    by = model.stopped_by_
    shortened = {"epochs": "", "interrupted": ", interrupted"}.get(by, f", stopped by {by}")
    count = len(model.networks_)
    networks = f"{count} network{'s' * (count > 1)} of {model.epochs_} epochs"
    console.write_line(f"Trained {networks} in {model.seconds_:.1f} seconds{shortened}\n")
    if not share:
        return model
    of_test = table_of(values, test)
    outputs = model.predict_proba(of_test) if isinstance(model, TabularClassifier) else model.predict(of_test)
    rows = {"fcnet": (outputs, model.seconds_)}
    categorical = [_is_category(name, each, given) for name, each in values.items()]
    trees = scores.boosted_trees(table, numbers[rest], of_test, categorical, classifies)
    if trees is not None:
        rows["scikit-learn's HistGradientBoosting"] = trees
    rows["the most frequent class" if classifies else "the mean"] = (
        scores.baseline(numbers[rest], len(test), classifies),
        math.nan,
    )
    console.write_line(f"Scores on the {len(test):,} test rows; lower is better, but higher where there is an arrow ↑")
    metric = metric_of(given.metric, classifies)
    console.write_line(scores.table(rows, numbers[test], metric, classifies) + "\n")
    return model


def _next(given: argparse.Namespace, file: TableFile, target: Target, names: Iterable[str]) -> str:
    """Return what to do with the model, in the shell and in Python."""
    suffix = ".csv" if file.separator else ".parquet"
    proba = " --proba" if target.task == "classes" else ""
    read = 'pandas.read_parquet("new.parquet")'
    if file.separator:
        read = f'pandas.read_csv("new.csv"{pandas_options(file, names, given.encoding)})'
    return f"""\
Saved: {given.output}
Predict in the shell:
  fcnet predict {given.output} new{suffix}{proba} --output predictions.csv
or in Python, {sys.executable}:
  import fcnet, pandas
  model = fcnet.load({given.output!r})
  model.predict({read}[list(model.feature_names_in_)])"""
