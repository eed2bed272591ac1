"""Networks from models of Keras 3: a chain, or refused by the name of the layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fcnet._checks.keywords import suggesting
from fcnet._importing import names
from fcnet._importing.assembly import network_of, normalization, refused
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm, LayerNorm
from fcnet.losses import Loss, LossFunction, LossName
from fcnet.network import Network

Array = NDArray[Any]
_PACKAGES = ("keras", "tf_keras")
_EPSILON = 1e-7  # the least deviation of Normalization, keras.config.epsilon()
_DIGITS = 12  # of one minus a momentum, without the error of the subtraction


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def is_keras(given: object, name: str) -> bool:
    """Whether an object is of a class of Keras, or inherits from it."""
    return any(cls.__name__ == name and _package(cls) in _PACKAGES for cls in type(given).__mro__)


def _numbers(variable: Any) -> Array:
    """Return the numbers of a variable, those of half types as float32."""
    array = np.asarray(variable.__array__())
    return array if array.dtype == np.float64 else array.astype(np.float32)


def _trains(layer: Any, **variables: Any) -> dict[str, bool]:
    """Return whether the layer trains its variables, of those that there are."""
    present = {name: variable for name, variable in variables.items() if variable is not None}
    return {name: bool(layer.trainable and variable.trainable) for name, variable in present.items()}


class _Reader:
    """Converts layers to steps; refuses a layer that is used twice."""

    def __init__(self) -> None:
        self._read: set[int] = set()

    def model(self, model: Any) -> Iterator[steps.Step]:
        """Yield the steps of a Sequential or a functional model.

        Raises
        ------
        ValueError : it is not a chain of what fcnet has.
        """
        if not getattr(model, "built", False):
            raise refused(f"model: {model.name}", "has no weights yet", "expected one that is built or has run once")
        for layer in model.layers if is_keras(model, "Sequential") else _in_order(model):
            yield from self.layer(layer)

    def layer(self, layer: Any) -> Iterator[steps.Step]:
        """Yield the steps of a layer, which may be a model of its own."""
        place = f"model: {type(layer).__name__} {layer.name!r}"
        if is_keras(layer, "Sequential") or is_keras(layer, "Functional"):
            yield from self.model(layer)
            return
        kind = names.owner(layer, "call")
        if _package(kind) not in _PACKAGES:
            raise refused(place, "computes what is not known", "expected layers of Keras itself")
        if layer.weights and id(layer) in self._read:
            raise refused(place, "stands in the model twice", "expected layers of their own")
        self._read.add(id(layer))
        match kind.__name__:
            case "InputLayer":
                return
            case "Flatten":
                yield steps.Reshaping(place, at_end=False)
            case "Dense":
                yield self._product(layer, place)
                yield from self._function(layer.activation, place)
            case "Activation":
                yield from self._function(layer.activation, place)
            case "Dropout":
                yield steps.Dropout(place, float(layer.rate))
            case "BatchNormalization" | "LayerNormalization":
                yield _normalized(layer, place)
            case "Normalization":
                yield _standardization(layer, place)
            case "Rescaling":
                scale, offset = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
                yield steps.Affine(place, np.zeros(()), scale)
                yield steps.Affine(place, -offset, np.ones(()))
            case name if names.is_activation(name):
                options = {each: getattr(layer, each) for each in names.options_of(name) if hasattr(layer, each)}
                yield names.activation(place, name, options)
            case _:
                expected = "Dense, BatchNormalization, LayerNormalization, Dropout, Normalization, Rescaling, Flatten"
                what = "is none of the layers that fcnet has"
                raise refused(place, what, f"expected {expected} and activations, one after the other")

    def _product(self, layer: Any, place: str) -> steps.Product:
        if getattr(layer, "quantization_mode", None) is not None or getattr(layer, "lora_enabled", False):
            raise refused(place, "has quantised weights or LoRA", "expected a plain Dense")
        bias = _numbers(layer.bias) if layer.use_bias else None
        flags = _trains(layer, kernel=layer.kernel, bias=layer.bias)
        return steps.Product(place, _numbers(layer.kernel), bias, trains=flags)

    def _function(self, function: Any, place: str) -> Iterator[steps.Step]:
        """Yield the activation of a layer, a function or another layer."""
        if function is None:
            return
        if is_keras(function, "Layer"):
            yield from self.layer(function)
            return
        name = getattr(function, "__name__", str(function))
        if str(getattr(function, "__module__", "")).partition(".")[0] not in _PACKAGES:
            raise refused(place, f"has the activation {name}", "expected one of Keras itself")
        slope = {"negative_slope": 0.2} if name == "leaky_relu" else {}  # the default of Keras' function
        yield names.activation(place, name, slope)


def _in_order(model: Any) -> list[Any]:
    """Return the layers of a functional model from its input to its output."""
    at = f"model: {model.name}"
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise refused(at, f"has {len(model.inputs)} inputs and {len(model.outputs)} outputs", "expected one of each")
    layers: list[Any] = []
    operation, index, _ = model.outputs[0]._keras_history
    while operation is not None:
        layers.append(operation)
        given = operation._inbound_nodes[index].input_tensors
        if len(given) > 1:
            what = f"takes what {len(given)} layers give"
            raise refused(f"model: {operation.name}", what, "expected a chain, without branches or sums")
        operation, index, _ = given[0]._keras_history if given else (None, 0, 0)
    return layers[::-1]


def _normalized(layer: Any, place: str) -> steps.Normalized:
    axis = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if list(axis) not in ([-1], [1]) or getattr(layer, "rms_scaling", False):
        raise refused(place, f"normalises axis {layer.axis!r}", "expected the last one, with mean and variance")
    beta = _numbers(layer.beta) if layer.center else None
    if layer.scale:
        gamma = _numbers(layer.gamma)
    elif not layer.weights:
        raise refused(place, "has neither scale nor center", "expected one of them")
    else:
        gamma = np.ones(layer.weights[0].shape, np.float32)
    flags = _trains(layer, gamma=layer.gamma if layer.scale else None, beta=layer.beta if layer.center else None)
    if names.owner(layer, "call").__name__ == "LayerNormalization":
        layer_norm = normalization(place, LayerNorm, epsilon=layer.epsilon)
        return steps.Normalized(place, layer_norm, gamma, beta, trains=flags)
    momentum = round(1 - layer.momentum, _DIGITS)
    spec = normalization(place, BatchNorm, epsilon=layer.epsilon, momentum=momentum)
    running = _numbers(layer.moving_mean), _numbers(layer.moving_variance)
    return steps.Normalized(place, spec, gamma, beta, *running, trains=flags or {"statistics": bool(layer.trainable)})


def _standardization(layer: Any, place: str) -> steps.Affine:
    if layer.invert or layer.mean is None:
        raise refused(place, "inverts, or is not adapted", "expected an adapted Normalization")
    mean, variance = (_numbers(each).astype(np.float64).reshape(-1) for each in (layer.mean, layer.variance))
    return steps.Affine(place, mean, 1 / np.maximum(np.sqrt(variance), _EPSILON))


@suggesting
def from_keras(
    model: Any, *, loss: LossName | Loss | LossFunction | None = None, dtype: DTypeLike | None = None
) -> Network:
    """Convert a model of Keras 3: a chain of Dense, normalisation, activation and dropout.

    The network predicts what ``model.predict`` does, up to rounding. Nothing is trained, and the model is not changed.
    Keras' momentum is one minus the network's. Normalization and Rescaling of the inputs become ``offset`` and
    ``scale``. A layer whose parts all have ``trainable=False`` is frozen; where only some of them have, such as
    its batch normalisation, all of it is frozen, with a warning.

    Parameters
    ----------
    model : keras.Sequential, or a functional keras.Model that is a chain
    loss, dtype : as for from_torch

    Returns
    -------
    Network
        Its seed, which decides shuffling and dropout, is 0.

    Raises
    ------
    TypeError : model is none of Keras.
    ValueError : the model is not such a chain, or has infinite or NaN numbers; the message names the layer.
    """
    if not (is_keras(model, "Sequential") or is_keras(model, "Functional")):
        if is_keras(model, "Model"):
            what = "is a model whose call is its own: the order of its layers is not known"
            raise refused(f"model: {type(model).__name__}", what, "expected a Sequential or a functional model")
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise TypeError(f"model is {what}: expected a keras.Sequential or a functional keras.Model")
    found = list(_Reader().model(model))
    if len(model.input_shape) != 2 and not any(isinstance(step, steps.Reshaping) for step in found):
        what = f"takes inputs of shape {tuple(model.input_shape[1:])}"
        raise refused(f"model: {model.name}", what, "expected rows, or Flatten before the first Dense")
    return network_of(found, "model", loss=loss, dtype=dtype)
