"""What each operator adds to the chain of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._importing.onnx.attributes import attribute, check_cast, short
from fcnet._importing.onnx.chain import Chain
from fcnet._importing.onnx.constants import integers
from fcnet._importing.onnx.graph import Graph, as_vector, refuse
from fcnet._model.normalization import BatchNorm, LayerNorm
from fcnet._onnx.parse import Node

Handler = Callable[[Graph, Chain, Node], None]


def _needed(graph: Graph, node: Node, position: int) -> NDArray[Any]:
    """Return an input that is a constant.

    Raises
    ------
    ValueError : it is left out, or depends on the network's input.
    """
    found = graph.numbers(node, position)
    if found is None:
        raise ValueError(f"its input {position} is missing: expected a constant")
    return found


def _of_varying(graph: Graph, node: Node) -> int:
    """Return the position of the one input that is no constant, of two.

    Raises
    ------
    ValueError : there are others.
    """
    if len(node.inputs) != 2 or len(graph.varying(node)) != 1:
        raise ValueError("it joins two paths that are no activation of fcnet: expected a chain")
    return 0 if node.inputs[0] in graph.varying(node) else 1


def _add(graph: Graph, chain: Chain, node: Node) -> None:
    chain.add(as_vector(_needed(graph, node, 1 - _of_varying(graph, node))))


def _sub(graph: Graph, chain: Chain, node: Node) -> None:
    varying = _of_varying(graph, node)
    if varying:
        chain.multiply(np.array([-1.0]))
    vector = as_vector(_needed(graph, node, 1 - varying))
    chain.add(vector if varying else -vector)


def _mul(graph: Graph, chain: Chain, node: Node) -> None:
    chain.multiply(as_vector(_needed(graph, node, 1 - _of_varying(graph, node))))


def _div(graph: Graph, chain: Chain, node: Node) -> None:
    if _of_varying(graph, node):
        raise ValueError("it divides by the network's values: expected a constant below")
    divisor = as_vector(_needed(graph, node, 1))
    with np.errstate(all="ignore"):
        factor = 1 / divisor
    if not np.isfinite(factor).all():
        raise ValueError("it divides by 0")
    chain.multiply(factor)


def _neg(graph: Graph, chain: Chain, node: Node) -> None:
    chain.multiply(np.array([-1.0]))


def _matmul(graph: Graph, chain: Chain, node: Node) -> None:
    if _of_varying(graph, node):
        raise ValueError("it multiplies weights by values: expected values by weights")
    chain.product(_needed(graph, node, 1))


def _gemm(graph: Graph, chain: Chain, node: Node) -> None:
    if node.inputs[0] not in graph.varying(node) or attribute(node, "transA", 0):
        raise ValueError("it multiplies weights by values: expected values by weights")
    weights = _needed(graph, node, 1)
    chain.product(weights.T if attribute(node, "transB", 0) else weights)
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    if alpha != 1:
        chain.multiply(as_vector(np.array(alpha)))
    bias = graph.numbers(node, 2)
    if bias is not None and beta:
        chain.add(as_vector(bias) * beta)


def _scaler(graph: Graph, chain: Chain, node: Node) -> None:
    for name, apply in (("offset", lambda v: chain.add(-v)), ("scale", chain.multiply)):
        given = node.attributes.get(name)
        if isinstance(given, np.ndarray) and given.size:
            apply(as_vector(given))


def _vectors(graph: Graph, node: Node) -> list[NDArray[np.float64]]:
    return [as_vector(_needed(graph, node, i)) for i in range(1, len(node.inputs)) if node.inputs[i]]


def _batch_norm(graph: Graph, chain: Chain, node: Node) -> None:
    if attribute(node, "training_mode", 0) or not attribute(node, "spatial", 1):
        raise ValueError("it normalises by the batch: expected running statistics")
    gamma, beta, mean, variance = _vectors(graph, node)
    momentum = 1 - short(node.attributes.get("momentum", 0.9))
    options = {"momentum": round(momentum, 7)} if 0 < round(momentum, 7) <= 1 else {}
    epsilon = short(node.attributes.get("epsilon", 1e-5))
    chain.batch_norm(gamma, beta, mean, variance, BatchNorm(epsilon, **options))


def _layer_norm(graph: Graph, chain: Chain, node: Node) -> None:
    if attribute(node, "axis", -1) not in (-1, 1):
        raise ValueError("it normalises other axes than the last")
    gamma, *others = _vectors(graph, node)
    chain.layer_norm(gamma, others[0] if others else None, LayerNorm(short(node.attributes.get("epsilon", 1e-5))))


def _softmax(graph: Graph, chain: Chain, node: Node) -> None:
    if attribute(node, "axis", -1 if graph.opset >= 13 else 1) not in (-1, 1):
        raise ValueError("it adds up other axes than the last")
    chain.activate("softmax")


def _log_softmax(graph: Graph, chain: Chain, node: Node) -> None:
    if not all(map(graph.is_end, node.outputs)):
        raise ValueError("it is not the last node: expected LogSoftmax only there")
    _softmax(graph, chain, node)
    console.warn(f"LogSoftmax {node.name or node.outputs[0]!r} is read as softmax: the network gives probabilities")


def _cast(graph: Graph, chain: Chain, node: Node) -> None:
    check_cast(node)


def _dropout(graph: Graph, chain: Chain, node: Node) -> None:
    training = graph.numbers(node, 2)
    if (training is not None and training.any()) or any(not graph.is_end(name) for name in node.outputs[1:] if name):
        raise ValueError("it drops outputs: expected a graph for prediction")


def _flatten(graph: Graph, chain: Chain, node: Node) -> None:
    if attribute(node, "axis", 1) != 1:
        raise ValueError("it flattens rows: expected axis 1")


def _reshape(graph: Graph, chain: Chain, node: Node) -> None:
    shape = integers(graph.numbers(node, 1) if len(node.inputs) > 1 else node.attributes.get("shape"))
    is_last = all(map(graph.is_end, node.outputs))
    if len(shape) == 2 and (shape[0] in (-1, 0) and (shape[1] in (-1, chain.width) or chain.width is None)):
        if shape[1] > 0 and chain.width is None:
            chain.width = shape[1]
        if sum(size == -1 for size in shape) < 2:
            return
    if is_last and chain.width == 1 and shape == [-1]:
        return
    if is_last and shape == [-1, 1]:  # as skl2onnx writes it for several outputs
        console.warn(
            f"Reshape {node.name or node.outputs[0]!r} makes one column of {chain.width}, of shape "
            f"({chain.width} * rows, 1): the network's outputs have another shape, (rows, {chain.width})"
        )
        return
    raise ValueError(f"it makes the shape {shape} of rows of {chain.width}: expected rows")


def _squeeze(graph: Graph, chain: Chain, node: Node) -> None:
    axes = graph.numbers(node, 1) if len(node.inputs) > 1 else node.attributes.get("axes")
    if chain.width != 1 or integers(axes) not in ([1], [-1]) or not all(map(graph.is_end, node.outputs)):
        raise ValueError("it takes an axis away: expected that only of one output")


def _nothing(graph: Graph, chain: Chain, node: Node) -> None:
    """Identity."""


HANDLERS: dict[str, Handler] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Div": _div,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "Identity": _nothing,
    "LayerNormalization": _layer_norm,
    "LogSoftmax": _log_softmax,
    "MatMul": _matmul,
    "Mul": _mul,
    "Neg": _neg,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Squeeze": _squeeze,
    "Sub": _sub,
    "ai.onnx.ml.Scaler": _scaler,
}


def apply(graph: Graph, chain: Chain, node: Node) -> bool:
    """Add an operator to the chain; return whether it is one that is read.

    Raises
    ------
    ValueError : the chain has no place for it; the message names the node.
    """
    handler = HANDLERS.get(f"{node.domain}.{node.op}" if node.domain else node.op)
    if handler is None:
        return False
    try:
        handler(graph, chain, node)
    except (ValueError, TypeError) as error:
        refuse(node, error)
    return True
