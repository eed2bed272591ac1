"""Training and prediction in child processes of a parent that has used its threads: the same bits, never a hang."""

from __future__ import annotations

import os

import pytest

from processes import output, output_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

SETUP = """
import multiprocessing, os, signal, sys, threading, time
import numpy as np
import fcnet as fc

rng = np.random.default_rng(0)
x, y = rng.random((1000, 64), np.float32), rng.integers(0, 10, 1000)
fc.set_num_threads(2)

def work(_=None):
    net = fc.Network([64, 128, 10], seed=1)
    net.fit(x, y, epochs=2, batch_size=128)
    return net.predict(x[:5]).tobytes()

def child(f):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            code = 0 if f() else 2
        finally:
            os._exit(code)
    return pid

def ended_well(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def test_a_forked_child_trains_with_the_parents_bits():
    code = """
expected = work()
print(all(ended_well(pid) for pid in [child(lambda: work() == expected) for _ in range(5)]))
print(work() == expected)
"""
    assert output(SETUP + code).split() == ["True", "True"]


def test_a_forked_child_forks_again():
    code = """
expected = work()
inner = lambda: work() == expected
middle = lambda: work() == expected and ended_well(child(inner))
print(ended_well(child(lambda: ended_well(child(middle)) and work() == expected)))
"""
    assert output(SETUP + code) == "True"


def test_a_fork_during_the_fit_of_another_thread():
    code = """
expected = work()
busy = fc.Network([64, 256, 10], seed=0)
stop = threading.Event()
def fit():
    while not stop.is_set():
        busy.fit(x, y, epochs=5, batch_size=128)
thread = threading.Thread(target=fit)
thread.start()
good = []
for _ in range(10):
    time.sleep(0.01)
    good.append(ended_well(child(lambda: work() == expected)))
stop.set()
thread.join()
print(all(good), work() == expected)
"""
    assert output(SETUP + code) == "True True"


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method, tmp_path):
    code = f"""
if __name__ == "__main__":
    expected = work()
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(all(p == expected for p in pool.map(work, range(6), chunksize=1)))
"""
    script = tmp_path / "script.py"  # spawn imports the main module again
    script.write_text(SETUP + code)
    assert output_of(str(script)) == "True"


def test_a_signal_handler_that_forks_in_the_middle_of_a_fit():
    code = """
net = fc.Network([64, 256, 10], seed=0)
net.fit(x, y, epochs=1, batch_size=128)
pids = []
def handler(*_):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os._exit(0 if work() else 1)
    pids.append(pid)
signal.signal(signal.SIGUSR1, handler)
for i in range(3):
    threading.Timer(0.1 + 0.1 * i, os.kill, (os.getpid(), signal.SIGUSR1)).start()
start = time.perf_counter()
while time.perf_counter() - start < 0.6:
    net.fit(x, y, epochs=10, batch_size=128)
print(len(pids), all(ended_well(pid) for pid in pids), bool(np.isfinite(net.predict(x)).all()))
"""
    assert output(SETUP + code) == "3 True True"
