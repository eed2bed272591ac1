"""The page in a real browser: no errors, no requests, a slider that moves every number, and contrast that suffices."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet.explanation.drawing.decision_surface import DecisionSurface

import browser
from explanations import XOR, article

pytestmark = pytest.mark.once

FOLDER = Path(fc.__file__).parent
CSS = "".join((FOLDER / name).read_text() for name in ("_pages/base.css", "explanation/drawing/page.css"))

# Runs behind the page's own script: moves the slider, and writes down what there is to see.
PROBE = """
<script>
const errors = [];
addEventListener("error", (e) => errors.push(e.message));
const slider = document.getElementById("step"), slots = () =>
  Object.fromEntries([...document.querySelectorAll("[data-k]")].map((e) => [e.dataset.k, e.textContent]));
const widths = () => [...document.querySelectorAll("line[data-w]")].map((e) => Number(e.getAttribute("stroke-width")));
const first = slots(), thin = widths(), plane = document.getElementById("plane")?.src;
slider.value = 3;
slider.dispatchEvent(new Event("input"));
const third = slots(), thick = widths();
const wide = document.documentElement.scrollWidth - innerWidth;
document.body.insertAdjacentHTML("beforeend", "<pre id=found></pre>");
document.getElementById("found").textContent = JSON.stringify({
  first, third, errors, wide, moved: thin.some((w, i) => w !== thick[i]),
  plane: plane !== document.getElementById("plane")?.src, told: document.getElementById("told").textContent,
  requests: performance.getEntriesByType("resource").filter((e) => !e.name.startsWith("data:")).length,
  maths: document.querySelectorAll("math").length,
  height: document.querySelector("math").getBoundingClientRect().height,
});
</script>"""


@pytest.fixture(scope="module")
def shown():
    net = fc.Network([2, 4, 2], seed=3, activation="tanh", dtype="float64")
    return net.explain(*XOR, learning_rate=1.0, steps=5, class_names=("equal", "different"))


def browsed(page, probe, width, folder):
    """What a probe has found in a page, unless the letters of the browser's fonts are too wide."""
    if shutil.which("fc-match") and "DejaVu" in subprocess.check_output(["fc-match", "Times New Roman"], text=True):
        pytest.skip("no serif font is installed but DejaVu's, whose letters are a fifth wider than others'")
    return browser.browsed(page, probe, width, folder)


@pytest.fixture(scope="module", params=[1200, 375])
def opened(request, shown, tmp_path_factory):
    return browsed(shown.to_html(), PROBE, request.param, tmp_path_factory.mktemp("browser"))


def test_the_page_opens_without_errors_or_requests(opened):
    assert opened["errors"] == []
    assert opened["requests"] == 0
    assert opened["maths"] > 20
    assert opened["height"] > 20  # MathML is laid out


def test_the_page_is_not_wider_than_the_screen(opened):
    assert opened["wide"] <= 0


def test_the_slider_shows_the_numbers_of_its_step(opened, shown):
    for key, step in (("first", shown.steps[0]), ("third", shown.steps[2])):
        numbers = {float(text.replace("−", "-")) for text in opened[key].values()}
        for name in ("W_1", "h_out_2", "sigma_1", "dW_2", "L", "p_new"):
            assert {round(float(v), 4) for v in np.ravel(step[name])} <= numbers, name
    assert opened["told"] == f"3 of 5: L = {shown.steps[2]['L']:.4f}"
    assert opened["moved"]
    assert opened["plane"]


PLAY = """<script>
let tick;
window.setInterval = (f) => { tick = f; return 7; };
const button = document.getElementById("play"), told = document.getElementById("told"), labels = [], seen = [];
button.click();
while (labels.push(button.textContent) < 20 && button.textContent === "Pause") { tick(); seen.push(told.textContent); }
document.body.insertAdjacentHTML("beforeend", "<pre id=found></pre>");
document.getElementById("found").textContent = JSON.stringify({ labels, seen });
</script>"""


def test_the_button_plays_step_after_step_and_stops_at_the_last(shown, tmp_path):
    played = browsed(shown.to_html(), PLAY, 1200, tmp_path)
    assert played["labels"] == ["Pause"] * 4 + ["Play"]
    assert played["seen"] == [f"{t} of 5: L = {shown.steps[t - 1]['L']:.4f}" for t in (2, 3, 4, 5)]


ROOM = """<script>
const wide = [...document.querySelectorAll(".equation,figure")].filter((e) => e.scrollWidth > e.clientWidth);
document.body.insertAdjacentHTML("beforeend", "<pre id=found>" + JSON.stringify({
  equations: wide.filter((e) => e.matches(".equation")).length, figures: wide.length,
  unreachable: wide.filter((e) => e.tabIndex !== 0).length,
  least: Math.min(...[...document.querySelectorAll("math")].map((e) => parseFloat(getComputedStyle(e).fontSize))),
}) + "</pre>");
</script>"""


