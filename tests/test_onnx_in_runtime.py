"""Chains of operators drawn at random are the networks that onnxruntime computes."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from onnx_mutants import graph

from interop import library

onnxruntime = library("onnxruntime")
pytestmark = [pytest.mark.interop, pytest.mark.once]

ACTIVATIONS = {
    **{name: {} for name in ("Relu", "Sigmoid", "Tanh", "Softplus", "Selu", "Elu", "HardSwish")},
    "LeakyRelu": {"alpha": 0.3},
    "Softmax": {"axis": -1},
}


class Chain:
    """Nodes drawn at random, one behind the other, and their constants."""

    def __init__(self, seed):
        self.rng, self.nodes, self.arrays, self.value = np.random.default_rng(seed), [], {}, "x"
        self.width = self.inputs = int(self.rng.integers(1, 7))

    def add(self, operator, inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append((operator, inputs, output, attributes))
        self.value = output

    def constant(self, least=-2.0, most=2.0, shape=None):
        name = f"c{len(self.arrays)}"
        shapes = [(self.width,), (1, self.width), ()]
        given = shape or shapes[self.rng.integers(3)]
        self.arrays[name] = np.asarray(self.rng.uniform(least, most, given), np.float32)
        return name

    def shift(self):
        """A sum, difference, factor or quotient."""
        kind = self.rng.integers(6)
        if kind < 2:
            pair = [self.value, self.constant()][:: 1 if kind else -1]
            self.add("Add", " ".join(pair))
        elif kind == 2:
            self.add("Sub", f"{self.value} {self.constant()}")
        elif kind == 3:
            self.add("Sub", f"{self.constant()} {self.value}")
        elif kind == 4:
            self.add("Mul", f"{self.value} {self.constant(0.5)}")
        else:
            self.add("Div", f"{self.value} {self.constant(0.5)}")

    def batch_norm(self):
        parts = [self.constant(0.5, 2.0, (self.width,)) for _ in range(4)]
        self.add("BatchNormalization", " ".join([self.value, *parts]), epsilon=1e-3)

    def layer_norm(self):
        parts = [self.constant(0.5, 2.0, (self.width,)) for _ in range(int(self.rng.integers(1, 3)))]
        self.add("LayerNormalization", " ".join([self.value, *parts]), axis=-1, epsilon=1e-2)

    def product(self, units):
        if self.rng.random() < 0.5:
            self.add("MatMul", f"{self.value} {self.constant(shape=(self.width, units))}")
            self.width = units
        else:
            transposed = int(self.rng.integers(2))
            shape = (units, self.width) if transposed else (self.width, units)
            weights = self.constant(shape=shape)
            self.width = units
            numbers = {"alpha": 0.5, "beta": float(self.rng.choice([1.0, 2.0]))}
            self.add("Gemm", f"{self.value} {weights} {self.constant()}", transB=transposed, **numbers)

    def has_layer_norm(self):
        return any(node[0] == "LayerNormalization" for node in self.nodes)

    def maybe(self, *kinds):
        for kind in kinds:
            if self.rng.random() < 0.5:
                kind()


def some_chain(seed):
    chain = Chain(seed)
    chain.maybe(chain.shift, chain.shift, chain.batch_norm)
    layers = int(chain.rng.integers(1, 4))
    for i in range(layers):
        last = i == layers - 1
        chain.product(int(chain.rng.integers(2, 7)))
        chain.maybe(chain.shift, chain.shift)
        chain.maybe(*([chain.batch_norm] if last or chain.rng.random() < 0.5 else [chain.layer_norm]), chain.shift)
        if not last or chain.rng.random() < 0.5:
            name = str(chain.rng.choice(list(ACTIVATIONS)[: -1 if chain.has_layer_norm() else None]))
            chain.add(name, chain.value, **ACTIVATIONS[name])
            if not last:
                chain.maybe(chain.shift, chain.batch_norm)
    return chain


@pytest.mark.parametrize("seed", range(150))
def test_a_chain_drawn_at_random_is_what_onnxruntime_computes(seed):
    chain = some_chain(seed)
    model = graph(*chain.nodes, width=chain.inputs, outputs=(chain.value,), opset=17, **chain.arrays)
    net = fc.from_onnx(model)
    x = np.random.default_rng(seed).standard_normal((32, chain.inputs)).astype(np.float32)
    [expected] = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    predicted = net.predict(x)
    assert predicted.shape == expected.shape
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=4e-6 * np.abs(expected).max())  # 1.3e-6, measured
