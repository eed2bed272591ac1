"""Turns the results of a benchmark run into docs/performance.md and its picture.

python -m pytest bench --benchmark-json=results.json && python bench/report.py results.json
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import fcnet as fc

DOCS = Path(__file__).parent.parent / "docs"
NAMES = {
    "Fcnet": "fcnet",
    "NumPy": "NumPy",
    "Blas": "SciPy BLAS, update folded in",
    "ScikitLearn": "scikit-learn",
    "PyTorch": "PyTorch",
    "PyTorchCompiled": "torch.compile",
    "Jax": "JAX",
}
COLORS = ["#c2410c", "#94a3b8", "#64748b", "#0e7490", "#a78bfa", "#7c3aed", "#15803d"]
PACKAGES = ["numpy", "scipy", "scikit-learn", "torch", "jax"]


def installed() -> str:
    """The versions of the libraries that took part."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except ImportError:
            continue
    return ", ".join(found)


def figure(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def train_step(results: dict) -> dict[str, dict[str, dict]]:
    """{workload: {peer: {"us": median, "low", "high", "gflops"}}}."""
    table: dict[str, dict[str, dict]] = {}
    for run in results["benchmarks"]:
        if not run["name"].startswith("test_train_step"):
            continue
        peer, workload = run["name"].split("[")[1].rstrip("]").split("-", 1)
        us = run["extra_info"]["us_per_step"] / run["stats"]["median"]
        spread = {"low": run["stats"]["min"] * us, "high": run["stats"]["q3"] * us}
        entry = {"us": run["extra_info"]["us_per_step"], "gflops": run["extra_info"]["gflops"], **spread}
        table.setdefault(workload, {})[peer] = entry
    return table


def markdown(table: dict[str, dict[str, dict]]) -> str:
    """One row a workload: fcnet with its spread, every peer, the ratio to the best of them."""
    peers = [p for p in NAMES if any(p in row for row in table.values())]
    lines = ["| µs a step | " + " | ".join(NAMES[p] for p in peers) + " | fcnet ahead of the best by |"]
    lines.append("|---" * (len(peers) + 2) + "|")
    for workload, row in table.items():
        cells = [figure(row[p]["us"]) if p in row else "–" for p in peers]
        cells[0] = f"**{cells[0]}** ({figure(row['Fcnet']['low'])}–{figure(row['Fcnet']['high'])})"
        best = min((e["us"] for p, e in row.items() if p != "Fcnet"), default=float("nan"))
        lines.append(f"| {workload} | {' | '.join(cells)} | {best / row['Fcnet']['us']:.2f}× |")
    return "\n".join(lines)


def draw(table: dict[str, dict[str, dict]], path: Path) -> None:
    """Bars: how many times as long as fcnet each library takes, logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    peers = [p for p in NAMES if any(p in row for row in table.values())]
    chart, axes = pyplot.subplots(figsize=(9, 4.2), layout="constrained")
    width = 0.8 / len(peers)
    for i, peer in enumerate(peers):
        at = [j + (i - (len(peers) - 1) / 2) * width for j, row in enumerate(table.values()) if peer in row]
        times = [row[peer]["us"] / row["Fcnet"]["us"] for row in table.values() if peer in row]
        bars = axes.bar(at, times, width * 0.92, color=COLORS[i], label=NAMES[peer])
        if peer != "Fcnet":
            axes.bar_label(bars, [f"{t:.1f}" if t < 10 else f"{t:.0f}" for t in times], fontsize=6, padding=1)
    axes.set_yscale("log")
    axes.axhline(1, color=COLORS[0], linewidth=0.8)
    axes.set_xticks(range(len(table)), list(table))
    axes.set_ylabel("time of a training step, fcnet = 1")
    axes.legend(ncols=4, fontsize=8, frameon=False, loc="upper right")
    axes.set_ylim(top=axes.get_ylim()[1] * 4)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    chart.savefig(path, dpi=144)


def main() -> None:
    """Write the page and the picture."""
    results = json.loads(Path(sys.argv[1]).read_text())
    config = fc.show_config("dicts")
    cpu = results["machine_info"]["cpu"].get("brand_raw", results["machine_info"]["machine"])
    table = train_step(results)
    draw(table, DOCS / "pictures/train_step.png")
    others = [
        f"| {run['name']} | {run['stats']['median'] * 1e6:,.1f} µs | {run['extra_info']} |"
        for run in results["benchmarks"]
        if not run["name"].startswith("test_train_step")
    ]
    page = f"""# Performance

Written by `bench/report.py`; see its first lines for the two commands.

{cpu}, {config["threads"]["count"]} threads, {config["instruction set"]["name"]}; {installed()}.
Medians over nine epochs (fcnet with its fastest epoch and third quartile); SGD, float32; a step gathers a shuffled
mini-batch, goes forward and back, and updates. `article` is 2-2-2-2 with one sample a step, `digits` 64-100-10 with 32,
`mnist-s` 784-128-10 with 128, `mnist-m` 784-512-256-10 with 128, `tabular` 100-256-256-256-2 with 256, `wide-32`
2048-4096-4096-1000 with 32.

{markdown(table)}

![Time of a training step by library](pictures/train_step.png)

| other | median | |
|---|---|---|
{chr(10).join(others)}
"""
    (DOCS / "performance.md").write_text(page)


if __name__ == "__main__":
    main()
