"""Layer normalisation that is written as several nodes, as before opset 17."""

from __future__ import annotations

import numpy as np

from fcnet._importing.onnx.attributes import attribute, short
from fcnet._importing.onnx.chain import Chain
from fcnet._importing.onnx.constants import integers
from fcnet._importing.onnx.graph import Graph, Region, refuse
from fcnet._model.normalization import LayerNorm
from fcnet._onnx.parse import Node

_CENTRED = ("ReduceMean", "Sub")
_DIVIDED = ({"Mul", "Pow"}, {"ReduceMean"}, {"Add"}, {"Sqrt"}, {"Div"})


def apply_layer_norm(graph: Graph, chain: Chain, region: Region) -> str | None:
    """Add ``c / sqrt(mean(c^2) + epsilon)`` with ``c = h - mean(h)`` to the chain, and return the name of its value.

    None where the region is not its first two nodes, or what follows is something else.

    Raises
    ------
    ValueError : the chain has no place for it; the message names the node.
    """
    if tuple(node.op for node in region.nodes) != _CENTRED:
        return None
    following = graph.region(region.end, len(_DIVIDED))
    if following is None or len(following.nodes) != len(_DIVIDED):
        return None
    nodes = (*region.nodes, *following.nodes)
    try:
        epsilon = _epsilon(graph, nodes)
    except ValueError:
        return None
    try:
        chain.layer_norm(np.ones(1), None, LayerNorm(epsilon))
    except ValueError as error:
        refuse(nodes[-1], error)
    return following.end


def _epsilon(graph: Graph, nodes: tuple[Node, ...]) -> float:
    """Return epsilon.

    Raises
    ------
    ValueError : the nodes are not layer normalisation.
    """
    mean, centred, square, variance, sum_, root, quotient = nodes
    if any(node.op not in ops for node, ops in zip(nodes[2:], _DIVIDED, strict=True)):
        raise ValueError("other operators")
    h, c = mean.inputs[0], centred.outputs[0]
    is_square = square.inputs == (c, c) if square.op == "Mul" else graph.number(square, 1) == 2
    follows = (
        is_square
        and centred.inputs == (h, mean.outputs[0])
        and variance.inputs[0] == square.outputs[0]
        and graph.varying(sum_) == [variance.outputs[0]]
        and root.inputs == sum_.outputs
        and quotient.inputs == (c, root.outputs[0])
        and all(_is_of_rows(graph, node) for node in (mean, variance))
    )
    epsilon = graph.number(sum_, 1 - sum_.inputs.index(variance.outputs[0])) if follows else None
    if epsilon is None:
        raise ValueError("another order")
    return short(epsilon)


def _is_of_rows(graph: Graph, node: Node) -> bool:
    axes = graph.numbers(node, 1) if len(node.inputs) > 1 else node.attributes.get("axes")
    return integers(axes) in ([-1], [1]) and attribute(node, "keepdims", 1) == 1
