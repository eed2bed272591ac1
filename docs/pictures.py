"""The pictures of these pages, drawn by fcnet itself, matplotlib and, where it is installed, Chromium.

python docs/pictures.py [FOLDER]     (by default docs/pictures)

Lines differ by dashes and names, not by colour alone; the ground is white, also on a dark page.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

import fcnet as fc
from fcnet import reference
from fcnet.activations import ACTIVATIONS
from fcnet.article import article_network
from fcnet.plot import style

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import digits_page

import import_graph

BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072b2", "#d55e00", "#00795c", "#a0478a", "#475569"
STYLE = style.STYLE | {
    "axes.edgecolor": GREY,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.15,
    "svg.hashsalt": "fcnet",  # the same file from the same picture
}
LEAST = 1e-12  # that is shown
# name, weights, colour, dashes
RULES = (
    ("he_normal / 10", fc.initializers.VarianceScaling(2 / 100), GREY, (0, (1, 1.5))),
    ("lecun_normal", "lecun_normal", VERMILION, (0, (5, 2))),
    ("he_normal", "he_normal", BLUE, "-"),
    ("2 he_normal", fc.initializers.VarianceScaling(8), PURPLE, (0, (5, 1.5, 1, 1.5))),
)


def initialisation() -> Figure:
    """How large the outputs of 30 layers are before any training, for weights of several spreads."""
    depth, width, rows = 30, 256, 64
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, activation in ((left, "relu"), (right, "tanh")):
        for name, init, color, dashes in RULES:
            net = fc.Network([width, *[fc.Dense(width, activation, init=init)] * depth, 2], seed=0, loss="mse")
            h, sizes = np.random.default_rng(0).standard_normal((rows, width), np.float32), [1.0]
            for layer in net.layers[:depth]:
                h = reference.activation(fc.kernels.linear(h, layer.W, layer.B), activation)
                sizes.append(float(np.sqrt(np.mean(h * h, dtype=float))))
            axes.plot(sizes, color=color, linestyle=dashes, linewidth=1.8)
            seen = [(layer, size) for layer, size in enumerate(sizes) if size > LEAST or axes is right]
            axes.annotate(name, seen[-1], (6, 4), textcoords="offset points", color=color)
        axes.set(title=f"{activation}: size of the outputs", xlabel="layer", xlim=(0, depth))
        axes.set_xticks(range(0, depth + 1, 5))
    left.set(yscale="log", ylim=(LEAST, 1 / LEAST), ylabel="root mean square of h_out")
    right.set_ylim(0, 1.02)
    return figure


def activations() -> Figure:
    """Every F of one number, and its derivative."""
    names = [name for name in ACTIVATIONS if name != "softmax"]
    h = np.linspace(-4, 4, 161)
    figure = Figure(figsize=(9, 5), layout="constrained")
    columns = 5
    each = figure.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True).flat
    for axes in each[len(names) :]:
        axes.axis("off")
    for axes in each[len(names) - columns : len(names)]:  # the last ones of their columns
        axes.tick_params(labelbottom=True)
    for axes, name in zip(each, names, strict=False):
        axes.axhline(0, color="#cbd5e1", linewidth=0.8)
        axes.axvline(0, color="#cbd5e1", linewidth=0.8)
        axes.plot(h, reference.activation_derivative(h, name), color=VERMILION, linestyle=(0, (3, 1.5)), linewidth=1.2)
        axes.plot(h, reference.activation(h, name), color=BLUE, linewidth=1.8)
        axes.set(title=name, ylim=(-2, 4))
    first = figure.axes[0]
    first.annotate("F", (3, 3), (-9, 4), textcoords="offset points", color=BLUE, ha="right")
    first.annotate("F'", (3, 1), (0, -13), textcoords="offset points", color=VERMILION, ha="center")
    return figure


def losses() -> Figure:
    """What an error costs."""
    e = np.linspace(-3, 3, 241)
    lines = (
        ("mse", e**2, BLUE, "-", 1.9),
        ("mae", abs(e), VERMILION, (0, (5, 2)), 3),
        ("huber", np.where(abs(e) < 1, e**2 / 2, abs(e) - 0.5), GREEN, (0, (1, 1.2)), 3),
        ("Quantile(0.9)", np.maximum(0.9 * -e, 0.1 * e), PURPLE, (0, (5, 1.5, 1, 1.5)), 3),
    )
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, cost, color, dashes, at in lines:
        axes.plot(e, cost, color=color, linestyle=dashes, linewidth=1.8)
        place = (at, np.interp(at, e, cost))
        axes.annotate(name, place, (8, 0), textcoords="offset points", color=color, va="center", annotation_clip=False)
    axes.set(title="What an error costs", xlabel="error p - y", ylim=(0, 4), xlim=(-3, 3))
    return figure


def schedules() -> Figure:
    """The factor on the learning rate, a panel a schedule."""
    s = fc.schedules
    each = s.Constant(), s.StepDecay(), s.ExponentialDecay(), s.InverseScaling(), s.Cosine(warm_up=0.1), s.OneCycle()
    figure = fc.plot.schedules(*each, s.FlatCosine(), s.CosLog(), s.ReduceOnPlateau(factor=0.5))
    figure.set_size_inches(9, 6.5)
    return figure


def learning_rate() -> Figure:
    """The range test on the digits."""
    digits = fc.datasets.load_digits()
    net = fc.Network([64, 128, 10], scale=1 / 16, seed=0)
    return net.find_learning_rate(digits.x_train, digits.y_train).plot()


def history() -> Figure:
    """A fit that early stopping ends."""
    digits = fc.datasets.load_digits()
    net = fc.Network([64, fc.Dense(256, dropout=0.2), 10], scale=1 / 16, seed=0)
    options = {"optimizer": fc.Adam(), "validation_split": 0.2, "early_stopping": fc.EarlyStopping(patience=8)}
    return net.fit(digits.x_train, digits.y_train, epochs=200, **options).plot()


def imports() -> Figure:
    """The import graph: a row for each level; arrows to what a node needs directly, and not through another."""
    graph = import_graph.folders()
    rows = import_graph.levels(graph)
    widest = max(sum(len(name) + 5 for name in row) for row in rows)

    def reachable(name: str) -> set[str]:
        return graph.get(name, set()).union(*(reachable(other) for other in graph.get(name, ())))

    def written(name: str) -> Text:
        box = {"boxstyle": "round", "facecolor": "#e2e8f0" if name.startswith("_") else "white", "edgecolor": GREY}
        return axes.text(*place[name], name, ha="center", va="center", fontsize=9, bbox=box)

    figure = Figure(figsize=(10, 0.62 * len(rows)))
    axes = figure.subplots()
    boxes, place = {}, {}
    for i, row in enumerate(rows):
        x = -sum(len(name) + 5 for name in row) / 2
        for name in row:
            place[name] = x + (len(name) + 5) / 2, i
            x += len(name) + 5
            boxes[name] = written(name)
    axes.set(xlim=(-widest / 2, widest / 2), ylim=(-0.6, len(rows) - 0.4))
    axes.axis("off")
    for name, others in graph.items():
        for other in others - set().union(*(reachable(each) for each in others)):
            arrow = {"arrowstyle": "-|>", "color": "#64748b", "linewidth": 0.8}
            arrow |= {"patchA": boxes[name].get_bbox_patch(), "patchB": boxes[other].get_bbox_patch()}
            axes.annotate("", place[other], place[name], arrowprops=arrow)
    for name in place:  # once more, above the arrows
        written(name)
    return figure


def photograph(path: Path, text: str, script: str, size: str) -> None:
    """A page as a browser shows it after a script."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        print(f"{path.name} is left as it is: no chromium is installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        options = [f"--user-data-dir={folder}/profile", "--blink-settings=preferredColorScheme=1"]  # light
        options += [f"--window-size={size}", f"--screenshot={path.resolve()}", "--hide-scrollbars"]
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", *options, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def explain_page(path: Path) -> None:
    """The page about exclusive or, the slider at its last step."""
    net = fc.Network([2, 8, 2], activation="tanh", seed=1, dtype="float64")
    x, y, names = [[0, 0], [0, 1], [1, 0], [1, 1]], [1, 0, 0, 1], ("odd", "even")
    text = net.explain(x, y, learning_rate=1, steps=20, class_names=names).to_html()
    photograph(path, text, 'step.value = step.max; step.dispatchEvent(new Event("input"));', "1180,1600")


