"""Every optimiser trains as its oracle does, on every path of a step, and refuses what is out of range."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

from bounds import flat, max_error

# Each beside the oracle that does the same.
OPTIMIZERS = {
    "sgd": (fc.SGD(0.05), lambda: reference.sgd(0.05)),
    "momentum": (fc.SGD(0.02, momentum=0.9), lambda: reference.sgd(0.02, momentum=0.9)),
    "nesterov": (
        fc.SGD(0.02, momentum=0.8, nesterov=True),
        lambda: reference.sgd(0.02, momentum=0.8, nesterov=True),
    ),
    "adam": (fc.Adam(0.01), lambda: reference.adam(0.01)),
    "adam-betas": (
        fc.Adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3),
        lambda: reference.adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3),
    ),
    "nadam": (fc.NAdam(0.01, beta1=0.8), lambda: reference.nadam(0.01, beta1=0.8)),
    "rmsprop": (fc.RMSprop(0.003), lambda: reference.rmsprop(0.003)),
    "rmsprop-momentum": (
        fc.RMSprop(0.002, rho=0.95, momentum=0.8, epsilon=1e-4),
        lambda: reference.rmsprop(0.002, rho=0.95, momentum=0.8, epsilon=1e-4),
    ),
    "adagrad": (fc.Adagrad(0.02), lambda: reference.adagrad(0.02)),
    "lion": (fc.Lion(0.003, beta1=0.8, beta2=0.95), lambda: reference.lion(0.003, beta1=0.8, beta2=0.95)),
    "adamw": (fc.AdamW(0.01, weight_decay=0.3), lambda: reference.adam(0.01, weight_decay=0.3)),
}


@pytest.fixture(params=OPTIMIZERS)
def optimizer(request):
    native, oracle = OPTIMIZERS[request.param]
    return native, oracle()


@pytest.mark.parametrize("loss", ["cross_entropy", "rmse"])
@pytest.mark.parametrize(("n", "batch"), [(7, 1), (50, 10), (60, 33), (5000, 2500)])
def test_training_equals_the_oracles(optimizer, loss, n, batch, steps, isa, threads):
    native, oracle = optimizer
    sizes, rng = [5, 33, 3], np.random.default_rng([n, batch])
    x = rng.standard_normal((n, 5))
    y = rng.integers(0, 3, n) if loss == "cross_entropy" else rng.standard_normal((n, 3))
    net = fc.Network(sizes, loss=loss, seed=1, dtype="float64")
    layers = [(layer.W.copy(), layer.B.copy()) for layer in net.layers]
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=native)
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], oracle, loss=loss)
    # some 20 steps; Adam divides by square roots of sums of squares, which loses a few digits where gradients are tiny
    assert max_error(flat((layer.W, layer.B) for layer in net.layers), flat(layers)) <= 1e-11


def test_weight_decay_spares_the_biases():
    x, y = np.zeros((8, 4)), np.zeros(8, int)
    net = fc.Network([4, 3], seed=0, dtype="float64")
    net.layers[0].B = np.array([50.0, 0.0, 0.0])  # certain and right: the gradient is 0 but for rounding
    before = net.layers[0].W
    net.fit(x, y, epochs=1, batch_size=8, optimizer=fc.AdamW(0.1, weight_decay=0.5, epsilon=1.0))
    np.testing.assert_allclose(net.layers[0].W, 0.95 * before, rtol=1e-14)
    np.testing.assert_allclose(net.layers[0].B, [50, 0, 0], atol=1e-14)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.SGD(0), ValueError, "learning_rate is 0: expected a positive, finite number"),
        (lambda: fc.SGD(np.inf), ValueError, "learning_rate is inf: expected a positive, finite number"),
        (lambda: fc.SGD("fast"), TypeError, "learning_rate is 'fast': expected a number"),
        (lambda: fc.SGD(None), TypeError, "learning_rate is None: expected a number"),
        (lambda: fc.SGD(True), TypeError, "learning_rate is True: expected a number"),
        (lambda: fc.SGD(0.1, momentum=1), ValueError, "momentum is 1: expected 0 <= momentum < 1"),
        (lambda: fc.SGD(0.1, nesterov=True), ValueError, "nesterov is True: expected a momentum above 0"),
        (lambda: fc.SGD(0.1, 0.9, 1), TypeError, "nesterov is 1: expected True or False"),
        (lambda: fc.Adam(beta1=-0.1), ValueError, "beta1 is -0.1: expected 0 <= beta1 < 1"),
        (lambda: fc.Adam(beta2=1.0), ValueError, "beta2 is 1.0: expected 0 <= beta2 < 1"),
        (lambda: fc.Adam(epsilon=0), ValueError, "epsilon is 0: expected a positive, finite number"),
        (lambda: fc.Adam(np.nan), ValueError, "learning_rate is nan: expected a positive, finite number"),
        (lambda: fc.NAdam(beta1=1), ValueError, "beta1 is 1: expected 0 <= beta1 < 1"),
        (lambda: fc.RMSprop(rho=1.5), ValueError, "rho is 1.5: expected 0 <= rho < 1"),
        (lambda: fc.RMSprop(momentum=-1), ValueError, "momentum is -1: expected 0 <= momentum < 1"),
        (lambda: fc.Adagrad(epsilon=-1), ValueError, "epsilon is -1: expected a positive, finite number"),
        (lambda: fc.Lion(beta2="a"), TypeError, "beta2 is 'a': expected a number"),
        (lambda: fc.AdamW(weight_decay=-1), ValueError, "weight_decay is -1: expected a finite number, at least 0"),
    ],
)
def test_a_hyperparameter_out_of_range_is_refused(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_numpy_numbers_are_numbers():
    assert fc.Adam(np.float32(0.5)) == fc.Adam(0.5)
