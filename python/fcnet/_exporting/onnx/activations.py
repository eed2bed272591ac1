"""Activations as nodes of ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fcnet._onnx.graph import Graph
from fcnet.activations import Activation, name_and_constant

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


def check_type(f: str | Activation, dtype: np.dtype[Any], place: str) -> None:
    """Raise ValueError if no runtime is known that computes an activation in this type."""
    if dtype == np.float64 and f == "gelu":
        raise ValueError(
            f"dtype is 'float64', and {place} has gelu, whose operator Erf onnxruntime has in float32 only: expected "
            "'float32'"
        )


def activated(graph: Graph, f: str | Activation, h: str) -> str:
    """Add the nodes of an activation, and return the name of its output."""
    name, constant = name_and_constant(f)
    if name == "identity":
        return h
    if graph.dtype == np.float64 and name in ("leaky_relu", "elu", "selu", "softplus", "silu", "mish"):
        return _of_others(graph, name, constant, h)
    if name in _ONE_NODE:
        operator, options = _ONE_NODE[name]
        return graph.add(operator, h, **options if constant is None else {"alpha": constant})
    if name == "relu6":
        return _relu6(graph, h)
    if name == "hard_swish":
        return graph.add("Mul", h, graph.add("Div", _relu6(graph, graph.add("Add", h, graph.real(3))), graph.real(6)))
    if name == "silu":
        return graph.add("Mul", h, graph.add("Sigmoid", h))
    if name == "mish":
        return graph.add("Mul", h, graph.add("Tanh", graph.add("Softplus", h)))
    if graph.opset >= 20 and graph.dtype == np.float32:  # onnxruntime's is off by 3e-9 in float64
        return graph.add("Gelu", h, approximate="tanh" if name == "gelu_tanh" else "none")
    return _gelu(graph, h) if name == "gelu" else _gelu_tanh(graph, h)


def _of_others(graph: Graph, name: str, constant: float | None, h: str) -> str:
    """An activation whose operator onnxruntime has in float32 only, by others; its absolute error is some 1e-16.

    Versions up to 1.22 make an operator for float32 of ``Mul`` and ``Sigmoid``, which silu would be.
    """
    if name == "silu":
        return graph.add("Div", h, graph.add("Add", graph.add("Exp", graph.add("Neg", h)), graph.real(1)))
    if name == "leaky_relu":
        slope = _LEAK if constant is None else constant
        return graph.add("Max" if slope <= 1 else "Min", h, graph.add("Mul", h, graph.real(slope)))
    positive = graph.add("Max", h, graph.real(0))
    if name in ("elu", "selu"):
        power = graph.add("Sub", graph.add("Exp", graph.add("Min", h, graph.real(0))), graph.real(1))
        if name == "elu":
            scaled = power if constant is None else graph.add("Mul", power, graph.real(constant))
            return graph.add("Add", positive, scaled)
        sum_ = graph.add("Add", positive, graph.add("Mul", power, graph.real(_ALPHA)))
        return graph.add("Mul", sum_, graph.real(_LAMBDA))
    power = graph.add("Exp", graph.add("Neg", graph.add("Abs", h)))
    softplus = graph.add("Add", positive, graph.add("Log", graph.add("Add", power, graph.real(1))))
    return softplus if name == "softplus" else graph.add("Mul", h, graph.add("Tanh", softplus))


def _relu6(graph: Graph, h: str) -> str:
    return graph.add("Clip", h, graph.real(0), graph.real(6))


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
