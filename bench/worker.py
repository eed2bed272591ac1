"""The process of one library: reads requests, one JSON object a line, times itself, answers on its standard output.

``prepare`` makes a task ready and checks its answer; ``time`` runs chunks of it and answers seconds a step or a call.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback

import numpy as np
from threadpoolctl import threadpool_info

from bench.peers import BY_NAME, Unavailable
from bench.tasks import SHORTEST, Calls, Train, make
from bench.workloads import from_description

SHORT_CHUNK = 0.3  # seconds; several of them are timed at a visit, after one to warm the caches
CHUNKS_A_VISIT = 4


def limit_processors(count: int) -> None:
    """To as many as there are threads: XLA has no other way to be told."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def check_threads() -> None:
    """Every BLAS and OpenMP in the process has the threads that everybody has."""
    wanted = int(os.environ["OMP_NUM_THREADS"])
    for pool in threadpool_info():
        if pool["num_threads"] != wanted:
            raise RuntimeError(f"{pool['internal_api']} has {pool['num_threads']} threads, not {wanted}")


class Worker:
    def __init__(self, name: str) -> None:
        self.peer = BY_NAME[name]
        self.library = importlib.import_module(f"bench.peers.{name}")
        self.task: Train | Calls | None = None

    def seconds(self) -> float:
        """Of one chunk."""
        start = time.perf_counter()
        self.task.chunk()
        return time.perf_counter() - start

    def prepare(self, task: dict, exact: str | None) -> dict:
        self.forget()
        try:
            self.task = make(self.library, from_description(task), self.peer.loops_in_python)
            error = self.task.error(np.load(exact) if exact else None)
            check_threads()
        except Unavailable as reason:
            return {"unavailable": str(reason)}
        except Exception:
            self.forget()
            return {"failed": traceback.format_exc()}
        self.seconds()  # compiles, where a library does
        self.last = self.seconds()
        while isinstance(self.task, Calls) and self.last < SHORTEST:
            self.task.units *= 2
            self.last = self.seconds()
        return {"error": error, "units": self.task.units}

    def time(self) -> list[float]:
        """Seconds a unit, of every chunk of this visit."""
        short = self.last < SHORT_CHUNK
        if short:
            self.seconds()
        chunks = [self.seconds() for _ in range(CHUNKS_A_VISIT if short else 1)]
        self.last = chunks[-1]
        return [seconds / self.task.units for seconds in chunks]

    def ceiling(self, **arguments: object) -> float:
        from fcnet import _native

        return _native._testing.roofline(**arguments)

    def forget(self) -> None:
        self.task = None
        gc.collect()


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes elsewhere
    limit_processors(int(os.environ["OMP_NUM_THREADS"]))
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
