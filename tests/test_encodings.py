"""Whatever the encoding of standard output, what is printed arrives: in Greek where it can be written, else spelt."""

from __future__ import annotations

import io
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet import cli, explanation
from fcnet._checks import console
from fcnet.article import article_network

from walks import walk

pytestmark = pytest.mark.once

X, Y = [[1, 1]], [0]


def explained(**options):
    return article_network().explain(X, Y, class_names=["odd", "even"], **options)


def fitted_with_odd_names():
    fc.Network([2, 2], seed=0).fit(
        [[1, 2], [3, 4]],
        [0, 1],
        epochs=1,
        progress="lines",
        validation_split=0.5,
        metrics={"größe σ": lambda y, output: 1.0},
    )


def normalised():
    return fc.Network([2, fc.Dense(3, normalization="batch"), 2], seed=0)


PRINTED = {
    "explanation": lambda: print(explained()),
    "explanation of a normalised layer": lambda: print(normalised().explain([[1, 1], [0, 2]], [0, 1])),
    "explanation of a large network": lambda: print(fc.Network([2, 20, 2], seed=0).explain(X, Y)),
    "its repr": lambda: print(repr(explained())),
    "answers": lambda: print(explained(answer={"dB_3": [0.56, -0.56]})),
    "finding": lambda: print(*explained(answer={"W_new_3": [[0.3, 0.3], [0.38, 0.02]]}).findings),
    "comparison": lambda: print(explanation.table(explained().compare())),
    "class names": lambda: print(article_network().explain(X, Y, class_names=["größer", "\udc80"])),
    "diagnosis": lambda: print(article_network().diagnose(X, Y)),
    "figures": lambda: print(article_network().diagnose(X, Y).inputs),
    "advice": lambda: print(*fc.Network([2, 2], seed=0).diagnose([[1e4, 1.0]], Y).advice),
    "check of gradients": lambda: print(article_network().check_gradients(X, Y)),
    "summary": lambda: print(article_network().summary()),
    "lines of a fit": fitted_with_odd_names,
    "fcnet explain": lambda: cli.main(["explain", "--answer", "dB_3=[0.56, -0.56]"]),
    "fcnet explain --compare": lambda: cli.main(["explain", "--compare"]),
    "fcnet demo": lambda: cli.main(["demo"]),
    "the article's program": lambda: runpy.run_path(
        str(Path(__file__).parent.parent / "examples/article.py"), run_name="__main__"
    ),
}


@pytest.fixture
def output(monkeypatch):
    """Standard output of an encoding, and what has been written to it."""

    def of(encoding):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written := io.BytesIO(), encoding, errors="strict"))
        monkeypatch.setenv("COLUMNS", "100")
        return lambda: (sys.stdout.flush(), written.getvalue().decode(encoding))[1]

    return of


@walk("encoding", ["ascii", "cp1252", "latin-1", "shift_jis", "utf-8"])
@pytest.mark.parametrize("printed", PRINTED.values(), ids=PRINTED.keys())
def test_everything_can_be_printed(printed, encoding, output, monkeypatch):
    monkeypatch.setattr(cli, "_EPOCHS", 1)  # the demo prints the same lines
    read = output(encoding)
    printed()
    assert read().strip()


def test_letters_and_signs_are_spelt_where_they_cannot_be_written(output):
    read = output("ascii")
    print(explained())
    text = read()
    assert "   sigma_2 = sigma_3 W_3^T .* F'_2(h^in_2)\n" in text
    assert "   W_3 <- W_3 - alpha dL/dW_3\n       = [0.1  0.5] - 0.1 * [-0.2019  0.2019]\n" in text
    assert "\\" not in text


def test_what_is_spelt_has_the_same_numbers(output):
    shown = explained()
    letters, spelt = shown.to_text(width=100), shown.to_text(width=100, ascii_only=True)
    assert spelt.isascii()
    assert re.findall(r"\d+\.\d+", spelt) == re.findall(r"\d+\.\d+", letters)
    read = output("cp1252")
    print(shown)
    assert read() == spelt + "\n"


def test_letters_stay_where_they_can_be_written(output):
    read = output("utf-8")
    print(shown := explained())
    assert read() == shown.to_text(width=100) + "\n"


def test_bars_keep_their_order_and_width():
    bars = explanation.Figures.of(np.arange(9).repeat(range(9))).bars()
    assert console.in_ascii(" ▁▂▃▄▅▆▇█") == " .:-=+*#@"
    assert len(console.in_ascii(bars)) == len(bars)


@pytest.mark.parametrize("stream", [None, io.StringIO(), object()], ids=["none", "StringIO", "no stream"])
def test_text_stays_as_it_is_where_nobody_knows_the_encoding(stream, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream)
    text = str(explained())
    monkeypatch.undo()
    assert "σ_2 = σ_3 W_3ᵀ ∘ F′_2(h^in_2)" in text
