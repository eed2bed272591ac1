"""The tables of docs/performance.md: medians with their spread, ratios within the sitting, shares of the ceilings."""

from __future__ import annotations

import numpy as np

from bench.peers import BY_NAME, PEERS
from bench.results import Row, Sitting, power_law


def figure(value: float) -> str:
    """Three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.2g}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def best_peer(row: dict[str, Row]) -> Row | None:
    """The fastest library that is not fcnet."""
    return min((r for r in row.values() if r.peer != "fcnet"), key=lambda r: r.median, default=None)


def times(found: dict[str, dict[str, Row]]) -> str:
    """One line a task, one column a library: microseconds with their spread; the fastest in bold."""
    peers = [p for p in PEERS if any(p.name in row for row in found.values())]
    lines = []
    for name, row in found.items():
        fastest = min(row.values(), key=lambda r: r.median).peer
        cells = []
        for peer in peers:
            if peer.name not in row:
                cells.append("–")
                continue
            r = row[peer.name]
            text = figure(r.median * 1e6)
            cells.append((f"**{text}**" if peer.name == fastest else text) + f" ±{r.spread:.0%}")
        lines.append([name, *cells])
    return table(["µs", *[p.label for p in peers]], lines)


def ratio(row: dict[str, Row]) -> str:
    """How many times as long as fcnet the best of the others takes, and who that is."""
    best = best_peer(row)
    if best is None or "fcnet" not in row:
        return "–"
    ahead = best.median / row["fcnet"].median
    name = BY_NAME[best.peer].label
    return f"**{ahead:.2f}×** {name}" if ahead >= 1 else f"{ahead:.2f}× {name} wins"


def shares(sitting: Sitting) -> str:
    """Of the training workloads: operations, share of the peak and of the limit, ratio to the best, targets."""
    lines = []
    for name, row in sitting.of("test_train_step").items():
        task = next(iter(row.values())).task
        ours, best = row.get("fcnet"), best_peer(row)
        limit = sitting.limit(task)
        lines.append(
            [
                name,
                f"{figure(task.flops() / 1e6)}",
                f"{task.flops() / ours.median / 1e9:.1f}" if ours else "–",
                f"{ours.share:.0%}" if ours else "–",
                f"{task.target:.0%}" if task.target else "",
                f"{task.flops() / ours.median / sitting.ceiling(f'tile {task.dtype}'):.0%}" if ours else "–",
                f"{limit / ours.median:.0%}" if ours else "–",
                f"{best.share:.0%}" if best else "–",
                ratio(row),
                f"{task.target_ratio}×" if task.target_ratio else "",
            ]
        )
    head = [
        "",
        "Mflop",
        "GFLOP/s",
        "of the peak",
        "target",
        "of a tile",
        "of the limit",
        "best other, of the peak",
        "ahead of it",
        "target",
    ]
    return table(head, lines)


def ratios(found: dict[str, dict[str, Row]]) -> str:
    """Times of fcnet and of the fastest other library, with the share of the peak where there are products."""
    lines = []
    for name, row in found.items():
        if "fcnet" not in row:
            continue
        ours = row["fcnet"]
        share = f"{ours.share:.0%}" if ours.share else ""
        best = best_peer(row)
        other = f"{figure(best.median * 1e6)} ±{best.spread:.0%}" if best else "–"
        lines.append([name, f"{figure(ours.median * 1e6)} ±{ours.spread:.0%}", share, other, ratio(row)])
    return table(["µs", "fcnet", "of the peak", "best other", "ahead by"], lines)


def ceilings(sitting: Sitting) -> str:
    """What the machine can do, at the start and at the end of the sitting, in 10^9 operations or bytes a second."""
    start, end = (sitting.facts.get(when, {}) for when in ("ceilings", "ceilings at the end"))
    counts = list(next(iter(start.values())))
    head = ["10⁹ a second", *[f"{n} thread{'s' * (n != '1')}" for n in counts], "at the end"]
    lines = [
        [
            name.replace("multiply_add", "multiply-adds, operations").replace("tile", "those of a tile, operations"),
            *[figure(by[n] / 1e9) for n in counts],
            " · ".join(figure(end[name][n] / 1e9) for n in counts) if name in end else "–",
        ]
        for name, by in start.items()
    ]
    return table(head, lines)


def fits(sitting: Sitting) -> str:
    """Whole fits of fcnet.sklearn and of scikit-learn: median seconds, mean score and its spread over the seeds."""
    lines = []
    for fit in sitting.fits:
        ours, theirs = (
            (np.median(fit["seconds"][name]), np.mean(fit["scores"][name]), np.std(fit["scores"][name]))
            for name in ("fcnet.sklearn", "sklearn.neural_network")
        )
        cells = [f"{figure(side[0])} s, {side[1]:.4f} ±{side[2]:.4f}" for side in (ours, theirs)]
        lines.append([fit["program"], *cells, f"{theirs[0] / ours[0]:.1f}×"])
    return table(["fit, score", "fcnet.sklearn", "scikit-learn", "ahead by"], lines)


def growth(sitting: Sitting) -> str:
    """The laws that the times of fcnet follow."""
    lines = []
    samples = [row["fcnet"] for row in sitting.of("test_samples").values()]
    if len(samples) > 1:
        counts = [r.task.steps * r.task.batch for r in samples]
        _, b = power_law(counts, [r.median * r.task.steps for r in samples])
        lines.append(f"- An epoch over n samples takes time ∝ n^{b:.2f} ({counts[0]:,} to {counts[-1]:,} samples).")
    sizes = [row["fcnet"] for row in sitting.of("test_parameters").values()]
    if len(sizes) > 1:
        counts = [r.task.weights() for r in sizes]
        _, b = power_law(counts, [r.median for r in sizes])
        lines.append(f"- A step of a network of P parameters takes time ∝ P^{b:.2f} ({counts[0]:,} to {counts[-1]:,}).")
    threads = sorted((r for r in sitting.rows if r.test == "test_threads"), key=lambda r: r.threads)
    if len(threads) > 1:
        speedups = [f"{r.threads} threads {threads[0].median / r.median:.2f}×" for r in threads[1:]]
        lines.append(f"- Against one thread: {', '.join(speedups)}.")
    if len(sitting.memory) > 1:
        first, last = sitting.memory[0], sitting.memory[-1]
        more = (last["growth_kib"] - first["growth_kib"]) * 1024 / (last["samples"] - first["samples"])
        lines.append(
            f"- A fit of {last['samples']:,} samples ({last['data_kib'] / 1024:,.0f} MiB) takes "
            f"{last['growth_kib'] / 1024:,.0f} MiB in addition to the data: {more:.0f} bytes per sample, "
            "for labels and order."
        )
    return "\n".join(lines)


def slowdown(sitting: Sitting) -> str:
    """What numbers below the smallest normal one cost."""
    if sitting.slowdown is None:
        return ""
    return (
        f"An epoch of AdamW with decay, after which a third of the weights would be too small to be normal numbers, "
        f"takes {sitting.slowdown:.2f} times as long as one without."
    )


def busy(sitting: Sitting) -> str:
    """Times next to busy programs: default threads, one thread, the other libraries."""
    if not sitting.busy:
        return ""
    peers = [name for name in BY_NAME if any(name in task["loads"][0]["others"] for task in sitting.busy)]
    head = ["task", "busy", "fcnet", "fcnet, 1 thread", "ratio", "CPU time", *(BY_NAME[name].label for name in peers)]
    lines = []
    for task in sitting.busy:
        for load in task["loads"]:
            default, one = (f"{figure(load[key][1] * 1e6)} µs" for key in ("default", "one"))
            others = [load["others"].get(name) for name in peers]
            cells = ["–" if value is None else f"{figure(value * 1e6)} µs" for value in others]
            ratio, cpu = f"{load['default'][1] / load['one'][1]:.2f}", f"{load['processors']:.2f}"
            lines.append([task["name"], str(load["busy"]), default, one, ratio, cpu, *cells])
    return table(head, lines)


def steps(sitting: Sitting) -> str:
    """Single steps: the time of fcnet, its native part, the other libraries and their ratio to fcnet."""
    others = ("PyTorch", "JAX")
    lines = []
    for step in sitting.steps:
        cells = [figure(step[who] * 1e6) if who in step else "–" for who in ("fcnet", "native", *others)]
        ratios = [f"{step[who] / step['fcnet']:.1f}×" if who in step else "–" for who in others]
        lines.append([step["name"], *cells, *ratios])
    return table(["µs of CPU", "fcnet", "its native part", *others, *(f"{who} / fcnet" for who in others)], lines)


def of_seeds(values: list[float]) -> str:
    """Median (least to most); – stands for infinity."""
    low, middle, high = ("–" if np.isinf(v) else figure(v) for v in (min(values), np.median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def outside(runs: list[dict]) -> str:
    """Programs with losses outside fit by library, over the seeds."""
    found: dict[tuple[str, str], list[dict]] = {}
    for run in runs:
        found.setdefault((run["program"], run["library"]), []).append(run)
    learn = {pair: np.median([run["learn"] for run in mine]) for pair, mine in found.items()}
    lines = []
    for (program, library), mine in found.items():
        solved = f"{sum(run['solved'] for run in mine)} of {len(mine)}"
        if "error" in mine[0]:
            solved = f"error {np.median([run['error'] for run in mine]):.1e}"
        until = [of_seeds([run[key] if run["solved"] else np.inf for run in mine]) for key in ("seconds", "steps")]
        step, ours = learn[program, library], learn[program, "fcnet"]
        lines.append([f"{program}, {library}", solved, *until, figure(step * 1e6), f"{step / ours:.1f}×"])
    return table(["", "solved", "seconds", "environment steps", "µs, a training step", "relative to fcnet"], lines)
