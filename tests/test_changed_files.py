"""C3: model files of a changed structure, whose lengths and checksums are right: refused, or sound; at once, and in
little memory."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import pytest

import fcnet as fc
from mutants import mutant, seeds

from processes import DEADLINE, output

pytestmark = pytest.mark.once


def load_mutants(folder, count, seed) -> int:
    """How many of so many load, which then predict."""
    rng, path, loaded = random.Random(seed), folder / "net", 0
    files = [(net.save(path), path.read_bytes())[1] for net in seeds()]
    for _ in range(count):
        path.write_bytes(mutant(rng.choice(files), rng))
        try:
            net = fc.load(path)
        except ValueError:
            continue
        loaded += 1
        assert net.predict(np.ones((2, net.sizes[0]))).shape == (2, net.sizes[-1])
    return loaded


def growth(folder, count, seed) -> int:
    """KiB by which loading so many makes the largest memory of a process grow."""
    return int(
        output(
            f"""
import pathlib, resource, test_changed_files as t
folder = pathlib.Path({str(folder)!r})
t.load_mutants(folder, 500, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
t.load_mutants(folder, {count}, {seed})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
""",
            deadline=max(DEADLINE, count // 50),
            PYTHONPATH=os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]),
        )
    )


def test_they_are_refused_or_sound(tmp_path):
    assert 25 < load_mutants(tmp_path, 1000, seed=1) < 500


@pytest.mark.skipif(sys.platform != "linux", reason="counts in KiB there")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps what is freed")
def test_they_take_no_memory(tmp_path):
    assert growth(tmp_path, 1000, seed=2) < 1024
