"""A prediction for one row of a table, in turns with what scikit-learn needs to make an array of it.

Seconds a call, of the clock and of the thread's CPU time, whose least says what a call costs beside other work. For
frames of pandas also what pandas needs to make an array of it.

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
        return frame.astype("Int64")
    if odd == "three types":
        return frame.astype({name: ("int64", "float64", "bool")[i % 3] for i, name in enumerate(frame)})
    if KINDS[odd]:
        frame["column 3"] = frame["column 3"].astype(KINDS[odd])
    return frame


def polars_table(x, odd):
    return pytest.importorskip("polars").from_pandas(pandas_frame(x, odd))


def arrow_table(x, odd):
    return pytest.importorskip("pyarrow").Table.from_pandas(pandas_frame(x, odd))


def seconds(call):
    start, start_cpu = time.perf_counter(), time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS, (time.thread_time() - start_cpu) / CALLS


@pytest.mark.parametrize("columns", [20, 1000])
@pytest.mark.parametrize("odd", [*KINDS, "all nullable", "a block each", "three types"])
@pytest.mark.parametrize("table", [pandas_frame, polars_table, arrow_table])
def test_predict_a_row_of_a_table(benchmark, table, odd, columns):
    x = np.random.default_rng(0).integers(0, 2, (1, columns)).astype(float)
    row, net = table(x, odd), fc.Network([columns, 2], seed=0)
    np.testing.assert_array_equal(net.predict(row), net.predict(x))
    calls = {"fcnet": lambda: net.predict(row), "scikit-learn": lambda: validation.check_array(row)}
    if table is pandas_frame:
        calls["to_numpy"] = lambda: row.to_numpy(dtype=float, na_value=np.nan)
    times = {name: [] for name in calls}

    def both():
        for name, call in calls.items():
            times[name].append(seconds(call))

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    medians = {name: float(np.median([clock for clock, _ in taken])) for name, taken in times.items()}
    least = {name: min(cpu for _, cpu in taken) for name, taken in times.items()}
    for what, numbers in (("median", medians), ("least CPU time", least)):
        shown = ", ".join(f"{name} {1e6 * s:.0f} us" for name, s in numbers.items())
        print(f"\n{table.__name__}, {odd}, {columns} columns, {what}: {shown}", end="")
    benchmark.extra_info |= {"test": "test_frames", "seconds": medians, "least_cpu_seconds": least}
