"""Activations in ONNX are known by their nodes, however exporters write them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fcnet as fc
from fcnet._importing.onnx.expressions import Algebra
from onnx_mutants import graph

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
W, W2, B = (RNG.standard_normal(shape).astype(np.float32) for shape in ((2, 3), (3, 2), 3))
FIRST, LAST = ("Gemm", "x W B", "h"), ("MatMul", "f W2", "y")


def read(*nodes, **arrays):
    return fc.from_onnx(graph(*nodes, W=W, W2=W2, B=B, **arrays))


WRITTEN = {  # as exporters write them: nodes from h to f
    "gelu": [
        ("Div", "h r", "a"),
        ("Erf", "a", "b"),
        ("Add", "b one", "c"),
        ("Mul", "h c", "d"),
        ("Mul", "d half", "f"),
    ],
    "gelu_tanh": [
        ("Pow", "h three", "a"),
        ("Mul", "cubic a", "b"),
        ("Add", "h b", "c"),
        ("Mul", "c slope", "d"),
        ("Tanh", "d", "e"),
        ("Add", "one e", "g"),
        ("Mul", "half h", "i"),
        ("Mul", "i g", "f"),
    ],
    "silu": [("Sigmoid", "h", "a"), ("Mul", "a h", "f")],
    "mish": [("Softplus", "h", "a"), ("Tanh", "a", "b"), ("Mul", "h b", "f")],
    "softplus": [("Exp", "h", "a"), ("Add", "a one", "b"), ("Log", "b", "f")],
    "softplus of torch": [
        ("Softplus", "h", "a"),
        ("Greater", "h twenty", "b"),
        ("Where", "b h a", "f"),
    ],
    "sigmoid": [("Neg", "h", "a"), ("Exp", "a", "b"), ("Add", "one b", "c"), ("Div", "one c", "f")],
    "sigmoid by reciprocal": [("Neg", "h", "a"), ("Exp", "a", "b"), ("Add", "b one", "c"), ("Reciprocal", "c", "f")],
    "relu by max": [("Max", "h zero", "f")],
    "relu by clip": [("Clip", "h zero", "f")],
    "relu by where": [("Greater", "h zero", "a"), ("Where", "a h zero", "f")],
    "leaky_relu": [("LeakyRelu", "h", "f", {"alpha": 0.01})],
    "leaky_relu by max": [("Mul", "h leak", "a"), ("Max", "h a", "f")],
    "leaky_relu by where": [("Mul", "h leak", "a"), ("GreaterOrEqual", "h zero", "b"), ("Where", "b h a", "f")],
    "leaky_relu by PRelu": [("PRelu", "h leak", "f")],
    "elu": [("Elu", "h", "f")],
    "elu by where": [
        ("Exp", "h", "a"),
        ("Sub", "a one", "b"),
        ("Greater", "h zero", "c"),
        ("Where", "c h b", "f"),
    ],
    "selu": [("Selu", "h", "f")],
    "exp": [("Exp", "h", "f")],
    "relu6": [("Clip", "h zero six", "f")],
    "relu6 by Relu": [("Relu", "h", "a"), ("Min", "a six", "f")],
    "hard_swish": [("HardSwish", "h", "f")],
    "hard_swish by HardSigmoid": [("HardSigmoid", "h", "a", {"alpha": 1 / 6}), ("Mul", "h a", "f")],
    "hard_swish by clip": [
        ("Add", "h three", "a"),
        ("Clip", "a zero six", "b"),
        ("Mul", "h b", "c"),
        ("Div", "c six", "f"),
    ],
    "tanh": [("Tanh", "h", "f")],
    "softmax": [("Softmax", "h", "f", {"axis": 1})],
}
NUMBERS = {"one": 1.0, "half": 0.5, "three": 3.0, "r": math.sqrt(2), "cubic": 0.044715, "slope": math.sqrt(2 / math.pi)}
NUMBERS |= {"six": 6.0, "twenty": 20.0, "zero": 0.0, "leak": 0.01}


@pytest.mark.parametrize("what", WRITTEN)
def test_an_activation_is_known_by_its_nodes(what):
    named = {name for node in WRITTEN[what] for name in node[1].split()}
    net = read(FIRST, *WRITTEN[what], LAST, **{name: value for name, value in NUMBERS.items() if name in named})
    assert [layer.activation for layer in net.layers] == [what.partition(" ")[0], "identity"]
    assert np.array_equal(net.layers[0].W, W)
    assert np.array_equal(net.layers[1].W, W2)


SLOPES = {
    "LeakyRelu": ([("LeakyRelu", "h", "f", {"alpha": 0.2})], fc.activations.LeakyReLU(0.2)),
    "slope by max": ([("Mul", "h half", "a"), ("Max", "h a", "f")], fc.activations.LeakyReLU(0.5)),
    "PRelu": ([("PRelu", "h half", "f")], fc.activations.LeakyReLU(0.5)),
    "Elu": ([("Elu", "h", "f", {"alpha": 0.3})], fc.activations.ELU(0.3)),
}


@pytest.mark.parametrize("what", SLOPES)
def test_slopes_and_alphas_are_read(what):
    nodes, expected = SLOPES[what]
    given = {"half": 0.5} if any("half" in node[1] for node in nodes) else {}
    assert read(FIRST, *nodes, LAST, **given).layers[0].activation == expected


def test_a_function_that_is_nearly_an_activation_is_none():
    nodes = WRITTEN["gelu"]
    for name, value in (("r", 1.41), ("one", 1.001)):
        given = {"r": NUMBERS["r"], "one": 1.0, "half": 0.5, name: value}
        with pytest.raises(ValueError, match="Mul 'd'|joins paths from 'h'"):
            read(FIRST, *nodes, LAST, **given)


def test_expressions_have_one_form():
    a = Algebra()
    x, two = a.x, a.constant(2.0)
    assert a.plus(x, x) == a.times(two, x) == a.scaled(x, 2.0)
    assert a.clip(a.scaled(x, 2.0), 0.0, 12.0) == a.scaled(a.clip(x, 0.0, 6.0), 2.0)
    assert a.clip(a.scaled(x, -1.0), -6.0, 0.0) == a.scaled(a.clip(x, 0.0, 6.0), -1.0)
    assert a.plus(a.clip(x, 0.0, math.inf), a.clip(x, -math.inf, 0.0)) == x
    assert a.clip(a.plus(x, two), 0.0, 6.0) == a.plus(a.clip(x, -2.0, 4.0), two)
    assert a.activation(a.leaky_relu(x, 0.25)) == ("leaky_relu", 0.25)
    assert a.activation(a.elu(x, 0.75)) == ("elu", 0.75)
    assert a.activation(a.clip(x, 0.0, 5.0)) is None
    assert a.activation(x) is None
