"""A prediction for one row of a table, in turns with what scikit-learn needs to make an array of it: seconds a call.

python -m pytest bench/test_frames.py -s
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import fcnet as fc

validation = pytest.importorskip("sklearn.utils.validation")
pandas = pytest.importorskip("pandas")

ROUNDS, CALLS = 15, 5
KINDS = {"floats": None, "one whole": "int64", "one bool": "bool", "one nullable": "Int64"}


def pandas_frame(x, odd):
    frame = pandas.DataFrame(x, columns=[f"column {i}" for i in range(x.shape[1])])
    if odd == "a block each":
        return frame.astype({"column 3": "bool"})  # which pandas keeps so
    if odd == "all nullable":
        return frame.astype("Float64")
    if KINDS[odd]:
        frame["column 3"] = frame["column 3"].astype(KINDS[odd])
    return frame


def polars_table(x, odd):
    return pytest.importorskip("polars").from_pandas(pandas_frame(x, odd))


def arrow_table(x, odd):
    return pytest.importorskip("pyarrow").Table.from_pandas(pandas_frame(x, odd))


def seconds(call):
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS


@pytest.mark.parametrize("columns", [20, 1000])
@pytest.mark.parametrize("odd", [*KINDS, "all nullable", "a block each"])
@pytest.mark.parametrize("table", [pandas_frame, polars_table, arrow_table])
def test_predict_a_row_of_a_table(benchmark, table, odd, columns):
    x = np.random.default_rng(0).integers(0, 2, (1, columns)).astype(float)
    row, net = table(x, odd), fc.Network([columns, 2], seed=0)
    np.testing.assert_array_equal(net.predict(row), net.predict(x))
    calls = {"fcnet": lambda: net.predict(row), "scikit-learn": lambda: validation.check_array(row)}
    times = {name: [] for name in calls}

    def both():
        for name, call in calls.items():
            times[name].append(seconds(call))

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    medians = {name: float(np.median(taken)) for name, taken in times.items()}
    print(f"\n{table.__name__}, {odd}, {columns} columns:", {name: f"{1e6 * s:.0f} us" for name, s in medians.items()})
    benchmark.extra_info |= {"test": "test_frames", "seconds": medians}
