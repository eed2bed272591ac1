"""The float32 form of a header: arrays, functions and the body of ``net_predict``."""

from __future__ import annotations

import numpy as np

from fcnet._exporting.c import functions
from fcnet._exporting.c.text import array, number
from fcnet._exporting.chain import Array, BatchNormArrays, Chain, ChainLayer, LayerNormArrays, widest


class FloatCode:
    """The parts of a header in float32.

    Parameters
    ----------
    chain : Chain, of float32
    """

    includes = ("math.h",)

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    @property
    def constants(self) -> int:
        """Bytes of the constant arrays."""
        return sum(values.nbytes for _, values in self._arrays())

    @property
    def stack(self) -> int:
        """Bytes of the buffers."""
        return 4 * sum(widest(self._chain))

    def about(self) -> list[str]:
        """What the numbers are, for the comment."""
        return [
            "Computes in float32. Networks of ReLU and without an activation at the end give the bits of",
            "Network.predict for rows of float32 where fused multiply-add is used, see NAME_predict;",
            "functions of math.h may differ in the last bits.",
        ]

    def arrays(self) -> str:
        """The constant arrays."""
        return "\n".join(array("float", f"NAME_{name}", values) for name, values in self._arrays())

    def _arrays(self) -> list[tuple[str, Array]]:
        given = [("offset", self._chain.offset), ("scale", self._chain.scale)]
        for i, layer in enumerate(self._chain.layers):
            norm = layer.norm
            parts: list[tuple[str, Array | None]] = [("scale", layer.scale), ("W", layer.W), ("B", layer.B)]
            parts += [("mean", norm.mean), ("factor", norm.factor)] if isinstance(norm, BatchNormArrays) else []
            parts += [("gamma", norm.gamma)] if norm is not None else []
            parts += [("product_bias", norm.product_bias)] if isinstance(norm, LayerNormArrays) else []
            parts += [("mix", layer.mix)]
            given += [(f"{part}{i}", values) for part, values in parts]
        return [(name, values) for name, values in given if values is not None and values.ndim]

    def functions(self) -> str:
        """The functions that the layers need."""
        layers = self._chain.layers
        needed = [functions.MULTIPLY_ADD, functions.RESTRICT, functions.DENSE]
        if any(isinstance(layer.norm, LayerNormArrays) for layer in layers):
            needed.append(functions.LAYER_NORM)
        return "\n".join([*needed, *of_activations([layer.activation for layer in layers]), *of_quantiles(self._chain)])

    def body(self) -> list[str]:
        """The statements of ``net_predict(x, y)``."""
        sizes = widest(self._chain)
        buffers = [f"{name}[{n}]" for name, n in zip("ab", sizes, strict=True) if n]
        lines = [f"float {', '.join(buffers)};"] if buffers else []
        statements, h = self._inputs()
        for i, layer in enumerate(self._chain.layers):
            last = i + 1 == len(self._chain.layers)
            to = "y" if last else "ab"[(i + 1) % 2]
            statements += self._layer(i, layer, h, to)
            h = to
        statements += sorts(self._chain)
        lines += ["int i;"] if any("(i = 0;" in line for line in statements) else []
        return lines + statements

    def _inputs(self) -> tuple[list[str], str]:
        """The first layer's inputs, and where they are."""
        chain = self._chain
        scale = chain.layers[0].scale
        if chain.offset is None and chain.scale is None and scale is None:
            return [], "x"
        lines = [
            "const float d = x[i];"
            if chain.offset is None
            else f"const float d = x[i] - {entry('offset', chain.offset)};"
        ]
        lines.append("a[i] = d;" if chain.scale is None else f"a[i] = d * {entry('scale', chain.scale)};")
        return [loop(chain.inputs, *lines)], "a"

    def _layer(self, i: int, layer: ChainLayer, h: str, to: str) -> list[str]:
        k, m = layer.W.shape
        norm, b = layer.norm, f"NAME_B{i}" if layer.B is not None else "0"
        lines = [] if layer.scale is None else [loop(k, f"{h}[i] *= NAME_scale{i}[i];")]
        has_own = isinstance(norm, LayerNormArrays) and norm.product_bias is not None
        start = f"NAME_product_bias{i}" if has_own else "0" if norm else b
        lines.append(f"NAME_dense({h}, {k}, &NAME_W{i}[0][0], {start}, {to}, {m});")
        if isinstance(norm, BatchNormArrays):
            d, normal = f"const float d = {to}[i] - NAME_mean{i}[i];", f"const float normal = d * NAME_factor{i}[i];"
            beta = f"NAME_B{i}[i]" if layer.B is not None else "0.0f"
            lines.append(loop(m, d, normal, f"{to}[i] = PREFIX_MULTIPLY_ADD(NAME_gamma{i}[i], normal, {beta});"))
        if isinstance(norm, LayerNormArrays):
            lines.append(f"NAME_layer_norm({to}, {m}, NAME_gamma{i}, {b}, {number(norm.epsilon)});")
        if layer.mix is None:
            return lines + activates(layer, to)
        rest, given = (
            "const float rest = 1.0f - mix, unchanged = rest * h;",
            f"const float h = {to}[i], mix = NAME_mix{i}[i];",
        )
        changed = f"PREFIX_MULTIPLY_ADD(mix, {_call(layer, 'h')}, unchanged)"
        return [*lines, loop(m, given, rest, f"{to}[i] = {changed};")]


def of_activations(names: list[str]) -> list[str]:
    """Return the functions of activations, each once."""
    found = {text: None for name in names for text in functions.ACTIVATIONS.get(name, ())}
    return [*found, *([functions.SOFTMAX] if "softmax" in names else [])]


def of_quantiles(chain: Chain) -> list[str]:
    """Return the function that sorts quantiles, if there are several."""
    return [functions.SORT] if chain.quantiles > 1 else []


def activates(layer: ChainLayer, to: str) -> list[str]:
    """Return the statement that puts the values of a layer's activation in place of its arguments."""
    count = layer.W.shape[1]
    if layer.activation == "identity":
        return []
    if layer.activation == "softmax":
        return [f"NAME_softmax({to}, {count});"]
    return [loop(count, f"{to}[i] = {_call(layer, f'{to}[i]')};")]


def _call(layer: ChainLayer, h: str) -> str:
    constant = "" if layer.constant is None else f", {number(np.float32(layer.constant))}"
    return f"NAME_{layer.activation}({h}{constant})"


def sorts(chain: Chain) -> list[str]:
    """Return the statement that sorts the quantiles of each target, if there are several."""
    if chain.quantiles == 1:
        return []
    return [f"for (i = 0; i < {chain.outputs}; i += {chain.quantiles}) NAME_sort(y + i, {chain.quantiles});"]


def entry(name: str, values: Array) -> str:
    """Return the number of input i: of an array, or the one of all."""
    return f"NAME_{name}[i]" if values.ndim else number(values.item())


def loop(count: int, *lines: str) -> str:
    """Return a loop over i."""
    head = f"for (i = 0; i < {count}; ++i)"
    if len(lines) == 1:
        return f"{head} {lines[0]}"
    return "\n".join([f"{head} {{", *(f"  {line}" for line in lines), "}"])
