"""Which activation some nodes are: each is computed as an expression, which is compared with those of activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from fcnet._importing.onnx.attributes import attribute, short
from fcnet._importing.onnx.constants import FLOATS
from fcnet._importing.onnx.expressions import SELU_ALPHA, SELU_FACTOR, Algebra, Expression
from fcnet._importing.onnx.graph import Graph, Region
from fcnet._onnx.parse import Node

_LONGEST = 40  # nodes that one activation may be written as
_LONGEST_BEHIND_SUM = 4  # where the first of them is a sum or a factor


class Found(NamedTuple):
    """An activation by name, its constant (slope or alpha) if it has one, and its nodes."""

    name: str
    constant: float | None
    region: Region


def _divide(algebra: Algebra, a: Expression, b: Expression) -> Expression:
    return algebra.times(a, algebra.function("reciprocal", b))


def _power(algebra: Algebra, a: Expression, b: Expression) -> Expression:
    [(monomial, exponent)] = b or (((), 0.0),)
    if monomial or exponent not in (1.0, 2.0, 3.0):
        raise ValueError("it is no square or cube")
    result = a
    for _ in range(int(exponent) - 1):
        result = algebra.times(result, a)
    return result


def _value(expression: Expression) -> float:
    """Return the number that an expression is."""
    [(monomial, value)] = expression or (((), 0.0),)
    if monomial:
        raise ValueError("it is no number")
    return value


def _clip(algebra: Algebra, node: Node, given: list[Expression | None]) -> Expression:
    a, *ends = given
    of_inputs = [None if end is None else _value(end) for end in ends]
    low, high = [*of_inputs, None, None][:2]
    least = attribute(node, "min", -math.inf) if low is None else low
    most = attribute(node, "max", math.inf) if high is None else high
    assert a is not None
    return algebra.clip(a, short(least), short(most))


def _gelu(algebra: Algebra, node: Node, a: Expression) -> Expression:
    return algebra.gelu_tanh(a) if attribute(node, "approximate", "none") == "tanh" else algebra.gelu(a)


def _swish(algebra: Algebra, node: Node, a: Expression) -> Expression:
    return algebra.times(a, algebra.function("sigmoid", algebra.scaled(a, short(attribute(node, "alpha", 1.0)))))


def _selu(algebra: Algebra, node: Node, a: Expression) -> Expression:
    alpha, factor = attribute(node, "alpha", SELU_ALPHA), attribute(node, "gamma", SELU_FACTOR)
    return algebra.scaled(algebra.elu(a, alpha), factor)


def _hard_sigmoid(algebra: Algebra, node: Node, a: Expression) -> Expression:
    slope, shift = short(attribute(node, "alpha", 0.2)), short(attribute(node, "beta", 0.5))
    return algebra.clip(algebra.plus(algebra.scaled(a, slope), algebra.constant(shift)), 0.0, 1.0)


_BINARY: dict[str, Callable[[Algebra, Expression, Expression], Expression]] = {
    "Add": lambda algebra, a, b: algebra.plus(a, b),
    "Sub": lambda algebra, a, b: algebra.plus(a, b, -1.0),
    "Mul": lambda algebra, a, b: algebra.times(a, b),
    "Div": _divide,
    "Pow": _power,
    "Max": lambda algebra, a, b: algebra.plus(b, algebra.clip(algebra.plus(a, b, -1.0), 0.0, math.inf)),
    "Min": lambda algebra, a, b: algebra.plus(a, algebra.clip(algebra.plus(a, b, -1.0), 0.0, math.inf), -1.0),
    "PRelu": lambda algebra, a, b: algebra.leaky_relu(a, _value(b)),
}
_UNARY: dict[str, Callable[[Algebra, Node, Expression], Expression]] = {
    **{
        name: lambda algebra, node, a: algebra.function(node.op.lower(), a)
        for name in ("Erf", "Exp", "Log", "Reciprocal", "Sigmoid", "Softplus", "Tanh")
    },
    "Abs": lambda algebra, node, a: algebra.magnitude(a),
    "Identity": lambda algebra, node, a: a,
    "Neg": lambda algebra, node, a: algebra.scaled(a, -1.0),
    "Relu": lambda algebra, node, a: algebra.clip(a, 0.0, math.inf),
    "LeakyRelu": lambda algebra, node, a: algebra.leaky_relu(a, short(attribute(node, "alpha", 0.01))),
    "Elu": lambda algebra, node, a: algebra.elu(a, short(attribute(node, "alpha", 1.0))),
    "Selu": _selu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda algebra, node, a: algebra.hard_swish(a),
    "Mish": lambda algebra, node, a: algebra.mish(a),
    "Swish": _swish,
    "Gelu": _gelu,
}


_CONVERSIONS, _SUMS = ("Cast", "Identity"), ("Add", "Div", "Mul", "Sub")
_FUNCTIONS = {*_BINARY, *_UNARY, "Cast", "Clip", "Greater", "GreaterOrEqual", "Where"}
_ALGEBRA = Algebra()


def _apply(algebra: Algebra, graph: Graph, node: Node, known: dict[str, Any]) -> Any:
    """Return what a node makes of expressions and numbers.

    Raises
    ------
    ValueError : it is no function of one number, or one that is not needed for activations.
    """
    given: list[Any] = []
    for position, name in enumerate(node.inputs):
        if name in known:
            given.append(known[name])
            continue
        number = graph.number(node, position)
        if number is None and (name or node.op != "Clip"):
            raise ValueError("it has a constant of many numbers")
        given.append(None if number is None else algebra.constant(number))
    if node.domain or not given:
        raise ValueError("it is no function of one number")
    if node.op in ("Greater", "GreaterOrEqual"):
        return "above", given[0], _value(given[1])
    if node.op == "Where":
        condition, yes, no = given
        if condition[:1] != ("above",):
            raise ValueError("it is no condition of one number")
        return algebra.where_above(condition[1], condition[2], yes, no)
    if any(isinstance(value, tuple) and value[:1] == ("above",) for value in given):
        raise ValueError("it takes a condition")
    if node.op == "Clip":
        return _clip(algebra, node, given)
    if node.op in _BINARY and len(given) == 2 and None not in given:
        return _BINARY[node.op](algebra, *given)
    if node.op == "Cast" and attribute(node, "to", 0) in FLOATS:
        return given[0]
    if node.op in _UNARY and len(given) == 1:
        return _UNARY[node.op](algebra, node, given[0])
    raise ValueError("it is no function of one number")


def match_activation(graph: Graph, value: str) -> Found | None:
    """Return the longest activation behind a value; None where there is none."""
    algebra, found, start = _ALGEBRA.copy(), None, value
    known: dict[str, Any] = {value: algebra.x}
    nodes: list[Node] = []
    longest = _LONGEST
    while len(nodes) < longest:
        region = graph.region(start, longest - len(nodes))
        if region is None:
            break
        if not all(node.op in _FUNCTIONS for node in region.nodes):
            break
        if not nodes and len(region.nodes) == 1 and region.nodes[0].op in _CONVERSIONS:
            break  # what follows is looked at from there
        if not nodes and len(region.nodes) == 1 and region.nodes[0].op in _SUMS:
            longest = _LONGEST_BEHIND_SUM
        try:
            for node in region.nodes:
                [output] = node.outputs
                known[output] = _apply(algebra, graph, node, known)
            expression = known[region.end]
            if expression[:1] == ("above",):
                break
            activation = algebra.activation(expression)
        except (ValueError, ZeroDivisionError, OverflowError):
            break  # no function of one number
        nodes += region.nodes
        start = region.end
        if activation is not None:
            found = Found(*activation, Region(nodes[:], start))
    return found
