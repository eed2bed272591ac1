"""One epoch of SGD, per library and workload; ``extra_info`` has microseconds a step and GFLOP/s.

python -m pytest bench/test_train_step.py --benchmark-group-by=param:workload
"""

from __future__ import annotations

import numpy as np
import pytest

from fcnet import _native, reference
from peers import PEERS, Fcnet
from workloads import LEARNING_RATE, TRAINING


def reference_epoch(workload, x, y, order):
    """The weights after one epoch in float64, by the oracle."""
    layers = [(w.astype(np.float64), b.astype(np.float64)) for w, b in workload.parameters()]
    for i in range(0, len(order), workload.batch):
        rows = order[i : i + workload.batch]
        reference.training_step(layers, x[rows].astype(np.float64), y[rows], LEARNING_RATE)
    return layers


@pytest.mark.parametrize("workload", TRAINING, ids=str)
@pytest.mark.parametrize("peer", PEERS, ids=lambda p: p.__name__)
def test_train_step(benchmark, peer, workload):
    x, y = workload.data()
    order = _native.permutation(0, 0, len(x))
    trained = peer(workload, x, y)
    trained.epoch(order)
    exact = reference_epoch(workload, x, y, order)
    for (w, b), (exact_w, exact_b) in zip(trained.weights(), exact, strict=True):
        np.testing.assert_allclose(w, exact_w, atol=1e-4)
        np.testing.assert_allclose(b, exact_b, atol=1e-4)
    benchmark.pedantic(trained.epoch, args=(order,), rounds=9, warmup_rounds=2)
    microseconds = benchmark.stats.stats.median / workload.steps * 1e6
    benchmark.extra_info |= {
        "us_per_step": round(microseconds, 2),
        "gflops": round(workload.flops() / microseconds / 1e3, 1),
        "threads": _native.get_num_threads() if peer is Fcnet else "the library's default",
    }
