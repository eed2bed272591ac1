"""What one layer of a network does, there and back, by the native core: each as a small network of its own.

Its inputs are often the rows of the unit matrix: what the layer takes are then weights, and the way back to it is their
gradient. Here h_in, z (n, m) and sigma, tau, which are derivatives by them, have a row for each of n samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._model.layer_spec import LayerSpec
from fcnet._model.normalization import BatchNorm, Normalization
from fcnet._native import Model
from fcnet.losses import Loss

Array = NDArray[Any]


def _model(
    inputs: int, specs: Sequence[LayerSpec], layers: Sequence[tuple[Array, ...]], loss: Loss | None = None
) -> Model:
    sizes, dtype = [inputs, *(layer[0].shape[1] for layer in layers)], layers[0][0].dtype.name
    name, parameter = ("custom", 0.0) if loss is None else (loss.name, loss.parameter)
    each = () if loss is None else loss.quantiles
    return Model(sizes, [kind.native() for kind in specs], name, parameter, dtype, 0, None, None, layers, each)


def derivative(h_in: Array, activation: str) -> Array:
    """F'(h_in): what comes back through a layer whose h_in are these, from a loss that grows like its outputs."""
    n, one = h_in.size, np.zeros((1, 1), h_in.dtype)
    model = _model(1, [LayerSpec(activation)], [(np.zeros((1, n), h_in.dtype), h_in.ravel())])
    return model.gradients(one, lambda output, _: (0.0, np.ones_like(output)))[1][0][1].reshape(h_in.shape)


def output_layer(h_in: Array, activation: str, loss: Loss) -> tuple[Model, Array]:
    """A network that ends like one whose last h_in these are, and what it takes: x of which they come, one by one."""
    m = h_in.shape[1]
    return _model(m, [LayerSpec(activation)], [(np.eye(m, dtype=h_in.dtype), np.zeros(m, h_in.dtype))], loss), h_in


def sigma_of_output(h_in: Array, activation: str, loss: Loss, y: Any) -> Array:
    """dL/dh_in of the last layer; y as the core's gradients take it."""
    n, m = h_in.shape
    model = _model(n, [LayerSpec(activation)], [(h_in, np.zeros(m, h_in.dtype))], loss)
    return model.gradients(np.eye(n, dtype=h_in.dtype), y)[1][0][0]


def sigma_before(h_in: Array, activation: str, w: Array, behind: Array) -> Array:
    """``(behind w^T) o F'(h_in)``: sigma of a layer from what comes back to the product of the next one."""
    n, dtype = len(h_in), h_in.dtype
    layers = [(part, np.zeros(part.shape[1], dtype)) for part in (h_in, w)]
    model = _model(n, [LayerSpec(activation), LayerSpec("identity")], layers)
    return model.gradients(np.eye(n, dtype=dtype), lambda output, _: (0.0, behind))[1][0][0]


def normalized(h: Array, parts: tuple[Array, ...], norm: Normalization) -> Array:
    """h_in of a layer with these W, B and gamma, as in a step: by the batch's own statistics where it goes by those."""
    m, found = parts[0].shape[1], np.empty((len(h), parts[0].shape[1]), h.dtype)
    specs = [LayerSpec("identity", normalization=norm), LayerSpec("identity")]  # the last is never normalised

    def caught(output: Array, rows: Any) -> tuple[float, Array]:
        found[rows] = output
        return 0.0, np.zeros_like(output)

    same = (np.eye(m, dtype=h.dtype), np.zeros(m, h.dtype))
    _model(len(parts[0]), specs, [(*parts, *_running(m, norm, h.dtype)), same]).gradients(h, caught)
    return found


def _running(m: int, norm: Normalization, dtype: Any) -> tuple[Array, ...]:
    """Statistics that a layer must have and a step does not look at."""
    return (np.zeros(m, dtype), np.ones(m, dtype)) if isinstance(norm, BatchNorm) else ()


def through_normalization(z: Array, gamma: Array, sigma: Array, norm: Normalization) -> Array:
    """dL/dz, row by row."""
    (n, m), dtype = z.shape, z.dtype
    specs = [LayerSpec("identity", False), LayerSpec("identity", normalization=norm), LayerSpec("identity")]
    nothing, same = np.zeros(m, dtype), np.eye(m, dtype=dtype)
    layers = [(z, nothing), (same, nothing, gamma, *_running(m, norm, dtype)), (same, nothing)]
    return _model(n, specs, layers).gradients(np.eye(n, dtype=dtype), lambda output, _: (0.0, sigma))[1][0][0]
