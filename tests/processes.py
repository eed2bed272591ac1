"""Running Python code in a process of its own, under a deadline that only a hang reaches; other busy processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fcnet import _native

DEADLINE = 600  # seconds, a hundred times what they take: a hang, not a busy machine


def run(*arguments: str, deadline: int = DEADLINE, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished process of ``python arguments...``."""
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )


def output_of(*arguments: str, deadline: int = DEADLINE, **environment: str) -> str:
    """What ``python arguments...`` prints; it must succeed."""
    done = run(*arguments, deadline=deadline, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def output(code: str, *, deadline: int = DEADLINE, **environment: str) -> str:
    """What ``code`` prints; it must succeed. After a hang the stacks of all threads are in the message."""
    prelude = f"import faulthandler; faulthandler.dump_traceback_later({deadline - 5}, exit=True)\n"
    return output_of("-c", prelude + code, deadline=deadline, **environment)


@contextmanager
def incomplete_teams() -> Iterator[None]:
    """Teams do not wait for all of their threads, as in every program but these tests."""
    _native._testing.wait_for_all(False)
    try:
        yield
    finally:
        _native._testing.wait_for_all(True)


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """So many processes that each keep a core busy."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
