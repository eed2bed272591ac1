"""What an explanation writes: in every format the numbers are the explanation's, and the format is a sound one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet.explanation.writing.latex import document
from fcnet.explanation.writing.narrative import Narrative
from fcnet.explanation.writing.text import has_color

from explanations import CASES, NAMES, XOR, article, batch, normalized, rewrite
from processes import DEADLINE

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parent / "golden/explanation.txt"


@pytest.fixture(scope="module")
def shown():
    return article().explain([[1, 1]], [0], class_names=NAMES)


@pytest.fixture(scope="module")
def normal():
    net, x, y = normalized()
    return net.explain(x[:3], y[:3])


@pytest.fixture(scope="module")
def batched():
    net, x, y = batch(n=3)
    return net.explain(x, y)


def rounded(values, digits=4):
    """The numbers of a quantity as a reader sees them."""
    return [round(float(v), digits) for v in np.ravel(values)]


def test_the_text_is_the_golden_one(shown):
    text = shown.to_text(width=100) + "\n"
    rewrite(GOLDEN, text)
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_every_number_of_the_text_is_the_explanations(shown, batched, normal):
    for each in (shown, batched, normal):
        known = {value for array in each.values() for value in rounded(array)}
        equations = each.to_text(width=200).partition("1. Forward")[2].partition("These are the numbers")[0]
        brackets = re.findall(r"(?<!layers)[\[⎡⎢⎣](.*?)[\]⎤⎥⎦]", equations)
        numbers = [float(n) for inside in brackets for n in inside.split()]
        assert len(numbers) > 100
        assert {*numbers} <= known
        for name in each:
            if name not in ("L", "L_n", "L_new", "L_n_new"):
                assert {*rounded(each[name])} <= {*numbers}, name


@pytest.mark.parametrize("name", ["dW_1", "sigma_2", "W_new_3", "h_out_new_1", "L_new"])
def test_the_result_of_every_equation_stands_in_latex_and_markdown(shown, batched, name):
    for each in (shown, batched):
        numbers = rounded(each[name])
        for text in (each.to_latex(), each.to_markdown()):
            parts = re.findall(r"\\begin{bmatrix} (.*?) \\end{bmatrix}|&= (-?[\d.]+)\n", text)
            written = [[float(n) for n in re.split(r" & | \\\\ ", a or b)] for a, b in parts if "cdot" not in a]
            assert numbers in written


def test_the_latex_compiles(shown, normal, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (tmp_path / "shown.tex").write_text(shown.to_latex())
    (tmp_path / "normal.tex").write_text(normal.to_latex())
    odd = fc.Network([2, fc.Dense(3, "gelu_tanh"), 9], seed=0).explain(
        np.eye(2), [0, 8], class_names=["a_b%&#~^\\${}"] * 9
    )
    (tmp_path / "batched.tex").write_text(odd.to_latex())
    net, x, y = normalized(kind="batch")
    (tmp_path / "over_batch.tex").write_text(net.explain(x, y).to_latex())
    (tmp_path / "wide.tex").write_text(fc.Network([2, 8, 2], seed=0).explain(*XOR).to_latex())
    sections = []
    for loss, output in CASES:
        net, x, y = batch(loss=loss, output=output, activation="leaky_relu", n=2)
        sections += Narrative((each := net.explain(x, y))._problem, each.steps[0]).sections()
    (tmp_path / "losses.tex").write_text(document("Losses", "all", sections, 4))
    for name in ("shown", "normal", "batched", "wide", "over_batch", "losses"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=DEADLINE, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
        assert b"Overfull" not in done.stdout, name  # no equation is wider than the paper


def test_a_dict_is_json_and_has_every_digit(batched):
    again = json.loads(json.dumps(batched.to_dict()))
    assert again["sizes"] == [3, 6, 5, 4]
    for name, value in batched.items():
        assert (np.array(again["steps"][0][name]) == value).all()


class Cells(HTMLParser):
    """What the numbers of a page are, in order, by slot; and whether its elements are closed."""

    VOID = frozenset({"meta", "input", "img", "line", "circle", "path", "mspace", "rect"})

    def __init__(self):
        super().__init__()
        self.open, self.slots, self.links, self.labels = [], {}, [], 0

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.links += [attributes[k] for k in ("href", "src") if k in attributes]
        if tag in ("svg", "img") and attributes.get("aria-hidden") != "true":
            assert attributes.get("aria-label") or attributes.get("alt"), attributes
            self.labels += 1
        if tag not in self.VOID:
            self.open.append((tag, attributes.get("data-k")))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][1] is not None:
            self.slots.setdefault(self.open[-1][1], set()).add(data)


@pytest.mark.parametrize("steps", [1, 4])
def test_the_page_is_sound_needs_nothing_else_and_shows_the_numbers(steps, tmp_path):
    net = fc.Network([2, 3, 2], seed=3, activation="tanh", dtype="float64")
    each = net.explain(*XOR, learning_rate=1.0, steps=steps)
    text = each.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    cells = Cells()
    cells.feed(text)
    assert cells.open == []
    assert all(link.startswith("data:") for link in cells.links)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text)
    assert cells.labels == 3 + (2 if steps > 1 else 0)
    assert all(len(found) == 1 for found in cells.slots.values())
    known = {
        value for step in each.steps for array in step.values() for digits in (3, 4) for value in rounded(array, digits)
    }
    numbers = {float(next(iter(found)).replace("−", "-")) for found in cells.slots.values()}
    assert not [n for n in numbers if min(abs(n - k) for k in known) > 1e-9]
    for name in ("W_1", "sigma_1", "dW_2", "h_in_new_2"):
        assert {*rounded(each[name])} <= numbers


@pytest.mark.parametrize("view", ["before", "after", "gradients", "steps"])
def test_a_picture_is_sound_svg_with_words(view, tmp_path):
    each = article().explain([[1, 1]], [0], steps=3, class_names=("<odd>", "ev&en"))
    root = ET.fromstring(each.to_svg(tmp_path / "net.svg", view=view))
    space = "{http://www.w3.org/2000/svg}"
    frames = 3 if view == "steps" else 1
    assert len(root.findall(f".//{space}line")) == 12 * frames
    assert len(root.findall(f".//{space}circle")) == 8 * frames
    assert root.find(f"{space}title").text
    assert len(root.find(f"{space}desc").text) > 40
    texts = {"".join(t.itertext()) for t in root.iter(f"{space}text")}
    assert {"<odd>", "ev&en"} <= texts
    if view == "gradients":
        assert all(f"{v:.3f}".replace("-", "−") in texts for v in each["sigma_3"][0])
        assert sum("neg" in line.get("class") for line in root.iter(f"{space}line")) == 2


def test_a_view_that_there_is_not_is_refused(shown):
    with pytest.raises(ValueError, match="view is 'behind': expected one of before, after, gradients, steps"):
        shown.to_svg(view="behind")


def test_colour_is_for_terminals_that_want_it(shown, monkeypatch, capsys):
    plain, colored = shown.to_text(width=90), shown.to_text(width=90, color=True)
    assert "\x1b" not in plain
    assert "\x1b[31m-0.5607\x1b[0m" in colored
    assert re.sub("\x1b\\[\\d*m", "", colored) == plain
    print(shown)
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_color()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_color()


def test_no_line_is_longer_than_the_terminal_is_wide(batched):
    for width in (80, 100):
        text = batched.to_text(width=width).partition("1. Forward")[2].partition("These are the numbers")[0]
        equations = [line for line in text.splitlines() if "⎡" in line or "⎣" in line]
        assert max(map(len, equations)) <= width


@pytest.mark.parametrize("digits", [0, 13, 2.0])
def test_digits_are_a_whole_number(shown, digits):
    for write in (shown.to_text, shown.to_html, shown.to_latex, shown.to_markdown):
        with pytest.raises((ValueError, TypeError), match="digits is"):
            write(digits=digits)


def test_a_notebook_shows_the_page(shown):
    html = shown._repr_html_()
    assert html.startswith("<iframe title=")
    assert "&lt;!doctype" not in html
    assert "<!doctype html>" in html


def test_a_short_name(shown):
    assert repr(shown) == "Explanation(2-2-2-2, 1 step, L from 0.8226 to 0.7265)"
    assert str(shown).splitlines()[0] == "One step of gradient descent, number by number"
    with pytest.raises(KeyError, match="'dW_9' is not a quantity of this step"):
        shown["dW_9"]
