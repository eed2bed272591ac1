"""The int8 form of a header: arrays, functions and the body of ``net_predict``; and what it computes, by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet import _quantization
from fcnet._exporting.c.floats import activates, entry, loop, of_activations, of_quantiles, sorts
from fcnet._exporting.c.text import array
from fcnet._exporting.chain import Array, BatchNormArrays, Chain, ChainLayer
from fcnet._quantization import FloatLayer, QuantizedLayer
from fcnet.activations import WITH_CONSTANT
from fcnet.reference import activation

_HIDDEN = ("relu", "leaky_relu", "identity")

_QUANTIZED = """\
/* The whole number nearest to v, from -127 to 127. */
static inline int8_t NAME_quantized(float v)
{
  const float r = v < 0.0f ? v - 0.5f : v + 0.5f;
  return (int8_t)(r >= 127.0f ? 127 : r > -127.0f ? (int)r : -127);
}
"""

_SUM = """\
/* b + the sum of x w, which 32 bits hold. */
static inline int32_t NAME_sum(const int8_t *x, const int8_t *w, int32_t b, int k)
{
  int i;
  for (i = 0; i < k; ++i) b += (int32_t)x[i] * w[i];
  return b;
}
"""

_RESCALED = """\
/* sum multiplier / 2^shift, rounded half away from 0 and cut to -127 .. 127. */
static inline int8_t NAME_rescaled(int32_t sum, int32_t multiplier, int shift)
{
  const int64_t size = (sum < 0 ? -(int64_t)sum : (int64_t)sum) * multiplier;
  const int64_t whole = (size + ((int64_t)1 << (shift - 1))) >> shift;
  const int q = whole > 127 ? 127 : (int)whole;
  return (int8_t)(sum < 0 ? -q : q);
}
"""


class IntegerCode:
    """The parts of a header in int8.

    Parameters
    ----------
    chain : Chain, of float32
    rows : array (n, inputs) of float32
        The rows of calibration.

    Raises
    ------
    ValueError : the network has what int8 does not.
    """

    includes = ("math.h", "stdint.h")

    def __init__(self, chain: Chain, rows: Array) -> None:
        self._chain = chain
        h = rows.astype(float) - (0 if chain.offset is None else chain.offset)
        h = h if chain.scale is None else h * chain.scale
        self._scale, self._layers = _quantization.quantized(
            [_folded(i, layer, len(chain.layers)) for i, layer in enumerate(chain.layers)], h
        )
        factor = (np.ones(()) if chain.scale is None else chain.scale.astype(float)) / self._scale
        self._factor: Array = factor.astype(np.float32)
        self.measured = ""

    def predict(self, rows: Array) -> Array:
        """Return what ``net_predict`` computes for rows of float32, up to the functions of math.h at the end."""
        x = rows if self._chain.offset is None else rows - self._chain.offset
        h = _quantization.rounded(x * self._factor)
        for layer in self._layers:
            h = layer(h)
        last = self._chain.layers[-1]
        kind: Any = WITH_CONSTANT.get(last.activation)
        y = np.asarray(activation(h, last.activation if kind is None else kind(last.constant)), np.float32)
        return np.sort(y.reshape(len(y), -1, self._chain.quantiles)).reshape(y.shape)

    @property
    def constants(self) -> int:
        """Bytes of the constant arrays."""
        return sum(values.nbytes for _, _, values in self._arrays())

    @property
    def stack(self) -> int:
        """Bytes of the buffers."""
        return sum(self._buffers())

    def _buffers(self) -> tuple[int, int]:
        sizes = self._chain.sizes[:-1]
        return max(sizes[0::2]), max(sizes[1::2], default=0)

    def about(self) -> list[str]:
        """What the numbers are, for the comment."""
        return [
            "Computes with weights and activations of 8 bits and sums of 32 bits; inputs beyond those of the rows of",
            f"calibration are cut off. {self.measured}",
        ]

    def _arrays(self) -> list[tuple[str, str, Array]]:
        given: list[tuple[str, str, Array | None]] = [("float", "offset", self._chain.offset)]
        given += [("float", "factor", self._factor)]
        for i, layer in enumerate(self._layers):
            given += [("int8_t", f"W{i}", layer.W.T), ("int32_t", f"B{i}", layer.B)]
            for name, by in (("", layer.rescaling), ("_below", layer.below_zero)):
                if by is not None:
                    given += [
                        ("int32_t", f"multiplier{name}{i}", by.multiplier),
                        ("int8_t", f"shift{name}{i}", by.shift),
                    ]
            given += [("float", f"factor{i}", layer.factor)] if layer.rescaling is None else []
        return [(type_, name, values) for type_, name, values in given if values is not None and values.ndim]

    def arrays(self) -> str:
        """The constant arrays."""
        return "\n".join(array(type_, f"NAME_{name}", values) for type_, name, values in self._arrays())

    def functions(self) -> str:
        """The functions that the layers need."""
        needed = [_QUANTIZED, _SUM, *([_RESCALED] if len(self._layers) > 1 else [])]
        return "\n".join([*needed, *of_activations([self._chain.layers[-1].activation]), *of_quantiles(self._chain)])

    def body(self) -> list[str]:
        """The statements of ``net_predict(x, y)``."""
        buffers = ", ".join(f"{name}[{n}]" for name, n in zip("ab", self._buffers(), strict=True) if n)
        lines = [f"int8_t {buffers};", "int i;", _inputs(self._chain, self._factor)]
        for i, layer in enumerate(self._layers):
            lines.append(_layer(i, layer, *("ab" if i % 2 == 0 else "ba")))
        return [*lines, *activates(self._chain.layers[-1], "y"), *sorts(self._chain)]


def _inputs(chain: Chain, factor: Array) -> str:
    d = "x[i]" if chain.offset is None else f"x[i] - {entry('offset', chain.offset)}"
    lines = f"const float d = {d};", f"const float v = d * {entry('factor', factor)};"
    return loop(chain.inputs, *lines, "a[i] = NAME_quantized(v);")


def _layer(i: int, layer: QuantizedLayer, h: str, to: str) -> str:
    k, m = layer.W.shape
    total = f"const int32_t sum = NAME_sum({h}, NAME_W{i}[i], NAME_B{i}[i], {k});"
    if layer.rescaling is None:
        return loop(m, total, f"y[i] = (float)sum * NAME_factor{i}[i];")

    def rescaled(which: str) -> str:
        return f"NAME_rescaled(sum, NAME_multiplier{which}{i}[i], NAME_shift{which}{i}[i])"

    below = {"identity": rescaled(""), "relu": "0"}.get(layer.activation) or rescaled("_below")
    value = rescaled("") if layer.activation == "identity" else f"sum > 0 ? {rescaled('')} : {below}"
    return loop(m, total, f"{to}[i] = {value};")


def _folded(i: int, layer: ChainLayer, layers: int) -> FloatLayer:
    """Return the layer in float64 with scale and batch normalisation within W and B.

    Raises
    ------
    ValueError : it has what int8 does not.
    """
    last = i + 1 == layers
    if not last and (layer.activation not in _HIDDEN or layer.mix is not None):
        given = f"parametric {layer.activation}" if layer.mix is not None else layer.activation
        raise ValueError(f"layers[{i}] has activation {given!r}: expected {', '.join(_HIDDEN)} for dtype='int8'")
    w = layer.W.astype(float)
    b = np.zeros(w.shape[1]) if layer.B is None else layer.B.astype(float)
    if layer.scale is not None:
        w = w * layer.scale.astype(float)[:, None]
    if isinstance(layer.norm, BatchNormArrays):
        factor = layer.norm.factor.astype(float) * layer.norm.gamma
        w, b = w * factor, b - layer.norm.mean * factor
    elif layer.norm is not None:
        raise ValueError(f"layers[{i}] has layer normalization: expected none, or 'batch', for dtype='int8'")
    slope = 0.0 if layer.constant is None else layer.constant
    return FloatLayer(w, b, "identity" if last else layer.activation, slope)
