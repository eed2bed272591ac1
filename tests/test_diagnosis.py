"""net.diagnose: figures that are those of NumPy, and advice that fits what is wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

from explanations import batch, normalized
from interop import library

pytestmark = pytest.mark.once


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    return x, (x[:, 0] + x[:, 1] > 0).astype(int)


def advice(net, x, y, **options):
    return " | ".join(map(str, net.diagnose(x, y, **options).advice))


def test_nothing_is_said_about_a_network_that_does_well(data):
    found = fc.Network([6, 16, 2], seed=0).diagnose(*data)
    assert found.advice == ()
    assert str(found).endswith("Nothing looks wrong.")
    assert found.loss_after < found.loss


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(data, value):
    net = fc.Network([6, 16, 2], seed=0)
    net.layers[1].W = np.full((16, 2), value)
    assert advice(net, *data) == "set the weights of layers[1] again (some of them are NaN or infinite)"


@pytest.mark.parametrize("size", [1e17, -3e30])
def test_numbers_that_are_all_alike_and_large_have_a_histogram(size):
    found = fc.Network([1, 1], loss="mse", seed=0, dtype="float64").diagnose([[size]], [0.0])
    assert found.inputs.counts.sum() == 1
    assert found.inputs.least == found.inputs.most == size


def test_the_figures_are_those_of_numpy():
    net, x, y = batch(activation="tanh")
    found = net.diagnose(x, y, learning_rate=0.5)
    layers = [(layer.W, layer.B) for layer in net.layers]
    outputs = reference.forward(layers, x, activation="tanh")
    for each, layer, (_, h), (dw, _) in zip(found.layers, net.layers, outputs, net.gradients(x, y), strict=True):
        assert each.outputs.mean == pytest.approx(h.mean())
        assert each.outputs.std == pytest.approx(h.std())
        assert each.outputs.counts.sum() == h.size
        assert (each.weights.least, each.weights.most) == (layer.W.min(), layer.W.max())
        assert each.gradient_norm == pytest.approx(np.linalg.norm(dw))
        assert each.update_ratio == pytest.approx(0.5 * np.linalg.norm(dw) / np.linalg.norm(layer.W))
    assert found.loss == net.evaluate(x, y)["loss"]
    assert len(found.layers[0].weights.bars()) == 24


@pytest.mark.parametrize("kind", ["layer", "biased", "batch"])
def test_the_figures_of_normalised_layers_are_those_of_numpy(kind):
    net, x, y = normalized(kind=kind)
    found = net.diagnose(x, y)
    h = x
    for each, layer in zip(found.layers[:2], net.layers, strict=False):
        z = h @ layer.W + getattr(layer, "product_bias", 0)
        axis = 0 if kind == "batch" else 1
        normal = (z - z.mean(axis, keepdims=True)) / np.sqrt(z.var(axis, keepdims=True) + layer.normalization.epsilon)
        h = np.tanh(layer.gamma * normal + layer.B)
        assert (each.outputs.mean, each.outputs.std) == pytest.approx((h.mean(), h.std()))
    shown = net.explain(x, y)
    assert (found.loss, found.loss_after) == pytest.approx((float(shown["L"]), float(shown["L_new"])))


@pytest.mark.interop
@pytest.mark.parametrize("options", [{}, {"scale": 0.5, "offset": 1.0}], ids=["", "scaled"])
def test_sparse_rows_are_diagnosed_as_dense_ones(data, options):
    sparse = library("scipy.sparse")
    x = np.where(np.abs(data[0]) < 1, 0, data[0])
    net = fc.Network([6, 16, 2], seed=0, **options)
    assert str(net.diagnose(sparse.csr_array(x), data[1])) == str(net.diagnose(x, data[1]))
    assert "scale=1 / abs(x).max())" in advice(net, sparse.csr_array(100 * x), data[1])


@pytest.mark.interop
def test_of_many_sparse_rows_some_are_looked_at(data, monkeypatch):
    sparse = library("scipy.sparse")
    monkeypatch.setattr("fcnet.explanation.numbers.diagnosis._MOST", 300)
    found = fc.Network([6, 16, 2], seed=0).diagnose(sparse.csr_array(data[0]), data[1])
    assert found.inputs.counts.sum() == 50 * 6
    assert found.layers[0].outputs.counts.sum() == 200 * 16


@pytest.mark.parametrize("uneven", [1, 1e4])
@pytest.mark.parametrize("constant", [0, 7])
def test_the_scaling_that_is_advised_can_be_taken(data, uneven, constant):
    x, y = 100 + 20 * data[0] * [1, 1, 1, 1, 1, uneven], data[1]
    x[:, 3] = constant
    said = re.search(r"like (Network\(.*\)) \(", advice(fc.Network([6, 16, 2], seed=0), x, y, learning_rate=1e-6))[1]
    given = eval(said.replace("Network", "dict"), {"np": np, "x": x, "dict": dict})
    again = advice(fc.Network([6, 16, 2], seed=0, **given), x, y)
    assert "scale the inputs" not in again


def test_the_scaling_that_is_advised_of_inputs_that_never_vary_can_be_taken():
    x, y = np.full((20, 3), 1000.0), np.zeros(20, int)
    said = advice(fc.Network([3, 4, 2], seed=0), x, y, learning_rate=1e-9)
    assert "like Network(scale=1, offset=x.mean(axis=0))" in said
    assert "scale the inputs" not in advice(fc.Network([3, 4, 2], seed=0, scale=1, offset=x.mean(axis=0)), x, y)


def test_a_learning_rate_that_is_too_high(data):
    assert "lower the learning rate: it is too high (one step of 500 takes the loss from" in advice(
        fc.Network([6, 16, 2], seed=0), *data, learning_rate=500
    )
    assert "raise the learning rate" in advice(fc.Network([6, 16, 2], seed=0), *data, learning_rate=1e-9)


def test_unscaled_inputs(data):
    x, y = data
    said = advice(fc.Network([6, 16, 2], seed=0), x * [1, 1, 1, 1, 1, 1e4], y, learning_rate=1e-6)
    assert "scale the inputs" in said
    assert "column 5 varies by" in said


def test_dead_units(data):
    net = fc.Network([6, 16, 2], seed=0)
    net.layers[0].B = np.where(np.arange(16) < 8, -100, 0)
    said = advice(net, *data)
    assert "units of layers[0] are dead" in said
    assert "the output of 50% is 0 for every sample" in said


def test_saturation_and_vanishing_gradients(data):
    net = fc.Network([6, 16, 16, 16, 16, 2], seed=0, activation="tanh")
    for layer in net.layers[:4]:
        layer.W = layer.W * 40
    said = advice(net, *data)
    assert "layers[1] is saturated" in said
    flat = fc.Network([6, *[8] * 9, 2], seed=0, activation="sigmoid")
    assert "gradients vanish: try" in advice(flat, *data)


def test_no_gradient(data):
    net = fc.Network([6, fc.Dense(4, init="zeros"), fc.Dense(2, init="zeros")], seed=0)
    net.layers[1].B = [0, 0]
    x, y = np.ones((2, 6)), [0, 1]
    assert "all gradients are 0" in advice(net, x, y)


def test_what_it_does_not_take_is_refused(data):
    net = fc.Network([6, 4, 2], seed=0)
    before = net.layers[0].W
    with pytest.raises(ValueError, match="learning_rate"):
        net.diagnose(*data, learning_rate=0)
    with pytest.raises(ValueError, match="at least one sample"):
        net.diagnose(np.zeros((0, 6)), [])
    net.diagnose(*data)
    assert (net.layers[0].W == before).all()
