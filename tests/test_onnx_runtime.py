"""Networks written as ONNX give the same outputs and labels in onnxruntime."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fcnet as fc

from embeddings import COLUMNS, data
from interop import library
from onnx_networks import (
    ACTIVATIONS,
    MORE,
    assert_is_the_network,
    custom_loss,
    outputs_of,
    set_parameters,
    some_network,
)

onnx = library("onnx")
pytestmark = [pytest.mark.interop, pytest.mark.once]

OPSETS = [None, 13, 17, 20]


@pytest.mark.parametrize("seed", range(40))
def test_a_random_network_is_the_same_in_onnxruntime(seed):
    assert_is_the_network(seed, OPSETS[seed % 4])


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *MORE], ids=str)
def test_an_activation_is_the_same_in_onnxruntime(activation, opset):
    net = fc.Network([5, fc.Dense(7, activation)], loss=custom_loss, seed=1)
    x = 3 * np.random.default_rng(0).standard_normal((64, 5), np.float32)
    expected, found = net.predict(x), outputs_of(net.to_onnx(opset=opset), x)["output"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("activation", [each for each in (*ACTIVATIONS, *MORE) if each != "gelu"], ids=str)
def test_an_activation_is_the_same_in_float64(activation, opset):
    net = fc.Network([5, fc.Dense(7, activation)], loss=custom_loss, seed=1, dtype="float64")
    x = 3 * np.random.default_rng(0).standard_normal((64, 5))
    expected, found = net.predict(x), outputs_of(net.to_onnx(opset=opset, dtype="float64"), x)["output"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_a_bias_before_layer_normalisation_is_the_same(dtype, tolerance, opset):
    norm = fc.LayerNorm(product_bias=True)
    net = fc.Network(
        [5, fc.Dense(9, "tanh", normalization=norm), fc.Dense(7, normalization=norm, bias=False), 3],
        seed=1,
        dtype=dtype,
    )
    rng = np.random.default_rng(0)
    for layer in net.layers[:2]:
        layer.product_bias = rng.standard_normal(len(layer.B))
    x = rng.standard_normal((64, 5)).astype(dtype)
    found = outputs_of(net.to_onnx(opset=opset, dtype=dtype, outputs="scores"), x)["probabilities"]
    np.testing.assert_allclose(found, net.predict(x), rtol=0, atol=tolerance)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, *MORE], ids=str)
def test_large_inputs_of_an_activation_are_no_nan(activation):
    net = fc.Network([3, fc.Dense(3, activation)], loss=custom_loss, seed=1)
    net.layers[0].W, net.layers[0].B = np.eye(3), np.zeros(3)
    x = np.array([[-80, 0, 80], [-1e4, -30, 30], [-1e12, 1e-30, 20]], np.float32)
    expected, found = net.predict(x), outputs_of(net.to_onnx(), x)["output"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def has_float64(seed):
    """Whether the network is one of float64 that onnxruntime has all operators for."""
    net = some_network(seed)[0]
    return net.dtype == np.float64 and "gelu" not in [layer.activation for layer in net.layers]


@pytest.mark.parametrize("seed", [*filter(has_float64, range(60))])
def test_a_random_network_is_the_same_in_float64(seed):
    net, x = some_network(seed)
    x = x.astype(np.float64)
    expected, found = net.predict(x), outputs_of(net.to_onnx(opset=OPSETS[seed % 4], dtype="float64"), x)
    values = found[list(found)[-1]][:, -expected.shape[1] :]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_the_same_in_onnxruntime(name, opset):
    net = fc.Network([COLUMNS[name], 16, 3], seed=2)
    set_parameters(net, np.random.default_rng(0))
    x = data(COLUMNS[name])[0].astype(np.float32)
    found = outputs_of(net.to_onnx(opset=opset), x)["probabilities"]
    np.testing.assert_allclose(found, net.predict(x), rtol=0, atol=1e-5)


def test_codes_that_a_table_does_not_have_lead_to_its_row_0():
    net = fc.Network([fc.Columns(categories=[3, 2]), 2], loss="mse", seed=0)
    odd = np.array([[4, 1], [-1, 2], [0.5, np.nan], [np.inf, 3]], np.float32)
    known = np.array([[0, 1], [0, 2], [0, 0], [0, 0]], np.float32)
    model = net.to_onnx()
    np.testing.assert_array_equal(outputs_of(model, odd)["output"], outputs_of(model, known)["output"])


def test_an_offset_far_from_0_costs_no_digits():
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((64, 8))).astype(np.float32)
    net = fc.Network([8, 32, 3], seed=0, offset=x.mean(axis=0), scale=1 / x.std(axis=0))
    found = outputs_of(net.to_onnx(), x)["probabilities"]
    np.testing.assert_allclose(found, net.predict(x), rtol=0, atol=1e-6)


def head(loss, outputs, **options):
    return fc.Network([3, 5, outputs], loss=loss, seed=0, **options)


X = np.random.default_rng(0).standard_normal((64, 3), np.float32)
TEXT, NUMBERS = ["no", "perhaps", "yes"], [30, 10, 2**40]
LABELS = {
    "indices": (head("cross_entropy", 3), {}, [0, 1, 2]),
    "the network's text": (head("cross_entropy", 3, classes=TEXT), {}, TEXT),
    "the network's numbers": (head("cross_entropy", 3, classes=NUMBERS), {}, NUMBERS),
    "given text": (head("cross_entropy", 3, classes=NUMBERS), {"labels": tuple(TEXT)}, TEXT),
    "given numbers": (head("cross_entropy", 3), {"labels": np.array(NUMBERS)}, NUMBERS),
    "given indices": (head("cross_entropy", 3, classes=TEXT), {"labels": range(3)}, [0, 1, 2]),
    "one sigmoid": (head("binary_cross_entropy", 1), {}, [0, 1]),
    "one sigmoid, named": (head("binary_cross_entropy", 1, classes=["ä", "ö"]), {}, ["ä", "ö"]),
    "one sigmoid, given": (head("binary_cross_entropy", 1), {"labels": [-1, 1]}, [-1, 1]),
    "custom loss": (head(custom_loss, 3, classes=TEXT), {}, TEXT),
}


@pytest.mark.parametrize(("net", "options", "labels"), LABELS.values(), ids=LABELS)
def test_labels_are_those_of_the_largest_probability(net, options, labels):
    found = outputs_of(net.to_onnx(**options), X)
    p = net.predict(X)
    p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p
    assert list(found) == ["label", "output" if net.loss is custom_loss else "probabilities"]
    assert found["label"].tolist() == [labels[i] for i in p.argmax(axis=1)]
    assert len(set(found["label"].tolist())) > 1
    np.testing.assert_allclose(found[list(found)[1]], p, rtol=0, atol=1e-6)


def test_a_probability_of_one_half_is_the_first_class_as_in_predict_classes():
    net = fc.Network([1, 1], loss="binary_cross_entropy", seed=0)
    net.layers[0].W, net.layers[0].B = [[1]], [0]
    x = np.array([[0], [1e-6], [-1e-6], [1e-3]], np.float32)
    assert outputs_of(net.to_onnx(), x)["label"].tolist() == net.predict_classes(x).tolist() == [0, 1, 0, 1]


def test_several_sigmoids_have_a_label_each():
    net = head("binary_cross_entropy", 3)
    found = outputs_of(net.to_onnx(), X)
    assert found["label"].tolist() == (net.predict(X) > 0.5).astype(int).tolist()
    np.testing.assert_allclose(found["probabilities"], net.predict(X), rtol=0, atol=1e-6)


def test_scores_alone_need_no_other_domain():
    model = onnx.load_from_string(head("cross_entropy", 3, classes=TEXT).to_onnx(outputs="scores"))
    assert [output.name for output in model.graph.output] == ["probabilities"]
    assert [version.domain for version in model.opset_import] == [""]


@pytest.mark.parametrize("targets", [1, 2])
def test_quantiles_are_sorted_as_predict_sorts_them(targets):
    net = head(fc.losses.Quantile([0.1, 0.5, 0.9]), 3 * targets)
    raw = net.activations(X)[-1].reshape(64, targets, 3)
    assert (np.diff(raw) < 0).any()
    found = outputs_of(net.to_onnx(), X)["output"]
    np.testing.assert_allclose(found, np.sort(raw).reshape(64, -1), rtol=0, atol=1e-6)


def test_a_layer_alone_keeps_its_weights_as_they_are():
    net = fc.Network([4, 2], loss="mse", seed=0)
    model = onnx.load_from_string(net.to_onnx())
    [w, b] = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    np.testing.assert_array_equal(w, net.layers[0].W)
    np.testing.assert_array_equal(b, net.layers[0].B)
    assert [node.op_type for node in model.graph.node] == ["Gemm"]


@pytest.mark.parametrize(
    ("net", "opset", "ir"),
    [
        (fc.Network([4, 8, 2], seed=0), 13, 7),
        (fc.Network([4, fc.Dense(8, normalization="batch"), 2], seed=0), 13, 7),
        (fc.Network([4, fc.Dense(8, normalization="layer"), 2], seed=0), 17, 8),
    ],
)
def test_the_lowest_opset_that_serves_is_taken(net, opset, ir):
    model = onnx.load_from_string(net.to_onnx())
    assert (model.opset_import[0].version, model.ir_version) == (opset, ir)


def test_the_model_says_what_it_is():
    net = fc.Network([2, 3, 2], seed=7, classes=["a", "b"])
    net.fit(np.zeros((4, 2)), list("abab"), epochs=1)
    model = onnx.load_from_string(net.to_onnx())
    assert (model.producer_name, model.producer_version) == ("fcnet", fc.__version__)
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    network = {"sizes": [2, 3, 2], "loss": {"name": "cross_entropy", "label_smoothing": 0.0}, "seed": 7}
    assert metadata == {"fcnet.network": network}


def test_the_names_of_columns_are_in_the_model():
    pandas = library("pandas")
    net = fc.Network([2, 3, 1], loss="mse", seed=7)
    net.fit(pandas.DataFrame({"age": [1.0, 2], "größe": [3.0, 4]}), [1, 2], epochs=1)
    metadata = {entry.key: entry.value for entry in onnx.load_from_string(net.to_onnx()).metadata_props}
    assert json.loads(metadata["fcnet.feature_names"]) == ["age", "größe"]


def test_layer_normalization_has_a_bias_without_which_onnxruntime_1_15_ends_the_process():
    net = fc.Network([4, fc.Dense(8, normalization="layer", bias=False), 2], seed=0)
    [node] = [node for node in onnx.load_from_string(net.to_onnx()).graph.node if node.op_type == "LayerNormalization"]
    assert len(node.input) == 3


@pytest.mark.parametrize("seed", range(8))
def test_the_bytes_are_those_that_onnx_itself_writes(seed):
    model = some_network(seed)[0].to_onnx()
    assert onnx.load_from_string(model).SerializeToString() == model
