"""Networks from fitted estimators of scikit-learn, also behind scalers in a Pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fcnet._checks.keywords import suggesting
from fcnet._importing import names
from fcnet._importing.assembly import network_of, refused
from fcnet._model import steps
from fcnet.network import Network

_PIPELINE = "sklearn.pipeline.Pipeline"
_MLP = "sklearn.neural_network._multilayer_perceptron."
_CLASSIFIERS = (f"{_MLP}MLPClassifier", "fcnet.sklearn.classifier.MLPClassifier")
_REGRESSORS = (f"{_MLP}MLPRegressor", "fcnet.sklearn.regressor.MLPRegressor")
_SCALERS = {  # class: what is subtracted, what it is divided by
    "sklearn.preprocessing._data.StandardScaler": ("mean_", "scale_"),
    "sklearn.preprocessing._data.RobustScaler": ("center_", "scale_"),
    "sklearn.preprocessing._data.MaxAbsScaler": ("", "scale_"),
}
_MIN_MAX = "sklearn.preprocessing._data.MinMaxScaler"
_LOSSES = {"squared_error": "mse", "poisson": "poisson"}


def _is(given: object, *classes: str) -> bool:
    return not set(names.bases(given)).isdisjoint(classes)


def _scaler(step: Any, place: str) -> steps.Affine:
    """Return the step of a scaler."""
    if not hasattr(step, "n_features_in_"):
        raise refused(place, "is not fitted", "expected a fitted Pipeline")
    if getattr(step, "clip", False):
        raise refused(place, "clips", "expected clip=False")
    if _is(step, _MIN_MAX):
        factor = np.asarray(step.scale_, np.float64)
        return steps.Affine(place, -np.asarray(step.min_) / factor, factor)
    for cls, (offset, divisor) in _SCALERS.items():
        if _is(step, cls):
            centred = offset and getattr(step, "with_mean", True)
            found = getattr(step, offset) if centred else None, getattr(step, divisor)
            mean = np.zeros(()) if found[0] is None else np.asarray(found[0], np.float64)
            deviation = np.ones(()) if found[1] is None else np.asarray(found[1], np.float64)
            return steps.Affine(place, mean, 1 / deviation)
    scalers = "StandardScaler, MinMaxScaler, RobustScaler or MaxAbsScaler"
    expected = f"expected {scalers}; skl2onnx converts a whole Pipeline after fcnet.sklearn.register_onnx()"
    raise refused(place, "is not a scaler that a network holds", expected)


def _parts(pipeline: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Yield the places and the estimators of a pipeline."""
    for name, step in pipeline.steps:
        place = f"{at}: {type(step).__name__} {name!r}"
        if _is(step, _PIPELINE):
            yield from _parts(step, at)
        elif step is not None and step != "passthrough":
            yield place, step


def _layers(mlp: Any, place: str) -> Iterator[steps.Step]:
    """Yield the steps of a fitted multilayer perceptron."""
    if not hasattr(mlp, "coefs_"):
        raise refused(place, "is not fitted", "expected a fitted one")
    own = getattr(mlp, "_network", None)  # of fcnet.sklearn
    pairs = list(zip(mlp.coefs_, mlp.intercepts_, strict=True))
    for i, (weights, biases) in enumerate(pairs):
        at = f"{place}, layer {i}"
        yield steps.Product(at, np.asarray(weights), np.asarray(biases))
        last = i == len(pairs) - 1
        name = mlp.out_activation_ if last else mlp.activation
        yield steps.Function(at, name) if own is not None and name != "logistic" else names.activation(at, name, {})
        if own is not None and own.layers[i].dropout:
            yield steps.Dropout(at, own.layers[i].dropout)


def _loss(mlp: Any, place: str) -> Any:
    own = getattr(mlp, "_network", None)
    if own is not None:
        return own.loss
    if _is(mlp, *_REGRESSORS):
        given = getattr(mlp, "loss", "squared_error")
        if given not in _LOSSES:
            raise refused(place, f"has the loss {given!r}", f"expected {' or '.join(_LOSSES)}")
        return _LOSSES[given]
    return "cross_entropy" if mlp.out_activation_ == "softmax" else "binary_cross_entropy"


def _classes(mlp: Any, place: str) -> list[Any] | None:
    """Return the labels of a classifier; None where it is multi-label, or a regressor."""
    if not _is(mlp, *_CLASSIFIERS):
        return None
    outputs = len(mlp.intercepts_[-1])
    if outputs > 1 and mlp.out_activation_ != "softmax":
        return None
    labels: list[Any] = mlp.classes_.tolist()
    if len(labels) == 1:
        raise refused(place, f"knows the class {labels[0]!r} only", "expected at least two")
    return labels


@suggesting
def from_sklearn(estimator: Any) -> Network:
    """Convert a fitted MLPClassifier or MLPRegressor of scikit-learn or of ``fcnet.sklearn``, also in a Pipeline.

    The network predicts what ``predict_proba``, or ``predict`` of a regressor, does, up to rounding: of two classes the
    probability of the second. StandardScaler, MinMaxScaler, RobustScaler and MaxAbsScaler before it become ``offset``
    and ``scale``; ``classes_`` become ``classes``, and names of columns ``feature_names``.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or Pipeline of scalers and one of these

    Returns
    -------
    Network
        Of the type of ``coefs_``. Its seed is 0, or that of the estimator of ``fcnet.sklearn``.

    Raises
    ------
    TypeError : estimator is none of these.
    ValueError : it is not fitted, or has another step, or infinite or NaN numbers; the message names the step.

    Examples
    --------
    >>> import fcnet as fc
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), MLPClassifier([16], max_iter=2000, random_state=0)).fit(X, y)
    >>> net = fc.from_sklearn(pipeline)
    >>> bool(abs(net.predict(X) - pipeline.predict_proba(X)).max() < 1e-5)
    True
    """
    parts = list(_parts(estimator, "estimator")) if _is(estimator, _PIPELINE) else []
    place, mlp = parts.pop() if parts else (f"estimator: {type(estimator).__name__}", estimator)
    if not _is(mlp, *_CLASSIFIERS, *_REGRESSORS):
        if hasattr(mlp, "best_estimator_"):
            raise TypeError(f"{place} is a search: expected estimator.best_estimator_")
        raise TypeError(f"{place} is none of the networks of scikit-learn: expected MLPClassifier or MLPRegressor")
    scalers = [_scaler(step, at) for at, step in parts]
    found = [*scalers, *_layers(mlp, place)]
    seed = getattr(mlp, "_network", None)
    options: Any = {} if seed is None else {"seed": seed.seed}
    net = network_of(found, "estimator", loss=_loss(mlp, place), classes=_classes(mlp, place), **options)
    named = getattr(estimator, "feature_names_in_", None)
    if named is not None:
        net._state.feature_names = tuple(named.tolist())
    return net
