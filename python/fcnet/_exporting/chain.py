"""A network as a chain of layers in plain arrays, as C and JavaScript compute it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._exporting.scaling import OTHER_UNITS, check_scaling
from fcnet._inputs import class_names
from fcnet._inputs.feature_names import Name, restored
from fcnet._model.members import Members
from fcnet._model.normalization import LayerNorm, Normalization
from fcnet.activations import name_and_constant

if TYPE_CHECKING:
    from fcnet._training.train_state import TrainState

Array = NDArray[Any]

ACTIVATIONS = (
    *("identity", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "exp", "gelu", "gelu_tanh"),
    *("silu", "mish", "relu6", "hard_swish", "softmax"),
)  # those that C and JavaScript have: a new one of fcnet is refused until they do
_PARTS = {"W", "B", "gamma", "product_bias", "mean", "variance", "mix", "scale"}
CONSTANTS = {"leaky_relu": 0.01, "elu": 1.0}  # of activations that have one, where none is given


@dataclass(frozen=True, eq=False)
class BatchNormArrays:
    """``h_in = gamma (z - mean) factor + B``, with ``factor = 1 / sqrt(variance + epsilon)`` as the core rounds it."""

    mean: Array
    factor: Array
    gamma: Array


@dataclass(frozen=True, eq=False)
class LayerNormArrays:
    """``h_in = gamma (z - mean(z)) / sqrt(variance(z) + epsilon) + B``, where z may have a bias of its own."""

    gamma: Array
    epsilon: float
    product_bias: Array | None


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """A layer: ``h = F(norm((scale o h) W) + B)``; B is None in a layer without bias, mix None unless parametric."""

    scale: Array | None
    W: Array
    B: Array | None
    norm: BatchNormArrays | LayerNormArrays | None
    activation: str
    constant: float | None  # the slope of leaky_relu, the alpha of elu
    mix: Array | None

    @property
    def described(self) -> str:
        """What happens in the layer, in a few words."""
        k, m = self.W.shape
        norm = {BatchNormArrays: "batch normalization", LayerNormArrays: "layer normalization"}.get(type(self.norm))
        usual = self.constant is None or self.constant == CONSTANTS[self.activation]
        name = self.activation if usual else f"{self.activation}({self.constant:g})"
        activation = f"parametric {name}" if self.mix is not None else name
        scale = "inputs times a scale each" if self.scale is not None else ""
        return ", ".join(part for part in (f"{k} x {m}", scale, norm, activation) if part)


@dataclass(frozen=True, eq=False)
class Chain:
    """A network: ``h = scale (x - offset)``, then the layers; outputs are sorted in groups of that many quantiles.

    Numbers are of one type. offset and scale are arrays () or (inputs,), None where they change nothing.
    """

    dtype: np.dtype[Any]
    offset: Array | None
    scale: Array | None
    layers: tuple[ChainLayer, ...]
    quantiles: int
    labels: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return (len(self.layers[0].W), *(layer.W.shape[1] for layer in self.layers))

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.sizes[-1]


def chain_of(state: TrainState, dtype: np.dtype[Any], what: str) -> Chain:
    """Return the network as a chain, its numbers rounded to a type; numbers too small for it are 0, as in the core.

    Raises
    ------
    ValueError : the network has members or embedded columns, a number that is not finite in this type, or a scale
        that is 0 in it; ``what`` is what does not know them.
    """
    architecture = state.architecture
    Members.refuse(architecture.members, what)
    if architecture.columns is not None:
        raise ValueError(f"the network embeds Columns, which {what} does not know: expected a number of inputs")
    layers = []
    for i, spec in enumerate(architecture.specs):
        if unknown := sorted({*spec.parts} - _PARTS):
            raise ValueError(f"layers[{i}] has {unknown[0]}, which {what} does not know: expected none")
        activation, constant = name_and_constant(spec.activation)
        if activation not in ACTIVATIONS:
            expected = ", ".join(ACTIVATIONS)
            raise ValueError(f"layers[{i}] has activation {activation!r}, not known to {what}: expected {expected}")
        parts = {name: state.model.parameter(i, name) for name in spec.parts}
        rounded = {name: _rounded(array, dtype, f"{name} of layers[{i}]") for name, array in parts.items()}
        layers.append(
            ChainLayer(
                rounded.get("scale"),
                rounded["W"],
                rounded["B"] if spec.bias else None,
                _norm(spec.normalization, rounded, dtype),
                activation,
                CONSTANTS.get(activation) if constant is None else constant,
                rounded.get("mix"),
            )
        )
    names = state.feature_names
    check_scaling(architecture.offset, architecture.scale, names, dtype, OTHER_UNITS)
    offset, scale = (_rounded(getattr(architecture, name), dtype, name) for name in ("offset", "scale"))
    return Chain(
        dtype,
        offset if offset.any() else None,
        scale if (scale != 1).any() else None,
        tuple(layers),
        max(1, len(architecture.loss.quantiles)),
        None if architecture.classes is None else tuple(map(str, class_names.restored(architecture.classes))),
        None if names is None else tuple(map(_text, names)),
    )


def _norm(
    spec: Normalization | None, parts: dict[str, Array], dtype: np.dtype[Any]
) -> BatchNormArrays | LayerNormArrays | None:
    if spec is None:
        return None
    epsilon = dtype.type(spec.epsilon)
    if isinstance(spec, LayerNorm):
        return LayerNormArrays(parts["gamma"], float(epsilon), parts.get("product_bias"))
    factor = dtype.type(1) / np.sqrt(parts["variance"] + epsilon)
    return BatchNormArrays(parts["mean"], factor, parts["gamma"])


def _text(name: Name) -> str:
    try:
        return str(restored(name))
    except (ImportError, ValueError):  # a name of a pandas type where pandas is not installed
        return repr(name)


def _rounded(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        found = np.asarray(array.astype(dtype))
    if not np.isfinite(found).all():
        value = array[~np.isfinite(found)].flat[0]
        raise ValueError(f"{name} holds {value:g}: expected numbers that are finite in {dtype}")
    return np.where(np.abs(found) < np.finfo(dtype).smallest_normal, found * 0, found)


def widest(chain: Chain) -> tuple[int, int]:
    """Return the numbers that two buffers take which the layers but the last alternate between."""
    first = 0 if chain.offset is None and chain.scale is None and chain.layers[0].scale is None else chain.inputs
    sizes = [first, *chain.sizes[1:-1]]
    return max(sizes[0::2], default=0), max(sizes[1::2], default=0)


def parameters_in(chain: Chain) -> int:
    """Return the number of weights and biases."""
    return sum(
        k * m + m * (layer.B is not None) for layer, (k, m) in zip(chain.layers, pairwise(chain.sizes), strict=True)
    )
