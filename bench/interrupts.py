"""How long Ctrl-C has to wait while data are prepared or metrics computed: the longest time without a signal's handler.

python -m bench.interrupts [rows]
"""

from __future__ import annotations

import signal
import sys
import time

import numpy as np
import pandas as pd
import scipy.sparse

import fcnet as fc
from fcnet._inputs.features import check_x

TICK = 0.002  # seconds between signals


def longest_wait(call) -> tuple[float, float, float]:
    """Run the call while a signal arrives every tick.

    Returns the longest time between two runs of the signal's handler, in seconds of the clock and of the process (the
    two may belong to different runs; other programs lengthen the first only), and the seconds of the call.
    """
    times = []

    def note(*_):
        times.append((time.perf_counter(), time.process_time()))

    before = signal.signal(signal.SIGALRM, note)
    note()
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        note()
        signal.signal(signal.SIGALRM, before)
    clock, process = np.diff(times, axis=0).max(axis=0).tolist()
    return clock, process, times[-1][0] - times[0][0]


def frames(n, rng):
    """DataFrames of n rows, by what is in them."""
    floats, whole, flags = rng.random(n), rng.integers(0, 100, n), rng.random(n) < 0.5
    plain = pd.DataFrame({"float": floats, "int": whole, "bool": flags})
    nullable = plain.astype({"float": "Float32", "int": "Int64", "bool": "boolean"})
    yield "floats, ints and bools", plain
    yield "nullable", nullable
    yield "nullable and others", pd.concat([plain, nullable.add_prefix("nullable ")], axis=1)
    yield "objects and others", plain.assign(object=whole.astype(object))
    yield "categories and others", plain.assign(category=pd.Categorical(whole))
    yield "Arrow and others", plain.assign(arrow=pd.array(whole, "int64[pyarrow]"))


def calls(n, rng):
    """What is timed, with its name."""
    for name, frame in frames(n, rng):
        inputs = frame.shape[1]
        yield f"DataFrame of {name}", lambda x=frame, k=inputs: check_x(x, k, np.dtype("f4"), finite=True)
    x, net = rng.random((n, 4), np.float32), fc.Network([4, 2], seed=0)
    yield "adapt", lambda: net.adapt(x)
    sparse, wide = scipy.sparse.random(n // 10, 50, 0.1, "csr", rng=rng), fc.Network([50, 2], seed=0)
    yield f"adapt, {sparse.nnz:,} sparse numbers", lambda: wide.adapt(sparse)
    labels, scores, weights = rng.integers(0, 2, n), rng.random(n), rng.random(n)
    yield "roc_auc", lambda: fc.metrics.roc_auc(labels, scores)
    yield "roc_auc with weights", lambda: fc.metrics.roc_auc(labels, scores, sample_weight=weights)
    yield "log_loss", lambda: fc.metrics.log_loss(labels, scores)


def main() -> None:
    """Print how long Ctrl-C waits."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10**7
    for name, call in calls(n, np.random.default_rng(0)):
        clock, process, whole = longest_wait(call)
        waits = f"{1000 * clock:.0f} ms at most, {1000 * process:.0f} of CPU time"
        print(f"{n:,} rows, {name}: Ctrl-C waits {waits}, of {whole:.2f} s", flush=True)


if __name__ == "__main__":
    main()
