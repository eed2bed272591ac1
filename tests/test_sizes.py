"""Sizes that overflow or exceed memory are refused at once: no crash, no hang, no swapping."""

from __future__ import annotations

import os

import pytest

import fcnet as fc
from forks import output_forked

pytestmark = pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer needs more address space than the limit leaves"
)

SETUP = """
import resource, signal, sys
import numpy as np
import fcnet as fc
from fcnet import kernels, reference
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

def wide(*shape, dtype=np.float32):
    return np.broadcast_to(dtype(1), shape)

def refused(name, call):
    print(name, file=sys.stderr, flush=True)  # the last one is to blame if the process dies
    signal.alarm(500)  # a hang, not a busy machine: refusing takes milliseconds
    try:
        call()
    except (OverflowError, MemoryError):
        return
    raise SystemExit("not refused")
"""

CALLS = {
    "hidden 2**31": "fc.Network([784, 2**31, 10])",
    "hidden 2**40": "fc.Network([784, 2**40, 10])",
    "inputs 2**62": "fc.Network([2**62, 10])",
    "hidden 2**62": "fc.Network([784, 2**62, 10])",
    "hidden 2**31 of float64": "fc.Network([784, 2**31, 10], dtype='float64')",
    "outputs 2**62": "fc.Network([10, 2**62])",
    "all 2**32": "fc.Network([2**32, 2**32])",
    "sum of many": "fc.Network([2**14] * 100)",
    "fit 2**40 rows": "net.fit(wide(2**40, 784), wide(2**40, dtype=np.int64))",
    "fit 2**33 rows of int64": "net.fit(wide(2**33, 784, dtype=np.int64), wide(2**33, dtype=np.int64))",
    "fit 2**40 rows of uint8": "net.fit(wide(2**40, 784, dtype=np.uint8), wide(2**40, dtype=np.int64))",
    "fit 2**40 one-hot rows": "net.fit(wide(2**40, 784), wide(2**40, 10))",
    "validate 2**40 rows": "net.fit(ten, zeros, validation_data=(wide(2**40, 784), wide(2**40, dtype=np.int64)))",
    "gradients of 2**40 rows": "net.gradients(wide(2**40, 784), wide(2**40, dtype=np.int64))",
    "predict 2**40 rows": "net.predict(wide(2**40, 784))",
    "evaluate 2**40 rows": "net.evaluate(wide(2**40, 784), wide(2**40, dtype=np.int64))",
    "linear 2**40 rows": "kernels.linear(wide(2**40, 4), wide(4, 4), wide(4))",
    "linear 2**58 rows": "kernels.linear(wide(2**58, 4), wide(4, 4), wide(4))",
    "linear, a product of 2**40": "kernels.linear(wide(2**20, 1), wide(1, 2**20), wide(2**20))",
    "linear, a product of 2**64": "kernels.linear(wide(2**32, 1), wide(1, 2**32), wide(2**32))",
    "linear, 2**40 sums of nothing": "kernels.linear(wide(2**40, 0), wide(0, 4), wide(4))",
    "relu 2**40 rows": "kernels.relu(wide(2**40, 4))",
    "softmax 2**40 rows": "kernels.softmax(wide(2**40, 4))",
    "softmax 2**40 classes": "kernels.softmax(wide(2, 2**40))",
    "cross_entropy 2**40 rows": "kernels.cross_entropy(wide(2**40, 4), wide(2**40, dtype=np.int64))",
    "sigma_backward 2**40 rows": "kernels.sigma_backward(wide(2**40, 4), wide(4, 4), wide(2**40, 4))",
    "weight_gradient, a product of 2**40": "kernels.weight_gradient(wide(1, 2**20), wide(1, 2**20))",
}


def test_too_large_is_an_exception():
    pytest.importorskip("resource")
    small = "ten, zeros = wide(10, 784), np.zeros(10, np.int64)\nnet = fc.Network([784, 10], seed=0)\n"
    calls = "".join(f"refused({name!r}, lambda: {call})\n" for name, call in CALLS.items())
    output_forked(f"{SETUP}{small}{calls}")


@pytest.mark.parametrize("exponent", [63, 64, 70, 1000])
def test_a_layer_beyond_the_range_of_integers_is_a_value_error(exponent):
    with pytest.raises(ValueError, match=r"sizes\[1\] is \d+: expected from 1 to"):
        fc.Network([784, 2**exponent, 10])


def test_a_number_that_is_too_small_is_told_the_least_alone():
    with pytest.raises(ValueError, match=r"sizes\[1\] is 0: expected at least 1$"):
        fc.Network([1, 0])


def test_a_batch_larger_than_the_data_costs_nothing():
    pytest.importorskip("resource")
    output_forked(f"{SETUP}fc.Network([784, 10], seed=0).fit(wide(10, 784), np.zeros(10, np.int64), batch_size=2**62)")


def test_a_network_that_could_not_be_made_leaves_the_process_usable():
    pytest.importorskip("resource")
    code = "for _ in range(50): refused('all 2**20', lambda: fc.Network([2**20, 2**20]))\n"
    output_forked(f"{SETUP}{code}fc.Network([4, 2], seed=0).predict(wide(3, 4))")
