"""Fits of tables, the libraries in turns, with what they score on rows that they have not seen.

FCNET_BENCH_DATA=FOLDER python -m pytest bench/test_tabular.py -s   (one split, 2,000 rows)
"""

from __future__ import annotations

import importlib.util
import os

import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")
if "FCNET_BENCH_DATA" not in os.environ:
    pytest.skip("FCNET_BENCH_DATA names no folder with tables", allow_module_level=True)

from bench.tabular.methods import METHODS
from bench.tabular.run import Fit, measure
from bench.tabular.sets import SETS

COMPARED = [name for name in ("auto", "HistGradientBoosting", "LightGBM", "CatBoost") if name in METHODS]


@pytest.mark.parametrize("name", SETS)
def test_tabular(benchmark, name):
    """The benchmark is fcnet reading, fitting and scoring; extra_info has the scores and the seconds of each fit."""
    found = {}
    for method in COMPARED[1:]:
        if importlib.util.find_spec(METHODS[method][0]):
            found[method] = measure(Fit(name, 0, 2000, method))

    def ours() -> None:
        found["auto"] = measure(Fit(name, 0, 2000, "auto"))

    benchmark.pedantic(ours)
    benchmark.extra_info.update(found)
    print(f"\n{name}:", ", ".join(f"{m} {r['score']:.4f} ({r['wall']:.1f} s)" for m, r in found.items()))
