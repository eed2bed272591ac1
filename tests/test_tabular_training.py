"""Training of a table's networks side by side: progress, callbacks and Ctrl-C with several threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fcnet as fc
from fcnet.tabular import RealMLP, TabularClassifier

NETWORKS, EPOCHS = 4, 3
RECIPE = RealMLP(hidden=(16,), epochs=EPOCHS, batch_size=64, bins=4)
X = np.random.default_rng(0).standard_normal((3000, 4))
Y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")


def fitted(n=2, **options):
    options = {"progress": False, "networks": NETWORKS, "folds": None, "random_state": 0} | options
    with fc.threads(n):
        return TabularClassifier(RECIPE, **options).fit(X, Y)


def test_lines_are_written_for_the_epochs_of_all_networks(capsys):
    model = fitted(progress="lines")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].split(" ", 2)[2] for line in lines] == [
        f"({i}/{NETWORKS * EPOCHS} done)" for i in range(1, NETWORKS * EPOCHS + 1)
    ]
    expected = sorted(
        f"loss {loss:.4g} {seconds:.3g} s"
        for history in model.history_
        for loss, seconds in zip(history.loss, history.seconds, strict=True)
    )
    told = [line.split(": ", 1)[1].split(", ") for line in lines]
    assert sorted(f"{texts[0]} {texts[-1]}" for texts in told) == expected


class Watch(fc.Callback):
    """Notes the network of every call, and whether calls overlap."""

    def __init__(self):
        self.models, self.overlap, self._lock = [], False, threading.Lock()

    def _note(self):
        if not self._lock.acquire(blocking=False):
            self.overlap = True
            return
        self.models.append(self.model)
        time.sleep(0.02)
        self._lock.release()

    def on_train_begin(self, logs):
        self._note()

    def on_epoch_end(self, epoch, logs):
        assert self.model.epochs_trained == epoch + 1
        assert self.model.history.loss[-1] == logs["loss"]
        self._note()

    def on_train_end(self, logs):
        self._note()


@pytest.mark.parametrize("limit", [None, 600])
def test_a_callback_has_the_network_in_training_as_its_model(limit):
    watch = Watch()
    model = fitted(callbacks=[watch], time_limit=limit)
    assert not watch.overlap
    expected = [network for network in model.networks_ for _ in range(EPOCHS + 2)]
    assert len(watch.models) == len(expected)
    assert all(one is other for one, other in zip(watch.models, expected, strict=True))


def test_functions_are_called_from_networks_trained_at_the_same_time():
    both = threading.Barrier(2)

    def meet(epoch, logs):
        both.wait(60)  # BrokenBarrierError if networks are trained one after another

    assert len(fitted(callbacks=[meet]).networks_) == NETWORKS


@pytest.mark.parametrize("callbacks", [[fc.Callback()], [lambda epoch, logs: None]])
def test_callbacks_do_not_change_the_bits(callbacks):
    expected = fitted(1).predict_proba(X)
    np.testing.assert_array_equal(fitted(2, callbacks=callbacks).predict_proba(X), expected)


def test_ctrl_c_before_the_first_timed_steps_is_a_keyboard_interrupt(monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadPoolExecutor, "submit", press)
    with pytest.raises(KeyboardInterrupt):
        fitted(time_limit=60)
