"""Next to busy programs: fcnet with its default number of threads and with one, in turns, and the other libraries.

Each busy program is a process that keeps a core busy. A pair is a chunk of work with the default number of threads,
then the same on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

import fcnet as fc
from bench.peers import able
from bench.peers.fcnet import network
from bench.workloads import PREDICTION, TRAINING, Prediction, Workload

from processes import busy_neighbours  # of the tests

LOADS = [0, 1, 2, 4, 8]
TASKS = [task for task in TRAINING if task.name in ("digits", "mnist-m", "tabular", "wide-32")] + PREDICTION
PAIRS = 15
SHORTEST = 0.005  # seconds of a chunk
STEPS = {"wide-32": 8}  # of a chunk; else 200 at most


def chunk_of(task: Workload | Prediction) -> tuple[Callable[[], object], int]:
    """A function that lasts some milliseconds at least, and how many steps or calls it makes."""
    if isinstance(task, Prediction):
        workload = next(task for task in TRAINING if task.name == "mnist-m")
        net, x = network(workload.sizes, workload.parameters(), "float32"), workload.data()[0][: task.rows]
        start = time.perf_counter()
        net.predict(x)
        calls = max(1, int(SHORTEST / (time.perf_counter() - start)))
        return lambda: [net.predict(x) for _ in range(calls)], calls
    steps = STEPS.get(task.name, min(task.steps, 200))
    x, y = (array[: steps * task.batch] for array in task.data())
    net = network(task.sizes, task.parameters(), "float32")
    optimizer = {"sgd": fc.SGD, "adam": fc.Adam}[task.optimizer](task.rate)
    options = {"epochs": 1, "batch_size": task.batch, "optimizer": optimizer, "progress": False}
    return lambda: net.fit(x, y, **options), steps


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the clock, and of all processors."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def pairs(work: Callable[[], object]) -> np.ndarray:
    """(pairs, default or one thread, clock or processors)"""

    def alone():
        with fc.threads(1):
            work()

    work()
    return np.array([(seconds(work), seconds(alone)) for _ in range(PAIRS)])


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_busy(benchmark, sitting, task):
    work, units = chunk_of(task)
    peers = [peer for peer in able(task.kind) if peer not in ("fcnet", "torch_compile", "blas")]
    exact = sitting.exact(task)
    for peer in list(peers):
        answer = sitting.process(peer, sitting.threads).ask("prepare", task=task.describe(), exact=exact)
        if "units" not in answer:  # it cannot do the task
            peers.remove(peer)
    loads = []

    def measure():
        for busy in LOADS:
            with busy_neighbours(busy):
                time.sleep(0.3)  # until they have started
                times = pairs(work)
                others = {peer: sitting.process(peer, sitting.threads).ask("time") for peer in peers}
            time.sleep(0.2)
            clock, cpu = times[:, :, 0], times[:, :, 1]
            loads.append(
                {
                    "busy": busy,
                    "default": np.quantile(clock[:, 0] / units, [0.25, 0.5, 0.75]).tolist(),
                    "one": np.quantile(clock[:, 1] / units, [0.25, 0.5, 0.75]).tolist(),
                    "processors": float(cpu[:, 0].sum() / cpu[:, 1].sum()),
                    "others": {peer: float(np.median(found)) for peer, found in others.items()},
                }
            )

    benchmark.pedantic(measure, rounds=1)
    for peer in peers:
        sitting.process(peer, sitting.threads).ask("forget")
    benchmark.extra_info |= {"test": "test_busy", "name": str(task), "loads": loads}
