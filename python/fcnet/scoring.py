"""Which metrics a fit or an evaluation computes, and whether a figure should rise or fall."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.architecture import Architecture
from fcnet.losses import Custom, Loss
from fcnet.names import meant

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
_Weighted = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], float]
Metrics = Sequence[str | Metric] | Mapping[str, str | Metric]

# By name: whether higher is better. Functions of fcnet.metrics, which is imported when somebody asks for one.
_OF_CLASSES = {"accuracy": True, "top_k_accuracy": True, "log_loss": False, "roc_auc": True} | {
    name + average: True for name in ("precision", "recall", "f1") for average in ("", "_macro", "_micro", "_weighted")
}
_OF_VALUES = {"mse": False, "rmse": False, "mae": False, "r2": True}
FIGURES = _OF_CLASSES | _OF_VALUES | {"loss": False}


def higher_is_better(figure: str) -> bool | None:
    """Of a figure in a history, such as "val_f1"; None where its name does not tell."""
    return FIGURES.get(figure.removeprefix("val_"))


def _function(name: str, made: Architecture) -> Callable[..., float]:
    known, kind = (_OF_CLASSES, "classifies") if made.classifies else (_OF_VALUES, "does not classify")
    if isinstance(made.loss, Custom):  # it may be for either; what is above 1/2 is class 1 of a probability only
        known = known | _OF_CLASSES if made.sizes[-1] > 1 or made.kinds[-1].activation == "sigmoid" else known
        kind = f"has a loss of your own and {made.sizes[-1]} {made.kinds[-1].activation} outputs"
    if name not in known:
        expected = f"expected, as the network {kind}, one of {', '.join(known)}{meant(name, known)}"
        raise ValueError(f"metrics has {name!r}: {expected}")
    from fcnet import metrics

    stem, _, average = name.rpartition("_")
    if average in ("macro", "micro", "weighted"):
        return partial(getattr(metrics, stem), average=average)
    function: Callable[..., float] = getattr(metrics, name)
    return function


def _of_median(name: str, loss: Loss) -> slice | None:
    """Which outputs a metric of values is of, where a network has several quantiles: the medians; None: all."""
    if not loss.quantiles:
        return None
    if 0.5 not in loss.quantiles:
        raise ValueError(f"metrics has {name!r}, which is of the median: expected 0.5 in {loss}, or a function")
    return slice(loss.quantiles.index(0.5), None, len(loss.quantiles))


def _by_name(name: str, made: Architecture) -> _Weighted:
    """That of fcnet.metrics; for multi-label targets its mean over the labels, ROC AUC over those that vary."""
    function = _function(name, made)
    of_median = _of_median(name, made.loss)
    answers = name in _OF_CLASSES and made.kinds[-1].activation == "sigmoid"

    def weighted(y_true: NDArray[Any], output: NDArray[Any], weights: NDArray[Any] | None) -> float:
        if of_median is not None:
            y_true, output = y_true[:, of_median], output[:, of_median]
        parts = [*zip(y_true.T, output.T, strict=True)] if answers and y_true.ndim == 2 else [(y_true, output)]
        figures = [function(truth, part, sample_weight=weights) for truth, part in parts]
        # a label that is the same everywhere has no area under a curve
        defined = [f for f, (_, part) in zip(figures, parts, strict=True) if not math.isnan(f) or np.isnan(part).any()]
        figures = defined or figures
        return sum(figures) / len(figures)

    return weighted


def _unweighted(metric: Metric) -> _Weighted:
    """The user's, which takes no weights."""
    return lambda y_true, output, _: metric(y_true, output)


class Scores:
    """The metrics that a user asks for, by their names.

    Parameters
    ----------
    given : sequence of str or callable, or {name: callable}, or None
        As ``Network.fit`` documents it.
    made : Architecture

    Raises
    ------
    TypeError, ValueError : it is not that.
    """

    def __init__(self, given: Metrics | None, made: Architecture) -> None:
        classifies = made.classifies
        self._functions: dict[str, _Weighted] = {}
        if isinstance(given, str) or not isinstance(given, Sequence | Mapping | None):
            raise TypeError(f"metrics is {given!r}: expected a list like ['f1', my_function]")
        pairs = (
            given.items() if isinstance(given, Mapping) else ((self._name(metric), metric) for metric in given or ())
        )
        for name, metric in pairs:
            if not isinstance(name, str) or not (callable(metric) or isinstance(metric, str)):
                raise TypeError(f"metrics has {metric!r}: expected a name like 'f1', or a function (y_true, output)")
            if classifies and name == metric == "accuracy":
                continue  # there always
            if name in ("loss", "accuracy")[: 1 + classifies] or name in self._functions:
                raise ValueError(f"metrics has a second {name!r}: expected names of their own, see {{name: function}}")
            self._functions[name] = _by_name(metric, made) if isinstance(metric, str) else _unweighted(metric)

    @staticmethod
    def _name(metric: str | Metric) -> Any:
        inner = metric.func if isinstance(metric, partial) else metric
        return inner if isinstance(inner, str) else getattr(inner, "__name__", type(inner).__name__)

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def of(
        self, y_true: NDArray[Any], output: Callable[[], NDArray[Any]], weights: NDArray[Any] | None
    ) -> dict[str, float]:
        """Each one's figure; ``output`` is called only where there are any.

        Metrics by name are weighted; for multi-label targets they are the mean over the labels.

        Raises
        ------
        TypeError : a function of the user does not return a number.
        """
        if not self._functions:
            return {}
        rows = output()
        figures: dict[str, float] = {}
        for name, function in self._functions.items():
            try:
                figure = function(y_true, rows, weights)
            except Exception as error:
                error.add_note(f"in the metric {name!r} of y_true {y_true.shape} and output {rows.shape}")
                raise
            if isinstance(figure, np.ndarray) and figure.ndim == 0:
                figure = figure[()]
            if not isinstance(figure, Real):
                raise TypeError(f"the metric {name!r} returned {figure!r}: expected a number")
            figures[name] = float(figure)
        return figures
