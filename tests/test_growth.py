"""Where a fit diverges with finite samples, the message names the layer whose numbers have grown."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

X, Y = np.ones((40, 3)), np.arange(40) % 2


def network(dtype="float32", **options):
    return fc.Network([3, 4, 5, 2], seed=0, dtype=dtype, **options)


def diverge(net, way, x=X):
    if way == "step":
        net.train_on_batch(x, Y)
    elif way == "batches":
        net.fit([(x, Y)], epochs=1)
    else:
        net.fit(x, Y, epochs=1)


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


def test_no_layer_is_named_where_none_stands_out():
    with pytest.raises(fc.DivergenceError, match="or smaller inputs; the network keeps its last good weights"):
        network().fit(X * [1, 2, 3], Y, optimizer=fc.SGD(1e30))
