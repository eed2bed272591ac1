"""What importing a library costs on top of ``import numpy``, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.peers import PEERS
from bench.sitting import ROOT

MODULES = list(dict.fromkeys(peer.needs[0] for peer in PEERS if peer.installed() and peer.name != "numpy"))
CODE = "import time, numpy; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
FIRST_USE = {"fcnet": "fcnet; fcnet.Network"}  # brings in the rest, which `import fcnet` alone leaves for later


@pytest.mark.parametrize("module", MODULES)
def test_import(benchmark, module):
    command = [sys.executable, "-W", "ignore", "-c", CODE.format(FIRST_USE.get(module, module))]

    def seconds():
        return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    seconds()
    over_numpy = []
    benchmark.pedantic(lambda: over_numpy.append(seconds()), rounds=9)
    over_numpy.sort()
    benchmark.extra_info |= {"test": "test_import", "module": module, "seconds": over_numpy}
