"""Networks made, trained, used and given up again leave no memory behind."""

from __future__ import annotations

import os
import sys

import pytest

from processes import DEADLINE, output

CODE = """
import gc, itertools, pickle, statistics, sys, tempfile
import numpy as np
import fcnet as fc

def memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

rng = np.random.default_rng(0)
x, y = rng.standard_normal((100, 20)), rng.integers(0, 3, 100)
counts = sys.getrefcount(x), sys.getrefcount(y)
path = tempfile.mkdtemp() + "/net.safetensors"

def differentiate(i, x):
    net = fc.Network([20, fc.Dense(24, "tanh"), fc.Dense(3, "identity")], loss="mse", seed=i)
    outputs, back = net.vjp(x)
    back(outputs), back(outputs, per_sample=True).layers
    net.input_gradient(x, outputs), net.jacobian(x), net.jvp(x, x), net.hvp(x, outputs, x).layers
    _, laplacian, back_of_both = net.laplacian(x)
    net.apply_gradients(back_of_both(outputs, laplacian))
    for _ in range(2):
        net.train_on_batch(x, outputs[:, 0].copy(), outputs=y)
    for wrong in (lambda: back(outputs[1:]), lambda: net.train_on_batch(x, outputs[:, 0].copy(), outputs=y + 3)):
        try:
            wrong()
        except ValueError:
            pass

def life(i):
    hidden = fc.Dense(64, "gelu", dropout=0.1, normalization=(None, "layer", "batch")[i % 3])
    net = fc.Network([20, hidden, 32, 3], seed=i)
    net.fit(x, y, epochs=2, batch_size=(4, 32, 100)[i % 3], optimizer=(fc.Adam(), fc.SGD(0.1, clip_norm=1))[i % 2],
            validation_split=0.2, early_stopping=fc.EarlyStopping())
    other, narrow = fc.Network([20, hidden, 32, 3], seed=i + 1), x.astype(np.float32)
    net.train_on_batch(x, y)
    for one in (net, other):
        net.train_on_batch(narrow, y), net.predict(narrow)
        net.apply_gradients(net.gradients(x, y))
        net.blend(other, 0.5), other.copy_parameters(net)
        net.parameters = net.parameters
    differentiate(i, narrow)
    net.predict(x), net.predict(x[:1]), net.evaluate(x, y), net.gradients(x, y), repr(net)
    net.save(path)
    fc.load(path)
    pickle.loads(pickle.dumps(net))
    for wrong in (lambda: net.fit(x[:, 1:], y), lambda: net.fit(x, y, epochs=1, optimizer=fc.SGD(1e30))):
        try:
            wrong()
        except (ValueError, fc.DivergenceError):
            pass

for i in range(WARM_UP):
    life(i)
gc.collect()
marks = [memory()]
for part in range(10):
    for i in range(CYCLES // 10):
        life(i)
    gc.collect()
    marks.append(memory())
assert (sys.getrefcount(x), sys.getrefcount(y)) == counts
print(10 * int(statistics.median(b - a for a, b in itertools.pairwise(marks))), max(marks) - marks[0])
"""


def growth(warm_up: int, cycles: int) -> tuple[int, int]:
    """KiB that so many lives of a network leave behind, in a process of its own; and how much more it held at most.

    The first is ten times the median over tenths of the lives: a leak is in all of them, while an allocator, or a table
    of the interpreter, takes a megabyte once.
    """
    code = CODE.replace("WARM_UP", str(warm_up)).replace("CYCLES", str(cycles))
    slope, most = map(int, output(code, deadline=max(DEADLINE, cycles // 10)).split())
    return slope, most


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps what is freed")
def test_the_process_does_not_grow():
    assert growth(100, 200)[0] < 680
