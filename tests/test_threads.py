"""Several Python threads at one network, or each at its own; leaving while threads work."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native

from processes import run

RNG = np.random.default_rng(0)
X, Y = RNG.random((600, 64), np.float32), RNG.integers(0, 10, 600)


def in_threads(count, call):
    """What ``call(i)`` returns in each of ``count`` threads at once."""
    results = [None] * count

    def work(i):
        results[i] = call(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_that_predict_at_once_get_the_serial_bits(threads):
    net = fc.Network([64, 128, 10], seed=0)
    expected = [net.predict(X[: 10 * i + 1]).tobytes() for i in range(16)]
    answers = in_threads(16, lambda i: {net.predict(X[: 10 * i + 1]).tobytes() for _ in range(200)})
    assert answers == [{bits} for bits in expected]


def test_networks_that_are_fitted_at_once_get_the_serial_bits(threads):
    def fit(i):
        net = fc.Network([64, 96, 10], seed=i)
        net.fit(X, Y, epochs=3, batch_size=64)
        return net.layers[0].W.tobytes()

    expected = [fit(i) for i in range(4)]
    assert in_threads(4, fit) == expected


@pytest.fixture
def busy():
    """A network in the middle of a fit by another thread."""
    net = fc.Network([64, 256, 10], seed=0)
    started, stop = threading.Event(), threading.Event()

    def fit():
        while not stop.is_set():
            started.set()
            net.fit(X, Y, epochs=200, batch_size=32, optimizer=fc.SGD(1e-3))

    thread = threading.Thread(target=fit)
    thread.start()
    started.wait()
    yield net
    stop.set()
    thread.join()


def test_a_second_fit_and_new_weights_are_refused_during_a_fit():
    net = fc.Network([64, 256, 10], seed=0)
    trainer = _native.Trainer(net._model, X, Y.astype(np.int32), 32, True, "sgd", {"learning_rate": 0.1})
    before = net.layers[1].W
    with pytest.raises(RuntimeError, match="this network is being fitted already"):
        net.fit(X, Y)
    with pytest.raises(RuntimeError, match="this network is being fitted: its parameters cannot be set"):
        net.layers[1].W = np.zeros((256, 10), np.float32)
    np.testing.assert_array_equal(net.layers[1].W, before)
    trainer.close()
    net.fit(X, Y, epochs=1)


def test_predictions_during_a_fit_see_whole_networks(busy):
    for _ in range(300):
        p = busy.predict(X[:33])
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("leave", "expected"), [("pass", 0), ("sys.exit(3)", 3), ("os._exit(3)", 3)])
def test_the_process_ends_with_its_exit_code_in_the_middle_of_a_fit(leave, expected):
    code = f"""
import os, sys, threading, time
import numpy as np
import fcnet as fc
x, y = np.ones((1000, 64), np.float32), np.zeros(1000, int)
net = fc.Network([64, 256, 10])
threading.Thread(target=lambda: net.fit(x, y, epochs=10**6, batch_size=64), daemon=True).start()
time.sleep(0.2)
{leave}
"""
    done = run("-c", code)
    assert (done.returncode, done.stderr) == (expected, "")
