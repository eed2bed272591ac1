"""Where a fit diverges with finite samples, the message names the layer whose numbers grow too large first."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

X, Y = np.ones((40, 3)), np.arange(40) % 2


def network(dtype="float32", **options):
    return fc.Network([3, 4, 5, 2], seed=0, dtype=dtype, **options)


def diverge(net, way, x=X, y=Y, **options):
    if way == "step":
        net.train_on_batch(x, y, **options)
    elif way == "batches":
        net.fit([(x, y)], epochs=1, **options)
    else:
        net.fit(x, y, epochs=1, **options)


@pytest.mark.parametrize("way", ["rows", "batches", "step"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_layer_of_large_weights_is_named(layer, dtype, way):
    net = network(dtype)
    for each in net.layers:
        each.W = np.full(each.W.shape, 1.0)
    large = np.ones(net.layers[layer].W.shape)
    large[0, 0] = np.finfo(dtype).max / 4
    net.layers[layer].W = large
    net.layers[2].W = net.layers[2].W * [[1, -1]]  # so that the loss is not 0
    before = net.layers[layer].W.copy()
    with pytest.raises(fc.DivergenceError, match=rf"the weights of layers\[{layer}\] reach .*e\+.*; the network keeps"):
        diverge(net, way)
    np.testing.assert_array_equal(net.layers[layer].W, before)


@pytest.mark.parametrize("way", ["rows", "batches", "step"])
def test_the_layer_of_large_outputs_is_named(way):
    with pytest.raises(fc.DivergenceError, match=r"; the outputs of layers\[0\] reach [\d.]+e\+3\d; the network keeps"):
        diverge(network(), way, np.full((40, 3), 3e38))


@pytest.mark.parametrize("way", ["rows", "batches", "step"])
@pytest.mark.parametrize("layer", [0, 1])
def test_the_scale_of_a_layer_counts(layer, way):
    net = fc.Network([3, fc.Scale(), 4, fc.Scale(), 2], loss="mse", seed=0)
    net.layers[layer].scale = np.full_like(net.layers[layer].scale, 1e30)
    with pytest.raises(fc.DivergenceError, match=rf"; the outputs of layers\[{layer}\] reach [\d.]+e\+(29|3\d); "):
        diverge(net, way, y=np.eye(2)[Y])


def steps(net, way, **options):
    x, y = X * [1, 2, 3], np.eye(2)[Y]
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]
    if way == "step":
        for batch in batches:
            net.train_on_batch(*batch, **options)
    elif way == "batches":
        net.fit(batches, epochs=1, **options)
    else:
        net.fit(x, y, epochs=1, batch_size=8, shuffle=False, **options)


@pytest.mark.parametrize("way", ["rows", "batches", "step"])
@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("optimizer", [fc.SGD(1e30), fc.SGD(1e30, 0.9), fc.Adam(1e30), fc.RMSprop(1e30), fc.Lion(1e30)])
def test_the_layer_whose_weights_a_huge_step_makes_too_large_is_named(optimizer, frozen, way):
    net = network(activation="tanh", loss="mse")
    if frozen:
        net.layers[0].freeze()
    first = "after 1 step " if way == "rows" else ""  # the network keeps the weights of the last good epoch or step
    named = rf"; {first}the weights of layers\[{frozen}\] reach [\d.]+e\+[23]\d; the network keeps"
    with pytest.raises(fc.DivergenceError, match=named):
        steps(net, way, optimizer=optimizer)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_layer_that_grows_within_the_first_epoch_is_named(loss):
    x = np.random.default_rng(0).normal(size=(320, 3))
    y = np.arange(320) % 2 if loss == "cross_entropy" else x[:, :2] * 1e3
    net, weights = network(loss=loss), np.linspace(0.5, 1, 320)
    with pytest.raises(fc.DivergenceError, match=r"; after \d steps? the outputs of layers\[\d\] reach [\d.]+e\+2\d; "):
        net.fit(x, y, batch_size=8, sample_weight=weights, optimizer=fc.SGD(1e8))


# Many steps until a number is too large to be squared; steps after which only gradients are too large; an exponential.
GROWING = {
    "slowly": ([3, 8, 1], {}, 10, r"after 1\d steps the outputs of layers\[1\] reach"),
    "very slowly": ([3, 8, 8, 1], {"activation": "tanh"}, 1, r"after \d\d steps the outputs of layers\[2\] reach"),
    "within two steps": ([3, 8, 1], {}, 1e10, r"after 1 step the weights of layers\[0\] reach"),
    "by outputs": ([3, 8, 1], {"loss": "poisson", "scale": 300}, 1, r"the outputs of layers\[1\] reach [\d.]+e\+\d"),
    "before a normalisation": (
        [3, fc.Dense(8, normalization="batch"), 1], {}, 1e10, r"after 1 step the outputs of layers\[0\] reach"
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", GROWING)
def test_the_layer_that_grows_is_named_however_it_grows(way):
    sizes, options, rate, named = GROWING[way]
    x = np.random.default_rng(0).random((1000, 3))
    net = fc.Network(sizes, **{"loss": "mse", "seed": 0} | options)
    with pytest.raises(fc.DivergenceError, match=named):
        net.fit(x, x[:, 0], epochs=4, optimizer=fc.SGD(rate))


def test_the_layer_that_grew_in_an_earlier_batch_is_named():
    x = np.random.default_rng(0).random((1000, 3))
    with pytest.raises(fc.DivergenceError, match=r"batch 0 of epoch 1 .*; the weights of layers\[0\] reach \d"):
        fc.Network([3, 8, 1], loss="mse", seed=0).fit([(x, x[:, 0])], epochs=4, optimizer=fc.SGD(1e10))


class HugeFromTheThirdStep(fc.schedules.Schedule):
    def _factors(self, step, total, per_epoch):
        return np.where(step < 2, 1.0, 1e33)


def test_the_rate_of_the_schedule_counts():
    net = network()
    with pytest.raises(
        fc.DivergenceError, match=r"; after 1 step the weights of layers\[0\] reach [\d.]+e\+2\d; the net"
    ):
        net.fit(X * [1, 2, 3], Y, batch_size=8, optimizer=fc.SGD(1e-3), schedule=HugeFromTheThirdStep())


def test_no_layer_is_named_where_none_stands_out():
    def loss(outputs, targets):
        calls.append(len(outputs))
        return np.inf, np.zeros_like(outputs)

    calls = []
    net = network(loss=loss)
    with pytest.raises(
        fc.DivergenceError,
        match="mean 0 and .* 1; the network keeps its last good weights; check the derivative of the loss",
    ):
        net.fit(X, np.ones((40, 2)), batch_size=40)
    assert calls == [40]  # a user's loss is not called again