def digits(path: Path) -> None:
    """The page of drawn digits with a 3 on it, whose line is a curve through points."""
    around = [*np.linspace(-2.6, 1.5, 30), *np.linspace(-1.5, 2.6, 30)]
    points = [
        (0.48 + 0.13 * np.cos(a), (0.3 if i < 30 else 0.66) + (0.15 if i < 30 else 0.2) * np.sin(a))
        for i, a in enumerate(around)
    ]
    rounded = [[round(float(v), 3) for v in each] for each in points]
    script = f"""const points = {rounded}, box = draw.getBoundingClientRect();
points.forEach(([x, y], i) => draw.dispatchEvent(new PointerEvent(i ? "pointermove" : "pointerdown", {{
  clientX: box.left + x * box.width, clientY: box.top + y * box.height, buttons: 1, button: 0 }})));"""
    with tempfile.TemporaryDirectory() as folder:
        digits_page.write(Path(folder) / "digits.html")
        photograph(path, (Path(folder) / "digits.html").read_text(encoding="utf-8"), script, "1180,740")


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(__file__).parent / "pictures"
    parser.add_argument("folder", type=Path, nargs="?", default=folder, help="where the pictures go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    shown = article_network().explain([[1, 1]], [0], steps=10, class_names=["odd", "even"])
    shown.to_svg(folder / "explain_steps.svg", view="steps")
    explain_page(folder / "explain_page.png")
    digits(folder / "digits_page.png")
    with matplotlib.rc_context(STYLE):
        for draw in (initialisation, activations, losses, schedules, learning_rate, history, imports):
            draw().savefig(folder / f"{draw.__name__}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
