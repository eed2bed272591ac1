"""The pictures of docs/performance.md: ratios, shares of the peak, growth."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from bench.peers import BY_NAME, PEERS
from bench.results import Row, Sitting, power_law
from bench.workloads import Kernel, Prediction, Workload
from fcnet.plot import style

STYLE = style.STYLE | {
    "xtick.color": "#334155",
    "ytick.color": "#334155",
    "legend.frameon": False,
    "figure.dpi": 144,
}
OURS = BY_NAME["fcnet"].color
MARKERS = dict(zip((p.name for p in PEERS), "os^vDPXp", strict=True))


def plain(value: float, _: object) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def logarithmic(axis) -> None:
    """1, 2, 5, 10, 20, ...: plain numbers, few enough to read."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def name_of(task: Workload | Prediction | Kernel) -> str:
    """Two lines that say what the task is."""
    if isinstance(task, Workload):
        adam = ", Adam" if task.optimizer == "adam" else ""
        kind = "" if task.dtype == "float32" else f", {task.dtype}"
        return f"{task.name}\n{'-'.join(map(str, task.sizes))}, {task.batch} a step{adam}{kind}"
    return f"{task.rows:,} row{'s' * (task.rows > 1)}" if isinstance(task, Prediction) else str(task)


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


def ratios(found: dict[str, dict[str, Row]], title: str, path: Path) -> None:
    """A line a task, a mark a library: how many times as long as fcnet it takes, logarithmic."""
    found = {name: row for name, row in found.items() if "fcnet" in row and len(row) > 1}
    if not found:
        return
    figure = Figure(figsize=(8, 1.5 + 0.5 * len(found)), layout="constrained")
    axes = figure.subplots()
    for peer in PEERS[1:]:
        here = [(i, row) for i, row in enumerate(found.values()) if peer.name in row]
        if not here:
            continue
        x = [row[peer.name].median / row["fcnet"].median for _, row in here]
        y = [i for i, _ in here]
        style = {"color": peer.color, "edgecolor": "white", "linewidth": 0.6, "zorder": 3}
        axes.scatter(x, y, 52, marker=MARKERS[peer.name], label=peer.label, **style)
    for i, row in enumerate(found.values()):
        all_times = [r.median / row["fcnet"].median for r in row.values()]
        axes.plot([min(all_times), max(all_times)], [i, i], color="#cbd5e1", linewidth=1, zorder=1)
    axes.axvline(1, color=OURS, linewidth=1.6, zorder=2)
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    left = min(left, 0.75)
    axes.set_xlim(left, right)
    axes.axvspan(left, 1, color="#f1f5f9", zorder=0)
    axes.text(1, -0.6, "fcnet", color=OURS, ha="center", va="bottom", fontweight="bold")
    axes.set_ylim(len(found) - 0.5, -0.6)
    axes.set_yticks(range(len(found)), [name_of(row["fcnet"].task) for row in found.values()])
    axes.tick_params(axis="y", length=0)
    logarithmic(axes.xaxis)
    axes.set_xlabel("time, fcnet = 1 (left of the line: faster than fcnet; right: slower)")
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside upper center", ncols=8, fontsize=8, handletextpad=0.2, columnspacing=1.2)
    axes.set_title(title, pad=20)
    save(figure, path)


