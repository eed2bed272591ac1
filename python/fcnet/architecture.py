"""What a network is before it has weights, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import arrays
from fcnet._native import Model

Loss = Literal["cross_entropy", "mse", "rmse"]
Activation = Literal["identity", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus"]
_ACTIVATIONS = get_args(Activation)
ARGUMENTS = ("sizes", "loss", "seed", "dtype", "scale", "offset", "activation")


def _float_type(given: DTypeLike) -> np.dtype[Any]:
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = np.dtype(object)
    if given is None or dtype not in (np.float32, np.float64) or not dtype.isnative:
        raise ValueError(f"dtype is {given!r}: expected float32 or float64")
    return dtype


def _activations(given: Activation | Sequence[Activation], layers: int) -> tuple[Activation, ...]:
    """One for each of the hidden layers."""
    names = (given,) * layers if isinstance(given, str) else given
    if not isinstance(names, Sequence):
        raise TypeError(f"activation is {given!r}: expected a name like 'relu', or one for each hidden layer")
    for name in (given,) if isinstance(given, str) else names:
        if name not in _ACTIVATIONS:
            raise ValueError(f"activation is {name!r}: expected one of {', '.join(_ACTIVATIONS)}")
    if len(names) != layers:
        raise ValueError(f"activation has {len(names)} names: expected one, or {layers}, one for each hidden layer")
    return tuple(names)


@dataclass(frozen=True, eq=False)
class Architecture:
    """Sizes, loss, type, seed and input scaling, as ``Network`` documents them."""

    sizes: tuple[int, ...]
    loss: Loss
    seed: int
    dtype: np.dtype[Any]
    scale: NDArray[Any]
    offset: NDArray[Any]
    hidden: tuple[Activation, ...]

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        loss: Loss,
        seed: int | None,
        dtype: DTypeLike,
        scale: ArrayLike,
        offset: ArrayLike,
        activation: Activation | Sequence[Activation],
    ) -> Architecture:
        """From what a user gives.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network`` expects.
        """
        if isinstance(sizes, str | bytes) or not isinstance(sizes, Sequence | np.ndarray):
            raise TypeError(f"sizes is {sizes!r}: expected a sequence like [784, 512, 10]")
        if len(sizes) < 2:
            raise ValueError(f"sizes is {list(sizes)!r}: expected at least the numbers of inputs and outputs")
        checked = tuple(arrays.whole_number(n, f"sizes[{i}]", 1, 2**62) for i, n in enumerate(sizes))
        if loss not in get_args(Loss):
            raise ValueError(f"loss is {loss!r}: expected 'cross_entropy', 'mse' or 'rmse'")
        type_ = _float_type(dtype)
        seed = int.from_bytes(os.urandom(8)) if seed is None else arrays.whole_number(seed, "seed", 0, 2**64 - 1)
        factors = arrays.per_feature(scale, checked[0], type_, "scale")
        zeros = arrays.per_feature(offset, checked[0], type_, "offset")
        return cls(checked, loss, seed, type_, factors, zeros, _activations(activation, len(checked) - 2))

    def arguments(self) -> dict[str, Any]:
        """What ``of`` takes, in plain values and arrays."""
        plain = list(self.sizes), self.loss, self.seed, self.dtype.name
        return dict(zip(ARGUMENTS, (*plain, self.scale, self.offset, list(self.hidden)), strict=True))

    @property
    def classifies(self) -> bool:
        """Whether the outputs are class probabilities."""
        return self.loss == "cross_entropy"

    @property
    def activations(self) -> list[str]:
        """The F of every layer."""
        return [*self.hidden, "softmax" if self.classifies else "identity"]

    def model(self, parameters: Sequence[tuple[ArrayLike, ArrayLike]] | None = None) -> Model:
        """The native model, with the (W, B) of every layer or with fresh ones.

        Raises
        ------
        TypeError, ValueError : the parameters are not of these sizes.
        MemoryError, OverflowError : a network of this size does not fit in memory.
        """
        given = None
        if parameters is not None:
            given = [
                (
                    arrays.parameter(w, (k, m), self.dtype, f"W of layer {i}"),
                    arrays.parameter(b, (m,), self.dtype, f"B of layer {i}"),
                )
                for i, ((w, b), (k, m)) in enumerate(zip(parameters, pairwise(self.sizes), strict=True))
            ]
        scales = bool((self.scale != 1).any() or (self.offset != 0).any())
        factors, zeros = (np.full(self.sizes[0], one) if scales else None for one in (self.scale, self.offset))
        return Model(list(self.sizes), self.loss, self.dtype.name, self.seed, factors, zeros, given, list(self.hidden))


class Described:
    """The part of a network that its architecture is, for a user to see."""

    __slots__ = ("_architecture", "_feature_names")
    _architecture: Architecture
    _feature_names: tuple[str, ...] | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return self._architecture.sizes

    @property
    def loss(self) -> Loss:
        """The loss that a fit lowers."""
        return self._architecture.loss

    @property
    def seed(self) -> int:
        """Of the initial weights and the shuffles."""
        return self._architecture.seed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights and of all that is computed."""
        return self._architecture.dtype

    @property
    def scale(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._architecture.scale

    @property
    def offset(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._architecture.offset

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The columns of the first table that the network was fitted on."""
        return self._feature_names

    def summary(self) -> str:
        """A table of the layers.

        Returns
        -------
        str
        """
        rows = [("layer", "W", "activation", "parameters")]
        total = 0
        for i, activation in enumerate(self._architecture.activations):
            k, m = self.sizes[i], self.sizes[i + 1]
            total += (k + 1) * m
            rows.append((str(i), f"{k} x {m}", activation, f"{(k + 1) * m:,}"))
        rows.append(("total", "", "", f"{total:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in rows
        )

    def __repr__(self) -> str:
        options = {name: value for name, value in self._architecture.arguments().items() if name != "sizes"}
        for name, usual in (("scale", 1), ("offset", 0), ("activation", "relu")):
            if np.all(np.asarray(options[name]) == usual):
                del options[name]
        text = ", ".join(f"{name}={value!r}" for name, value in options.items())
        return f"{type(self).__name__}({list(self.sizes)}, {text})"
