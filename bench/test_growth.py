"""How time and memory grow: with samples, parameters, threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bench.sitting import ROOT
from bench.workloads import MEMORY, MNIST_M, PARAMETERS, SAMPLES
from fcnet import _native

MOST = _native.get_num_threads()
THREADS = sorted({2**i for i in range(10) if 2**i < MOST} | {MOST})

# The growth of the process's peak while it trains; x is there before.
TRAIN = """
import json, resource, sys
from bench.peers.fcnet import Training
from bench.workloads import from_description
workload = from_description(json.loads(sys.argv[1]))
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the peak of memory is known on Unix only")
@pytest.mark.parametrize("task", MEMORY, ids=str)
def test_memory(benchmark, task):
    command = [sys.executable, "-c", TRAIN, json.dumps(task.describe())]

    def train():
        return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    benchmark.extra_info |= {"test": "test_memory"} | benchmark.pedantic(train)
