"""One sitting: a process per library, all with the same number of threads, timed in turns (A B C A B C ...).

Only one process works at a time; a pause between them lets the threads of the one before fall asleep.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench import tasks
from bench.workloads import Kernel, Prediction, Workload

ROOT = Path(__file__).parent.parent
PAUSE = 0.1  # seconds; OpenBLAS's threads spin for some 30 ms, OpenMP's less


@dataclass
class Result:
    """Of one library at one task."""

    seconds: list[float] = field(default_factory=list)  # a step or a call, of every chunk
    units: int = 0  # steps or calls a chunk
    error: float = 0  # relative, against the oracle
    unavailable: str = ""  # why it cannot do the task
    failed: str = ""  # what went wrong


def environment(threads: int) -> dict[str, str]:
    """The caller's, with one number of threads for everybody and nothing that slows a BLAS down."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_", "FCNET_NUM_"))}
    names = ("FCNET", "OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return kept | {f"{name}_NUM_THREADS": str(threads) for name in names}


class Process:
    """bench/worker.py for one library."""

    def __init__(self, peer: str, threads: int) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "bench.worker", peer]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **arguments: object) -> object:
        """The worker's answer to a request."""
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args[-1]} ended with {self.process.wait()}: see its messages")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Sitting:
    def __init__(self, threads: int, visits: int) -> None:
        self.threads, self.visits = threads, visits
        self.processes: dict[tuple[str, int], Process] = {}
        self.results: dict[tuple, dict[str, Result]] = {}
        self.folder = tempfile.TemporaryDirectory()

    def process(self, peer: str, threads: int) -> Process:
        if (peer, threads) not in self.processes:
            self.processes[peer, threads] = Process(peer, threads)
        return self.processes[peer, threads]

    def exact(self, task: Workload | Prediction | Kernel) -> str | None:
        """A file of the weights that the oracle trains; other tasks need none."""
        if not isinstance(task, Workload):
            return None
        path = Path(self.folder.name, "exact.npz")
        layers = tasks.exact_weights(task)
        np.savez(
            path, **{f"{i}{name}": a for i, layer in enumerate(layers) for name, a in zip("wb", layer, strict=True)}
        )
        return str(path)

    def measure(self, task: Workload | Prediction | Kernel, peers: list[str], threads: int = 0) -> dict[str, Result]:
        """Every peer's result at the task; measured once for the same peers, in turns."""
        threads = threads or self.threads
        key = (task, threads, tuple(peers))
        if key in self.results:
            return self.results[key]
        found = self.results[key] = {peer: Result() for peer in peers}
        exact = self.exact(task)
        for peer, result in found.items():
            answer = self.process(peer, threads).ask("prepare", task=task.describe(), exact=exact)
            for name, value in answer.items():
                setattr(result, name, value)
        able = [peer for peer in peers if not (found[peer].unavailable or found[peer].failed)]
        for visit in range(self.visits):
            for peer in able[visit % 2 :] + able[: visit % 2]:  # nobody always follows the same neighbour
                time.sleep(PAUSE)
                found[peer].seconds += self.process(peer, threads).ask("time")
        for peer in peers:
            self.process(peer, threads).ask("forget")
        return found

    def close(self) -> None:
        for process in self.processes.values():
            process.close()
        self.folder.cleanup()
