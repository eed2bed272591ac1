"""Evaluation: the loss, the accuracy and the metrics of a dataset or of batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.suggestions import meant
from fcnet._inputs.iterables import is_batches
from fcnet._model.architecture import Architecture
from fcnet._native import Model
from fcnet._training.batches import Y_IS_MISSING, CheckedBatches
from fcnet._training.dataset import Dataset
from fcnet._training.train_state import TrainState
from fcnet.losses import RMSE, Custom, Loss
from fcnet.metrics.monitor import OF_CLASSES, OF_VALUES

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
_Weighted = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], float]
Metrics = Sequence[str | Metric] | Mapping[str, str | Metric]


def _function(name: str, architecture: Architecture) -> Callable[..., float]:
    known, kind = (OF_CLASSES, "classifies") if architecture.classifies else (OF_VALUES, "does not classify")
    if isinstance(architecture.loss, Custom):  # for either; accuracy of one output needs a probability
        known = (
            known | OF_CLASSES
            if architecture.sizes[-1] > 1 or architecture.specs[-1].activation == "sigmoid"
            else known
        )
        kind = f"has a loss of your own and {architecture.sizes[-1]} {architecture.specs[-1].activation} outputs"
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
    """Return which outputs a regression metric uses: the medians of several quantiles; None means all outputs."""
    if not loss.quantiles:
        return None
    if 0.5 not in loss.quantiles:
        raise ValueError(f"metrics has {name!r}, which needs the median: expected 0.5 in {loss}, or a function")
    return slice(loss.quantiles.index(0.5), None, len(loss.quantiles))


def _by_name(name: str, architecture: Architecture) -> _Weighted:
    """Return a metric of fcnet.metrics; for multi-label targets, its mean over the labels (ROC AUC: that vary)."""
    function = _function(name, architecture)
    of_median = _of_median(name, architecture.loss)
    multi_label = name in OF_CLASSES and architecture.specs[-1].activation == "sigmoid"

    def weighted(y_true: NDArray[Any], output: NDArray[Any], weights: NDArray[Any] | None) -> float:
        if of_median is not None:
            y_true, output = y_true[:, of_median], output[:, of_median]
        parts = [*zip(y_true.T, output.T, strict=True)] if multi_label and y_true.ndim == 2 else [(y_true, output)]
        values = [function(truth, part, sample_weight=weights) for truth, part in parts]
        # ROC AUC is not defined for a label that is the same in all samples
        defined = [v for v, (_, part) in zip(values, parts, strict=True) if not math.isnan(v) or np.isnan(part).any()]
        values = defined or values
        return sum(values) / len(values)

    return weighted


def _unweighted(metric: Metric) -> _Weighted:
    """Wrap a metric function of the user's, which takes no weights."""
    return lambda y_true, output, _: metric(y_true, output)


class MetricSet:
    """The metrics of a fit or an evaluation, by name.

    Parameters
    ----------
    given : sequence of str or callable, or {name: callable}, or None
        As ``Network.fit`` documents it.
    architecture : Architecture

    Raises
    ------
    TypeError, ValueError : the argument is not as ``Network.fit`` documents it.
    """

    def __init__(self, given: Metrics | None, architecture: Architecture) -> None:
        classifies = architecture.classifies
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
                continue  # computed in any case
            if name in ("loss", "accuracy")[: 1 + classifies] or name in self._functions:
                raise ValueError(f"metrics has a second {name!r}: expected names of their own, use {{name: function}}")
            self._functions[name] = _by_name(metric, architecture) if isinstance(metric, str) else _unweighted(metric)

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
        """Compute the metrics; ``output`` is called only if there are any.

        Named metrics are weighted; for multi-label targets they are averaged over the labels.

        Raises
        ------
        TypeError : a metric function does not return a number.
        """
        if not self._functions:
            return {}
        rows = output()
        values: dict[str, float] = {}
        for name, function in self._functions.items():
            try:
                value = function(y_true, rows, weights)
            except Exception as error:
                error.add_note(f"in the metric {name!r} of y_true {y_true.shape} and output {rows.shape}")
                raise
            if isinstance(value, np.ndarray) and value.ndim == 0:
                value = value[()]
            if not isinstance(value, Real):
                raise TypeError(f"the metric {name!r} returned {value!r}: expected a number")
            values[name] = float(value)
        return values


def evaluate(state: TrainState, dataset: Dataset | Iterable[Dataset], metric_set: MetricSet) -> dict[str, float]:
    """Compute the mean loss, for classification the accuracy, and the metrics; NaN if there are no samples.

    Batches are evaluated together. Metrics need all outputs and all y_true at once, which are collected; x is not.
    """
    model = state.model.as_now()  # a snapshot, because another thread may train the network meanwhile
    if isinstance(dataset, Dataset):
        return _evaluate(model, state.architecture, dataset, metric_set)
    return _evaluate_batches(model, state.architecture, dataset, metric_set)


