"""One fit: what it scores on rows that it has not seen, and how long it takes."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cpuinfo import get_cpu_info  # of pytest-benchmark

import fcnet
from bench.tabular.methods import METHODS, prepared
from bench.tabular.sets import SETS, Table

SCORES = Path(__file__).with_name("scores.json")  # what was measured once, with versions


class Fit(NamedTuple):
    """A method's fit on a split of a table; rows: for the training, at most, or 0 for all that there are."""

    set: str
    split: int
    rows: int
    method: str


def split_of(table: Table, fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Rows for the training and for the test, which has a quarter of all, at most 10,000."""
    order = np.random.default_rng(1000 + fit.split).permutation(len(table.x))
    size = min(len(table.x) // 4, 10_000)
    return order[size : size + fit.rows] if fit.rows else order[size:], order[:size]


def measure(fit: Fit) -> dict[str, Any]:
    """The error rate or RMSE on the test rows; CPU and wall seconds of the fit; the library's version and the CPU."""
    table = SETS[fit.set]()
    table = table._replace(x=prepared(table, fit.method))
    train, test = split_of(table, fit)
    library, make = METHODS[fit.method]
    model = make(table, fit.split)
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(table.x.iloc[train].reset_index(drop=True), table.y.iloc[train].to_numpy())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    found = np.asarray(model.predict(table.x.iloc[test].reset_index(drop=True))).ravel()
    y = table.y.iloc[test].to_numpy()
    score = (found != y).mean() if table.classifies else np.sqrt(np.mean((found - y) ** 2))
    name = {"sklearn": "scikit-learn"}.get(library, library)
    facts = {
        "version": fcnet.__version__ if library == "fcnet" else version(name),
        "machine": get_cpu_info()["brand_raw"],
    }
    return {"score": round(float(score), 5), "cpu": round(cpu, 2), "wall": round(wall, 2), **facts}


def load() -> dict[Fit, dict[str, Any]]:
    """What SCORES has."""
    if not SCORES.exists():
        return {}
    return {Fit(*key): value for *key, value in json.loads(SCORES.read_text())}


def save(fits: dict[Fit, dict[str, Any]]) -> None:
    """Replace SCORES: a line for each fit."""
    lines = ",\n".join(json.dumps([*fit, fits[fit]]) for fit in sorted(fits))
    SCORES.write_text(f"[\n{lines}\n]\n")
