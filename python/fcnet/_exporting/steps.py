"""The steps of a network one after the other, as other libraries have them: modules, layers, transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._model.normalization import BatchNorm, LayerNorm
from fcnet.activations import Activation

if TYPE_CHECKING:
    from fcnet.network import Network

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Step:
    """A step of a chain; ``place`` is what messages call it."""

    place: str


@dataclass(frozen=True, eq=False)
class Affine(Step):
    """Scaling of the inputs by constants, ``scale (x - offset)``; each () or (k,)."""

    offset: Array
    scale: Array


@dataclass(frozen=True, eq=False)
class Scaling(Step):
    """``fcnet.Scale``: a trainable factor for each of the inputs of the next product."""

    values: Array


@dataclass(frozen=True, eq=False)
class Product(Step):
    """``x W + B``, without B where it is None."""

    W: Array
    B: Array | None
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class Normalized(Step):
    """Batch or layer normalisation with gamma, and with B behind it unless that is None."""

    spec: BatchNorm | LayerNorm
    gamma: Array
    B: Array | None
    mean: Array | None = None
    variance: Array | None = None


@dataclass(frozen=True, eq=False)
class Function(Step):
    """An activation as ``Layer.activation`` gives it; parametric where there is a mix."""

    name: str | Activation
    mix: Array | None = None


@dataclass(frozen=True, eq=False)
class Dropout(Step):
    """Dropout in training."""

    rate: float


@dataclass(frozen=True, eq=False)
class Reshaping(Step):
    """Rows made flat before the first product, or an axis of one number left off at the end."""

    at_end: bool


@dataclass(frozen=True, eq=False)
class Sorting(Step):
    """The quantiles of each target, sorted."""

    quantiles: int


def quantiles_of(net: Network) -> int:
    """Return how many outputs for each target ``predict`` sorts; 0 where it does not."""
    quantiles: tuple[float, ...] = getattr(net.loss, "quantiles", ())
    return len(quantiles) if len(quantiles) > 1 else 0


def scales_inputs(net: Network) -> bool:
    """Whether a network scales or shifts its inputs."""
    return bool((net.scale != 1).any() or (net.offset != 0).any())


def steps_of(net: Network) -> list[Step]:
    """Return the steps of a network without members, behind the embedding of its columns if there are any."""
    steps: list[Step] = []
    if scales_inputs(net) and net.columns is None:
        steps.append(Affine("offset and scale", net.offset, net.scale))
    for i, layer in enumerate(net.layers):
        at = f"layers[{i}]"
        of_norm, bias = layer.normalization, np.array(layer.B) if layer.bias else None
        if hasattr(layer, "scale"):
            steps.append(Scaling(at, np.array(layer.scale)))
        before = np.array(layer.product_bias) if hasattr(layer, "product_bias") else None
        steps.append(Product(at, np.array(layer.W), before if of_norm else bias, layer.trainable))
        if isinstance(of_norm, BatchNorm):
            running = np.array(layer.mean), np.array(layer.variance)
            steps.append(Normalized(at, of_norm, np.array(layer.gamma), bias, *running))
        elif isinstance(of_norm, LayerNorm):
            steps.append(Normalized(at, of_norm, np.array(layer.gamma), bias))
        mix = np.array(layer.mix) if hasattr(layer, "mix") else None
        if layer.activation != "identity":
            steps.append(Function(at, layer.activation, mix))
        if layer.dropout:
            steps.append(Dropout(at, layer.dropout))
    if quantiles_of(net):
        steps.append(Sorting("loss", quantiles_of(net)))
    return steps
