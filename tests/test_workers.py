"""The worker threads: their signals, their stacks, and work that begins in the middle of other work."""

from __future__ import annotations

import signal
import sys

import numpy as np
import pytest

import fcnet as fc
from forks import output_forked, run_forked

from processes import output

pytestmark = pytest.mark.once
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Raised by an instruction of the thread itself: the kernel kills a process that blocks one of them.
OWN_SIGNALS = {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGTRAP,
    signal.SIGSYS,
}

TWO_THREADS = """
import os
import numpy as np
import fcnet as fc

fc.set_num_threads(2)
net, x = fc.Network([64, 64, 10]), np.ones((20_000, 64), np.float32)
before = set(os.listdir("/proc/self/task"))
net.predict(x)
workers = set(os.listdir("/proc/self/task")) - before
"""


@linux
def test_workers_block_all_signals_but_those_that_their_own_instructions_raise():
    code = """
(worker,) = workers
status = open(f"/proc/self/task/{worker}/status").read()
print(int(status.partition("SigBlk:")[2].split()[0], 16))
"""
    mask = int(output_forked(TWO_THREADS + code))
    blocked = {number for number in signal.valid_signals() if mask >> (number - 1) & 1}
    assert blocked == signal.valid_signals() - OWN_SIGNALS - {signal.SIGKILL, signal.SIGSTOP}


@linux
def test_an_error_of_memory_on_a_worker_reaches_its_handler(tmp_path):
    code = f"""
import faulthandler
faulthandler.enable()
rows = np.memmap({str(tmp_path / "x")!r}, np.float32, "w+", shape=x.shape)
os.truncate(rows.filename, rows.nbytes // 2)  # the calling thread reads the first half of the rows
net.predict(rows)
"""
    done = run_forked(TWO_THREADS + code)
    assert done.returncode == -signal.SIGBUS
    assert "Fatal Python error" in done.stderr  # both threads may be in it, and one ends the other's sentence


@linux
@pytest.mark.parametrize("kilobytes", [0, 200, 1024, 4096])
def test_workers_have_stacks_beside_the_thread_local_variables_of_libraries(kilobytes):
    # glibc reserves as much on every stack as if the loaded libraries had variables of that size
    tunables = f"glibc.rtld.optional_static_tls={kilobytes * 1024}"
    code = "net.fit(x, np.zeros(len(x), int), epochs=1)\nprint(len(workers))"
    assert output(TWO_THREADS + code, GLIBC_TUNABLES=tunables) == "1"


def test_a_loss_may_predict_with_a_network_while_its_own_network_is_fitted(threads):
    other = fc.Network([6, 70, 3], seed=1)
    x = np.random.default_rng(0).random((600, 6))
    wanted = other.predict(x).tobytes()

    def loss(output, target):
        assert other.predict(x).tobytes() == wanted
        return np.mean((output - target) ** 2), 2 * (output - target) / output.size

    net = fc.Network([6, 40, 3], loss=loss, seed=0)
    net.fit(x, np.zeros((600, 3)), epochs=2, batch_size=300)
    assert len(net.history) == 2
