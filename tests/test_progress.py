"""The progress bar: what it says, when it is shown, that it changes nothing."""

from __future__ import annotations

import io
import os
import re
import sys
import types

import numpy as np
import pytest

import fcnet as fc

from interop import library
from processes import output, run

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((300, 2)), RNG.integers(0, 3, 300)


def network():
    return fc.Network([2, 3], seed=0)


class Terminal:
    """Standard error as a user sees it."""

    encoding = "utf-8"
    closed = False

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
    assert "3/3 epochs" in shown
    assert "samples/s" in shown
    for name in ("loss", "accuracy", "val_loss", "val_f1"):
        assert f"{name} {history[name][1]:.4g}" in shown
    assert "learning_rate" not in shown


def test_the_figures_within_an_epoch_are_those_up_to_there(monkeypatch):
    said = []

    class Bar:
        n = total = 0
        format_dict = types.MappingProxyType({"ncols": None})

        def __init__(self, **options):
            self.total, self.desc = options["total"], options["desc"]

        def set_postfix_str(self, text, refresh):
            said.append(text)

        def update(self, more):
            self.n += more

        def refresh(self):
            pass

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
    before = fc._native._testing.longest_step()
    fc._native._testing.set_longest_step(0)  # somebody looks in the middle of a step
    try:
        x, y = np.ones((3000, 512), np.float32), np.zeros(3000, int)
        history = fc.Network([512, 1024, 512, 3], seed=0).fit(x, y, epochs=1, batch_size=3000, progress=True)
        assert history.seconds[0] > 0
    finally:
        fc._native._testing.set_longest_step(before)


def test_it_is_shown_where_somebody_looks(monkeypatch, capsys):
    network().fit(X, Y, epochs=1)
    assert capsys.readouterr().err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    network().fit(X, Y, epochs=1)
    assert "1/1 epochs" in terminal.text
    terminal.text = ""
    network().fit(X, Y, epochs=1, progress=False)
    assert terminal.text == ""


def test_a_notebook_has_its_own(monkeypatch):
    made = []

    class Bar:
        n, total, desc = 0, 1, ""

        def __init__(self, **options):
            made.append(options)

        def __getattr__(self, name):
            return lambda *arguments, **options: None

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    network().fit(X, Y, epochs=2)
    assert made[0]["total"] == 600


def test_it_needs_tqdm_or_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"a progress bar needs tqdm: pip install tqdm$"):
        network().fit(X, Y, epochs=1, progress=True)
    monkeypatch.setattr(sys, "stderr", Terminal())
    network().fit(X, Y, epochs=1)
    assert sys.stderr.text == ""


def test_it_changes_nothing(monkeypatch):
    one, other = network(), network()
    one.fit(X, Y, epochs=3, progress=True)
    other.fit(X, Y, epochs=3, progress=False)
    assert (one.predict(X) == other.predict(X)).all()


@pytest.mark.parametrize("shell", [None, types.SimpleNamespace()], ids=["no shell", "a terminal's shell"])
def test_ipykernel_and_ipython_alone_make_no_notebook(monkeypatch, capsys, shell):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    network().fit(X, Y, epochs=1)
    assert capsys.readouterr().err == ""


class Deaf:
    """A stream that can do nothing but write."""

    def write(self, text):
        pass


class Broken(Deaf):
    def isatty(self):
        raise OSError("no such device")


class Gone(Terminal):
    """A terminal that is closed while the fit runs."""

    def write(self, text):
        raise BrokenPipeError(32, "gone")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {"none": lambda: None, "closed": closed, "without isatty": Deaf, "isatty raises": Broken, "gone": Gone}