def spread_apart(heights: list[float], least: float) -> list[float]:
    """The heights, moved so that neighbours are at least ``least`` apart."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + least)
    return moved


def lines(axes, found: dict[str, dict[str, Row]], x_of, label: str) -> None:
    """Share of the multiply-add peak, a line a library, its name at its end."""
    peers = [p for p in PEERS if any(p.name in row for row in found.values())]
    ends = []
    for peer in reversed(peers):
        rows = [row[peer.name] for row in found.values() if peer.name in row]
        x, y = [x_of(r) for r in rows], [100 * r.share for r in rows]
        width = 2.4 if peer.name == "fcnet" else 1.3
        axes.plot(x, y, color=peer.color, linewidth=width, marker=MARKERS[peer.name], markersize=4)
        ends.append((peer, x[-1], y[-1]))
    axes.set_xscale("log", base=2)
    for (peer, x, _), y in zip(ends, spread_apart([y for _, _, y in ends], 5.5), strict=True):
        weight = "bold" if peer.name == "fcnet" else "normal"
        axes.annotate(
            peer.label, (x, y), (7, 0), textcoords="offset points", color=peer.color, va="center", fontweight=weight
        )
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.set_xlabel(label)
    axes.set_ylim(0, 100)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.7)


def peak_share(sitting: Sitting, path: Path) -> None:
    """The top of the axis is what the machine can do."""
    width, batch = sitting.of("test_width"), sitting.of("test_batch")
    if not (width and batch):
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    (left, right) = figure.subplots(1, 2, sharey=True)
    lines(left, width, lambda r: r.task.sizes[0], "width of the three layers, mini-batches of 128")
    lines(right, batch, lambda r: r.task.batch, "samples a mini-batch, three layers of 512")
    left.set_ylabel("% of the measured multiply-add peak")
    figure.suptitle("A training step (SGD, float32): the top is the machine's limit", fontsize=11, fontweight="bold")
    save(figure, path)


def with_law(axes, x: list[float], y: list[float], variable: str) -> None:
    """Points with the power law through them."""
    a, b = power_law(x, y)
    axes.loglog(x, [a * v**b for v in x], "--", color="#64748b", linewidth=1)
    axes.loglog(x, y, "o", color=OURS, markersize=5)
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    axes.text(0.05, 0.9, f"time ∝ {variable}$^{{{b:.2f}}}$", transform=axes.transAxes, color="#334155", fontsize=10)


def growth(sitting: Sitting, path: Path) -> None:
    """Four panels: samples, parameters, threads, memory."""
    samples = [row["fcnet"] for row in sitting.of("test_samples").values()]
    sizes = [row["fcnet"] for row in sitting.of("test_parameters").values()]
    threads = sorted((r for r in sitting.rows if r.test == "test_threads"), key=lambda r: r.threads)
    if not (samples and sizes and threads and sitting.memory):
        return
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    grid = figure.subplots(2, 2)
    (top_left, top_right), (bottom_left, bottom_right) = grid
    with_law(top_left, [r.task.steps * r.task.batch for r in samples], [r.median * r.task.steps for r in samples], "n")
    top_left.set(title="an epoch", xlabel="samples n", ylabel="seconds")
    with_law(top_right, [r.task.weights() for r in sizes], [r.median * 1e3 for r in sizes], "P")
    top_right.set(title="a step, mini-batches of 128", xlabel="parameters P", ylabel="milliseconds")
    count = [r.threads for r in threads]
    bottom_left.plot(count, count, "--", color="#64748b", linewidth=1, label="ideal")
    bottom_left.plot(count, [threads[0].median / r.median for r in threads], "o-", color=OURS, label="fcnet")
    bottom_left.set(title="speed-up, 784-512-256-10", xlabel="threads", ylabel="times one thread")
    bottom_left.set_xticks(count)
    bottom_left.set_ylim(0)
    bottom_left.legend(loc="upper left")
    n = [m["samples"] for m in sitting.memory]
    for key, color, name in (("data_kib", "#64748b", "the data x"), ("growth_kib", OURS, "added by the fit")):
        y = [m[key] / 1024 for m in sitting.memory]
        bottom_right.plot(n, y, "o-", color=color, markersize=4)
        bottom_right.annotate(name, (n[-1], y[-1]), (-6, 9), textcoords="offset points", color=color, ha="right")
    bottom_right.set(title="memory, 64 inputs", xlabel="samples", ylabel="MiB")
    bottom_right.set_ylim(0, max(m["data_kib"] for m in sitting.memory) / 1024 * 1.15)
    bottom_right.xaxis.set_major_locator(MaxNLocator(4))
    bottom_right.xaxis.set_major_formatter(FuncFormatter(plain))
    top_right.xaxis.set_major_locator(LogLocator())
    top_right.yaxis.set_major_locator(LogLocator())
    save(figure, path)


def draw(sitting: Sitting, folder: Path) -> None:
    """All of them."""
    with matplotlib.rc_context(STYLE):
        ratios(sitting.of("test_train_step"), "A training step", folder / "train_step.png")
        ratios(sitting.of("test_predict"), "Prediction, 784-512-256-10", folder / "predict.png")
        peak_share(sitting, folder / "peak_share.png")
        growth(sitting, folder / "growth.png")
