"""Ctrl-C and other exceptions that arrive while native code runs stop it soon and leave a usable network."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import fcnet as fc
from fcnet._native import Model, Trainer

from processes import output

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent with os.kill")

NETS = {
    "tiny": ([2, 2, 2], 1, 500),
    "mnist": ([784, 512, 256, 10], 128, 20_000),
    "wide": ([1024, 2048, 2048, 10], 4096, 4096),
}


@pytest.fixture(params=NETS)
def problem(request):
    sizes, batch, n = NETS[request.param]
    rng = np.random.default_rng(0)
    return sizes, batch, rng.random((n, sizes[0]), np.float32), rng.integers(0, sizes[-1], n)


def interrupted(call, delay, number=signal.SIGINT):
    """Run ``call`` with a signal on its way; the seconds from signal to exception."""
    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), number)

    timer = threading.Timer(delay, send)
    timer.start()
    try:
        with pytest.raises((KeyboardInterrupt, LookupError)):
            call()
        return time.perf_counter() - sent[0]
    finally:
        timer.cancel()
        timer.join()


def test_an_interrupted_fit_leaves_finished_steps_and_can_go_on(problem):
    sizes, batch, x, y = problem
    net = fc.Network(sizes, seed=0)
    start = [layer.W for layer in net.layers]
    interrupted(lambda: net.fit(x, y, epochs=10**6, batch_size=batch, optimizer=fc.SGD(1e-3)), 0.3)
    assert all(np.isfinite(layer.W).all() and np.isfinite(layer.B).all() for layer in net.layers)
    assert net.epochs_trained == len(net.history)
    if len(net.history):
        assert any((a != layer.W).any() for a, layer in zip(start, net.layers, strict=True))
    before = net.epochs_trained
    net.fit(x[:batch], y[:batch], epochs=1, batch_size=batch)
    assert net.epochs_trained == before + 1


def test_an_interrupted_prediction_stops():
    net = fc.Network([256, 1024, 1024, 10], seed=0)
    x = np.full((200_000, 256), np.float32(0.5))
    interrupted(lambda: [net.predict(x) for _ in range(1000)], 0.2)
    assert net.predict(x[:1]).shape == (1, 10)


def test_what_a_signal_handler_raises_arrives_unchanged(problem):
    sizes, batch, x, y = problem
    error = LookupError("from a handler")

    def handler(number, frame):
        raise error

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        net = fc.Network(sizes, seed=0)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(LookupError) as caught:
            net.fit(x, y, epochs=10**6, batch_size=batch, optimizer=fc.SGD(1e-3))
        assert caught.value is error
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_many_interrupts_at_random_times_neither_crash_nor_hang():
    code = """
import os, random, signal, threading, time
import numpy as np
import fcnet as fc

rng = np.random.default_rng(0)
x, y = rng.random((2000, 100), np.float32), rng.integers(0, 10, 2000)
caught, done = 0, False

def shoot():
    random.seed(1)
    for _ in range(200):
        time.sleep(random.random() * 0.02)
        os.kill(os.getpid(), signal.SIGINT)
    global done
    done = True

net = fc.Network([100, 200, 10], seed=0)
shooter = threading.Thread(target=shoot)
shooter.start()
while not done:
    try:
        net.fit(x, y, epochs=20, batch_size=32)
        net.predict(x)
    except KeyboardInterrupt:
        caught += 1
for _ in range(100):
    try:
        shooter.join(); time.sleep(0.01)
        break
    except KeyboardInterrupt:
        caught += 1
assert np.isfinite(net.layers[0].W).all()
net.fit(x, y, epochs=1)
print(caught)
"""
    assert int(output(code)) > 20


@pytest.mark.parametrize("size", ["mnist", "wide"])
def test_an_exception_of_the_progress_callback_arrives_and_the_next_fit_works(size):
    sizes, batch, n = NETS[size]
    x, y = np.ones((n, sizes[0]), np.float32), np.zeros(n, np.int32)
    error = RuntimeError("from the callback")

    def callback(samples, loss):
        raise error

    model = Model(sizes, "cross_entropy", "float32", 0)
    hyper = {"learning_rate": 1e-3}
    trainer = Trainer(model, x, y, batch, True, "sgd", hyper)
    with pytest.raises(RuntimeError) as caught:
        trainer.run_epoch(0, callback)
    assert caught.value is error
    trainer.close()
    again = Trainer(model, x[:batch], y[:batch], batch, True, "sgd", hyper)
    assert not again.run_epoch(0)[2]
    again.close()
