"""An epoch allocates nothing: whatever it needs was allocated when the fit began."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(
    "FCNET_BUILD_DIR" not in os.environ or shutil.which("c++") is None or sys.platform != "linux",
    reason="needs FCNET_BUILD_DIR, a compiler and glibc",
)
def test_an_epoch_allocates_nothing(tmp_path):
    core = Path(os.environ["FCNET_BUILD_DIR"]).rglob("fcnet_*.dir/**/*.o")
    program = tmp_path / "allocations"
    source = ROOT / "cpp/check/allocations.cpp"
    subprocess.run(
        ["c++", "-std=c++20", "-pthread", "-Wno-psabi", "-I", ROOT / "cpp", source, *core, "-o", program], check=True
    )
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    counts = [line.rpartition(": ") for line in done.stdout.splitlines()]
    assert len(counts) == 20
    assert [count for _, _, count in counts] == ["0"] * 20, done.stdout
    assert done.returncode == 0
