"""Whether training slows down once weights and Adam's averages have shrunk below the smallest normal number."""

from __future__ import annotations

import time

import numpy as np

import fcnet as fc

ROUNDS = 30


def test_denormals(benchmark):
    """An epoch with weights that have decayed, compared with one with weights that have not, in turns."""
    rng = np.random.default_rng(0)
    x = rng.random((2048, 784), np.float32)
    x[:, rng.random(784) < 0.3] = 0  # as the borders of pictures: no gradient holds these weights
    y = rng.integers(0, 10, len(x))
    decaying, fresh = (fc.Network([784, 128, 10], seed=0) for _ in range(2))
    options = {"batch_size": 128, "progress": False}
    decay, plain = fc.AdamW(0.01, weight_decay=30), fc.AdamW(0.01, weight_decay=0)
    decaying.fit(x, y, epochs=100, optimizer=decay, **options)  # shrink by 0.003 an epoch
    times: dict[str, list[float]] = {"tiny": [], "normal": []}

    def timed(name, net, optimizer):
        start = time.perf_counter()
        net.fit(x, y, epochs=1, optimizer=optimizer, **options)
        times[name].append(time.perf_counter() - start)

    def both():
        timed("tiny", decaying, decay)
        timed("normal", fresh, plain)

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=2)
    slowdown = np.median(times["tiny"]) / np.median(times["normal"])
    benchmark.extra_info |= {"test": "test_denormals", "slowdown": slowdown}
