"""What ``from_onnx`` makes of each operator: the numbers of the graph, as NumPy computes them."""

from __future__ import annotations

import io

import numpy as np
import pytest

import fcnet as fc
from onnx_mutants import graph

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 2)) * 3
W, W2, B = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(3)
V = RNG.standard_normal((3, 3))
W, W2, B, V, X = (array.astype(np.float32) for array in (W, W2, B, V, X))
FIRST, LAST = ("Gemm", "x W B", "h"), ("MatMul", "f W2", "y")


def read(*nodes, **arrays):
    """The network of a graph, whose constants are those that its nodes name."""
    named = {name for node in nodes for name in str(node[1]).split()}
    known = {name: array for name, array in {"W": W, "W2": W2, "B": B}.items() if name in named}
    return fc.from_onnx(graph(*nodes, **(known | arrays)))


def assert_gives(net, expected, x=X):
    np.testing.assert_allclose(net.predict(x), expected, rtol=2e-5, atol=2e-5)


def relu(h):
    return np.maximum(h, 0)


def normalized(h):
    return (h - h.mean(axis=1, keepdims=True)) / np.sqrt(h.var(axis=1, keepdims=True) + 0.01)


def batch_normalized(h):
    return (h - [1, 2, 3]) / np.sqrt(np.array([1, 4, 0.25]) + 0.01) * [2, -1, 0.5] + B


