"""The results of a sitting, read back from pytest-benchmark's JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.workloads import Kernel, Prediction, Workload, from_description

OUTSIDE = Path(__file__).parent / "results/outside.json"  # written by `python -m bench.outside`


@dataclass(frozen=True)
class Row:
    """One library at one task: seconds a step or a call, median and quartiles over the chunks."""

    test: str
    peer: str
    id: str
    task: Workload | Prediction | Kernel
    threads: int
    median: float
    low: float
    high: float
    share: float | None  # of the multiply-add peak of as many threads

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a share of the median."""
        return (self.high - self.low) / 2 / self.median


@dataclass(frozen=True)
class Sitting:
    rows: list[Row]
    imports: dict[str, list[float]]  # seconds, sorted
    memory: list[dict]
    fits: list[dict]  # of fcnet.sklearn and scikit-learn: program, seconds and scores of every seed
    facts: dict  # threads, isa, versions, ceilings, ceilings at the end
    cpu: str
    python: str
    slowdown: float | None  # of a fit whose weights have become tiny, late over early epochs
    busy: list[dict]  # tasks next to busy programs: what bench/test_busy.py measured of each
    steps: list[dict]  # single steps: name, and seconds of CPU by library
    outside: dict | None  # runs of docs/examples by library, and facts of their session; None where there are none

    def of(self, test: str) -> dict[str, dict[str, Row]]:
        """{task: {peer: row}} in the order of the workloads."""
        table: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            if row.test == test:
                table.setdefault(row.id, {})[row.peer] = row
        return table

    def ceiling(self, name: str) -> float:
        """Of all threads."""
        return ceiling(self.facts, name, self.facts["threads"])

    def limit(self, workload: Workload) -> float:
        """Seconds that a step needs at least: its operations at the peak, or its traffic at the bandwidth.

        Traffic counts where the parameters do not fit the last cache: the forward pass reads them, the update reads and
        writes them and the two moments that Adam keeps, backward-data in the same block.
        """
        operations = workload.flops() / self.ceiling(f"multiply_add {workload.dtype}")
        state = workload.weights() * np.dtype(workload.dtype).itemsize
        if state < self.facts["last_cache"]:
            return operations
        moved = {"sgd": 2, "adam": 6}[workload.optimizer]  # w; w, m, v: read and written
        return max(operations, state / self.ceiling("read") + moved * state / self.ceiling("update"))


def ceiling(facts: dict, name: str, threads: int) -> float | None:
    """The better of the two measurements, at the start and at the end; None where so many threads were not measured."""
    ends = [facts[when][name].get(str(threads)) for when in ("ceilings", "ceilings at the end") if when in facts]
    return None if None in ends else max(ends)


def load(path: Path) -> Sitting:
    """Of the file that `python -m pytest bench --benchmark-json` wrote."""
    results = json.loads(path.read_text())
    rows, imports, memory, fits, slowdown, busy, steps = [], {}, [], [], None, [], []
    for run in results["benchmarks"]:
        info, stats = run["extra_info"], run["stats"]
        if info["test"] == "test_import":
            imports[info["module"]] = info["seconds"]
        elif info["test"] == "test_memory":
            memory.append(info)
        elif info["test"] == "test_denormals":
            slowdown = info["slowdown"]
        elif info["test"] == "test_busy":
            busy.append(info)
        elif info["test"] in ("test_steps", "test_outside"):
            steps.append(info)
        elif info["test"] == "test_sklearn":
            fits.append(info)
        elif "task" in info:
            name = info["task"].pop("id")
            task = from_description(info["task"])
            peak = ceiling(results["sitting"], f"multiply_add {task.dtype}", info["threads"])
            share = task.flops() / stats["median"] / peak if peak else None
            times = (stats["median"], stats["q1"], stats["q3"])
            rows.append(Row(info["test"], info["peer"], name, task, info["threads"], *times, share))
    machine = results["machine_info"]
    cpu = machine["cpu"].get("brand_raw", machine["machine"])
    python, facts = machine["python_version"], results["sitting"]
    outside = json.loads(OUTSIDE.read_text()) if OUTSIDE.exists() else None
    return Sitting(rows, imports, memory, fits, facts, cpu, python, slowdown, busy, steps, outside)


def power_law(x: list[float], y: list[float]) -> tuple[float, float]:
    """(a, b) of y = a x^b, by least squares of the logarithms."""
    b, log_a = np.polyfit(np.log(x), np.log(y), 1)
    return float(np.exp(log_a)), float(b)
