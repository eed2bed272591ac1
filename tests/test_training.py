"""Native training is the oracle's training, and native gradients are the oracle's gradients."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, reference

from bounds import flat, max_error
from walks import walk

SIZES = [[7, 5, 3], [4, 33, 32, 2], [3, 2], [65, 31, 70, 6]]
LOSSES = ["cross_entropy", "mse", "rmse"]

sizes_of_net = pytest.mark.parametrize("sizes", SIZES, ids=lambda s: "-".join(map(str, s)))
losses = pytest.mark.parametrize("loss", LOSSES)


def data_for(sizes, loss, n, seed=0):
    rng = np.random.default_rng([seed, n, *sizes])
    x = rng.standard_normal((n, sizes[0]))
    y = rng.integers(0, sizes[-1], n) if loss == "cross_entropy" else rng.standard_normal((n, sizes[-1]))
    return x, y


def layers_of(net, dtype=np.float64):
    return [(layer.W.astype(dtype), layer.B.astype(dtype)) for layer in net.layers]


def network(sizes, loss, dtype, seed=3):
    """A network whose biases are not all 0."""
    net = fc.Network(sizes, loss=loss, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        layer.B = rng.standard_normal(layer.B.shape) * 0.1
    return net


def assert_same_to(bound, got, expected):
    assert max_error(got, expected) <= bound


@sizes_of_net
@losses
@walk("n, batch", [(1, 1), (50, 1), (70, 33), (100, 64), (97, 32), (20, 1000)])
def test_epochs_equal_those_of_the_oracle(sizes, loss, n, batch, isa):
    net = network(sizes, loss, "float64")
    history = net.fit(*data_for(sizes, loss, n), epochs=2, batch_size=batch, optimizer=fc.SGD(0.05))
    layers, expected = trained_by_the_oracle(tuple(sizes), loss, n, batch)
    # 200 steps at most, each of relative error some 100 u, not amplified on these losses: far inside 1e-12
    assert_same_to(1e-12, flat(layers_of(net)), flat(layers))
    np.testing.assert_allclose(history.loss, expected, rtol=1e-12)


@cache
def trained_by_the_oracle(sizes, loss, n, batch):
    """The layers after two epochs, and the mean loss of each."""
    x, y = data_for(sizes, loss, n)
    net = network(sizes, loss, "float64")
    layers, expected = layers_of(net), []
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        values = []
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            values.append((len(rows), reference.training_step(layers, x[rows], y[rows], 0.05, loss=loss)))
        expected.append(sum(k * v for k, v in values) / n)
    return layers, expected


@cache
def gradients_by_the_oracle(sizes, loss, n, dtype):
    """x, y, the layers, and their gradients."""
    x, y = data_for(sizes, loss, n)
    x, y = x.astype(dtype), y if loss == "cross_entropy" else y.astype(dtype)
    layers = layers_of(network(sizes, loss, dtype), np.longdouble)
    return x, y, layers, reference.backward(layers, x, y, loss=loss)[1]


@sizes_of_net
@losses
@walk("n", [1, 31, 64, 1500])
def test_gradients_equal_those_of_the_oracle(sizes, loss, n, dtype, isa):
    net = network(sizes, loss, dtype)
    x, y, layers, expected = gradients_by_the_oracle(tuple(sizes), loss, n, dtype)
    for layer, (w, b) in zip(net.layers, layers, strict=True):  # the same on every instruction set
        layer.W, layer.B = w.astype(dtype), b.astype(dtype)
    # each layer of the three products adds gamma of its depth; the sum over them, in units of the largest entry
    depth = 2 * sum(sizes) + n + 20
    bound = 4 * depth * np.finfo(dtype).eps
    assert_same_to(bound, flat(net.gradients(x, y)), flat(expected))


@sizes_of_net
@losses
def test_gradients_equal_central_differences(sizes, loss, isa):
    x, y = data_for(sizes, loss, 8)
    net = network(sizes, loss, "float64")
    h, rng = 1e-6, np.random.default_rng(0)
    for i, (dw, _) in enumerate(net.gradients(x, y)):
        w = net.layers[i].W.copy()
        direction = rng.standard_normal(w.shape)
        slopes = []
        for step in (h, -h):
            net.layers[i].W = w + step * direction
            slopes.append(net.evaluate(x, y)["loss"])
        net.layers[i].W = w
        slope = (slopes[0] - slopes[1]) / (2 * h)
        assert abs(slope - (dw * direction).sum()) <= 1e-7 * max(1, abs(dw * direction).sum())


@sizes_of_net
@losses
@walk("n", [0, 1, 31, 33, 200])
def test_predict_and_evaluate_equal_the_oracle(sizes, loss, n, isa):
    x, y = data_for(sizes, loss, n)
    net = network(sizes, loss, "float64")
    expected = reference.forward(layers_of(net), x, loss=loss)[-1]
    np.testing.assert_allclose(net.predict(x), expected[1], rtol=1e-12, atol=1e-13)
    if n == 0:
        assert np.isnan(net.evaluate(x, y)["loss"])
    else:
        value, _, _ = reference.loss_and_sigma(expected[0], y, loss)
        figures = net.evaluate(x, y)
        np.testing.assert_allclose(figures["loss"], value, rtol=1e-12)
        if loss == "cross_entropy":
            assert figures["accuracy"] == (expected[0].argmax(axis=1) == y).mean()


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 1000])
def test_shuffle_equals_the_oracles(n):
    for seed, epoch in ((0, 0), (2**64 - 1, 7), (12345678901234567890, 2**32 - 1)):
        np.testing.assert_array_equal(
            _native._testing.permutation(seed, epoch, n), reference.permutation(seed, epoch, n)
        )


def test_initial_weights_equal_the_oracles(isa):
    net = fc.Network([50, 33, 7], seed=2**63 + 5, dtype="float64")
    for i, layer in enumerate(net.layers):
        expected = reference.he_normal(net.seed, i, *layer.W.shape)
        np.testing.assert_array_max_ulp(layer.W, expected, maxulp=4)
        assert not layer.B.any()


def test_rmse_of_a_perfect_fit_has_no_gradient():
    net = fc.Network([2, 1], loss="rmse", seed=0, dtype="float64")
    x = np.eye(2)
    for array in flat(net.gradients(x, net.predict(x))):
        assert not array.any()


def test_an_unshuffled_epoch_takes_the_rows_in_order():
    x, y = data_for([4, 3], "cross_entropy", 40)
    net = network([4, 3], "cross_entropy", "float64")
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=16, shuffle=False, optimizer=fc.SGD(0.05))
    for begin in range(0, 40, 16):
        reference.training_step(layers, x[begin : begin + 16], y[begin : begin + 16], 0.05)
    assert_same_to(1e-13, flat(layers_of(net)), flat(layers))