def test_on_a_phone_the_articles_equations_fit_and_what_scrolls_can_be_reached_by_keyboard(shown, tmp_path):
    small, large = (
        browsed(_in_a_phone(each.to_html()), "", 600, tmp_path) for each in (article().explain([[1, 1]], [0]), shown)
    )
    assert small["equations"] == 0
    assert small["least"] >= 10.5
    assert large["figures"] > 0
    assert large["unreachable"] == small["unreachable"] == 0


def _in_a_phone(page):
    """The page in a frame of 375 pixels: the windows of a browser are no narrower than 500."""
    inner = page.replace("</body>", ROOM + "</body>").replace("&", "&amp;").replace('"', "&quot;")
    told = "document.body.append(document.querySelector('iframe').contentDocument.getElementById('found'))"
    frame = f'<iframe srcdoc="{inner}" width=375 height=9000 style="border:0" onload="{told}"></iframe>'
    return f"<!doctype html><body>{frame}</body>"


@pytest.mark.parametrize("font", ["", "serif"], ids=["", "without a font for mathematics"])
def test_equations_are_no_wider_than_paper_and_brackets_as_high_as_their_matrix(font, tmp_path):
    page = (
        fc.Network([2, 8, 2], seed=3, activation="tanh").explain(*XOR).to_html().replace("@media print", "@media all")
    )
    probe = """<script>
    const all = (of) => [...document.querySelectorAll(of)];
    const found = {wide: all(".equation").filter((e) => e.scrollWidth > e.clientWidth).length,
      drawn: document.documentElement.className, brackets: all("mo.b").filter((e) => {
        const high = e.getBoundingClientRect().height;
        return high > 0 && high < 0.8 * e.parentNode.getBoundingClientRect().height;
      }).length};
    document.body.insertAdjacentHTML("beforeend", "<pre id=found>" + JSON.stringify(found) + "</pre>");
    </script>"""
    if font:
        page = page.replace('"STIX Two Math","Cambria Math","Latin Modern Math",math,serif', "serif")
    found = browsed(page, probe, 718, tmp_path)  # A4 between Chromium's margins
    assert (found["wide"], found["brackets"]) == (0, 0)
    assert not font or found["drawn"] == "drawn"


def test_a_printed_page_is_light_and_cuts_nothing_off():
    screen, _, printed = CSS.partition("@media print")
    assert set(re.findall(r"(--\w+):", screen)) == set(re.findall(r"(--\w+):", printed))
    assert ".equation{overflow:visible}" in printed


@pytest.mark.parametrize(
    ("last", "loss", "y", "said"),
    [
        (1, "mse", [0.5, 2], "in 10 levels"),
        (1, "binary_cross_entropy", [0, 1], "yes: no stripes"),
        (3, None, [0, 2], "2: dots"),
        (2, "mse", [[0, 1], [1, 0]], None),
        (2, "binary_cross_entropy", [[0, 1], [1, 0]], None),
        (7, None, [0, 6], None),
    ],
)
def test_two_inputs_and_one_answer_have_a_plane(last, loss, y, said):
    page = fc.Network([2, 3, last], loss=loss, seed=0).explain([[1, 2], [-1, 0]], y, steps=2).to_html()
    assert ("id=plane" in page) == (said is not None)
    assert said is None or said in page


def test_the_plane_of_a_normalised_batch_says_of_the_samples_what_the_step_says():
    net = fc.Network([2, fc.Dense(4, "tanh", normalization="batch"), 2], seed=0, dtype="float64")
    shown = net.explain(*XOR, steps=2)
    plane = DecisionSurface(shown._problem, shown.steps, ("0", "1"))
    plane._low, plane._high = np.zeros(2), np.ones(2)  # the corners are the samples
    p = plane._values(shown.steps[1]).reshape(120, 120, 2)
    np.testing.assert_allclose(p[[-1, 0, -1, 0], [0, 0, -1, -1]], shown.steps[1]["p"], atol=1e-12)
    assert "id=plane" in shown.to_html()


def luminance(color):
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_every_colour_of_text_has_the_contrast_of_wcag_aa(scheme):
    block = re.findall(r":root\{(.*?)\}", CSS, re.S)[scheme]
    colors = dict(re.findall(r"--(\w+):(#\w+)", block))
    for name, value in colors.items():
        colors[name] = "#" + "".join(2 * c for c in value[1:]) if len(value) == 4 else value
    for text in ("ink", "soft", "pos", "neg"):
        for ground in ("paper", "card"):
            one, other = sorted((luminance(colors[text]), luminance(colors[ground])))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (text, ground)
