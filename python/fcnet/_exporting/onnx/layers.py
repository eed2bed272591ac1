"""The layers of a network as nodes of ONNX, from its inputs to its outputs as ``predict`` returns them."""

from __future__ import annotations

import numpy as np

from fcnet._exporting.onnx.activations import activated
from fcnet._exporting.onnx.columns import embedded
from fcnet._exporting.onnx.parameters import Parameters, converted
from fcnet._model.normalization import LayerNorm, Normalization
from fcnet._onnx.graph import Graph


def predicted(graph: Graph, parameters: Parameters, x: str) -> str:
    """Add the nodes of a network, and return the name of its outputs.

    Raises
    ------
    ValueError : an array holds a number that is not finite in the graph's type.
    """
    architecture = parameters.architecture
    h = embedded(graph, parameters, _scaled(graph, parameters, x))
    has_members = architecture.members is not None
    for i, spec in enumerate(architecture.specs):
        graph.place = f"layers.{i}."
        h = (_of_members if has_members else _plain)(graph, parameters, i, h)
        h_in, h = h, activated(graph, spec.activation, h)
        if spec.parametric:
            change = graph.add("Sub", h, h_in)
            mix = graph.constant("mix", parameters.of_layer(i, "mix"))
            h = graph.add("Add", h_in, graph.add("Mul", mix, change))
    graph.place = ""
    h = graph.mean(h, 0, keep=False) if has_members else h
    quantiles, outputs = len(architecture.loss.quantiles), architecture.sizes[-1]
    return _sorted(graph, h, quantiles, outputs) if quantiles > 1 else h


def _scaled(graph: Graph, parameters: Parameters, x: str) -> str:
    """``scale (x - offset)``, whose nodes stay by themselves: folded into W a large offset would cost digits."""
    offset, scale = parameters.scaling()
    if offset.any():
        x = graph.add("Sub", x, graph.constant("offset", offset))
    if (scale != 1).any():
        x = graph.add("Mul", x, graph.constant("scale", scale))
    return x


def _plain(graph: Graph, parameters: Parameters, i: int, h: str) -> str:
    """The h_in of a layer."""
    spec = parameters.architecture.specs[i]
    if spec.scale:
        h = graph.add("Mul", h, graph.constant("scale", parameters.of_layer(i, "scale")))
    if isinstance(spec.normalization, LayerNorm):
        weights = graph.constant("W", parameters.of_layer(i, "W"))
        if spec.normalization.product_bias:
            bias = graph.constant("product_bias", parameters.of_layer(i, "product_bias"))
            return _layer_norm(graph, parameters, i, graph.add("Gemm", h, weights, bias))
        z = graph.add("MatMul", h, weights)
        return _layer_norm(graph, parameters, i, z)
    w, b = parameters.of_layer(i, "W"), parameters.of_layer(i, "B")
    if isinstance(spec.normalization, Normalization):
        factor = parameters.exact(i, "gamma") / np.sqrt(parameters.exact(i, "variance") + spec.normalization.epsilon)
        shift = parameters.exact(i, "B") - parameters.exact(i, "mean") * factor
        of = f"with its normalization, of layers[{i}]"
        w = converted(parameters.exact(i, "W") * factor, graph.dtype, f"W {of}")
        b = converted(shift, graph.dtype, f"B {of}")
    elif not spec.bias:
        return graph.add("MatMul", h, graph.constant("W", w))
    return graph.add("Gemm", h, graph.constant("W", w), graph.constant("B", b))


def _layer_norm(graph: Graph, parameters: Parameters, i: int, z: str) -> str:
    spec = parameters.architecture.specs[i]
    gamma, b = (graph.constant(name, parameters.of_layer(i, name)) for name in ("gamma", "B"))
    epsilon = float(getattr(spec.normalization, "epsilon", 0))
    if graph.opset >= 17 and graph.dtype == np.float32:  # whose epsilon is one of float32
        # always with B: onnxruntime 1.15 ends the process where it is missing
        return graph.add("LayerNormalization", z, gamma, b, axis=-1, epsilon=epsilon)
    centred = graph.add("Sub", z, graph.mean(z, -1, keep=True))
    variance = graph.mean(graph.add("Mul", centred, centred), -1, keep=True)
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.real(epsilon)))
    return graph.add("Add", graph.add("Mul", graph.add("Div", centred, deviation), gamma), b)


def _of_members(graph: Graph, parameters: Parameters, i: int, h: str) -> str:
    """The h_in (members, batch, m) of a layer; the first one takes x (batch, k)."""
    spec = parameters.architecture.specs[i]

    def own(name: str) -> str:
        """An array (k, members) as (members, 1, k)."""
        return graph.constant(name, np.ascontiguousarray(parameters.of_layer(i, name).T[:, None]))

    h = graph.add("Mul", h, own("R")) if "R" in spec.own else h
    w = parameters.of_layer(i, "W")
    w = np.ascontiguousarray(np.moveaxis(w, -1, 0)) if "W" in spec.own else w
    h = graph.add("MatMul", h, graph.constant("W", w))
    h = graph.add("Mul", h, own("S")) if "S" in spec.own else h
    if not spec.bias:
        return h
    return graph.add("Add", h, own("B") if "B" in spec.own else graph.constant("B", parameters.of_layer(i, "B")))


def _sorted(graph: Graph, h: str, quantiles: int, outputs: int) -> str:
    """The quantiles of each target in ascending order, as ``predict`` sorts them."""
    several = quantiles < outputs
    if several:  # 0 is the size that is there, also where that is 0
        shape = np.array([0, outputs // quantiles, quantiles])
        h = graph.add("Reshape", h, graph.constant("by_target", shape))
    k = graph.constant("quantiles", np.array([quantiles]))
    h = graph.add_several("TopK", h, k, outputs=2, axis=-1, largest=0, sorted=1)[0]
    return graph.add("Reshape", h, graph.constant("flat", np.array([0, outputs]))) if several else h
