"""A fit takes the memory that docs/design.md says, whatever the number of samples."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

import pytest

from processes import output

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer takes memory of its own"),
]

MEBI = 2.0**20

CODE = """
import os, signal
import numpy as np
import fcnet as fc

def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

def taken(sizes, batch, samples, optimizer, slots, copies, normalization, averaging):
    fc.set_num_threads(2)
    fc._native._testing.set_longest_step(0 if copies == 2 else 1e9)  # whether a step writes to a second copy
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (samples, sizes[0]), np.uint8), rng.integers(0, sizes[-1], samples).astype(np.int32)
    small = fc.Network([sizes[0], 8, sizes[-1]], seed=0)
    small.fit(x[:100], y[:100], epochs=1)  # whatever is needed but once
    hidden = [fc.Dense(n, normalization=normalization) for n in sizes[1:-1]]
    net = fc.Network([sizes[0], *hidden, sizes[-1]], seed=0, scale=1 / 255)
    options = {"batch_size": batch, "optimizer": eval(optimizer), "averaging": eval(str(averaging))}
    before = memory("VmRSS")
    net.fit(x, y, epochs=1, **options)
    return memory("VmHWM") - before

fc.Network  # now imported, and nothing else done
for case in CASES:
    pid = os.fork()  # a process of its own for each, without another import
    if pid == 0:
        signal.alarm(500)
        print(taken(*case), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, case
"""


def formula(sizes, batch, samples, slots, copies, kept, averages):
    """Bytes of a fit in float32, beyond the network's own and the samples."""
    parameters = sum((k + 1) * -(-m // 32) * 32 for k, m in pairwise(sizes))
    padded = -(-min(batch, 2048) // 32) * 32
    activations = sum(3 * (n + 1) * padded for n in sizes) + kept * sum(sizes[1:-1]) * padded
    return 4 * (parameters * (copies * (1 + slots) + averages) + activations) + (8 + 4) * samples


# sizes, batch, samples, optimizer, slots, copies, normalization, averaging
CASES = [
    ([512, 1024, 1024, 10], 128, 256, "fc.SGD(0.01)", 0, 1, None, None),
    ([512, 1024, 1024, 10], 128, 256, "fc.SGD(0.01, momentum=0.9)", 1, 1, None, None),
    ([512, 1024, 1024, 10], 128, 256, "fc.Adam()", 2, 1, None, None),
    ([512, 1024, 1024, 10], 128, 256, "fc.SGD(0.01, clip_norm=1)", 1, 1, None, None),  # the gradient instead of a slot
    ([512, 2048, 2048, 10], 1024, 1_024, "fc.Adam()", 2, 2, None, None),
    ([64, 512, 10], 2048, 4_096, "fc.SGD(0.01)", 0, 1, None, None),
    ([16, 64, 10], 32, 1_000_000, "fc.SGD(0.01)", 0, 1, None, None),
    ([512, 1024, 1024, 10], 2048, 2_048, "fc.SGD(0.01)", 1, 1, "batch", None),  # the sums instead of a slot
    ([512, 1024, 1024, 10], 2048, 2_048, "fc.SGD(0.01)", 1, 1, "layer", None),
    ([512, 1024, 1024, 10], 128, 256, "fc.SGD(0.01)", 0, 1, None, "fc.EMA()"),
    ([512, 2048, 2048, 10], 1024, 1_024, "fc.SGD(0.01)", 0, 2, None, "fc.SWA(start=0)"),
]


@pytest.fixture(scope="module")
def peaks():
    """Of each case, by how many bytes a process grew."""
    return dict(zip(map(str, CASES), map(float, output(f"CASES = {CASES}\n{CODE}").split()), strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_peak_is_that_of_the_formula(case, peaks):
    sizes, batch, samples, _, slots, copies, normalization, averaging = case
    taken = peaks[str(case)]
    kept = {None: 0, "batch": 2, "layer": 3}[normalization]
    expected = formula(sizes, batch, samples, slots, copies, kept, averages=averaging is not None)
    assert 0.8 * expected - 2 * MEBI < taken < 1.1 * expected + 4 * MEBI, (taken / MEBI, expected / MEBI)


def test_memory_that_is_kept_for_later_calls_has_a_limit():
    """Passes of some 1 to 12 MB a buffer, of sizes that differ: 32 MiB stay in all."""
    code = """
import gc
import numpy as np
import fcnet as fc

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

net = fc.Network([64, 512, 512, 4], loss="mse", seed=0)
net.vjp(np.zeros((32, 64), np.float32))
before = resident()
for n in range(400, 6400, 200):
    outputs, back = net.vjp(np.zeros((n, 64), np.float32))
    back(outputs)
del outputs, back
gc.collect()
print(resident() - before)
"""
    assert int(output(code)) < (32 + 16) * MEBI  # the allocator's own share and code that was not used before
