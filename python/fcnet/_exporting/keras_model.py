"""A network as a Sequential of Keras 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet._exporting.network_steps import steps_of, unsupported
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm
from fcnet.activations import name_and_constant

if TYPE_CHECKING:
    from fcnet.network import Network

Array = NDArray[Any]
_NAMES = {"exp": "exponential", "hard_swish": "hard_silu"} | {
    name: name for name in ("relu", "selu", "sigmoid", "tanh", "softplus", "gelu", "silu", "mish", "relu6", "softmax")
}


def _plain(array: Array) -> Any:
    """Return a number, or a list of them, which Keras can write into a file."""
    return array.tolist()


def _activation(layers: Any, step: steps.Function, dtype: str) -> Any:
    name, constant = name_and_constant(step.name)
    if name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=0.01 if constant is None else constant, dtype=dtype)
    if name == "elu":
        return layers.ELU(alpha=1.0 if constant is None else constant, dtype=dtype)
    if name not in _NAMES:
        raise unsupported(step, "Keras")
    return layers.Activation(_NAMES[name], dtype=dtype)


def _parts(layers: Any, step: steps.Step, dtype: str) -> Iterator[tuple[Any, list[Array | None]]]:
    """Yield the layers of a step, each with its weights, None where it has none of a kind."""
    match step:
        case steps.Affine():  # one after the other, as an offset behind the scale would be rounded
            yield layers.Rescaling(1, offset=_plain(-step.offset), dtype=dtype), []
            yield layers.Rescaling(_plain(step.scale), dtype=dtype), []
        case steps.Product():
            dense = layers.Dense(step.W.shape[1], use_bias=step.B is not None, dtype=dtype)
            yield dense, [step.W, step.B]
        case steps.Normalized():
            options: Any = {"epsilon": step.spec.epsilon, "center": step.B is not None, "dtype": dtype}
            if isinstance(step.spec, BatchNorm):
                norm = layers.BatchNormalization(momentum=1 - step.spec.momentum, **options)
            else:
                norm = layers.LayerNormalization(**options)
            yield norm, [step.gamma, step.B, step.mean, step.variance]
        case steps.Function(mix=None):
            yield _activation(layers, step, dtype), []
        case steps.Dropout():
            yield layers.Dropout(step.rate, dtype=dtype), []
        case _:
            raise unsupported(step, "Keras")


def to_keras(net: Network, output: object) -> Any:
    """Return a network as a ``keras.Sequential``, as ``Network.to_keras`` documents it."""
    keras, dtype = optional("keras", "Network.to_keras"), net.dtype.name
    model = keras.Sequential([keras.Input((net.sizes[0],), dtype=dtype)])
    for step in steps_of(net, output):
        for layer, weights in _parts(keras.layers, step, dtype):
            layer.trainable = getattr(step, "trainable", True)
            model.add(layer)
            given = [np.ascontiguousarray(array) for array in weights if array is not None]
            if given:
                layer.set_weights(given)
    return model
