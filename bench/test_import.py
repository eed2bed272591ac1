"""What ``import fcnet`` costs on top of ``import numpy``, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import time, numpy
start = time.perf_counter()
import fcnet
print(time.perf_counter() - start)
"""


def test_import(benchmark):
    def seconds():
        return float(subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout)

    seconds()
    over_numpy = []
    benchmark.pedantic(lambda: over_numpy.append(seconds()), rounds=15)
    benchmark.extra_info["milliseconds_over_numpy"] = round(sorted(over_numpy)[len(over_numpy) // 2] * 1e3, 1)
