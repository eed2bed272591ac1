"""Activations as nodes of ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fcnet._onnx.graph import Graph

_LEAK = 0.01
_ALPHA, _LAMBDA = 1.6732632423543772848, 1.0507009873554804934  # of selu
_ONE_NODE: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": _LEAK}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {"alpha": _ALPHA, "gamma": _LAMBDA}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "exp": ("Exp", {}),
    "softmax": ("Softmax", {"axis": -1}),
}


def check_type(name: str, dtype: np.dtype[Any], place: str) -> None:
    """Raise ValueError if no runtime is known that computes an activation in this type."""
    if dtype == np.float64 and name == "gelu":
        raise ValueError(
            f"dtype is 'float64', and {place} has gelu, whose operator Erf onnxruntime has in float32 only: expected "
            "'float32'"
        )


def activated(graph: Graph, name: str, h: str) -> str:
    """Add the nodes of an activation, and return the name of its output."""
    if name == "identity":
        return h
    if graph.dtype == np.float64 and name in ("leaky_relu", "elu", "selu", "softplus", "mish"):
        return _of_others(graph, name, h)
    if name in _ONE_NODE:
        operator, options = _ONE_NODE[name]
        return graph.add(operator, h, **options)
    if name == "silu":
        return graph.add("Mul", h, graph.add("Sigmoid", h))
    if name == "mish":
        return graph.add("Mul", h, graph.add("Tanh", graph.add("Softplus", h)))
    if graph.opset >= 20 and graph.dtype == np.float32:  # onnxruntime's is off by 3e-9 in float64
        return graph.add("Gelu", h, approximate="tanh" if name == "gelu_tanh" else "none")
    return _gelu(graph, h) if name == "gelu" else _gelu_tanh(graph, h)


def _of_others(graph: Graph, name: str, h: str) -> str:
    """An activation whose operator onnxruntime has in float32 only, by others; its absolute error is some 1e-16."""
    if name == "leaky_relu":
        return graph.add("Max", h, graph.add("Mul", h, graph.real(_LEAK)))
    positive = graph.add("Max", h, graph.real(0))
    if name in ("elu", "selu"):
        power = graph.add("Sub", graph.add("Exp", graph.add("Min", h, graph.real(0))), graph.real(1))
        if name == "elu":
            return graph.add("Add", positive, power)
        sum_ = graph.add("Add", positive, graph.add("Mul", power, graph.real(_ALPHA)))
        return graph.add("Mul", sum_, graph.real(_LAMBDA))
    power = graph.add("Exp", graph.add("Neg", graph.add("Abs", h)))
    softplus = graph.add("Add", positive, graph.add("Log", graph.add("Add", power, graph.real(1))))
    return softplus if name == "softplus" else graph.add("Mul", h, graph.add("Tanh", softplus))


def _gelu(graph: Graph, h: str) -> str:
    """``h (1 + erf(h / sqrt(2))) / 2``."""
    erf = graph.add("Erf", graph.add("Mul", h, graph.real(math.sqrt(0.5))))
    return graph.add("Mul", graph.add("Mul", h, graph.add("Add", erf, graph.real(1))), graph.real(0.5))


def _gelu_tanh(graph: Graph, h: str) -> str:
    """``h (1 + tanh(sqrt(2 / pi) (h + 0.044715 h^3))) / 2``."""
    cube = graph.add("Mul", graph.add("Mul", h, h), h)
    inner = graph.add("Add", h, graph.add("Mul", cube, graph.real(0.044715)))
    tanh = graph.add("Tanh", graph.add("Mul", inner, graph.real(math.sqrt(2 / math.pi))))
    return graph.add("Mul", graph.add("Mul", h, graph.add("Add", tanh, graph.real(1))), graph.real(0.5))
