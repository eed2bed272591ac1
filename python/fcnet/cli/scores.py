"""Scores of a model on rows that it was not trained on, beside a trivial baseline and gradient-boosted trees."""

from __future__ import annotations

import math
import time
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.tabular.aligned import aligned, short
from fcnet.tabular.categories import Coder, distinct
from fcnet.tabular.metrics import Metric, metric_of
from fcnet.tabular.reading import Table
from fcnet.tabular.values import Values

_MOST_CATEGORIES = 255  # of a column that scikit-learn's trees take as categories


def boosted_trees(
    train: Table, y: NDArray[Any], test: Table, categorical: list[bool], classifies: bool
) -> tuple[NDArray[np.float64], float] | None:
    """Fit scikit-learn's HistGradientBoosting and predict a test table.

    Parameters
    ----------
    train, test : Table
    y : array
        Class numbers (n,) or numbers (n,) of the training rows.
    categorical : list of bool
        Which columns are categories.
    classifies : bool

    Returns
    -------
    probabilities (n, classes) or numbers (n,), and seconds of the fit; or None
        None where scikit-learn is not installed.
    """
    try:
        # by name, so that a frozen application is not made to contain it
        ensemble = import_module("sklearn.ensemble")
    except ImportError:
        return None
    pairs = map(_columns, train.values, test.values, categorical)
    x, x_test = (np.column_stack(columns) for columns in zip(*pairs, strict=True))
    most = np.fmax.reduce(x, axis=0, initial=0)
    few = [is_code and code < _MOST_CATEGORIES for is_code, code in zip(categorical, most, strict=True)]
    kind = ensemble.HistGradientBoostingClassifier if classifies else ensemble.HistGradientBoostingRegressor
    start = time.perf_counter()
    model = kind(categorical_features=few, random_state=0).fit(x, y)
    seconds = time.perf_counter() - start
    return np.asarray(model.predict_proba(x_test) if classifies else model.predict(x_test)), seconds


def _columns(train: Values, test: Values, is_code: bool) -> list[NDArray[np.float64]]:
    """Return both tables' values of a column as numbers, or as codes of categories; gaps are NaN."""
    if not is_code:
        return [train.array.astype(np.float64), test.array.astype(np.float64)]
    coder = Coder(distinct(train))
    codes = (coder.codes(values).astype(np.float64) for values in (train, test))
    return [np.where(code > 0, code - 1, np.nan) for code in codes]


def baseline(y: NDArray[Any], n: int, classifies: bool) -> NDArray[np.float64]:
    """Return what the frequencies of the classes, or the mean, predict for n rows."""
    frequencies = np.bincount(y) / len(y) if classifies else np.mean(y)
    return np.repeat(np.atleast_1d(frequencies)[None], n, axis=0)


def table(rows: dict[str, tuple[NDArray[np.float64], float]], y: NDArray[Any], metric: Metric, classifies: bool) -> str:
    """Return an aligned table of scores.

    Parameters
    ----------
    rows : {name: (predictions, seconds)}
        Probabilities (n, classes) or numbers; seconds of the fit, NaN for none.
    y : array (n,)
        Class numbers, or numbers.
    metric : Metric
        What the best epoch was chosen by, which has a column too.
    classifies : bool

    Returns
    -------
    str
    """
    shown = [metric_of(name, classifies) for name in (("error", "log_loss") if classifies else ("rmse", "mae", "r2"))]
    shown += [] if metric.name in {each.name for each in shown} else [metric]
    lines = [["", *(each.name + (" ↑" if each.rises else "") for each in shown), "seconds"]]
    for name, (outputs, seconds) in rows.items():
        outputs = outputs if classifies else outputs.reshape(len(y), -1)
        truth = y if classifies else y.reshape(len(y), -1)
        scores = [each.of(truth, outputs) for each in shown]
        texts = [_text(score, each) for each, score in zip(shown, scores, strict=True)]
        lines.append([name, *texts, "" if math.isnan(seconds) else f"{seconds:.1f}"])
    return aligned(lines)


def _text(score: float, metric: Metric) -> str:
    """Return a score as a share, with four decimals if its best value is 1, or with about four digits."""
    if metric.name == "error":
        return f"{score:.2%}"
    return f"{score:.4f}" if metric.rises else short(score)
