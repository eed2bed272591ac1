"""What the best epoch of a network is chosen by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import metrics
from fcnet._checks.suggestions import meant
from fcnet.metrics.monitor import OF_CLASSES, OF_VALUES

Score = Callable[[NDArray[Any], NDArray[Any]], float]
_PROBABILITIES = {"log_loss", "roc_auc"}  # for which smoothed labels are a bad target


@dataclass(frozen=True)
class Metric:
    """A metric of predictions: of class numbers (n,) and probabilities (n, classes), or of numbers and numbers.

    Attributes
    ----------
    name : str
    of : function (y_true, y_pred)
    rises : bool
        Whether higher is better.
    """

    name: str
    of: Score
    rises: bool

    @property
    def of_probabilities(self) -> bool:
        """Whether it judges probabilities and not only the most probable class."""
        return self.name in _PROBABILITIES


def _of_classes(function: Score) -> Score:
    """Return a metric of class numbers and probabilities of all classes, also where there is one class.

    ``fcnet.metrics`` would take a single column for the probability of the second of two classes.
    """

    def of(y_true: NDArray[Any], probabilities: NDArray[Any]) -> float:
        if probabilities.shape[1] == 1:
            probabilities = np.column_stack([probabilities, np.zeros(len(probabilities))])
        return function(y_true, probabilities)

    return of


def _error(y_true: NDArray[Any], probabilities: NDArray[Any]) -> float:
    return 1 - metrics.accuracy(y_true, probabilities)


def metric_of(given: object, classifies: bool) -> Metric:
    """Return the metric that the argument ``metric`` of an estimator describes.

    Raises
    ------
    TypeError, ValueError : it is neither a function nor the name of a metric for this task.
    """
    if callable(given):
        function: Any = given
        return Metric(getattr(given, "__name__", "metric"), lambda y, p: float(function(y, p)), True)
    if not isinstance(given, str):
        raise TypeError(f"metric is {given!r}: expected a name like 'log_loss', or a function (y_true, y_pred)")
    if given in ("auto", "error") and classifies:
        return Metric("error", _of_classes(_error), False)
    known = OF_CLASSES if classifies else OF_VALUES
    name = "rmse" if given == "auto" else given
    if name not in known:
        names = ["auto", *(["error"] if classifies else []), *known]
        raise ValueError(f"metric is {given!r}: expected one of {', '.join(names)}, or a function{meant(given, names)}")
    stem, _, average = name.rpartition("_")
    if average in ("macro", "micro", "weighted"):
        named: Score = partial(getattr(metrics, stem), average=average)
    else:
        named = getattr(metrics, name)
    return Metric(name, _of_classes(named) if classifies else named, known[name])
