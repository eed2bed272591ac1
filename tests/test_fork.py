"""Training and prediction in child processes of a parent that has used its threads: the same bits, never a hang."""

from __future__ import annotations

import os

import pytest

from forks import output_forked

from processes import output, output_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

SETUP = """
import faulthandler, multiprocessing, os, signal, sys, threading, time
import numpy as np
import fcnet as fc

sanitized = "asan" in os.environ.get("LD_PRELOAD", "")  # then everything takes some fifty times as long
rng = np.random.default_rng(0)
x, y = rng.random((1000, 64), np.float32), rng.integers(0, 10, 1000)
fc.set_num_threads(2)
faulthandler.register(signal.SIGALRM, chain=True)  # a child that hangs shows its stacks and dies

def work(_=None):
    net = fc.Network([64, 128, 10], seed=1)
    net.fit(x, y, epochs=2, batch_size=128)
    return net.predict(x[:5]).tobytes()

def child(f):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(500)
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
    assert output_forked(SETUP + code).split() == ["True", "True"]


def test_a_forked_child_leads_back_with_the_parents_bits_also_while_a_thread_of_the_parent_does():
    code = """
net = fc.Network([64, 256, 10], seed=0)
outputs, back = net.vjp(x)
expected = back(outputs).flat.tobytes()
stop = threading.Event()
def lead_back():
    while not stop.is_set():
        back(outputs)
def same():
    again, back_again = net.vjp(x)
    return all(each(again).flat.tobytes() == expected for each in (back, back_again))
good = [ended_well(child(same))]
thread = threading.Thread(target=lead_back)
thread.start()
for _ in range(5):
    time.sleep(0.01)
    good.append(ended_well(child(same)))
stop.set()
thread.join()
print(all(good), same())
"""
    assert output_forked(SETUP + code) == "True True"


def test_the_child_of_a_parent_that_never_used_its_threads_trains_with_its_bits():
    code = """
end, start = os.pipe()
pid = child(lambda: os.write(start, work()))
print(ended_well(pid), os.read(end, 10_000) == work())
"""
    assert output_forked(SETUP + code) == "True True"


def test_forked_children_draw_random_numbers_of_their_own():
    """Reported of PyTorch 5059."""
    code = """
net = fc.Network([64, fc.Dense(32, dropout=0.5), 10], seed=0)
draws = (
    lambda: net.predict(x[:1], dropout=True),
    lambda: fc.Network([64, 10]).layers[0].W,
    lambda: (one := fc.Network([64, 10])).fit(x, y, epochs=1, batch_size=7) and one.layers[0].W,
)
for draw in draws:
    draw()
    drawn = []
    for _ in range(3):
        reader, writer = os.pipe()
        pid = child(lambda: os.write(writer, draw().tobytes()[:2000]))
        os.close(writer)
        assert ended_well(pid)
        drawn.append(os.read(reader, 2000))
    print(len(set(drawn)))
"""
    assert output_forked(SETUP + code).split() == ["3"] * 3


def test_a_forked_child_forks_again():
    code = """
expected = work()
inner = lambda: work() == expected
middle = lambda: work() == expected and ended_well(child(inner))
print(ended_well(child(lambda: ended_well(child(middle)) and work() == expected)))
"""
    assert output_forked(SETUP + code) == "True"


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
    assert output_forked(SETUP + code) == "True True"


def test_a_child_predicts_with_the_network_that_a_thread_of_its_parent_is_fitting():
    code = """
work()  # whatever is imported on first use is imported: see the test below
busy = fc.Network([64, 256, 10], seed=0)
done = threading.Event()
def fit():
    while not done.is_set():
        busy.fit(x, y, epochs=20, batch_size=128)
thread = threading.Thread(target=fit)
thread.start()
good = []
for _ in range(10):
    time.sleep(0.01)
    good.append(ended_well(child(lambda: np.allclose(busy.predict(x).sum(axis=1), 1, rtol=1e-5))))
done.set()
thread.join()
print(all(good))
"""
    assert output_forked(SETUP + code) == "True"


def test_the_first_fit_and_prediction_import_nothing_whose_lock_a_child_could_inherit():
    code = "fc.Network\nbefore = set(sys.modules)\nwork()\nprint(sorted(set(sys.modules) - before))"
    assert output(SETUP + code) == "[]"


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


# An epoch far longer than the 20 ms between two looks for signals: the handler runs inside native code.
IN_A_FIT = """
times = 15 if sanitized else 100
x, y = np.tile(x, (times, 1)), np.tile(y, times)
net = fc.Network([64, 256, 10], seed=0)
def fit_with_a_signal(handler):
    signal.signal(signal.SIGUSR1, handler)
    threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    net.fit(x, y, epochs=1, batch_size=128)
    return net.layers[0].W.tobytes()
"""


def test_a_signal_handler_that_forks_in_the_middle_of_a_fit_leaves_the_fit_alone():
    code = """
pids = []
result = fit_with_a_signal(lambda *_: pids.append(child(lambda: len(work()))))
same = fc.Network([64, 256, 10], seed=0)
same.fit(x, y, epochs=1, batch_size=128)
print([ended_well(pid) for pid in pids], result == same.layers[0].W.tobytes())
"""
    assert output_forked(SETUP + IN_A_FIT + code) == "[True] True"


def test_a_child_forked_in_the_middle_of_a_fit_can_leave_it_by_an_exception_and_fit_again():
    code = """
pid = None
def handler(*_):
    global pid
    pid = os.fork()
    if pid == 0:
        signal.alarm(500)
        raise LookupError
try:
    fit_with_a_signal(handler)
except LookupError:
    net.fit(x[:1000], y[:1000], epochs=1)
    os._exit(0 if np.isfinite(net.predict(x[:100])).all() else 1)
print(ended_well(pid))
"""
    assert output_forked(SETUP + IN_A_FIT + code) == "True"


def test_a_child_that_a_handler_forked_cannot_go_on_with_the_fit():
    code = """
net = fc.Network([64, 1024, 1024, 10], seed=0)
n = 1000 if sanitized else 6000
many, labels = rng.random((n, 64), np.float32), rng.integers(0, 10, n)
net.fit(many[:128], labels[:128], epochs=1, batch_size=128)
start = net.layers[0].W
parent, pids = os.getpid(), []
signal.signal(signal.SIGUSR1, lambda *_: pids.append(os.fork()))
threading.Timer(0.05, os.kill, (parent, signal.SIGUSR1)).start()
try:
    net.fit(many, labels, epochs=1, batch_size=128)
    refused = False
except RuntimeError as error:
    refused = "forked by a signal handler" in str(error)
if os.getpid() != parent:
    os._exit(0 if refused and (net.layers[0].W == start).all() and work() else 1)
print(not refused, ended_well(pids[0]))
"""
    assert output_forked(SETUP + code) == "True True"
