"""Callbacks: what they are called with and when, what they may raise, what their fit leaves."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((100, 4)).astype(np.float32), RNG.integers(0, 3, 100)
EVENTS = ("train_begin", "epoch_begin", "batch_end", "epoch_end", "train_end")


def network(**options):
    return fc.Network([4, 16, 3], seed=2, **options)


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


class Recorder(fc.Callback):
    """Keeps (event, number, logs) of every call; raises ``error`` in the call numbered ``at``."""

    def __init__(self, at=None, error=None):
        self.calls, self._at, self._error = [], at, error

    def _call(self, event, number, logs):
        self.calls.append((event, number, logs))
        if len(self.calls) - 1 == self._at:
            raise self._error

    def on_train_begin(self, logs):
        self._call("train_begin", None, logs)

    def on_epoch_begin(self, epoch, logs):
        self._call("epoch_begin", epoch, logs)

    def on_batch_end(self, batch, logs):
        self._call("batch_end", batch, logs)

    def on_epoch_end(self, epoch, logs):
        self._call("epoch_end", epoch, logs)

    def on_train_end(self, logs):
        self._call("train_end", None, logs)


@pytest.mark.parametrize("batch", [1, 7, 40, 100])  # rows, and panels
def test_calls_come_in_order_and_one_for_every_step(batch, steps, threads, dtype):
    net, same, heard = network(dtype=dtype), network(dtype=dtype), Recorder()
    net.fit(X, Y, epochs=1, batch_size=batch)
    history = net.fit(X, Y, epochs=2, batch_size=batch, validation_data=(X, Y), metrics=["f1"], callbacks=[heard])
    steps_each = range(-(-100 // batch))
    expected = [("train_begin", None)]
    for epoch in (1, 2):
        expected += [("epoch_begin", epoch), *(("batch_end", i) for i in steps_each), ("epoch_end", epoch)]
    assert [call[:2] for call in heard.calls] == [*expected, ("train_end", None)]
    assert heard.model is net
    last = {name: history[name][-1] for name in history if name not in ("epochs", "seconds")}
    assert heard.calls[-1][2] == last == heard.calls[-2][2]
    assert heard.calls[-3][2] == {name: last[name] for name in ("loss", "accuracy")}  # of the whole epoch by then
    same.fit(X, Y, epochs=3, batch_size=batch)
    assert parameters(net) == parameters(same)


def test_logs_of_a_step_are_the_means_so_far():
    heard, net = Recorder(), network(dtype="float64")
    first, second = net.evaluate(X[:60], Y[:60]), None
    net.fit(X, Y, epochs=1, batch_size=60, shuffle=False, callbacks=[heard])
    same = network(dtype="float64")
    same.fit(X[:60], Y[:60], epochs=1, batch_size=60, shuffle=False)
    second = same.evaluate(X[60:], Y[60:])
    logs = [logs for event, _, logs in heard.calls if event == "batch_end"]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(logs[0][name], first[name], rtol=1e-12)
        np.testing.assert_allclose(logs[1][name], 0.6 * first[name] + 0.4 * second[name], rtol=1e-12)


def test_functions_are_called_after_every_epoch_and_a_regression_has_no_accuracy():
    seen = []
    net = network(loss="mse")
    history = net.fit(X, np.zeros((100, 3)), epochs=3, callbacks=[lambda epoch, logs: seen.append((epoch, logs))])
    assert seen == [(epoch, {"loss": loss, "learning_rate": 0.1}) for epoch, loss in enumerate(history.loss)]


class Steps(fc.Callback):
    """Keeps begins, and ends with the loss; raises in the call numbered ``at``."""

    def __init__(self, at=None):
        self.calls, self._at = [], at

    def on_batch_begin(self, batch, logs):
        assert logs == {}
        self._call("begin", batch)

    def on_batch_end(self, batch, logs):
        self._call("end", batch)

    def _call(self, event, batch):
        self.calls.append((event, batch))
        if len(self.calls) - 1 == self._at:
            raise fc.StopTraining


class Begins(fc.Callback):
    def __init__(self):
        self.calls = []

    def on_batch_begin(self, batch, logs):
        self.calls.append(batch)


BATCHED = [(X[i : i + 25], Y[i : i + 25]) for i in range(0, 100, 25)]
FEEDS = {"arrays": (X, Y), "batches": (BATCHED,)}


@pytest.mark.parametrize("feed", FEEDS)
def test_steps_begin_and_end_in_turn(feed, steps):
    both, begins, net, same = Steps(), Begins(), network(), network()
    options = {"epochs": 2, "batch_size": 25, "shuffle": False}
    net.fit(*FEEDS[feed], callbacks=[both, begins], **options)
    assert both.calls == [(event, i) for i in range(4) for event in ("begin", "end")] * 2
    assert begins.calls == [0, 1, 2, 3] * 2
    alone = Begins()
    same.fit(*FEEDS[feed], callbacks=[alone], **options)
    assert alone.calls == begins.calls
    assert parameters(net) == parameters(same)


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("at", range(8))
def test_a_step_that_is_stopped_before_it_begins_is_not_made(feed, at, steps):
    net, same = network(), network()
    net.fit(*FEEDS[feed], epochs=1, batch_size=25, shuffle=False, callbacks=[Steps(at)])
    for x, y in BATCHED[: (at + 1) // 2]:
        same.fit(x, y, epochs=1, batch_size=25, shuffle=False)
    assert parameters(net) == parameters(same)
    assert net.epochs_trained == (at == 7 and feed == "arrays")  # of batches, another might have come


@pytest.mark.parametrize("feed", FEEDS)
def test_no_step_begins_after_one_that_diverged(feed):
    heard = Steps()
    with pytest.raises(fc.DivergenceError):
        network().fit(*FEEDS[feed], epochs=9, batch_size=25, optimizer=fc.SGD(1e30), callbacks=[heard])
    assert [event for event, _ in heard.calls].count("begin") == heard.calls[-1][1] + 1


def test_nobody_hears_of_steps_unless_asked(monkeypatch):
    class Quiet(fc.Callback):
        def on_epoch_end(self, epoch, logs):
            pass

    def fails(*arguments):
        raise AssertionError

    monkeypatch.setattr(fc.Callback, "on_batch_begin", fails)
    monkeypatch.setattr(fc.Callback, "on_batch_end", fails)
    network().fit(X, Y, epochs=2, callbacks=[Quiet()])


@pytest.mark.parametrize("at", range(12))
def test_stop_training_ends_the_fit_quietly(at):
    net, heard = network(), Recorder(at, fc.StopTraining())
    other = Recorder()
    history = net.fit(X, Y, epochs=2, batch_size=25, callbacks=[heard, other])
    event = heard.calls[at][0]
    assert history.stopped_early
    assert heard.calls[at + 1 :] == [("train_end", None, history.last())]
    assert [call[0] for call in other.calls][-1] == "train_end"
    finished = sum(event == "epoch_end" for event, _, _ in heard.calls)
    at_the_end_of_an_epoch = event == "batch_end" and heard.calls[at][1] == 3
    assert len(history) == finished + at_the_end_of_an_epoch
    assert net.epochs_trained == len(history)
    if at_the_end_of_an_epoch:
        assert math.isnan(history.seconds[-1])


def test_a_callback_class_stops_it_too():
    class Stop(fc.StopTraining):
        pass

    def stop(epoch, logs):
        raise Stop

    assert len(network().fit(X, Y, epochs=9, callbacks=[stop])) == 1


def test_early_stopping_restores_the_best_where_a_callback_ends_the_fit():
    net, same = network(), network()
    heard = Recorder(60, fc.StopTraining)
    rule = fc.EarlyStopping(patience=99, monitor="val_loss")
    held = RNG.standard_normal((50, 4)), RNG.integers(0, 3, 50)
    options = {"batch_size": 25, "optimizer": fc.Adam(0.05)}
    history = net.fit(X, Y, epochs=50, validation_data=held, early_stopping=rule, callbacks=[heard], **options)
    assert history.best_epoch == int(np.argmin(history.val_loss))
    same.fit(X, Y, epochs=history.best_epoch + 1, **options)
    assert parameters(net) == parameters(same)


def test_a_callback_may_predict_evaluate_save_and_copy_and_not_fit(tmp_path):
    import copy

    net, seen = network(), []

    class Look(fc.Callback):
        def on_batch_end(self, batch, logs):
            seen.append(self.model.predict(X).tobytes())
            self.model.evaluate(X, Y, metrics=["roc_auc"])

        def on_epoch_end(self, epoch, logs):
            self.model.save(tmp_path / "a.safetensors")
            copy.deepcopy(self.model).fit(X, Y, epochs=1)
            with pytest.raises(RuntimeError, match="being fitted already"):
                self.model.fit(X, Y)
            with pytest.raises(RuntimeError, match="being fitted"):
                self.model.layers[0].B = np.zeros(16)

    same = network()
    net.fit(X, Y, epochs=3, batch_size=50, callbacks=[Look()])
    assert len(seen) == 6
    assert seen[0] == seen[1] != seen[2] == seen[3]  # the weights that the epoch began with
    same.fit(X, Y, epochs=3, batch_size=50)
    assert parameters(net) == parameters(same)


class Misspelt(fc.Callback):
    def on_epoch_ends(self, epoch, logs):
        pass


class Narrow(fc.Callback):
    def on_train_begin(self):
        pass


def test_callbacks_that_take_more_than_they_are_called_with_are_fine():
    seen = []
    helpful = type("Helpful", (fc.Callback,), {"on_my_own_account": len})()
    callbacks = [lambda *given: seen.append(given), lambda epoch, logs, more=3: seen.append(more), {}.setdefault]
    network().fit(X, Y, epochs=1, callbacks=[*callbacks, helpful])
    assert (len(seen[0]), seen[1]) == (2, 3)


@pytest.mark.parametrize(
    ("callbacks", "match"),
    [
        (fc.Callback(), "callbacks is <fcnet.Callback .*expected a list"),
        ("x", "callbacks is 'x'"),
        ([3], "callbacks has 3: expected an fcnet.Callback or a function"),
        ([fc.Callback], "callbacks has <class"),
        ([lambda epoch: None], r"a function \(epoch, logs\), but calling it so is an error: too many positional"),
        ([Misspelt()], r"whose method on_epoch_ends is never called; did you mean 'on_epoch_end'\?"),
        ([Narrow()], r"expected on_train_begin\(logs\), but calling it so is an error: too many positional"),
        ([fc.EarlyStopping()], r"callbacks has EarlyStopping\(.*\): expected it as early_stopping="),
        ([fc.schedules.Cosine()], r"callbacks has Cosine\(.*\): expected it as schedule="),
    ],
)
def test_what_is_no_callback_is_refused(callbacks, match):
    net = network()
    with pytest.raises(TypeError, match=match):
        net.fit(X, Y, callbacks=callbacks)
    assert net.epochs_trained == 0


class Watching(fc.Callback):
    """One that keeps more than the network."""

    __slots__ = ("losses", "net")

    def __init__(self):
        self.losses, self.name = [], "watching"

    def on_epoch_end(self, epoch, logs):
        self.losses.append(logs["loss"])
        self.net = self.own = self.model


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_or_pickle_of_a_callback_is_without_the_network(copied, tmp_path):
    net, x, y = fc.Network([50, 40, 2], seed=0), np.zeros((8, 50)), np.zeros(8, int)
    watching, checkpoint = Watching(), fc.Checkpoint(tmp_path / "net", monitor="loss")
    net.fit(x, y, epochs=2, callbacks=[watching, checkpoint])
    one, other = copied(watching), copied(checkpoint)
    assert (one.losses, one.name, one.net, one.own) == (watching.losses, "watching", None, None)
    assert not any(isinstance(value, fc.Network) for value in vars(other).values())
    for callback in (one, other):
        assert not hasattr(callback, "model")
        assert len(pickle.dumps(callback)) < 1000
    assert watching.model is checkpoint.model is net
    net.fit(x, y, epochs=1, callbacks=[one, other])
    assert one.model is net
    assert len(one.losses) == 3
