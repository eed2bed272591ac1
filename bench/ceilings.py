"""What this machine can do at most, measured by fcnet's own core in a process of its own.

The loops stand in cpp/fcnet/kernels/roofline. The best of ten repetitions of at least 10 ms each, all threads behind a
barrier. Reads sum an array; updates are w <- w - a g, counted as 12 bytes an element of float32. The large arrays are
four times the last cache.
"""

from __future__ import annotations

import re
from pathlib import Path

from bench.sitting import Process

SMALL, MEDIUM = 1 << 19, 8 << 20


def last_cache() -> int:
    """Bytes of the largest cache; 64 MiB where the system does not tell."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        number, unit = re.fullmatch(r"(\d+)([KM])", path.read_text().strip()).groups()
        sizes.append(int(number) << {"K": 10, "M": 20}[unit])
    return max(sizes, default=64 << 20)


def measure(process: Process, threads: int) -> dict[str, dict[str, float]]:
    """{"multiply_add float32": {"1": per second on one thread, "2": ...}, "read": ..., ...}."""
    large = 4 * last_cache()
    wanted = {
        "multiply_add float32": ("multiply_add", "float32", 0),
        "multiply_add float64": ("multiply_add", "float64", 0),
        "tile float32": ("tile", "float32", 0),
        "tile float64": ("tile", "float64", 0),
        "read": ("read", "float32", large),
        "update": ("update", "float32", 2 * large),
        "read 8 MiB": ("read", "float32", MEDIUM),
        "read 0.5 MiB": ("read", "float32", SMALL),
    }
    return {
        name: {
            str(n): process.ask("ceiling", what=what, dtype=dtype, threads=n, working_set=size)
            for n in sorted({1, threads})
        }
        for name, (what, dtype, size) in wanted.items()
    }
