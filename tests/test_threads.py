"""Several Python threads at one network, or each at its own; leaving while threads work."""

from __future__ import annotations

import os
import pickle
import signal
import threading

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native
from forks import output_forked, run_forked

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


def seen_during(call, look):
    """What ``look()`` gives while ``call()`` runs in another thread, and once more after it."""
    seen, working = [], threading.Thread(target=call)
    working.start()
    while working.is_alive():
        seen.append(look())
    working.join()
    return [*seen, look()]


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


def test_a_second_fit_and_new_weights_are_refused_during_a_fit():
    net = fc.Network([64, 256, 10], seed=0)
    trainer = _native.Trainer(net._state.model, X, Y.astype(np.int32), 32, True, "sgd", {"learning_rate": 0.1})
    before = net.layers[1].W
    with pytest.raises(RuntimeError, match="this network is being fitted already"):
        net.fit(X, Y)
    with pytest.raises(RuntimeError, match="this network is being fitted: its parameters cannot be set"):
        net.layers[1].W = np.zeros((256, 10), np.float32)
    np.testing.assert_array_equal(net.layers[1].W, before)
    trainer.close()
    net.fit(X, Y, epochs=1)


def test_predictions_during_a_fit_see_the_network_as_one_of_its_epochs_left_it(threads):
    def fit(net, epochs):
        net.fit(X, Y, epochs=epochs, batch_size=32, optimizer=fc.SGD(0.01))
        return net

    def bits(net):
        return net.predict(X[:33]).tobytes()

    epochs, alone = 10, fc.Network([64, 256, 10], seed=0)
    states = [bits(alone)] + [bits(fit(alone, 1)) for _ in range(epochs)]
    net = fc.Network([64, 256, 10], seed=0)
    seen = seen_during(lambda: fit(net, epochs), lambda: bits(net))
    order = [states.index(state) for state in seen]  # each is a state, and none comes after a later one
    assert order == sorted(order)
    assert order[-1] == epochs


def test_copies_during_a_fit_are_of_one_epoch_weights_optimizer_and_counts(threads):
    def fit(net, epochs):
        net.fit(X, Y, epochs=epochs, batch_size=32, optimizer=fc.Adam(1e-3), validation_data=(X, Y))

    def moment(net):
        state = net.__getstate__()
        arrays = [state["parameters"], (state["optimizer_state"] or [0, 0, None])[2]]
        return state["epochs_trained"], *map(pickle.dumps, arrays), state["history"]

    epochs, alone = 6, fc.Network([64, 256, 10], seed=0)
    serial = [moment(alone)]
    for _ in range(epochs):
        fit(alone, 1)
        serial.append(moment(alone))
    net = fc.Network([64, 256, 10], seed=0)
    seen = seen_during(lambda: fit(net, epochs), lambda: moment(net))
    assert seen[-1][:3] == serial[-1][:3]
    for epoch, parameters, remembered, history in seen:
        assert parameters == serial[epoch][1]
        assert remembered in (pickle.dumps(None), serial[epoch][2])  # nothing while an epoch changes it
        assert {len(history[name]) for name in ("epochs", "loss", "val_accuracy")} <= {len(history["epochs"])}
        assert len(history["epochs"]) <= epoch


def test_an_evaluation_and_a_gradient_check_are_of_one_moment():
    def loss(output, target):
        net.layers[1].B = net.layers[1].B + 0.1  # as another thread's fit would at any time
        return np.mean((output - target) ** 2), 2 * (output - target) / output.size

    net = fc.Network([64, 8, 2], loss=loss, activation="tanh", seed=1)
    targets = X[:, :2]
    figures = net.evaluate(X, targets, metrics=["rmse"])
    assert figures["loss"] == pytest.approx(figures["rmse"] ** 2, rel=1e-5)
    assert net.check_gradients(X[:20], targets[:20], most=20).passed


FIRST = """
import threading
import numpy as np
import fcnet as fc

failed = []

def work(seed):
    try:
        x, y = np.ones((6, 8)).tolist(), [0, 1, 2, 0, 1, 2]
        fc.Network([8, 3], seed=seed).fit(x, y, epochs=1, metrics=["f1"], validation_split=0.5)
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failed)
"""


def test_several_threads_may_be_the_first_to_need_what_numpy_imports_late():
    for _ in range(3):
        assert output_forked(FIRST, modules="numpy, fcnet") == "[]"


def test_of_two_fits_of_one_network_one_is_refused_or_both_come_in_turn():
    net = fc.Network([64, 256, 10], seed=0)
    start = threading.Barrier(4)

    def fit(_):
        start.wait()
        try:
            net.fit(X, Y, epochs=5, batch_size=32, optimizer=fc.SGD(0.01))
        except RuntimeError as error:
            return str(error)
        return "fitted"

    answers = in_threads(4, fit)
    assert "fitted" in answers
    assert all(answer == "fitted" or answer.startswith("this network is being fitted already") for answer in answers)
    one_after_another = fc.Network([64, 256, 10], seed=0)
    for _ in range(answers.count("fitted")):
        one_after_another.fit(X, Y, epochs=5, batch_size=32, optimizer=fc.SGD(0.01))
    assert net.layers[0].W.tobytes() == one_after_another.layers[0].W.tobytes()


IN_A_THREAD = """
import os, sys, threading, time
import numpy as np
import fcnet as fc
fc.set_num_threads(2)
x, y = np.ones((1000, 64), np.float32), np.zeros(1000, int)
net = fc.Network([64, 256, 10])
inside = threading.Event()
def fit():
    inside.set()
    net.fit(x, y, epochs=10**6, batch_size=64)
def predict():
    inside.set()
    while True:
        net.predict(x)
"""


@pytest.mark.parametrize(
    ("work", "leave", "code", "error"),
    [
        ("fit", "pass", 0, ""),
        ("fit", "sys.exit(3)", 3, ""),
        ("fit", "os._exit(3)", 3, ""),
        ("fit", "raise LookupError", 1, "LookupError"),
        ("fit", "os.kill(os.getpid(), 15)", -15, ""),
        ("predict", "pass", 0, ""),
        ("predict", "os.kill(os.getpid(), 15)", -15, ""),
    ],
)
def test_the_process_ends_with_its_exit_code_while_a_daemon_thread_works(work, leave, code, error):
    if code < 0 and os.name == "nt":
        pytest.skip("signals are not exit codes there")
    start = f"threading.Thread(target={work}, daemon=True).start()\ninside.wait()\ntime.sleep(0.2)\n"
    done = run_forked(IN_A_THREAD + start + leave)
    assert done.returncode == code
    assert done.stderr.strip().endswith(error)
    assert error or done.stderr == ""


def test_the_process_waits_for_a_thread_that_is_not_a_daemon():
    code = """
def fit():
    net.fit(x, y, epochs=20, batch_size=64)
    print("fitted")
threading.Thread(target=fit).start()
"""
    done = run_forked(IN_A_THREAD + code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fitted\n", "")


def test_the_process_ends_after_a_fit_while_its_workers_sleep():
    for _ in range(4):
        done = run_forked(IN_A_THREAD + "net.fit(x, y, epochs=1)")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_the_process_can_end_from_a_signal_handler_in_the_middle_of_a_fit():
    code = """
import signal
signal.signal(signal.SIGALRM, lambda *_: sys.exit(3))
signal.setitimer(signal.ITIMER_REAL, 0.2)
fit()
"""
    done = run_forked(IN_A_THREAD + code)
    assert (done.returncode, done.stderr) == (3, "")
