"""What the tests of averaged weights have in common: a problem, a network, every average."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fcnet as fc

from bounds import flat

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((70, 5)), rng.integers(0, 3, 70)
AVERAGES = {"ema": fc.EMA(0.9), "ema-slow": fc.EMA(), "swa": fc.SWA(start=1), "swa-0": fc.SWA(start=0)}
every_average = pytest.mark.parametrize("averaging", AVERAGES.values(), ids=list(AVERAGES))
BATCHES = [(3, (5, 3)), (5, (5, 40, 3)), (32, (5, 40, 3))]  # rows of one vector, rows, panels


def network(sizes=(5, 40, 3), dtype="float64"):
    return fc.Network(list(sizes), seed=4, dtype=dtype)


def parameters(net):
    return flat((layer.W, layer.B) for layer in net.layers)


def assert_same_bits(one, other):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_array_equal(a, b)


def beneath(net):
    return net.__getstate__()["average_state"]


def bits_beneath(net):
    return pickle.dumps(beneath(net))