CHAINS = {
    "Gemm with alpha, beta and transB": (
        [("Gemm", "x V B", "h", {"alpha": 0.5, "beta": 2.0, "transB": 1}), ("Relu", "h", "f"), LAST],
        {"V": W.T},
        lambda x: relu(0.5 * x @ W + 2 * B) @ W2,
    ),
    "sums and factors behind a product": (
        [("MatMul", "x W", "a"), ("Add", "B a", "b"), ("Mul", "b c", "d"), ("Sub", "d B", "h"), ("Tanh", "h", "y")],
        {"c": [[2, -1, 0.5]]},
        lambda x: np.tanh((x @ W + B) * [2, -1, 0.5] - B),
    ),
    "a constant less a product": (
        [("MatMul", "x W", "a"), ("Sub", "B a", "y")],
        {},
        lambda x: B - x @ W,
    ),
    "a negative product, divided": (
        [("MatMul", "x W", "a"), ("Neg", "a", "b"), ("Div", "b c", "y")],
        {"c": 4.0},
        lambda x: -(x @ W) / 4,
    ),
    "offset and scale before the first product": (
        [("Sub", "x t", "a"), ("Mul", "a s", "b"), ("MatMul", "b W", "y")],
        {"t": [1, -2], "s": [0.5, 3]},
        lambda x: ((x - [1, -2]) * [0.5, 3]) @ W,
    ),
    "a sum behind a scale": (
        [("Mul", "x s", "a"), ("Add", "a t", "b"), ("MatMul", "b W", "y")],
        {"t": [1, -2], "s": [0.5, 3]},
        lambda x: (x * [0.5, 3] + [1, -2]) @ W,
    ),
    "a sum behind a scale of 0": (
        [("Mul", "x s", "a"), ("Add", "a t", "b"), ("MatMul", "b W", "c"), ("Add", "c B", "y")],
        {"t": [1, -2], "s": [0, 3]},
        lambda x: (x * [0, 3] + [1, -2]) @ W + B,
    ),
    "a scaler": (
        [("ai.onnx.ml.Scaler", "x", "a", {"offset": [1.0, 2.0], "scale": [0.5, 0.25]}), ("MatMul", "a W", "y")],
        {},
        lambda x: ((x - [1, 2]) * [0.5, 0.25]) @ W,
    ),
    "sums and factors behind an activation": (
        [FIRST, ("Relu", "h", "a"), ("Mul", "a c", "b"), ("Add", "b B", "f"), LAST],
        {"c": [2, -1, 0.5]},
        lambda x: (relu(x @ W + B) * [2, -1, 0.5] + B) @ W2,
    ),
    "batch normalisation": (
        [FIRST, ("BatchNormalization", "h c B m v", "a", {"epsilon": 0.01}), ("Relu", "a", "f"), LAST],
        {"c": [2, -1, 0.5], "m": [1, 2, 3], "v": [1, 4, 0.25]},
        lambda x: relu((x @ W + B - [1, 2, 3]) / np.sqrt(np.array([1, 4, 0.25]) + 0.01) * [2, -1, 0.5] + B) @ W2,
    ),
    "batch normalisation of inputs": (
        [("BatchNormalization", "x c d m v", "a", {"epsilon": 0.01}), ("MatMul", "a W", "y")],
        {"c": [2, -1], "d": [3, 4], "m": [1, 2], "v": [1, 4]},
        lambda x: ((x - [1, 2]) / np.sqrt(np.array([1, 4]) + 0.01) * [2, -1] + [3, 4]) @ W,
    ),
    "batch normalisation of the last layer": (
        [FIRST, ("BatchNormalization", "h c B m v", "y", {"epsilon": 0.01})],
        {"c": [2, -1, 0.5], "m": [1, 2, 3], "v": [1, 4, 0.25]},
        lambda x: (x @ W + B - [1, 2, 3]) / np.sqrt(np.array([1, 4, 0.25]) + 0.01) * [2, -1, 0.5] + B,
    ),
    "batch normalisation of an activation": (
        [FIRST, ("Relu", "h", "a"), ("BatchNormalization", "a c B m v", "f", {"epsilon": 0.01}), LAST],
        {"c": [2, -1, 0.5], "m": [1, 2, 3], "v": [1, 4, 0.25]},
        lambda x: ((relu(x @ W + B) - [1, 2, 3]) / np.sqrt(np.array([1, 4, 0.25]) + 0.01) * [2, -1, 0.5] + B) @ W2,
    ),
    "layer normalisation behind a bias": (
        [FIRST, ("LayerNormalization", "h c B", "a", {"epsilon": 0.01}), ("Relu", "a", "f"), LAST],
        {"c": [2, -1, 0.5]},
        lambda x: relu(normalized(x @ W + B) * [2, -1, 0.5] + B) @ W2,
    ),
    "layer normalisation behind a factor and behind sums of an activation": (
        [
            FIRST,
            ("Relu", "h", "a"),
            ("Add", "a B", "b"),
            ("MatMul", "b V", "d"),
            ("Mul", "d c", "e"),
            ("LayerNormalization", "e c", "g", {"epsilon": 0.01}),
            ("Tanh", "g", "f"),
            LAST,
        ],
        {"c": [2, -1, 0.5], "V": V},
        lambda x: np.tanh(normalized((relu(x @ W + B) + B) @ V * [2, -1, 0.5]) * [2, -1, 0.5]) @ W2,
    ),
    "batch normalisation behind a factor and behind sums of an activation": (
        [
            FIRST,
            ("Relu", "h", "a"),
            ("Add", "a B", "b"),
            ("MatMul", "b V", "d"),
            ("Mul", "d c", "e"),
            ("BatchNormalization", "e c B m v", "g", {"epsilon": 0.01}),
            ("Add", "g B", "i"),
            ("Tanh", "i", "f"),
            LAST,
        ],
        {"c": [2, -1, 0.5], "m": [1, 2, 3], "v": [1, 4, 0.25], "V": V},
        lambda x: np.tanh(batch_normalized((relu(x @ W + B) + B) @ V * [2, -1, 0.5]) + B) @ W2,
    ),
    "what changes nothing": (
        [
            ("Flatten", "x", "a", {"axis": 1}),
            ("Cast", "a", "b", {"to": 1}),
            ("Dropout", "b", "c"),
            ("Reshape", "c rows", "d"),
            ("Identity", "d", "e"),
            ("MatMul", "e W", "y"),
        ],
        {"rows": np.array([-1, 2])},
        lambda x: x @ W,
    ),
    "rows by their shape": (
        [
            ("Shape", "x", "a"),
            ("Gather", "a zeroth", "b"),
            ("Unsqueeze", "b zeroth", "c"),
            ("Concat", "c minus", "d", {"axis": 0}),
            ("Reshape", "x d", "e"),
            ("MatMul", "e W", "y"),
        ],
        {"zeroth": np.array([0]), "minus": np.array([-1])},
        lambda x: x @ W,
    ),
    "inner rows by their shape": (
        [
            FIRST,
            ("Shape", "h", "a"),
            ("Slice", "a zeroth one", "b"),
            ("Concat", "b three", "c", {"axis": 0}),
            ("Reshape", "h c", "d"),
            ("Relu", "d", "f"),
            LAST,
        ],
        {"zeroth": np.array([0]), "one": np.array([1]), "three": np.array([3])},
        lambda x: relu(x @ W + B) @ W2,
    ),
    "nodes that nothing depends on": (
        [
            FIRST,
            ("Relu", "h", "f"),
            ("Sin", "f", "u"),
            ("Mul", "u h", "w"),
            LAST,
        ],
        {},
        lambda x: relu(x @ W + B) @ W2,
    ),
    "folded constants": (
        [
            ("Transpose", "V", "V1", {"perm": [1, 0]}),
            ("Cast", "V1", "V2", {"to": 1}),
            ("Unsqueeze", "b axes", "b1"),
            ("Reshape", "b1 flat", "b2"),
            ("Gemm", "x V2 b2", "y"),
        ],
        {"V": W.T.astype(np.float64), "b": B, "axes": np.array([0]), "flat": np.array([-1])},
        lambda x: x @ W + B,
    ),
    "one output without its axis": (
        [("MatMul", "x v", "a"), ("Squeeze", "a axis", "y")],
        {"v": W[:, :1], "axis": np.array([1])},
        lambda x: x @ W[:, :1],
    ),
}


