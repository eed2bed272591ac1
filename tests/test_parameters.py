"""The parameters of a network as a whole."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 5)).astype(np.float32), RNG.standard_normal((40, 3)).astype(np.float32)


def network(seed=0, **options):
    hidden = [fc.Dense(33, normalization="batch"), fc.Scale(), fc.Dense(9, bias=False), fc.Dense(3, "identity")]
    return fc.Network([5, *hidden], seed=seed, **options)


def of_layers(net):
    pieces = []
    for layer in net.layers:
        pieces += [layer.W, *([layer.B] if layer.bias else [])]
        pieces += [layer.gamma] if layer.normalization else []
        pieces += [layer.scale] if "scaled inputs" in repr(layer) else []
    return np.concatenate([piece.ravel() for piece in pieces])


def statistics(net):
    return np.concatenate([net.layers[0].mean, net.layers[0].variance])


def test_parameters_are_those_of_the_layers_in_order(dtype):
    net = network(dtype=dtype)
    net.train_on_batch(X, Y)
    assert net.parameters.dtype == dtype
    assert np.array_equal(net.parameters, of_layers(net))
    assert not net.parameters.flags.writeable
    [total] = re.findall(r"total +([\d,]+)", str(net.summary()))
    assert net.parameters.shape == (int(total.replace(",", "")),)


def test_parameters_are_assigned_as_a_whole_and_statistics_stay(dtype):
    net = network(dtype=dtype)
    net.train_on_batch(X, Y)
    before, changed = statistics(net), RNG.standard_normal(len(net.parameters))
    net.parameters = changed
    assert np.array_equal(net.parameters, changed.astype(dtype))
    assert np.array_equal(of_layers(net), net.parameters)
    assert np.array_equal(statistics(net), before)
    assert not net.layers[1].B.any()
    net.parameters = list(map(float, net.parameters))
    assert np.array_equal(net.parameters, changed.astype(dtype))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones(3), ValueError, r"^parameters has shape \(3,\): expected \(\d+,\)$"),
        (1.0, ValueError, r"^parameters has shape \(\): expected \(\d+,\)$"),
        (np.ones(600, complex), TypeError, "^parameters has dtype complex128: expected real numbers"),
        (None, TypeError, "^parameters is None: expected an array"),
    ],
)
def test_other_parameters_are_refused_by_name_and_the_network_stays(value, error, message):
    net = network()
    before = net.parameters
    with pytest.raises(error, match=message):
        net.parameters = value
    with pytest.raises(ValueError, match=r"^parameters has 1e\+39 at \[0\], too large for float32"):
        net.parameters = np.full(len(before), 1e39)
    assert np.array_equal(net.parameters, before)


def test_parameters_are_not_assigned_during_a_fit():
    refused = []

    def assign(epoch, logs):
        with pytest.raises(RuntimeError, match="^this network is being fitted: its parameters cannot be set$"):
            net.parameters = net.parameters
        refused.append(epoch)

    net = network()
    net.fit(X, Y, epochs=2, callbacks=[assign])
    assert len(refused) == 2


def test_an_average_ends_where_parameters_are_assigned():
    net = network()
    net.train_on_batch(X, Y, averaging=fc.EMA(0.9))
    net.parameters = np.zeros_like(net.parameters)
    net.train_on_batch(X, Y, optimizer=fc.SGD(1e-3))
    assert np.abs(net.parameters).max() < 0.1
