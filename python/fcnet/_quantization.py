"""Quantisation of a chain of layers to 8 bits: whole numbers for weights and activations, and the NumPy reference.

A number v is ``q s``, with q from -127 to 127 and a scale s: of weights one for each output, of the activations that
go into a layer one for all. ``sums = q_h q_W + q_B`` are exact in 32 bits; what goes into the next layer is
``sums f / s'`` with ``f = s_h s_W``, rounded to a whole number, half away from zero, by a whole multiplier and a shift.
Legend: k inputs and m outputs of a layer, n rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST = 127
_BIAS_BITS = 30
MOST_INPUTS = (2**31 - 1 - 2**_BIAS_BITS) // MOST**2  # of a layer, so that no sum exceeds 32 bits: 66,572
_MULTIPLIER_BITS = 31
_MOST_SHIFT = 62


def scale_of(values: Array) -> float:
    """Return the scale of activations: the largest becomes 127. It is 1 where all are 0."""
    most = float(np.abs(values).max(initial=0))
    return most / MOST if most > 0 else 1.0


def rounded(values: Array) -> Array:
    """Return whole numbers from -127 to 127, rounded half away from zero, in the type of the values."""
    half = np.asarray(0.5, values.dtype)
    return np.asarray(np.clip(np.trunc(values + np.copysign(half, values)), -MOST, MOST))


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A layer in float64, ``F(h W + B)`` with F one of relu, leaky_relu, identity: W (k, m), B (m,)."""

    W: Array
    B: Array
    activation: str
    slope: float = 0.01  # of leaky_relu


@dataclass(frozen=True, eq=False)
class Rescaling:
    """``sum multiplier / 2^shift`` for each output: both whole numbers (m,), below 2^31 and from 1 to 62."""

    multiplier: Array
    shift: Array

    @classmethod
    def of(cls, factor: Array) -> Rescaling:
        """Return the nearest of factors >= 0, with 31 bits unless it is so small that all sums become 0."""
        _, exponent = np.frexp(factor)
        shift = np.clip(_MULTIPLIER_BITS - exponent, 1, _MOST_SHIFT)
        multiplier = np.rint(np.ldexp(factor, shift))
        return cls(np.minimum(multiplier, 2**_MULTIPLIER_BITS - 1).astype(np.int32), shift.astype(np.int8))

    def __call__(self, sums: Array) -> Array:
        """Rescale sums (n, m) of int32, rounded half away from zero and cut to -127 .. 127."""
        size = np.abs(sums.astype(np.int64)) * self.multiplier.astype(np.int64)
        shift = self.shift.astype(np.int64)
        return np.asarray(np.sign(sums) * np.minimum((size + (np.int64(1) << (shift - 1))) >> shift, MOST))


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """W (k, m) of int8, B (m,) of int32, and what makes activations of the sums.

    ``factor`` (m,) is the float32 number that a sum stands for, ``rescaling`` and ``below_zero`` lead to the next
    layer's activations, by sign of the sum; they are None in the last layer.
    """

    W: Array
    B: Array
    factor: Array
    activation: str
    rescaling: Rescaling | None
    below_zero: Rescaling | None

    def sums(self, h: Array) -> Array:
        """Return the sums (n, m) of whole activations h (n, k)."""
        return h.astype(np.int32) @ self.W.astype(np.int32) + self.B

    def __call__(self, h: Array) -> Array:
        """Return the next layer's whole activations (n, m), or the last layer's outputs in float32."""
        sums = self.sums(h)
        if self.rescaling is None:
            return sums.astype(np.float32) * self.factor
        if self.activation == "identity":
            return self.rescaling(sums)
        below = 0 if self.below_zero is None else self.below_zero(sums)
        return np.where(sums > 0, self.rescaling(sums), below)


def quantized_layer(layer: FloatLayer, of_inputs: float, of_outputs: float | None) -> QuantizedLayer:
    """Quantise a layer, given the scales of the activations before and behind it; of_outputs is None for the last one.

    Raises
    ------
    ValueError : it has more inputs than 32 bits can sum.
    """
    if len(layer.W) > MOST_INPUTS:
        raise ValueError(f"a layer has {len(layer.W):,} inputs: expected at most {MOST_INPUTS:,} for int8")
    of_weights = np.abs(layer.W).max(axis=0) / MOST
    of_weights = np.maximum(of_weights, np.abs(layer.B) / (of_inputs * 2.0**_BIAS_BITS))  # so that B fits
    of_weights = np.where(of_weights > 0, of_weights, 1.0)
    factor = np.minimum(of_inputs * of_weights, np.finfo(np.float32).max)
    whole = rounded(layer.W / of_weights).astype(np.int8)
    bias = np.clip(np.rint(layer.B / factor), -(2**_BIAS_BITS), 2**_BIAS_BITS).astype(np.int32)
    last, leaks = of_outputs is None, layer.activation == "leaky_relu"
    rescaling = None if of_outputs is None else Rescaling.of(factor / of_outputs)
    below_zero = Rescaling.of(layer.slope * factor / of_outputs) if of_outputs is not None and leaks else None
    return QuantizedLayer(
        whole, bias, factor.astype(np.float32), "identity" if last else layer.activation, rescaling, below_zero
    )


def outputs(layer: FloatLayer, h: Array) -> Array:
    """Return F(h W + B)."""
    h = h @ layer.W + layer.B
    if layer.activation == "identity":
        return np.asarray(h)
    return np.where(h > 0, h, (layer.slope if layer.activation == "leaky_relu" else 0) * h)


def quantized(layers: Sequence[FloatLayer], h: Array) -> tuple[float, list[QuantizedLayer]]:
    """Quantise layers by the largest activations of rows h (n, k) of the first one's inputs.

    Parameters
    ----------
    layers : sequence of FloatLayer
        The activation of the last one is left to the caller.
    h : array (n, k) of float64

    Returns
    -------
    float, list of QuantizedLayer
        The scale of the first layer's inputs, and the layers.

    Raises
    ------
    ValueError : as for ``quantized_layer``, or activations are not finite.
    """
    first = before = scale_of(h)
    found = []
    for i, layer in enumerate(layers):
        with np.errstate(over="ignore", invalid="ignore"):
            h = outputs(layer, h)
        if not (np.abs(h) <= np.finfo(np.float32).max).all():
            raise ValueError(
                f"outputs of layers[{i}] are not finite in float32 for the rows of calibration: expected finite ones"
            )
        behind = None if i + 1 == len(layers) else scale_of(h)
        found.append(quantized_layer(layer, before, behind))
        before = behind or before
    return first, found