@pytest.mark.parametrize("what", CHAINS)
def test_a_chain_gives_the_numbers_of_its_nodes(what):
    nodes, arrays, expected = CHAINS[what]
    assert_gives(read(*nodes, **arrays), expected(X.astype(np.float64)))


def test_offset_and_scale_stay_by_themselves():
    net = read(("Sub", "x t", "a"), ("Mul", "a s", "b"), ("MatMul", "b W", "y"), t=[1e4, -2], s=[0.5, 3])
    assert net.offset.tolist() == [1e4, -2]
    assert net.scale.tolist() == [0.5, 3]
    assert np.array_equal(net.layers[0].W, W)


def test_normalisation_stays_and_can_be_trained():
    given = {"c": [2, -1, 0.5], "m": [1, 2, 3], "v": [1, 4, 0.25]}
    normalized = ("BatchNormalization", "h c B m v", "a", {"momentum": 0.99, "epsilon": 1e-3})
    net = read(FIRST, normalized, ("Relu", "a", "f"), LAST, **given)
    assert net.layers[0].normalization == fc.BatchNorm(1e-3, 0.01)
    assert not net.layers[1].bias
    nodes = [("MatMul", "x W", "h"), ("LayerNormalization", "h c B", "a", {"epsilon": 1e-3}), ("Relu", "a", "f"), LAST]
    assert read(*nodes, c=[2, -1, 0.5]).layers[0].normalization == fc.LayerNorm(1e-3)


LOSSES = {
    "Softmax": "cross_entropy",
    "Sigmoid": "binary_cross_entropy",
    "Exp": "poisson",
    "Softplus": "poisson",
    "Relu": "mse",
    "Identity": "mse",
}


@pytest.mark.parametrize("operator", LOSSES)
def test_the_loss_is_that_of_the_last_activation_or_as_given(operator):
    nodes = [("MatMul", "x W", "h"), (operator, "h", "y")]
    assert read(*nodes).loss == LOSSES[operator]
    if LOSSES[operator] == "mse":
        assert fc.from_onnx(graph(*nodes, W=W), loss=fc.losses.Huber(2)).loss == fc.losses.Huber(2)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "poisson", "mse"])
def test_logits_get_the_activation_of_the_loss(loss):
    model = graph(("MatMul", "x W", "h"), ("Add", "h b", "y"), W=W, b=[0.5] * W.shape[1])
    net = fc.from_onnx(model, loss=loss)
    x = np.random.default_rng(0).standard_normal((5, len(W))).astype(np.float32)
    logits = x @ W + 0.5
    assert net.loss == loss
    np.testing.assert_allclose(net.predict(x, output="logits"), logits, rtol=1e-5, atol=1e-6)
    expected = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp", "mse": "identity"}[
        loss
    ]
    assert net.layers[-1].activation == expected


def test_a_loss_that_does_not_take_the_last_activation_is_refused():
    with pytest.raises(ValueError, match="'relu', but loss 'cross_entropy' takes 'softmax'"):
        fc.from_onnx(graph(("MatMul", "x W", "h"), ("Relu", "h", "y"), W=W), loss="cross_entropy")


def test_classes_go_where_the_loss_is_none_of_classification():
    model = fc.Network([2, 3, 2], seed=5, classes=["a", "b"]).to_onnx()
    assert fc.from_onnx(model).classes == ("a", "b")
    nodes = [
        ("MatMul", "x W", "h"),
        ("ArgMax", "h", "i", {"axis": 1}),
        ("ai.onnx.ml.ArrayFeatureExtractor", "c i", "y"),
    ]
    net = read(*nodes, c=np.array([7, 8, 9]))
    assert (net.loss, net.classes) == ("mse", None)


