"""Saves killed at five hundred random moments, and at, or failing in, each of their system calls. Some ten minutes.

python -m pytest tests/stress/killed_saves.py       (its second part needs strace, and the right to trace)
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

import fcnet as fc
from test_saving import SAVING


def save(path, number):
    net = fc.Network([3, 5, 2], seed=number)
    net.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("seed", range(500))
def test_a_save_killed_at_a_random_moment_leaves_a_whole_file(seed, tmp_path):
    path = tmp_path / "net"
    fc.Network([64, 300, 10], seed=1).save(path)
    with subprocess.Popen([sys.executable, "-c", SAVING, path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(random.Random(seed).random() * 0.1)
        process.send_signal(signal.SIGKILL)
    layers = fc.load(path).layers
    assert len(set(layers[0].B) | set(layers[1].B)) == 1  # of one save
    fc.Network([64, 300, 10], seed=1).save(path)
    assert os.listdir(tmp_path) == ["net"]


ONE_SAVE = """
import sys
import fcnet as fc
net = fc.Network([3, 5, 2], seed=2)
print("ready", flush=True)
sys.stdin.readline()
net.save(sys.argv[1])
print("saved", flush=True)
"""


def traced(path, log, injection):
    """The exit code of a process that saves once, traced from just before it; its output."""
    with subprocess.Popen(
        [sys.executable, "-c", ONE_SAVE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        options = ["-e", "trace=%file,%desc", *(["-e", f"inject={injection}"] if injection else [])]
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(process.pid), "-o", log, *options], stderr=subprocess.PIPE, text=True
        )
        assert "attached" in tracer.stderr.readline()
        output, _ = process.communicate(b"\n", timeout=60)
        tracer.communicate(timeout=60)
        return process.returncode, output


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("what", ["signal=SIGKILL", "error=EIO", "error=ENOSPC"])
def test_every_system_call_of_a_save(what, tmp_path):
    """Killed as it begins the call, or the call fails."""
    folder, log = tmp_path / "models", str(tmp_path / "log")
    folder.mkdir()
    path = folder / "net"
    new = save(path, 2)
    code, output = traced(path, log, "")
    assert (code, output) == (0, b"saved\n")
    with open(log) as lines:
        names = re.findall(r"^\d+ +(\w+)\(", lines.read(), re.MULTILINE)
    assert {"openat", "write", "fsync", "rename"} <= set(names)
    survived = 0
    for i, name in enumerate(names):
        old = save(path, 1)
        code, output = traced(path, log, f"{name}:{what}:when={names[: i + 1].count(name)}")
        assert path.read_bytes() in (old, new)
        if output == b"saved\n":
            assert path.read_bytes() == new
        survived += code == 0
        save(path, 1)
        assert os.listdir(folder) == ["net"]
        assert code != 0 or what != "signal=SIGKILL"
    print(f"\n{what}: {len(names)} calls, {survived} of them without which it goes on", end="")
    assert survived < len(names) - 5
