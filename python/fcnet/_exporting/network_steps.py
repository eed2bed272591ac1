"""The steps of a network of fcnet, for the modules of other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fcnet._exporting.scaling import NEARER_0, OTHER_UNITS, check_scaling, warn_of_offset
from fcnet._model.steps import (
    Adapter,
    Affine,
    Dropout,
    Embedding,
    Function,
    Heads,
    Mean,
    Normalized,
    Product,
    Scaling,
    Sorting,
    Step,
)

if TYPE_CHECKING:
    from fcnet.layers import Layer
    from fcnet.network import Network

_RUNNING = "mean", "variance"
_IN_WORDS: dict[type[Step], str] = {
    Scaling: "fcnet.Scale",
    Embedding: "fcnet.Columns",
    Adapter: "members",
    Sorting: "several quantiles, which predict sorts",
}


def unsupported(step: Step, library: str) -> ValueError:
    """Return the error about a step that a library has no module for."""
    what, instead = _IN_WORDS.get(type(step), ""), "to_torch and to_onnx hold it"
    if isinstance(step, Function):
        what = str(step.name) if step.mix is None else f"fcnet.Parametric({step.name!r})"
    if isinstance(step, Sorting):
        instead = "expected output='logits', for quantiles as they are trained"
    return ValueError(f"{step.place} has {what}, which {library} does not have: {instead}")


def quantiles_of(net: Network) -> int:
    """Return how many outputs for each target ``predict`` sorts; 0 where it does not."""
    quantiles: tuple[float, ...] = getattr(net.loss, "quantiles", ())
    return len(quantiles) if len(quantiles) > 1 else 0


def scales_inputs(net: Network) -> bool:
    """Whether a network scales or shifts its inputs."""
    return bool((net.scale != 1).any() or (net.offset != 0).any())


def steps_of(net: Network, output: object = None) -> list[Step]:
    """Return the steps of a network; without the last activation, and sorting, where ``output`` is "logits".

    Raises
    ------
    ValueError : output is neither None nor "logits", the network has members and no logits, or its type does not hold
        its offset or scale.
    """
    if output is not None and not (isinstance(output, str) and output == "logits"):
        raise ValueError(f"output is {output!r}: expected 'logits' or None")
    if output is not None and net.members:
        raise ValueError("the network has members, whose outputs are averaged: expected output=None")
    steps: list[Step] = []
    if scales_inputs(net):
        given = net.offset, net.scale, net._state.feature_names, net.dtype
        check_scaling(*given, OTHER_UNITS)
        warn_of_offset(*given, NEARER_0)
        steps.append(Affine("offset and scale", net.offset, net.scale))
    if net.columns is not None:
        spec = net.columns.specification
        arrays = dict(zip(spec.shapes, map(np.array, net.columns.arrays()), strict=True))
        steps.append(Embedding("columns", spec, arrays, net.columns.trainable))
    for i, layer in enumerate(net.layers):
        steps += _of_layer(layer, f"layers[{i}]", is_first=i == 0)
    if output is not None and isinstance(steps[-1], Function):
        del steps[-1]
    if net.members:
        steps.append(Mean("members"))
    if quantiles_of(net) and output is None:
        steps.append(Sorting("loss", quantiles_of(net)))
    return steps


def _of_layer(layer: Layer, at: str, *, is_first: bool) -> Iterator[Step]:
    bias, trainable = np.array(layer.B) if layer.bias else None, layer.trainable
    if hasattr(layer, "scale"):
        yield Scaling(at, np.array(layer.scale), trainable)
    if hasattr(layer, "R"):
        yield Adapter(at, np.array(layer.R), None, is_first, trainable)
    if layer.W.ndim == 3:
        yield Heads(at, np.array(layer.W), np.array(layer.B), trainable)
    else:
        own = bias if layer.normalization is None and layer.B.ndim == 1 else None
        before = np.array(layer.product_bias) if hasattr(layer, "product_bias") else own
        yield Product(at, np.array(layer.W), before, trainable)
    if hasattr(layer, "S"):
        yield Adapter(at, np.array(layer.S), np.array(layer.B), False, trainable)
    if layer.normalization is not None:
        mean, variance = (np.array(getattr(layer, name)) if hasattr(layer, name) else None for name in _RUNNING)
        yield Normalized(at, layer.normalization, np.array(layer.gamma), bias, mean, variance, trainable)
    if layer.activation != "identity":
        yield Function(at, layer.activation, np.array(layer.mix) if hasattr(layer, "mix") else None, trainable)
    if layer.dropout:
        yield Dropout(at, layer.dropout)