def test_weights_of_float64_make_a_network_of_float64():
    model = graph(("MatMul", "x V", "y"), V=np.array([[1.0], [1 / 3]]))
    assert fc.from_onnx(model).dtype == np.float32
    net = fc.Network([2, 3], seed=0, loss="mse", dtype="float64")
    again = fc.from_onnx(net.to_onnx(dtype="float64"))
    assert again.dtype == np.float64
    assert np.array_equal(again.layers[0].W, net.layers[0].W)


REFUSALS = {
    "two products of the input": (
        [("MatMul", "x W", "a"), ("MatMul", "x W", "b"), ("Add", "a b", "y")],
        {},
        "Add 'y': it joins paths from 'x'",
    ),
    "an activation first": ([("Relu", "x", "a"), ("MatMul", "a W", "y")], {}, "Relu 'a': it is an activation before"),
    "two activations": (
        [FIRST, ("Relu", "h", "a"), ("Tanh", "a", "y")],
        {},
        "Tanh 'y': it follows the activation 'relu'",
    ),
    "another operator": ([FIRST, ("Sin", "h", "y")], {}, "Sin 'y': it is none of the operators that are read"),
    "another operator first": ([("Conv", "x W", "y")], {}, "Conv 'y': it is none of the operators that are read"),
    "a slope below 0": (
        [FIRST, ("LeakyRelu", "h", "y", {"alpha": -0.5})],
        {},
        "LeakyRelu 'y': slope is -0.5: expected a number from 0",
    ),
    "slopes of each neuron": ([FIRST, ("PRelu", "h B", "y")], {}, "PRelu 'y': it is none of the operators"),
    "a factor behind the outputs": (
        [FIRST, ("Tanh", "h", "a"), ("Mul", "a B", "y")],
        {},
        "there are factors or sums behind the last activation",
    ),
    "layer normalisation of inputs": (
        [("LayerNormalization", "x c", "a"), ("MatMul", "a W", "y")],
        {"c": [1.0, 1.0]},
        "LayerNormalization 'a': it normalises inputs",
    ),
    "weights on the left": ([("MatMul", "V x", "y")], {"V": W}, "MatMul 'y': it multiplies weights by values"),
    "weights that do not fit": ([FIRST, ("MatMul", "h W", "y")], {}, "MatMul 'y': it takes 2 columns, and there are 3"),
    "a bias that does not fit": (
        [("MatMul", "x W", "a"), ("Add", "a c", "y")],
        {"c": [1.0, 2.0]},
        "it takes 2 columns",
    ),
    "a bias for each row": ([("MatMul", "x W", "a"), ("Add", "a c", "y")], {"c": np.ones((4, 3))}, "shape \\(4, 3\\)"),
    "weights that are not finite": ([("MatMul", "x V", "y")], {"V": [[np.nan], [1.0]]}, "the weights are not finite"),
    "a bias that is not finite": ([("MatMul", "x W", "a"), ("Add", "a c", "y")], {"c": np.inf}, "is not finite"),
    "a division by 0": ([("Div", "x c", "a"), ("MatMul", "a W", "y")], {"c": 0.0}, "Div 'a': it divides by 0"),
    "a division by values": ([("MatMul", "x W", "a"), ("Div", "B a", "y")], {}, "Div 'y': it divides by the network's"),
    "weights of whole numbers": ([("MatMul", "x V", "y")], {"V": np.ones((2, 3), np.int64)}, "the weights are int64"),
    "a value of nowhere": ([("MatMul", "z W", "y")], {}, "MatMul .*: it takes 'z', which no node before it makes"),
    "a value made twice": ([FIRST, ("Relu", "h", "h")], {}, "Relu 'h': it makes 'h', which is there already"),
    "softmax of rows": ([FIRST, ("Softmax", "h", "y", {"axis": 0})], {}, "Softmax 'y': it adds up other axes"),
    "log-softmax inside": ([FIRST, ("LogSoftmax", "h", "a"), ("MatMul", "a W2", "y")], {}, "it is not the last node"),
    "an integer cast": ([FIRST, ("Cast", "h", "y", {"to": 7})], {}, "Cast 'y': it makes other numbers"),
    "a reshape of rows": (
        [FIRST, ("Reshape", "h c", "y")],
        {"c": np.array([3, -1])},
        "Reshape 'y': it makes the shape",
    ),
    "no product": ([("Identity", "x", "y")], {}, "there is no product"),
    "variances below 0": (
        [FIRST, ("BatchNormalization", "h B B B v", "y")],
        {"v": [1.0, -1.0, 1.0]},
        "BatchNormalization 'y': a variance is below 0",
    ),
    "batch normalisation by the batch": (
        [FIRST, ("BatchNormalization", "h B B B B", "y", {"training_mode": 1})],
        {},
        "it normalises by the batch",
    ),
    "rows and columns exchanged": (
        [FIRST, ("Shape", "h", "a"), ("Gather", "a c", "b"), ("Reshape", "h b", "f"), LAST],
        {"c": np.array([1, 0])},
        "Reshape 'f': it joins paths from 'h'",
    ),
    "one column of several": (
        [FIRST, ("Softmax", "h", "p"), ("Gather", "p c", "y", {"axis": 1})],
        {"c": np.array([1])},
        "its outputs are the columns 1 of 3: expected all, in order",
    ),
    "1 less a probability": (
        [("MatMul", "x v", "h"), ("Sigmoid", "h", "p"), ("Sub", "one p", "y")],
        {"v": W[:, :1], "one": 1.0},
        "there are factors or sums behind the last activation",
    ),
    "constants that are not folded": (
        [("Sin", "B", "c"), ("Add", "x c", "y")],
        {},
        "Sin 'c': its inputs are constants",
    ),
    "labels that are not of each class": (
        [
            FIRST,
            ("Softmax", "h", "p"),
            ("ArgMax", "p", "i", {"axis": 1}),
            ("ai.onnx.ml.ArrayFeatureExtractor", "c i", "y"),
        ],
        {"c": np.array([1, 2])},
        "ArrayFeatureExtractor 'y': it does not have a label for each of 3 classes",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_no_chain_is_refused_by_the_name_of_the_node(what):
    nodes, arrays, match = REFUSALS[what]
    with pytest.raises(ValueError, match=f"^the model is not a chain that a network can hold: .*{match}"):
        read(*nodes, **arrays)


def test_operators_of_others_are_refused():
    model = graph(("ai.onnx.ml.FusedMatMul", "x W", "y"), W=W).replace(b"ai.onnx.ml", b"com.micros")
    with pytest.raises(ValueError, match="com.micros.FusedMatMul 'y': its operators are none of ONNX' own"):
        fc.from_onnx(model)


def test_a_path_and_bytes_are_read_alike_and_other_things_are_refused(tmp_path):
    net = fc.Network([2, 3, 2], seed=5)
    model = net.to_onnx(tmp_path / "net.onnx")
    expected = net.predict(X)
    for given in (model, tmp_path / "net.onnx", str(tmp_path / "net.onnx")):
        assert np.array_equal(fc.from_onnx(given).predict(X), expected)
    for given in (3, None, io.BytesIO(model)):
        with pytest.raises(TypeError, match="path is .*: expected"):
            fc.from_onnx(given)
    with pytest.raises(FileNotFoundError):
        fc.from_onnx(tmp_path / "missing.onnx")
    with pytest.raises(TypeError, match="has no argument 'losss'; did you mean loss"):
        fc.from_onnx(model, losss="mse")


HALVES = {
    "inputs": [("Cast", "x", "a", {"to": 10}), ("Cast", "a", "b", {"to": 1}), ("MatMul", "b W", "y")],
    "a layer": [("MatMul", "x W", "h"), ("Cast", "h", "a", {"to": 10}), ("Relu", "a", "y")],
    "an activation": [
        ("MatMul", "x W", "h"),
        ("Tanh", "h", "f"),
        ("Cast", "f", "a", {"to": 10}),
        ("MatMul", "a V", "y"),
    ],
    "outputs": [("MatMul", "x W", "h"), ("Softmax", "h", "p"), ("Cast", "p", "a", {"to": 10})],
    "a tail": [
        *(("MatMul", "x W", "h"), ("Softmax", "h", "p"), ("Cast", "p", "a", {"to": 10})),
        ("ArgMax", "p", "y", {"axis": 1}),
    ],
}


@pytest.mark.parametrize("where", HALVES)
def test_rounding_to_halves_is_said(where):
    nodes = HALVES[where]
    made = {node[2] for node in nodes}
    outputs = ("y",) if where not in ("outputs", "a tail") else tuple(name for name in ("a", "y") if name in made)
    arrays = {"W": W} | ({"V": W2} if where == "an activation" else {})
    with pytest.warns(UserWarning, match="^Cast 'a' rounds to float16: the network does not"):
        fc.from_onnx(graph(*nodes, outputs=outputs, **arrays))
