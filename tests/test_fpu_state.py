"""Neither the import nor any use of fcnet changes how the process's floating-point numbers behave."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from forks import output_forked

CODE = """
import ctypes, ctypes.util, os, platform, signal, sys, threading
import numpy as np

libm = ctypes.CDLL(ctypes.util.find_library("m"))

WORDS = {"x86_64": (28, 0xFFC0), "aarch64": (0, 0xFFFFFFFF)}  # in fenv_t: MXCSR without its sticky flags, FPCR

def control():
    if sys.platform != "linux" or platform.machine() not in WORDS:
        return None
    environment, (offset, mask) = ctypes.create_string_buffer(64), WORDS[platform.machine()]
    libm.fegetenv(environment)
    return int.from_bytes(environment.raw[offset : offset + 4], "little") & mask

def state():
    tiny, tiny32 = np.array([5e-324]), np.array([1e-45], np.float32)
    return (
        5e-324 / 1.0 > 0, 2.2250738585072014e-308 / 2 > 0,              # no flush to zero
        bool((tiny * 1 > 0).all()), bool((tiny32 * np.float32(1) > 0).all()),  # nor of operands
        1 + 2.0**-53 == 1, 1 + 3 * 2.0**-54 > 1, -1 - 2.0**-53 == -1,   # round to nearest, ties to even
        bool(np.float32(1e-38) / np.float32(2**10) > 0),
        libm.fegetround(), control(),
    )

def check(event):
    assert state() == before, (event, state())

def guarded(event, call, error=None):
    try:
        call()
    except BaseException as e:
        assert error is not None and isinstance(e, error), e
    else:
        assert error is None
    check(event)

before = state()
assert before[:8] == (True,) * 8
import fcnet as fc
check("import")
x = np.full((2000, 64), 1e-30, np.float32)
y = np.arange(2000) % 10
net = fc.Network([64, 128, 10], seed=0)
guarded("fit", lambda: net.fit(x, y, epochs=3, batch_size=128))
guarded("predict", lambda: net.predict(x))
guarded("error", lambda: net.predict(x[:, 1:]), ValueError)
guarded("divergence", lambda: net.fit(x * 1e30, y, epochs=5, optimizer=fc.SGD(1e30)), fc.DivergenceError)
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
guarded("interrupt", lambda: net.fit(x, y, epochs=10**6), KeyboardInterrupt)
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
guarded("interrupted predict", lambda: [net.predict(x) for _ in range(10**6)], KeyboardInterrupt)
inside = []
signal.signal(signal.SIGUSR1, lambda *_: inside.append(state()))
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
def stop_after_the_signal(epoch, logs):
    if inside:
        raise fc.StopTraining
many = np.ones((30_000, 64), np.float32), np.zeros(30_000, int)
guarded("handler", lambda: net.fit(*many, epochs=10**6, callbacks=[stop_after_the_signal]))
assert inside == [before], "a signal handler in the middle of a fit"
results = []
def second_thread():
    net.fit(x, y, epochs=1)
    results.append(state())
thread = threading.Thread(target=second_thread)
thread.start()
thread.join()
assert results == [before]
check("thread")
print("same")
"""


def test_rounding_and_subnormal_numbers_stay_as_they_are():
    assert output_forked(CODE) == "same"


@pytest.mark.parametrize("rows", [1, 5, 40])
def test_results_below_the_smallest_normal_number_are_0(rows, dtype, isa, threads):
    tiny = np.finfo(dtype).tiny
    net = fc.Network([2, 2], loss="mse", dtype=dtype)
    net.layers[0].W = np.eye(2, dtype=dtype) * dtype(2.0**-10)
    x = np.full((rows, 2), tiny * dtype(2.0**9))
    x[:, 1] = tiny * dtype(2.0**10)
    np.testing.assert_array_equal(net.predict(x), np.tile([0, tiny], (rows, 1)))
