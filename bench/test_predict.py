"""Network.predict on a NumPy array, 784-512-256-10, batches of 1 to 4096 rows; NumPy beside it."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from workloads import Workload

NET = Workload("mnist-m", (784, 512, 256, 10), 128, 32)


def numpy_predict(layers, x):
    h = x
    for w, b in layers[:-1]:
        h = np.maximum(h @ w + b, 0)
    w, b = layers[-1]
    e = h @ w + b
    e = np.exp(e - e.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [1, 64, 4096])
@pytest.mark.parametrize("library", ["fcnet", "numpy"])
def test_predict(benchmark, library, rows):
    x = NET.data()[0][:rows]
    net = fc.Network(NET.sizes, seed=0)
    layers = [(layer.W, layer.B) for layer in net.layers]
    call = net.predict if library == "fcnet" else lambda x: numpy_predict(layers, x)
    p = benchmark(call, x)
    exact = numpy_predict([(w.astype(np.float64), b.astype(np.float64)) for w, b in layers], x.astype(np.float64))
    np.testing.assert_allclose(p, exact, atol=1e-5)
    benchmark.extra_info["gflops"] = round(NET.flops() / 3 / NET.batch * rows / benchmark.stats.stats.median / 1e9, 1)
