"""Ctrl-C and other exceptions that arrive while native code runs stop it soon and leave a usable network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fcnet as fc
from fcnet._native import Trainer
from forks import output_forked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent with os.kill")

NETS = {
    "tiny": ([2, 2, 2], 1, 500),
    "mnist": ([784, 512, 256, 10], 128, 20_000),
    "wide": ([1024, 2048, 2048, 10], 1024, 1024),
}


@pytest.fixture(params=NETS)
def problem(request):
    sizes, batch, n = NETS[request.param]
    rng = np.random.default_rng(0)
    return sizes, batch, rng.random((n, sizes[0]), np.float32), rng.integers(0, sizes[-1], n)


def interrupted(call, delay):
    """Run ``call`` with Ctrl-C on its way."""
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))

    def start_and_call():
        timer.start()
        call()

    try:
        with pytest.raises(KeyboardInterrupt):
            start_and_call()
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
    assert len(net.history.epochs) == len(net.history.loss) == len(net.history.accuracy) == len(net.history.seconds)
    assert np.isfinite(net.predict(x[:100])).all()
    before = net.epochs_trained
    net.fit(x[:batch], y[:batch], epochs=1, batch_size=batch)
    assert net.epochs_trained == before + 1


@pytest.mark.parametrize("net", NETS)
def test_an_interrupt_from_outside_ends_the_fit(net):
    sizes, batch, n = NETS[net]
    code = f"""
import faulthandler, numpy as np, fcnet as fc
faulthandler.dump_traceback_later(500, exit=True)  # a hang, not a busy machine
x, y = np.ones(({n}, {sizes[0]}), np.float32), np.zeros({n}, int)
net = fc.Network({sizes})
try:
    print("ready", flush=True)
    net.fit(x, y, epochs=10**6, batch_size={batch}, optimizer=fc.SGD(1e-3))
except KeyboardInterrupt:
    print("interrupted", np.isfinite(net.layers[0].W).all())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted True\n"


@pytest.mark.parametrize("n", [2, 500])  # rows; panels, a step of some milliseconds
def test_an_epoch_whose_weights_are_kept_is_counted(n, steps):
    x, y = np.resize(np.eye(256, dtype=np.float32), (n, 256)), np.arange(n) % 2
    net, same = (fc.Network([256, 512, 2], seed=0) for _ in range(2))
    interrupted(lambda: net.fit(x, y, epochs=10**6, batch_size=n), 0.1)  # one step an epoch
    same.fit(x, y, epochs=net.epochs_trained, batch_size=n)
    np.testing.assert_array_equal(net.layers[0].W, same.layers[0].W)


@pytest.mark.parametrize("batch", [4, 512])
def test_an_interrupted_epoch_leaves_the_weights_of_its_last_finished_step(batch, steps):
    x, y = np.random.default_rng(0).random((batch, 512), np.float32), np.arange(batch) % 3
    many = 60_000 // batch
    net, same = (fc.Network([512, 512, 3], seed=0) for _ in range(2))
    options = {"batch_size": batch, "shuffle": False, "optimizer": fc.SGD(1e-3, 0.9)}
    interrupted(lambda: net.fit(np.tile(x, (many, 1)), np.tile(y, many), epochs=1, **options), 0.1)
    trainer = Trainer(same._state.model, x, y.astype(np.int32), batch, False, *options["optimizer"]._native())
    try:
        for step in range(many):  # every step is on the same samples
            if (net.layers[1].W == same.layers[1].W).all() and (net.layers[0].W == same.layers[0].W).all():
                return
            trainer.run_epoch(step)
    finally:
        trainer.close()
    pytest.fail("no number of whole steps gives these weights")


def test_an_interrupted_validation_leaves_a_history_of_even_length():
    x, many = np.ones((10, 256), np.float32), np.ones((20_000, 256), np.float32)
    net = fc.Network([256, 1024, 1024, 10], seed=0)
    options = {"epochs": 10**6, "validation_data": (many, np.zeros(len(many), int))}
    interrupted(lambda: net.fit(x, np.zeros(10, int), **options), 0.2)
    assert len(net.history.epochs) == len(net.history.val_loss) == len(net.history.val_accuracy)


def test_history_belongs_to_the_last_fit_even_if_its_first_epoch_was_interrupted():
    class InterruptedSoon(fc.Callback):
        def on_epoch_begin(self, epoch, logs):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    x, y = np.ones((200_000, 64), np.float32), np.zeros(200_000, np.int32)
    net = fc.Network([64, 128, 10], seed=0)
    net.fit(x[:10], y[:10], epochs=3)
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=1, batch_size=1, callbacks=[InterruptedSoon()])
    assert (len(net.history), net.epochs_trained) == (0, 3)


def test_an_interrupted_prediction_stops():
    net = fc.Network([256, 1024, 1024, 10], seed=0)
    x = np.full((20_000, 256), np.float32(0.5))
    interrupted(lambda: [net.predict(x) for _ in range(1000)], 0.2)
    assert net.predict(x[:1]).shape == (1, 10)


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGALRM"])
def test_what_a_signal_handler_raises_arrives_unchanged(problem, name):
    number = getattr(signal, name)
    sizes, batch, x, y = problem
    error = LookupError("from a handler")

    def handler(number, frame):
        raise error

    before = signal.signal(number, handler)
    try:
        net = fc.Network(sizes, seed=0)
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        with pytest.raises(LookupError) as caught:
            net.fit(x, y, epochs=10**6, batch_size=batch, optimizer=fc.SGD(1e-3))
        assert caught.value is error
    finally:
        signal.signal(number, before)


def test_a_step_that_is_interrupted_as_it_begins_leaves_the_network_free():
    x, y = np.ones((8, 2)), [0, 1] * 4
    net = fc.Network([2, 2], seed=0)
    net.train_on_batch(x, y)

    def interrupt(frame, event, call):
        if event == "c_return" and call.__name__ == "open":
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        net.train_on_batch(x, y)
    net.train_on_batch(x, y)  # while the traceback still holds what the step had
    assert caught.traceback


def test_many_interrupts_at_random_times_neither_crash_nor_hang():
    code = """
import os, random, signal, threading, time
import numpy as np, fcnet as fc

rng = np.random.default_rng(0)
x, y = rng.random((2000, 100), np.float32), rng.integers(0, 10, 2000)
caught, done, ready = 0, False, threading.Event()

def shoot():
    random.seed(1)
    ready.wait()  # until somebody catches what comes
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
        ready.set()
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
    assert int(output_forked(code)) > 0


@pytest.mark.parametrize("size", ["mnist", "wide"])
def test_an_exception_of_the_progress_callback_arrives_and_the_next_fit_works(size):
    sizes, batch, n = NETS[size]
    x, y = np.ones((n, sizes[0]), np.float32), np.zeros(n, np.int32)
    error = RuntimeError("from the callback")

    def callback(samples, loss, correct):
        raise error

    model, hyper = fc.Network(sizes, seed=0)._state.model, {"learning_rate": 1e-3}
    trainer = Trainer(model, x, y, batch, True, "sgd", hyper)
    with pytest.raises(RuntimeError) as caught:
        trainer.run_epoch(0, callback)
    assert caught.value is error
    trainer.close()
    again = Trainer(model, x[:batch], y[:batch], batch, True, "sgd", hyper)
    assert not again.run_epoch(0)[2]
    again.close()
