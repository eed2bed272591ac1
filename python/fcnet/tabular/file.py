"""The file format of the estimators: the networks' tensors and metadata, one after another, and JSON beside them."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import AT_LEAST_0, number, whole_number
from fcnet._inputs import feature_names
from fcnet._saving import network_file, safetensors
from fcnet._saving.atomic_file import replacing
from fcnet.network import network_of
from fcnet.tabular.column_encoder import ColumnEncoder
from fcnet.tabular.recipes import RealMLP, recipe_from_plain
from fcnet.tabular.tabm import TabM

if TYPE_CHECKING:
    from fcnet.tabular.base import TabularEstimator

_Estimator = TypeVar("_Estimator", bound="TabularEstimator")
FORMAT = "fcnet.tabular"
_VERSIONS = ("1", "2", "3")  # 2 has what was learnt from validation rows: a temperature or errors; 3 has pairs
_PAIRS = "pairs"  # of labels and their weights
_RESULTS: dict[str, Callable[[Any, str], Any]] = {  # and their checks
    "epochs_": lambda value, name: whole_number(value, name, 1),
    "best_score_": lambda value, name: number(value, name, ("a number", lambda _: True)),
    "seconds_": lambda value, name: number(value, name, AT_LEAST_0),
    "stopped_by_": lambda value, name: _stop(value, name),
}
_STOPS = ("epochs", "patience", "time", "callback")
_LEFT_OUT = ("callbacks", "random_state")  # what only a pickle can hold is not for a file


def save(estimator: TabularEstimator, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator, and replace the file atomically."""
    learnt = estimator._learnt_from_validation()
    tensors: dict[str, NDArray[Any]] = {"validation": estimator.validation_predictions_, **learnt}
    networks: list[dict[str, str]] = []
    parts: list[dict[str, Any]] = []
    for part in estimator._parts:
        tensors[f"columns.{len(parts)}"] = _as_bytes(part.encoder.to_plain())
        parts.append({"targets": dataclasses.asdict(part.targets), "networks": len(part.networks)})
        for network in part.networks:
            own, metadata = network_file.content(network_file.for_prediction(network.__getstate__()))
            tensors |= {f"network.{len(networks)}.{name}": tensor for name, tensor in own.items()}
            networks.append(metadata)
    parameters = _parameters(estimator)
    content = {
        "estimator": type(estimator).__name__,
        "parameters": parameters,
        "y": estimator._y_to_plain(),
        "results": {name: getattr(estimator, name) for name in _RESULTS},
        "parts": parts,
        "networks": networks,
    }
    tensors["content"] = _as_bytes(content)
    with replacing(path) as file:
        safetensors.write(file, tensors, {"format": FORMAT, "version": _version(learnt, parameters)})


def _parameters(estimator: TabularEstimator) -> dict[str, Any]:
    """Return the parameters as JSON can hold them; a dict, whose keys would become text, as pairs."""
    given = {name: value for name, value in estimator.get_params().items() if name not in _LEFT_OUT}
    if callable(estimator.metric):
        raise TypeError(
            f"metric is {estimator.metric!r}, a function, which a file cannot hold: expected the name of a metric; use "
            "set_params(metric='auto'), which does not change the fit, or pickle"
        )
    if not given.get("calibrate"):  # older versions of fcnet do not know it
        given.pop("calibrate", None)
    if isinstance(estimator.recipe, RealMLP | TabM):
        given["recipe"] = estimator.recipe.to_plain()
    given["dtype"] = np.dtype(estimator.dtype).name
    weights: Any = given.get("class_weight")
    if hasattr(weights, "to_dict"):  # a Series
        weights = weights.to_dict()
    if isinstance(weights, Mapping):
        given["class_weight"] = {_PAIRS: [(feature_names.kept(label), weight) for label, weight in weights.items()]}
    return given


def _restore_class_weight(parameters: dict[str, Any]) -> None:
    """Restore a dict from pairs; older files have a dict with keys of text."""
    weights = parameters.get("class_weight")
    if isinstance(weights, dict) and isinstance(weights.get(_PAIRS), list):
        labels = feature_names.checked([label for label, _ in weights[_PAIRS]], len(weights[_PAIRS])) or ()
        restored = map(feature_names.restored, labels)
        parameters["class_weight"] = {
            label: weight for label, (_, weight) in zip(restored, weights[_PAIRS], strict=True)
        }