@pytest.mark.parametrize("progress", [None, True, False, "lines"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_fit_needs_no_standard_streams(monkeypatch, stream, progress):
    monkeypatch.setattr(sys, "stderr", STREAMS[stream]())
    monkeypatch.setattr(sys, "stdout", STREAMS[stream]())
    assert len(network().fit(X, Y, epochs=2, validation_split=0.2, progress=progress)) == 2


@pytest.mark.interop
@pytest.mark.parametrize("stream", ["none", "closed"])
def test_warnings_verbose_and_the_command_need_no_standard_streams(stream):
    code = f"""
import io, sys, warnings
import numpy as np
import fcnet as fc
from fcnet import cli
from fcnet._checks import console
from fcnet.sklearn import MLPClassifier
warnings.simplefilter("always")
x, y = np.ones((20, 2)), np.arange(20) % 2
streams = sys.stdout, sys.stderr
sys.stdout = sys.stderr = None
if {stream == "closed"}:
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    sys.stdout.close(), sys.stderr.close()
console.warn("said to nobody")
metric = {{"nothing": lambda truth, output: float("nan")}}
stopping = fc.EarlyStopping(1, monitor="val_nothing", mode="max")
fc.Network([2, 2]).fit(x, y, epochs=2, validation_data=(x, y), metrics=metric, early_stopping=stopping)
for solver in ("adam", "lbfgs"):
    MLPClassifier(4, solver=solver, verbose=True, max_iter=2, random_state=0).fit(x, y)
str(fc.Network([2, 2]).explain(x[:1], y[:1]))
cli._EPOCHS = 1
code = cli.main([]) if sys.stdout is None else 0
sys.stdout, sys.stderr = streams
print(code, "done")
"""
    library("sklearn")
    code = (
        code.replace("MLPClassifier(4", "warnings.simplefilter('ignore'); MLPClassifier(4")
        if stream == "closed"
        else code
    )
    assert output(code).endswith("0 done")


def test_a_fit_runs_where_python_has_no_streams_at_all():
    code = "import fcnet as fc; [fc.Network([2, 2]).fit([[1, 2]], [0], progress=wanted) for wanted in (None, True)]"
    shell = f"exec 1>&- 2>&-; '{sys.executable}' -c '{code}'"
    assert (
        run("-c", f"import subprocess, sys; sys.exit(subprocess.run({shell!r}, shell=True).returncode)").returncode == 0
    )


def wide(monkeypatch, columns):
    """A terminal of so many columns; the lines that are written to it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    return lambda: [line.strip() for line in re.split(r"[\r\n]", terminal.text) if line.strip()]


@pytest.mark.parametrize(
    ("columns", "bar", "figures"), [(200, True, 5), (150, True, 5), (100, False, 5), (60, False, 3), (20, False, 0)]
)
def test_figures_come_first_and_are_whole(monkeypatch, columns, bar, figures):
    lines = wide(monkeypatch, columns)
    net = network()
    history = net.fit(X, Y, epochs=2, validation_data=(X, Y), metrics=["f1_macro"], progress=True)
    last = lines()[-1]
    assert len(last) <= columns
    assert last.startswith(("1/2 epochs", "2/2 epochs"))
    assert bool(re.search(r"\|.{10}\|", last)) == bar
    row = 0 if last.startswith("1/2") else 1
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "val_f1_macro"]
    said = re.findall(r"(\w+) ([\d.e-]+)(?=,|$)", last)
    assert said[-figures or len(said) :] == [(name, f"{history[name][row]:.4g}") for name in names[:figures]]


def test_a_resumed_fit_counts_the_samples_that_are_left(monkeypatch):
    lines, totals = wide(monkeypatch, 150), []
    tqdm = pytest.importorskip("tqdm").tqdm

    class Bar(tqdm):
        def update(self, more=1):
            totals.append((self.desc, self.total))
            return super().update(more)

    monkeypatch.setattr(sys.modules["tqdm"], "tqdm", Bar)
    net = network()
    net.fit(X, Y, epochs=3, progress=False)
    net.fit(X, Y, epochs=5, initial_epoch=3, progress=True)
    assert lines()[0].startswith("3/5 epochs")
    assert {total for _, total in totals} == {600}
    assert totals[-1][0] == "5/5 epochs"


def test_lines_say_every_epoch_without_a_terminal(capsys):
    net = network()
    net.fit(X, Y, epochs=1)
    history = net.fit(X, Y, epochs=2, validation_data=(X, Y), metrics=["f1_macro"], progress="lines")
    out, err = capsys.readouterr()
    assert err == ""
    expected = [
        f"epoch {epoch} ({i + 1}/2 done): "
        + ", ".join(
            f"{name} {history[name][i]:.4g}"
            for name in ("loss", "accuracy", "val_loss", "val_accuracy", "val_f1_macro")
        )
        + f", {history.seconds[i]:.3g} s"
        for i, epoch in enumerate(history.epochs)
    ]
    assert out.splitlines() == expected
    assert history.epochs == [1, 2]


@pytest.mark.parametrize("progress", ["line", "LINES", 1, 2.0, [True], np.ones(2)])
def test_progress_is_checked(progress):
    with pytest.raises((TypeError, ValueError), match="progress is "):
        network().fit(X, Y, epochs=1, progress=progress)
