"""Rows that are reshaped by what ``Shape`` says: ``x.view(x.size(0), -1)`` of PyTorch, which is x where it has rows."""

from __future__ import annotations

from typing import Any

from fcnet._importing.onnx.attributes import attribute
from fcnet._importing.onnx.chain import Chain
from fcnet._importing.onnx.constants import integers
from fcnet._importing.onnx.graph import Graph, Region
from fcnet._onnx.parse import Node

_ROWS = "rows"  # stands for the number of rows in a shape
_LONGEST = 8
Sizes = list[Any]


def apply_reshape(graph: Graph, chain: Chain, value: str, region: Region) -> str | None:
    """Return the last value of a region that makes rows of columns again; None where it is another one."""
    *nodes, last = region.nodes
    if last.op != "Reshape" or len(last.inputs) != 2 or last.inputs[0] != value:
        return None
    whole: Sizes | None = [None, chain.width] if value != graph.input else graph.input_shape
    if whole is None or None in whole[1:]:
        return None
    known = {value: [_ROWS, *whole[1:]]}
    try:
        for node in nodes:
            known[node.outputs[0]] = _sizes(graph, node, known)
        shape = _given(graph, last, 1, known)
    except (IndexError, TypeError, ValueError):
        return None
    is_rows = len(shape) == 2 and shape[0] in (_ROWS, -1) and shape[1] in (-1, chain.width) and shape != [-1, -1]
    return region.end if is_rows else None


def _given(graph: Graph, node: Node, position: int, known: dict[str, Sizes]) -> Sizes:
    name = node.inputs[position]
    return known[name] if name in known else integers(graph.numbers(node, position))


def _sizes(graph: Graph, node: Node, known: dict[str, Sizes]) -> Sizes:
    """Return the sizes that a node makes of a shape.

    Raises
    ------
    ValueError : it is none of those that take shapes apart and put them together.
    """
    op, first = node.op, _given(graph, node, 0, known)
    if op == "Shape":
        return first[attribute(node, "start", 0) : attribute(node, "end", len(first))]
    if op in ("Cast", "Identity", "Squeeze", "Unsqueeze"):
        return first
    if op == "Concat":
        joined = [size for i in range(len(node.inputs)) for size in _given(graph, node, i, known)]
        if len(joined) > _LONGEST:
            raise ValueError("it is long")
        return joined
    if op == "Gather":
        return [first[i] for i in _given(graph, node, 1, known)]
    if op == "Slice" and len(node.inputs) <= 4:
        [begin], [end] = (_given(graph, node, i, known) for i in (1, 2))
        return first[begin:end]
    raise ValueError("it is no shape")