def _version(learnt: dict[str, NDArray[Any]], parameters: dict[str, Any]) -> str:
    """Return the oldest version that knows what the file has, so that older versions of fcnet read it."""
    if isinstance(parameters.get("class_weight"), dict):
        return "3"
    return "2" if learnt or "calibrate" in parameters else "1"


def estimator_of(
    tensors: dict[str, NDArray[Any]],
    metadata: dict[str, str],
    path: str,
    kinds: Mapping[str, type[_Estimator]],
    *,
    allow_nonfinite: bool,
) -> _Estimator:
    """Restore an estimator, of one of the classes by name, from the content of a file.

    Raises
    ------
    ValueError : the content is damaged, or not an estimator that this version of fcnet can load.
    """
    try:
        return _restored(tensors, metadata, path, kinds, allow_nonfinite)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path!r} is not an estimator that can be loaded: {error}") from None


def _restored(
    tensors: dict[str, NDArray[Any]],
    metadata: dict[str, str],
    path: str,
    kinds: Mapping[str, type[_Estimator]],
    allow_nonfinite: bool,
) -> _Estimator:

    if metadata.get("version") not in _VERSIONS:
        raise ValueError(f"its format is version {metadata.get('version')!r}: this fcnet reads {', '.join(_VERSIONS)}")
    tensors = dict(tensors)
    content = _of_bytes(tensors.pop("content"))
    parameters = content["parameters"]
    if isinstance(parameters["recipe"], dict):
        parameters["recipe"] = recipe_from_plain(parameters["recipe"])
    _restore_class_weight(parameters)
    estimator = kinds[content["estimator"]](**parameters)
    estimator._y_from_plain(content["y"])
    validation = tensors.pop("validation")
    estimator._set_learnt_from_validation(tensors)
    for name, check in _RESULTS.items():
        setattr(estimator, name, check(content["results"][name], name))
    columns = [ColumnEncoder.from_plain(_of_bytes(tensors.pop(f"columns.{i}"))) for i in range(len(content["parts"]))]
    networks = []
    for i, own in enumerate(content["networks"]):
        prefix = f"network.{i}."
        names = [name for name in tensors if name.startswith(prefix)]
        network_file.check_format(own)
        mine = {name.removeprefix(prefix): tensors.pop(name) for name in names}
        networks.append(network_of(mine, own, path, allow_nonfinite=allow_nonfinite))
    if tensors:
        raise ValueError(f"it has the further arrays {', '.join(sorted(tensors))}")
    estimator._assemble(columns, content["parts"], networks)
    estimator.validation_predictions_ = _predictions(validation, estimator)
    return estimator


def _stop(value: Any, name: str) -> str:
    if value not in _STOPS:
        raise ValueError(f"{name} is {value!r}: expected one of {', '.join(_STOPS)}")
    return str(value)


def _predictions(found: NDArray[Any], estimator: TabularEstimator) -> NDArray[np.float64]:
    """Return predictions of validation rows, if they have the type and the shape of the estimator's."""
    a_row = estimator._as_given(np.empty((1, estimator._parts[0].targets.outputs))).shape[1:]
    if found.dtype != np.float64 or not found.shape or not len(found) or found.shape[1:] != a_row:
        what = f"its predictions of validation rows are {found.dtype} {found.shape}"
        raise ValueError(f"{what}: expected float64 ({', '.join(map(str, ('rows', *a_row)))})")
    return found


def _as_bytes(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, default=_plain).encode(), np.uint8)


def _of_bytes(tensor: NDArray[Any]) -> Any:
    if tensor.dtype != np.uint8:
        raise ValueError(f"its description is {tensor.dtype}: expected text")
    found = json.loads(tensor.tobytes())
    if not isinstance(found, dict):
        raise ValueError("its description is no JSON object")
    return found


def _plain(value: object) -> Any:
    """Return an array or a number of NumPy as JSON can hold it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}, which a file cannot hold: see pickle")
