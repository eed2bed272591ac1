"""How time and memory grow: with samples, parameters, threads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.sitting import ROOT
from bench.workloads import MEMORY, MNIST_M, PARAMETERS, SAMPLES
from fcnet import _native

MOST = _native.get_num_threads()
THREADS = sorted({2**i for i in range(10) if 2**i < MOST} | {MOST})

# The growth of the process's peak while it trains; x is there before. (getrusage would begin with the parent's peak.)
TRAIN = """
import json, re, sys
from pathlib import Path
from bench.peers.fcnet import Training
from bench.workloads import from_description
workload = from_description(json.loads(sys.argv[1]))
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
x, y = workload.data()
training = Training(workload, x, y)
training.epoch(y[:workload.batch])
before = peak()
training.epoch(y)
print(json.dumps({"samples": len(x), "data_kib": x.nbytes // 1024, "growth_kib": peak() - before}))
"""


@pytest.mark.parametrize("peer", ["fcnet"])
@pytest.mark.parametrize("task", SAMPLES, ids=str)
def test_samples(measured, peer, task):
    measured(peer, task)


@pytest.mark.parametrize("peer", ["fcnet"])
@pytest.mark.parametrize("task", PARAMETERS, ids=str)
def test_parameters(measured, peer, task):
    measured(peer, task)


@pytest.mark.parametrize("peer", ["fcnet"])
@pytest.mark.parametrize("task", [MNIST_M], ids=str)
@pytest.mark.parametrize("threads", THREADS)
def test_threads(measured, peer, task, threads):
    measured(peer, task, threads)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("task", MEMORY, ids=str)
def test_memory(benchmark, task):
    command = [sys.executable, "-c", TRAIN, json.dumps(task.describe())]

    def train():
        return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    benchmark.extra_info |= {"test": "test_memory"} | benchmark.pedantic(train)