def _evaluate(model: Model, architecture: Architecture, dataset: Dataset, metric_set: MetricSet) -> dict[str, float]:
    outputs = _outputs(model, dataset)
    result = _losses(model, architecture, dataset, outputs)
    return result | _score(architecture, dataset, metric_set, outputs)


def _outputs(model: Model, dataset: Dataset) -> Callable[[], NDArray[Any]]:
    """Return a function that predicts the dataset when it is called first, and keeps the outputs."""
    return cache(lambda: model.predict(dataset.x, dataset.rows))


def _losses(
    model: Model, architecture: Architecture, dataset: Dataset, outputs: Callable[[], NDArray[Any]]
) -> dict[str, float]:
    """Compute the mean loss, and for classification the accuracy."""
    n, correct = len(dataset), 0
    if isinstance(architecture.loss, Custom):
        output = model.predict(dataset.x, dataset.rows)  # of its own, which the function may change
        loss = architecture.loss(output, dataset.of_samples(dataset.y), dataset.sample_weights)[0] if n else 0.0
    else:
        loss, correct = model.evaluate(dataset.x, dataset.y, dataset.weights, dataset.rows)
    result = {"loss": loss if n and not dataset.weighs_nothing else math.nan}
    if architecture.classifies:
        result["accuracy"] = correct / n if n else math.nan
    if architecture.classifies and architecture.members is not None and n:  # of the mean, not of the members
        right = _are_right(architecture, dataset.y_true(architecture), outputs())
        result["accuracy"] = np.count_nonzero(right) / n
    return result


def _are_right(architecture: Architecture, truth: NDArray[Any], output: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows of probabilities say what is true, as the native core counts them."""
    if architecture.takes_labels:
        right = output.argmax(axis=1) == (truth if truth.ndim == 1 else truth.argmax(axis=1))
    else:  # every output is on the right side
        right = ((output > 0.5) == (truth.reshape(output.shape) > 0.5)).all(axis=1)
    return np.asarray(right & ~np.isnan(output).any(axis=1))


def score(model: Model, architecture: Architecture, dataset: Dataset, metric_set: MetricSet) -> dict[str, float]:
    """Compute the metrics of a dataset."""
    return _score(architecture, dataset, metric_set, _outputs(model, dataset))


def _score(
    architecture: Architecture, dataset: Dataset, metric_set: MetricSet, outputs: Callable[[], NDArray[Any]]
) -> dict[str, float]:
    if not metric_set:
        return {}
    return metric_set.of(dataset.y_true(architecture), outputs, dataset.sample_weights)


def _evaluate_batches(
    model: Model, architecture: Architecture, batches: Iterable[Dataset], metric_set: MetricSet
) -> dict[str, float]:
    parts, total, weight, correct, n = [], 0.0, 0.0, 0.0, 0
    root = isinstance(architecture.loss, RMSE)  # averaged over batches as mean squared error
    for batch in batches:
        outputs = _outputs(model, batch)
        result = _losses(model, architecture, batch, outputs)
        n, correct = n + len(batch.x), correct + result.get("accuracy", 0) * len(batch.x)
        if batch.weight:
            total += batch.weight * (result["loss"] ** 2 if root else result["loss"])
            weight += batch.weight
        if metric_set:
            weights = np.ones(len(batch.x)) if batch.weights is None else batch.weights.astype(np.float64)
            parts.append((batch.y_true(architecture), outputs(), np.ldexp(weights, batch.exponent)))
    mean = total / weight if weight else math.nan
    result = {"loss": math.sqrt(mean) if root else mean}
    if architecture.classifies:
        result["accuracy"] = correct / n
    if not metric_set:
        return result
    truth, output, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return result | metric_set.of(truth, lambda: output, weights)


def evaluate_given(state: TrainState, x: Any, y: Any, sample_weight: Any, metrics: Metrics | None) -> dict[str, float]:
    """Compute ``Network.evaluate`` for arrays or an iterable of batches.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    metric_set = MetricSet(metrics, state.architecture)
    if y is not None:
        dataset = state.dataset(x, y, sample_weight, finite=False).check_weights("sample_weight")
        return evaluate(state, dataset, metric_set)
    if hasattr(x, "shape") or not (isinstance(x, Iterable) or is_batches(x)):
        raise TypeError(Y_IS_MISSING)
    if sample_weight is not None:
        raise ValueError("sample_weight is given, but x is batches: expected it in the batches, (x, y, sample_weight)")
    learn = not state.is_trained
    batches = CheckedBatches(state.architecture, x, state.feature_names, finite=False, learn=learn)
    result = evaluate(state, batches, metric_set)
    if not batches.have_weight:
        raise ValueError("sample_weight is 0 for all samples of every batch: expected some weights above 0")
    return result


def history_keys(classify: bool, validate: bool, metric_set: MetricSet) -> list[str]:
    """Return the names of the columns that the history of a fit has."""
    measured = ["loss", "accuracy"] if classify else ["loss"]
    return measured + [f"val_{name}" for name in (*measured, *metric_set)] if validate else measured
