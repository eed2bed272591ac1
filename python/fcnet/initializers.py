"""Initializers of the weights; biases start at 0, unless ``from_data`` chooses them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers, whole_number
from fcnet._checks.suggestions import meant
from fcnet.reference.columns import embed

if TYPE_CHECKING:
    from fcnet.layers import Layer
    from fcnet.network import Network

__all__ = ["Constant", "Initializer", "Orthogonal", "VarianceScaling", "from_data"]

Array = NDArray[Any]
InitializerName = Literal[
    "auto",
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "zeros",
]


class Initializer:
    """Base class of the initializers."""

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Draw the weights (k, m) of a layer with k inputs and m outputs."""
        raise NotImplementedError


@suggesting
@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random, independent weights with mean 0 and variance ``scale / fan``.

    Parameters
    ----------
    scale : float > 0
    fan : {"in", "mean"}
        The number of the layer's inputs, or the mean of its numbers of inputs and outputs.
    distribution : {"normal", "uniform"}

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    scale: float = 1.0
    fan: Literal["in", "mean"] = "in"
    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        check_numbers(self, {"scale": ("a positive, finite number", lambda value: 0 < value < math.inf)})
        if not isinstance(self.fan, str) or self.fan not in ("in", "mean"):
            raise ValueError(f"fan is {self.fan!r}: expected 'in' or 'mean'")
        if not isinstance(self.distribution, str) or self.distribution not in ("normal", "uniform"):
            raise ValueError(f"distribution is {self.distribution!r}: expected 'normal' or 'uniform'")

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        spread = math.sqrt(self.scale / (k if self.fan == "in" else (k + m) / 2))
        if self.distribution == "normal":
            return random.normal(0, spread, (k, m))
        return random.uniform(-math.sqrt(3) * spread, math.sqrt(3) * spread, (k, m))


@suggesting
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """``gain`` times a matrix whose rows or columns, whichever are fewer, are orthonormal (Saxe et al. 2014).

    Parameters
    ----------
    gain : float > 0, default 1

    Raises
    ------
    TypeError, ValueError : gain is not as above.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, {"gain": ("a positive, finite number", lambda value: 0 < value < math.inf)})

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        q, r = np.linalg.qr(random.standard_normal((max(k, m), min(k, m))))
        q = self.gain * q * np.where(np.diagonal(r) < 0, -1, 1)  # for a uniform distribution
        return q if k >= m else q.T


@suggesting
@dataclass(frozen=True)
class Constant(Initializer):
    """Give all weights the same value.

    Parameters
    ----------
    value : float

    Raises
    ------
    TypeError, ValueError : value is not a finite number.
    """

    value: float

    def __post_init__(self) -> None:
        check_numbers(self, {"value": ("a finite number", math.isfinite)})

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        return np.full((k, m), self.value)


@dataclass(frozen=True, eq=False)
class Given(Initializer):
    """The weights of an array."""

    weights: ArrayLike

    def __repr__(self) -> str:
        return f"Given({' x '.join(map(str, np.shape(self.weights)))} weights)"

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights, which the network checks."""
        return np.asarray(self.weights)


# He et al. 2015; Glorot and Bengio 2010; LeCun et al. 1998
_BY_NAME: dict[str, Initializer] = {
    "he_normal": VarianceScaling(2, "in", "normal"),
    "he_uniform": VarianceScaling(2, "in", "uniform"),
    "glorot_normal": VarianceScaling(1, "mean", "normal"),
    "glorot_uniform": VarianceScaling(1, "mean", "uniform"),
    "lecun_normal": VarianceScaling(1, "in", "normal"),
    "lecun_uniform": VarianceScaling(1, "in", "uniform"),
    "orthogonal": Orthogonal(),
    "zeros": Constant(0),
}


def checked_initializer(given: object) -> Initializer | Literal["auto"]:
    """Return the initializer that the argument ``init`` of ``Dense`` describes.

    Raises
    ------
    ValueError : the name is unknown.
    """
    if isinstance(given, Initializer):
        return given
    if not isinstance(given, str):
        return Given(given)  # type: ignore[arg-type]
    if given == "auto":
        return "auto"
    if given not in _BY_NAME:
        names = get_args(InitializerName)
        raise ValueError(f"init is {given!r}: expected one of {', '.join(names)}, or an array{meant(given, names)}")
    return _BY_NAME[given]


