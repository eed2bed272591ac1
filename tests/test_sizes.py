"""Sizes that overflow or exceed memory are refused at once: no crash, no hang, no swapping."""

from __future__ import annotations

import os

import pytest

from processes import output

pytestmark = pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer needs more address space than the limit leaves"
)

SETUP = """
import resource
import numpy as np
import fcnet as fc
from fcnet import kernels, reference
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

def wide(*shape, dtype=np.float32):
    return np.broadcast_to(dtype(1), shape)

def refused(call, *errors):
    try:
        call()
    except errors or (OverflowError, MemoryError):
        return
    raise SystemExit("not refused")
"""

CALLS = {
    "hidden 2**31": "fc.Network([784, 2**31, 10])",
    "hidden 2**40": "fc.Network([784, 2**40, 10])",
    "inputs 2**62": "fc.Network([2**62, 10])",
    "outputs 2**62": "fc.Network([10, 2**62])",
    "all 2**32": "fc.Network([2**32, 2**32])",
    "sum of many": "fc.Network([2**14] * 100)",
    "fit 2**40 rows": "net.fit(wide(2**40, 784), wide(2**40, dtype=np.int64))",
    "fit 2**33 rows of int64": "net.fit(wide(2**33, 784, dtype=np.int64), wide(2**33, dtype=np.int64))",
    "predict 2**40 rows": "net.predict(wide(2**40, 784))",
    "evaluate 2**40 rows": "net.evaluate(wide(2**40, 784), wide(2**40, dtype=np.int64))",
    "linear 2**40 rows": "kernels.linear(wide(2**40, 4), wide(4, 4), wide(4))",
    "linear 2**58 rows": "kernels.linear(wide(2**58, 4), wide(4, 4), wide(4))",
    "linear, a product of 2**40": "kernels.linear(wide(2**20, 1), wide(1, 2**20), wide(2**20))",
    "softmax 2**40 rows": "kernels.softmax(wide(2**40, 4))",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_too_large_is_an_exception(call):
    pytest.importorskip("resource")
    output(f"{SETUP}\nnet = fc.Network([784, 10], seed=0)\nrefused(lambda: {call})")


def test_a_network_that_could_not_be_made_leaves_the_process_usable():
    pytest.importorskip("resource")
    code = "for _ in range(50): refused(lambda: fc.Network([2**20, 2**20]))\n"
    output(f"{SETUP}{code}fc.Network([4, 2], seed=0).predict(wide(3, 4))")
