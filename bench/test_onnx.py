"""``to_onnx``: a network as the bytes of a model."""

from __future__ import annotations

import fcnet as fc


def test_to_onnx(benchmark):
    net = fc.Network([784, 512, 256, 10], seed=0)
    model = benchmark.pedantic(net.to_onnx, rounds=50, warmup_rounds=3)
    benchmark.extra_info |= {"bytes": len(model)}