def first_weights(init: Initializer, k: int, m: int, seed: int, layer: int) -> Array:
    """Draw the initial weights (k, m) of a layer; the result depends on the arguments only."""
    random = np.random.Generator(np.random.Philox(key=np.array([seed, layer], np.uint64)))
    return init.draw(k, m, random)


_ROWS_AT_ONCE = 8192


@suggesting
def from_data(net: Network, x: ArrayLike, *, bias_rows: int = 5, seed: int | None = None) -> None:
    """Scale the weights and choose the biases of an untrained network by the data, layer after layer.

    The weights of every neuron are divided by the standard deviation of ``h_prev W`` over the rows, so that h_in has
    variance 1. Then ``B = -sum_i w_i (h_prev W)[r_i]`` for random rows r_i and random shares w_i, the same number for
    each neuron: the neuron bends where the data are. These are "std" and "he+5" of RealMLP (Holzmueller et al. 2024).
    What goes into the first layer of a network with ``Columns`` are the embeddings, which stay as they are.
    Normalised layers, and neurons whose ``h_prev W`` is constant, are left as they are.

    Parameters
    ----------
    net : Network
    x : array-like (n, inputs)
        The training rows.
    bias_rows : int >= 0, default 5
        Rows for the bias of a neuron; 0 leaves the biases as they are.
    seed : int >= 0, optional
        Of rows and shares; the default is the network's.

    Raises
    ------
    TypeError, ValueError : an argument is not as above; x is empty.

    Examples
    --------
    >>> import numpy as np
    >>> import fcnet as fc
    >>> x = np.random.default_rng(0).standard_normal((1000, 3)) * [1, 10, 100]
    >>> net = fc.Network([3, 16, 1], loss="mse", seed=0)
    >>> fc.initializers.from_data(net, x)
    >>> np.std(x @ net.layers[0].W, axis=0).round(2)[:3]
    array([1., 1., 1.])
    """
    bias_rows = whole_number(bias_rows, "bias_rows", 0)
    seed = net.seed if seed is None else whole_number(seed, "seed", 0)
    rows = np.asarray(x)
    if rows.ndim != 2 or rows.shape[1] != net.sizes[0] or not len(rows):
        raise ValueError(f"x has shape {rows.shape}: expected (n, {net.sizes[0]}) with at least one row")
    if not np.isfinite(rows.astype(float, copy=False)).all():
        raise ValueError("x has numbers that are not finite: expected none")
    if net.members is not None:
        raise ValueError("the network has members, which from_data does not know: expected a network without")
    if net.columns is not None:
        net.columns.specification.codes.check(rows, "x", None)
    random = np.random.default_rng([seed, 2])
    for i, layer in enumerate(net.layers):
        if layer.normalization is not None:
            continue
        spread = _deviations(net, rows, i)
        layer.W = np.where(spread > 0, layer.W / np.where(spread > 0, spread, 1), layer.W)
        if bias_rows and layer.bias:
            drawn = random.integers(len(rows), size=(bias_rows, net.sizes[i + 1]))
            shares = random.exponential(size=drawn.shape)
            shares /= shares.sum(axis=0)
            # neuron j of row drawn[r, j]
            at = [np.einsum("jk,kj->j", _into(net, rows[row], i), layer.W) for row in drawn]
            layer.B = -(shares * at).sum(axis=0)


def _into(net: Network, rows: Array, layer: int) -> Array:
    """Return what multiplies the weights of a layer, in float64."""
    of: Layer = net.layers[layer]
    h = net.activations(rows)[layer - 1] if layer else (np.asarray(rows, np.float64) - net.offset) * net.scale
    if layer == 0 and net.columns is not None:
        arrays = [np.asarray(array, np.float64) for array in net.columns.arrays()]
        h = embed(h, arrays, **net.columns.specification.embedding_of_rows())
    return np.asarray(h, np.float64) * (of.scale if hasattr(of, "scale") else 1)


def _deviations(net: Network, rows: Array, layer: int) -> Array:
    """Return the standard deviation of ``h_prev W`` over the rows, for each neuron."""
    total = squares = np.zeros(net.sizes[layer + 1])
    first = (_into(net, rows[:1], layer) @ net.layers[layer].W)[0]  # shifts the numbers: their mean may be large
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        z = _into(net, rows[start : start + _ROWS_AT_ONCE], layer) @ net.layers[layer].W - first
        total, squares = total + z.sum(axis=0), squares + (z * z).sum(axis=0)
    deviations: Array = np.sqrt(np.maximum(squares / len(rows) - (total / len(rows)) ** 2, 0))
    return deviations
