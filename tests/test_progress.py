"""The progress bar: what it says, when it is shown, that it changes nothing."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((300, 2)), RNG.integers(0, 3, 300)


def network():
    return fc.Network([2, 3], seed=0)


class Terminal:
    """Standard error as a user sees it."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_it_says_epoch_figures_speed_and_time_left(capsys):
    net = network()
    history = net.fit(X, Y, epochs=3, validation_data=(X, Y), metrics=["f1"], progress=True)
    shown = capsys.readouterr().err
    assert "epoch 3/3" in shown
    assert "600/900" in shown  # samples
    assert "samples/s" in shown
    for name in ("loss", "accuracy", "val_loss", "val_f1"):
        assert f"{name} {history[name][1]:.4g}" in shown
    assert "learning_rate" not in shown


def test_the_figures_within_an_epoch_are_those_up_to_there(monkeypatch):
    said = []

    class Bar:
        n = total = 0

        def __init__(self, **options):
            self.total = options["total"]

        def set_description_str(self, text):
            pass

        def set_postfix_str(self, text, refresh):
            said.append(text)

        def update(self, more):
            self.n += more

        def close(self):
            said.append((self.n, self.total))

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))

    class Hear(fc.Callback):
        def on_batch_end(self, batch, logs):
            heard.append(logs)

    heard = []
    network().fit(X, Y, epochs=1, batch_size=100, progress=True, callbacks=[Hear()])
    assert said[:3] == [f"loss {logs['loss']:.4g}, accuracy {logs['accuracy']:.4g}" for logs in heard]
    assert said[-1] == (300, 300)
    said.clear()
    network().fit((pair for pair in [(X[:200], Y[:200]), (X[200:], Y[200:])]), epochs=1, progress=True)
    assert said[-1] == (300, 300)  # which is known at the end only
    said.clear()
    network().fit([(X, Y)], epochs=4, progress=True, early_stopping=fc.EarlyStopping(1, 1e9, "loss"))
    assert said[-1] == (600, 1200)


def test_a_first_step_that_takes_long_has_no_figures_yet():
    before = fc._native.longest_step()
    fc._native.set_longest_step(0)  # somebody looks in the middle of a step
    try:
        x, y = np.ones((3000, 512), np.float32), np.zeros(3000, int)
        history = fc.Network([512, 1024, 512, 3], seed=0).fit(x, y, epochs=1, batch_size=3000, progress=True)
        assert history.seconds[0] > 0
    finally:
        fc._native.set_longest_step(before)


def test_it_is_shown_where_somebody_looks(monkeypatch, capsys):
    network().fit(X, Y, epochs=1)
    assert capsys.readouterr().err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    network().fit(X, Y, epochs=1)
    assert "300" in terminal.text
    terminal.text = ""
    network().fit(X, Y, epochs=1, progress=False)
    assert terminal.text == ""


def test_a_notebook_has_its_own(monkeypatch):
    made = []

    class Bar:
        n = 0

        def __init__(self, **options):
            made.append(options)

        def __getattr__(self, name):
            return lambda *arguments, **options: None

    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    network().fit(X, Y, epochs=2)
    assert made[0]["total"] == 600


def test_it_needs_tqdm_or_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"a progress bar needs tqdm: pip install 'fcnet\[progress\]'"):
        network().fit(X, Y, epochs=1, progress=True)
    monkeypatch.setattr(sys, "stderr", Terminal())
    network().fit(X, Y, epochs=1)
    assert sys.stderr.text == ""


def test_it_changes_nothing(monkeypatch):
    one, other = network(), network()
    one.fit(X, Y, epochs=3, progress=True)
    other.fit(X, Y, epochs=3, progress=False)
    assert (one.predict(X) == other.predict(X)).all()
