"""``to_onnx``, a network as the bytes of a model, and ``from_onnx`` back."""

from __future__ import annotations

import fcnet as fc


def test_to_onnx(benchmark):
    net = fc.Network([784, 512, 256, 10], seed=0)
    model = benchmark.pedantic(net.to_onnx, rounds=50, warmup_rounds=3)
    benchmark.extra_info |= {"bytes": len(model)}


def test_from_onnx(benchmark):
    model = fc.Network([784, 512, 256, 10], seed=0).to_onnx()
    benchmark.pedantic(fc.from_onnx, (model,), rounds=50, warmup_rounds=3)
