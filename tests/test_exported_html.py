"""``Network.to_html``: the page computes what ``predict`` does, in Node and in a real browser, and asks for nothing."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pytest

import fcnet as fc
from fcnet._exporting.html.image import image_of
from fcnet._pages.document import data

from browser import BROWSER, NODE, browsed, run_node
from exported import ANY, EXACT, random_network

pytestmark = pytest.mark.once


@pytest.mark.interop
def test_there_are_a_browser_and_node():
    assert BROWSER, "no chromium is installed"
    assert NODE, "no node is installed"


def parts_of(page):
    """The model of a page, and the function of its scripts that holds a name."""
    model = json.loads(re.search(r'<script type="application/json" id=model>(.*?)</script>', page, re.S)[1])
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    return model, lambda name: next(each for each in scripts if f"function {name}(" in each)


def predicted_by_node(nets, folder):
    """What the pages of networks compute for rows, [(network, x), ...]."""
    values, script = [], ""
    for net, x in nets:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net.to_html(folder / "net.html")
        model, function = parts_of((folder / "net.html").read_text())
        script = function("fcnetNetwork")
        values.append([model, x.tolist()])
    return run_node(script + "result = values.map(([m, x]) => x.map(fcnetNetwork(m)));", *values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_networks_give_the_numbers_of_predict(tmp_path, dtype):
    nets = [random_network(seed, dtype=dtype) for seed in range(60)]
    nets += [random_network(1000 + i, [name], dtype=dtype) for i, name in enumerate(ANY)]
    rows = [(net, x.astype(float)) for net, x in nets]
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    for (net, x), y in zip(rows, predicted_by_node(rows, tmp_path), strict=True):
        expected = net.predict(x)
        assert np.abs(np.array(y) - expected).max() <= tolerance * np.abs(expected).max(), net


def test_networks_of_relu_give_nearly_always_the_bits_of_predict(tmp_path):
    """Products are exact in float64, so that a sum is fused but for its second rounding."""
    nets = [(net, x.astype(float)) for net, x in (random_network(seed, EXACT, ("mse",)) for seed in range(20))]
    pairs = [(y, net.predict(x)) for (net, x), y in zip(nets, predicted_by_node(nets, tmp_path), strict=True)]
    same = np.concatenate([(np.array(y) == expected).ravel() for y, expected in pairs])
    assert same.mean() > 0.999


def test_an_offset_keeps_its_digits(tmp_path):
    net = fc.Network([1, 1], loss="mse", offset=1e9 + 0.3, scale=10)  # which float32 would round to 1e9
    net.layers[0].W = [[1]]
    x = np.array([[1e9]])
    assert predicted_by_node([(net, x)], tmp_path)[0][0] == pytest.approx(net.predict(x)[0])


@pytest.fixture(scope="module")
def digits():
    data = fc.datasets.load_digits()
    net = fc.Network([64, 100, 10], scale=1 / 16, seed=0)
    net.fit(data.x_train, data.y_train, epochs=20, optimizer=fc.Adam())
    return net, data


DRAW = """
<script>
const errors = [];
addEventListener("error", (e) => errors.push(e.message));
const canvas = document.getElementById("draw");
const press = (type, [x, y]) => {
  const box = canvas.getBoundingClientRect();
  const place = { clientX: box.left + x * box.width, clientY: box.top + y * box.height };
  canvas.dispatchEvent(new PointerEvent(type, { ...place, buttons: 1, button: 0, pointerId: 1, bubbles: true }));
};
const told = () => [...document.querySelectorAll("#bars output")].map((e) => e.textContent);
const inked = (id) => {
  const element = document.getElementById(id), { width, height } = element;
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  copy.getContext("2d", { willReadFrequently: true }).drawImage(element, 0, 0);
  const { data } = copy.getContext("2d").getImageData(0, 0, width, height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) count += data[i] > 128;
  return count / (data.length / 4);
};
const found = { before: told(), hint: document.getElementById("hint").hidden };
press("pointerdown", [0.5, 0.15]);
for (let t = 1; t <= 20; ++t) {
  const turn = (t * Math.PI) / 10;
  press("pointermove", [0.5 - 0.17 * Math.sin(turn), 0.5 - 0.35 * Math.cos(turn)]);
}
Object.assign(found, { drawn: told(), said: document.getElementById("said").textContent, ink: inked("draw") });
found.seen = inked("seen");
document.getElementById("example").click();
found.example = told();
document.getElementById("clear").click();
Object.assign(found, { cleared: told(), empty: inked("draw"), errors });
found.wide = document.documentElement.scrollWidth - innerWidth;
found.requests = performance.getEntriesByType("resource").length;
document.body.insertAdjacentHTML("beforeend", "<pre id=found></pre>");
document.getElementById("found").textContent = JSON.stringify(found);
</script>"""


@pytest.mark.parametrize("width", [1200, 700, 500])
def test_a_circle_that_is_drawn_is_a_zero(tmp_path, digits, width):
    net, data = digits
    net.to_html(tmp_path / "digits.html", image=(8, 8), x=data.x_train, title="Draw a digit")
    found = browsed((tmp_path / "digits.html").read_text(), DRAW, width, tmp_path)
    assert found["before"] == found["cleared"] == ["–"] * 10
    assert not found["hint"]
    assert found["said"] == "0"
    assert found["drawn"][0].endswith("%")
    assert float(found["drawn"][0].rstrip("%")) > 90
    assert 0.05 < found["ink"] < 0.4
    assert 0.2 < found["seen"] < 0.6
    assert found["example"] == [f"{100 * p:.1f}%" for p in net.predict(data.x_train[:1])[0]]
    assert (found["empty"], found["errors"], found["requests"]) == (0, [], 0)
    assert found["wide"] <= 0


SLIDE = """
<script>
const errors = [];
addEventListener("error", (e) => errors.push(e.message));
const told = (id) => [...document.querySelectorAll(`#${id} output`)].map((e) => e.textContent);
const sliders = [...document.querySelectorAll("#features input")];
const names = [...document.querySelectorAll("#features .name")].map((e) => e.textContent);
const found = { names, values: told("features"), before: told("bars") };
sliders.forEach((slider) => { slider.value = slider.max; slider.dispatchEvent(new Event("input")); });
Object.assign(found, { most: told("features"), moved: told("bars") });
document.getElementById("reset").click();
Object.assign(found, { reset: told("bars"), errors, wide: document.documentElement.scrollWidth - innerWidth });
found.title = document.querySelector("h1").textContent;
document.body.insertAdjacentHTML("beforeend", "<pre id=found></pre>");
document.getElementById("found").textContent = JSON.stringify(found);
</script>"""


@pytest.mark.parametrize("width", [1200, 500])
def test_sliders_begin_at_the_median_and_end_at_the_ends_of_the_data(tmp_path, width):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(18, 80, 201), rng.normal(size=201), np.full(201, 3.0)])
    net = fc.Network([3, 8, 2], loss="mse", seed=0)
    net.adapt(x)
    title = "</script><b>& prices"
    net.to_html(tmp_path / "net.html", x=x, labels=["low", "</script>"], title=title)
    page = (tmp_path / "net.html").read_text()
    assert "http" not in page
    assert re.search(r"Written by fcnet( \d\S*)?\.<", page)  # development builds have no version
    found = browsed(page, SLIDE, width, tmp_path)
    shown = lambda values: [f"{float(f'{v:.4g}'):,.10g}".replace("-", "−") for v in values]  # noqa: E731
    middle, most = np.median(x, axis=0), [x[:, 0].max(), x[:, 1].max(), 4]
    assert found["names"] == ["x[0]", "x[1]", "x[2]"]
    assert found["title"] == title
    assert found["values"] == shown(middle)
    assert found["most"] == shown(most)
    assert found["before"] == found["reset"] == shown(net.predict(middle[None])[0])
    assert found["moved"] == shown(net.predict([most])[0])
    assert found["errors"] == []
    assert found["wide"] <= 0


def test_one_sigmoid_says_which_of_two_classes_it_is(tmp_path):
    net = fc.Network([2, 1], loss="binary_cross_entropy", classes=["no", "yes"], seed=0)
    net.layers[0].W = [[1], [0]]
    net.to_html(tmp_path / "net.html")
    probe = SLIDE.replace("found.title =", 'found.said = document.getElementById("said").textContent; found.title =')
    found = browsed((tmp_path / "net.html").read_text(), probe, 900, tmp_path)
    assert found["said"] == "no"
    assert found["before"] == ["50.0%"]
    assert found["moved"] == [f"{100 / (1 + np.exp(-3)):.1f}%"]


def test_strokes_become_images_of_the_size_place_and_pen_of_the_data(tmp_path, digits):
    net, data = digits
    net.to_html(tmp_path / "digits.html", image=(8, 8), x=data.x_train)
    model, function = parts_of((tmp_path / "digits.html").read_text())
    strokes = {
        "bar": [[[0.5, 0.4], [0.5, 0.5]]],
        "small circle": [[[0.1 + 0.02 * np.cos(t), 0.9 + 0.03 * np.sin(t)] for t in np.linspace(0, 7, 30)]],
        "dot": [[[0.2, 0.2]]],
        "dash": [[[0.1, 0.5], [0.9, 0.5]]],
    }
    script = function("fcnetImage") + "result = values[0].map((s) => fcnetImage(s, values[1]));"
    images = np.array(run_node(script, list(strokes.values()), model["image"])).reshape(-1, 8, 8)
    assert images.min() == 0
    assert images.max() == 16
    bar, circle, dot, dash = images
    assert (bar.max(axis=1) > 8).all()  # as high as digits are
    assert (circle.max(axis=1) > 4).all()
    assert circle[3:5, 3:5].max() < 8
    assert bar.sum() == pytest.approx(16 * 8 * model["image"]["pen"], rel=0.15)
    assert 16 < dot.sum() < 16 * 4
    assert (dash[3:5].max(axis=0) > 8).sum() >= 5
    assert dash[[0, 1, 6, 7]].max() == 0


@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0), (-1, 1)])
def test_paper_ink_pen_and_place_are_those_of_the_images(paper, ink):
    images = np.full((12, 30, 20), float(paper))
    for i in range(12):
        images[i, 5:25, 7 + i % 3 : 10 + i % 3] = ink  # bars three pixels wide
    found = image_of(images.reshape(12, -1), (30, 20))
    assert (found["paper"], found["ink"]) == (paper, ink)
    assert found["box"] == [3, 20]
    assert found["centre"][1] == {"at": 15, "of": "box"}
    assert found["centre"][0]["at"] == pytest.approx(9.5)
    assert found["pen"] == pytest.approx(3, rel=0.2)


def refused():
    with_nan = fc.Network([2, 3, 2], seed=0)
    with_nan.layers[1].W = np.full((3, 2), np.nan)
    plain = fc.Network([4, 2], seed=0)
    wide = fc.Network([4, 2], scale=[1, 1, 5e-308, 1], dtype="float64")
    far = np.array([[0, 1e308, 0, 0], [0, -1e308, 0, 0]])
    return {
        "a far end": (wide, {}, r"input 2 has offset 0 and scale 5e-308.*: expected x, for the ends"),
        "far rows": (wide, {"x": far}, r"x\[:, 1\] holds 1e\+308: expected numbers from -4e\+307 to 4e\+307"),
        "far pixels": (wide, {"x": far, "image": (2, 2)}, r"x\[:, 1\] holds 1e\+308: expected numbers"),
        "half a title": (plain, {"title": "a\ud800"}, r"title is 'a\\ud800': expected text that UTF-8 has"),
        "half a description": (plain, {"description": "\udfff"}, "description is .*: expected text that UTF-8 has"),
        "half a label": (
            plain,
            {"labels": ["a", "\ud800"]},
            r"an output is called '\\ud800': expected text that UTF-8",
        ),
        "half a class": (
            fc.Network([4, 1], loss="binary_cross_entropy", classes=["\ud800", "a"]),
            {},
            "an output is called .*: expected text that UTF-8",
        ),
        "members": (fc.Network([2, 3, 1], loss="mse", members=2), {}, "the network has members"),
        "columns": (fc.Network([fc.Columns(numbers=2, categories=[3]), 3, 1], loss="mse"), {}, "embeds Columns"),
        "nan": (with_nan, {}, r"W of layers\[1\] holds nan"),
        "many": (fc.Network([301, 2]), {}, "301 inputs: expected at most 300 for sliders"),
        "image": (plain, {"image": (2, 3), "x": np.ones((2, 4))}, r"image is \(2, 3\), and the network takes 4"),
        "no x": (plain, {"image": (2, 2)}, "x is None: expected images"),
        "blank": (plain, {"image": (2, 2), "x": np.ones((2, 4))}, "images of one colour only"),
        "shape": (plain, {"x": np.ones((3, 5))}, "x has 5 features"),
        "empty": (plain, {"x": np.ones((0, 4))}, "x has no rows"),
        "inf": (plain, {"x": [[1, 2, 3, np.inf]]}, "x "),
        "empty title": (plain, {"title": ""}, "title is '': expected text"),
        "empty description": (plain, {"description": " "}, "description is ' ': expected text"),
        "labels": (plain, {"labels": ["a"]}, r"labels is \['a'\]: expected 2 names"),
    }


@pytest.mark.parametrize("case", refused())
def test_what_a_page_does_not_have_is_refused_by_name(tmp_path, case):
    net, options, message = refused()[case]
    with pytest.raises(ValueError, match=message):
        net.to_html(tmp_path / "net.html", **options)
    assert not list(tmp_path.iterdir())


def test_a_feature_that_utf_8_does_not_have_is_refused(tmp_path):
    net = fc.Network([2, 2], seed=0)
    net._state.feature_names = ("a", "\ud800")
    with pytest.raises(ValueError, match=r"a feature is called '\\ud800': expected text that UTF-8 has"):
        net.to_html(tmp_path / "net.html")


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_pages_hold_no_numbers_that_json_does_not_have(value):
    with pytest.raises(ValueError, match="JSON"):
        data("model", {"step": value})


@pytest.mark.parametrize("options", [{"title": 3}, {"description": b"text"}, {"image": 8}, {"image": "88"}])
def test_arguments_of_other_types_are_refused(tmp_path, options):
    with pytest.raises(TypeError, match=next(iter(options))):
        fc.Network([64, 2]).to_html(tmp_path / "net.html", **options)
