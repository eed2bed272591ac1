"""B1, B2, B3: same seed, same bits, whatever the threads, the batch of a prediction, the instruction set."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native

from optimizers import OPTIMIZERS, every_optimizer
from walks import walk

FMA_ISAS = [name for name in _native.available_isas() if name != "portable"]


def trained(loss, dtype, batch, optimizer=OPTIMIZERS["sgd"], n=300, sizes=(20, 70, 33, 5), seed=1):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], n) if loss == "cross_entropy" else rng.standard_normal((n, sizes[-1])).astype(dtype)
    net = fc.Network(list(sizes), loss=loss, seed=seed, dtype=dtype)
    history = net.fit(x, y, epochs=2, batch_size=batch, optimizer=optimizer)
    digest = hashlib.sha256()
    for layer in net.layers:
        digest.update(layer.W.tobytes() + layer.B.tobytes())
    for array in (*net.gradients(x, y)[0], net.predict(x), np.array(history.loss)):
        digest.update(array.tobytes())
    return digest.hexdigest()


def assert_same_bits_for_any_number_of_threads(train, counts=(1, 2, 3, 5)):
    before = _native.get_num_threads()
    try:
        digests = set()
        for threads in counts:
            _native.set_num_threads(threads)
            digests.add(train())
    finally:
        _native.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "rmse"])
@walk("batch", [1, 32, 100, 300])
def test_same_bits_for_any_number_of_threads(loss, batch, dtype, isa):
    assert_same_bits_for_any_number_of_threads(lambda: trained(loss, dtype, batch))


HIDDEN = {
    "plain": ({}, {}),
    "softmax": ({}, {"activation": "softmax"}),
    "normalised": ({"normalization": "batch"}, {"normalization": "layer"}),
    "dropped": ({"dropout": 0.5}, {"dropout": 0.25}),
}


@pytest.mark.parametrize("kinds", HIDDEN.values(), ids=HIDDEN)
def test_same_bits_on_many_cores_in_training_and_in_predictions_of_few_rows(kinds, dtype, isa):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 300)).astype(dtype), rng.integers(0, 10, 200)
    first, second = kinds

    def digest():
        net = fc.Network([300, fc.Dense(513, **first), fc.Dense(77, **second), 10], seed=1, dtype=dtype)
        net.fit(x, y, epochs=1, batch_size=90)
        few = [(net.predict(x[:rows]).tobytes(), net.evaluate(x[:rows], y[:rows])) for rows in (9, 33, 70, 200)]
        return repr(few).encode() + b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)

    assert_same_bits_for_any_number_of_threads(digest, (1, 3, 16))


@every_optimizer
@walk("batch", [7, 100])
def test_same_bits_with_every_optimizer(optimizer, batch, dtype, isa):
    assert_same_bits_for_any_number_of_threads(lambda: trained("cross_entropy", dtype, batch, optimizer), (1, 3))


@every_optimizer
@walk("batch", [3, 100])
def test_same_bits_where_steps_can_stop_anywhere(optimizer, batch, dtype):
    short = trained("rmse", dtype, batch, optimizer)
    before = _native._testing.longest_step()
    _native._testing.set_longest_step(0)
    try:
        assert_same_bits_for_any_number_of_threads(lambda: trained("rmse", dtype, batch, optimizer), (1, 3))
        assert trained("rmse", dtype, batch, optimizer) == short
    finally:
        _native._testing.set_longest_step(before)


@pytest.mark.parametrize("threads", [1, 2, 3])
@walk("n", [1, 5, 8, 9, 2048, 2049, 5000])
def test_a_step_has_the_bits_of_its_gradients(n, threads, steps, dtype, isa):
    """Up to 8 samples go as rows, up to 2,048 in one chunk of panels, more in several; gradients always as panels."""
    sizes = [40, 70, 3]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, sizes[0])).astype(dtype), rng.integers(0, 3, n)
    before = _native.get_num_threads()
    _native.set_num_threads(threads)
    try:
        fused, rate = fc.Network(sizes, seed=2, dtype=dtype), 0.1
        gradients = fused.gradients(x, y)
        old = [(layer.W.copy(), layer.B.copy()) for layer in fused.layers]
        fused.fit(x, y, epochs=1, batch_size=n, shuffle=False, optimizer=fc.SGD(rate))
    finally:
        _native.set_num_threads(before)
    for layer, before_step, gradient in zip(fused.layers, old, gradients, strict=True):
        for new, w, g in zip((layer.W, layer.B), before_step, gradient, strict=True):
            np.testing.assert_array_equal(new, w - dtype(rate) * g)


@pytest.mark.skipif(len(FMA_ISAS) < 2, reason="this CPU has one instruction set with fused multiply-add")
@every_optimizer
@walk("loss", ["cross_entropy", "mse", "rmse"])
def test_same_bits_on_every_instruction_set_with_fma(loss, optimizer, dtype):
    before = _native.config()["isa"]
    try:
        digests = set()
        for isa in FMA_ISAS:
            _native._testing.use_isa(isa)
            digests.add(trained(loss, dtype, 48, optimizer))
    finally:
        _native._testing.use_isa(before)
    assert len(digests) == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_row_is_predicted_alike_alone_and_in_any_batch(loss, dtype, isa, threads):
    x = np.random.default_rng(0).standard_normal((150, 20)).astype(dtype)
    net = fc.Network([20, 70, 33, 5], loss=loss, seed=4, dtype=dtype)
    whole = net.predict(x)
    for begin, end in ((0, 1), (31, 32), (149, 150), (5, 38), (64, 150)):
        np.testing.assert_array_equal(net.predict(x[begin:end]), whole[begin:end])


def test_two_fits_of_one_epoch_are_one_fit_of_two():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((100, 5)), rng.integers(0, 3, 100)
    once, twice = fc.Network([5, 8, 3], seed=9), fc.Network([5, 8, 3], seed=9)
    once.fit(x, y, epochs=2)
    twice.fit(x, y, epochs=1)
    twice.fit(x, y, epochs=1)
    for a, b in zip(once.layers, twice.layers, strict=True):
        np.testing.assert_array_equal(a.W, b.W)
