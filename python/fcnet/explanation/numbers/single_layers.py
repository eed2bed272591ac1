"""The forward and backward pass of a single layer by the native core, each as a small network of its own.

Its inputs are often the rows of the identity matrix. The layer's inputs are then weights, and the derivatives by them
are gradients. Here h_in, z (n, m) and the derivatives sigma, tau by them have a row for each of n samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import _native
from fcnet._model.activation import Parametric
from fcnet._model.layer_spec import LayerSpec
from fcnet._model.normalization import BatchNorm, Normalization, without_product_bias
from fcnet._native import Model
from fcnet.activations import Activation, name_and_constant
from fcnet.losses import Loss

Array = NDArray[Any]


def _model(
    inputs: int, specs: Sequence[LayerSpec], layers: Sequence[tuple[Array, ...]], loss: Loss | None = None
) -> Model:
    sizes, dtype = [inputs, *(layer[0].shape[1] for layer in layers)], layers[0][0].dtype.name
    name, parameter = ("custom", 0.0) if loss is None else (loss.name, loss.parameter)
    each = () if loss is None else loss.quantiles
    return Model(sizes, [spec.native() for spec in specs], name, parameter, dtype, 0, None, None, layers, each)


def _parametric(activation: Any) -> Parametric:
    return Parametric(activation)


def activated(h_in: Array, activation: str | Activation, mix: Array | None = None) -> Array:
    """Return h_out, with the ``mix`` (m,) of a parametric activation."""
    if mix is None:
        name, constant = name_and_constant(activation)
        return _native.activation(h_in, name, constant=constant)
    m = h_in.shape[1]
    same = np.eye(m, dtype=h_in.dtype), np.zeros(m, h_in.dtype)
    specs = [LayerSpec(activation, parametric=_parametric(activation)), LayerSpec("identity")]
    return _model(m, specs, [(*same, mix), same]).predict(h_in)


def derivative(h_in: Array, activation: str | Activation, mix: Array | None = None) -> Array:
    """Return F'(h_in), the derivative by h_in of a loss whose derivative by the outputs is 1."""
    if mix is not None:
        return sigma_before(h_in, activation, np.eye(len(mix), dtype=h_in.dtype), np.ones_like(h_in), mix)
    n, one = h_in.size, np.zeros((1, 1), h_in.dtype)
    model = _model(1, [LayerSpec(activation)], [(np.zeros((1, n), h_in.dtype), h_in.ravel())])
    return model.gradients(one, lambda output, _: (0.0, np.ones_like(output)))[1][0][1].reshape(h_in.shape)


def output_layer(h_in: Array, activation: str | Activation, loss: Loss) -> tuple[Model, Array]:
    """Return a network of one layer whose h_in equals its inputs, and the inputs."""
    m = h_in.shape[1]
    return _model(m, [LayerSpec(activation)], [(np.eye(m, dtype=h_in.dtype), np.zeros(m, h_in.dtype))], loss), h_in


def sigma_of_output(h_in: Array, activation: str | Activation, loss: Loss, y: Any) -> Array:
    """Return dL/dh_in of the last layer; y is as for the core's gradients."""
    n, m = h_in.shape
    model = _model(n, [LayerSpec(activation)], [(h_in, np.zeros(m, h_in.dtype))], loss)
    return model.gradients(np.eye(n, dtype=h_in.dtype), y)[1][0][0]


def sigma_before(h_in: Array, activation: str | Activation, w: Array, behind: Array, mix: Array | None = None) -> Array:
    """Return ``sigma = (behind w^T) o F'(h_in)``, from the derivative ``behind`` by the product of the next layer.

    ``mix`` (m,) is that of a parametric activation.
    """
    n, dtype = len(h_in), h_in.dtype
    first, last = ((part, np.zeros(part.shape[1], dtype)) for part in (h_in, w))
    specs = [LayerSpec(activation, parametric=None if mix is None else _parametric(activation)), LayerSpec("identity")]
    model = _model(n, specs, [(*first, *(() if mix is None else (mix,))), last])
    return model.gradients(np.eye(n, dtype=dtype), lambda output, _: (0.0, behind))[1][0][0]


def normalized(h: Array, parts: tuple[Array, ...], norm: Normalization) -> Array:
    """Return h_in of a normalised layer with these W, B, gamma and perhaps product_bias, as in a training step."""
    m, found = parts[0].shape[1], np.empty((len(h), parts[0].shape[1]), h.dtype)
    specs = [LayerSpec("identity", normalization=norm), LayerSpec("identity")]  # the last is never normalised

    def record(output: Array, rows: Any) -> tuple[float, Array]:
        found[rows] = output
        return 0.0, np.zeros_like(output)

    same = (np.eye(m, dtype=h.dtype), np.zeros(m, h.dtype))
    _model(len(parts[0]), specs, [(*parts, *_running(m, norm, h.dtype)), same]).gradients(h, record)
    return found


def _running(m: int, norm: Normalization, dtype: Any) -> tuple[Array, ...]:
    """Return running statistics, which a layer must have, but a training step does not use."""
    return (np.zeros(m, dtype), np.ones(m, dtype)) if isinstance(norm, BatchNorm) else ()


def through_normalization(z: Array, gamma: Array, sigma: Array, norm: Normalization) -> Array:
    """Return dL/dz, row by row."""
    (n, m), dtype = z.shape, z.dtype
    norm = without_product_bias(norm)
    specs = [LayerSpec("identity", False), LayerSpec("identity", normalization=norm), LayerSpec("identity")]
    nothing, same = np.zeros(m, dtype), np.eye(m, dtype=dtype)
    layers = [(z, nothing), (same, nothing, gamma, *_running(m, norm, dtype)), (same, nothing)]
    return _model(n, specs, layers).gradients(np.eye(n, dtype=dtype), lambda output, _: (0.0, sigma))[1][0][0]
