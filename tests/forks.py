"""Running Python code in children of a process that has imported fcnet and started nothing: quicker than an import.

A child runs its code as its main module and ends as any process does. Without ``os.fork``, one with an import runs it.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from processes import DEADLINE, run

FORKING = """
import os, sys
import {modules}
def code_of_a_child():
    for request in iter(sys.stdin.readline, ""):
        code, environment, directory, files = eval(request)
        pid = os.fork()
        if pid == 0:
            for number, path in enumerate(files):
                file = os.open(path, os.O_RDWR | os.O_APPEND)
                os.dup2(file, number)
                os.close(file)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(directory)
            return code
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return ""
exec(compile(code_of_a_child(), "<string>", "exec"))
"""


@cache
def _parent(modules: str) -> subprocess.Popen[str]:
    """The process that has imported ``modules`` and forks one child at a time."""
    arguments = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING.format(modules=modules)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


class Forked:
    """A child: what it has printed up to now, and how it ended."""

    def __init__(self, code: str, directory: str, modules: str, environment: dict[str, str]) -> None:
        self._out, self._err = Path(directory, "out"), Path(directory, "err")
        self._parent = _parent(modules)
        self._returncode: int | None = None
        for path in (self._out, self._err):
            path.touch()
        files = [os.devnull, str(self._out), str(self._err)]
        print((code, {**os.environ, **environment}, os.getcwd(), files), file=self._parent.stdin, flush=True)
        self._pid = int(self._parent.stdout.readline())

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def ended(self) -> int:
        """The exit code, or the negative number of a signal, when the child has ended."""
        if self._returncode is None:
            self._returncode = int(self._parent.stdout.readline())
        return self._returncode

    @property
    def running(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        if self._returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)


@contextmanager
def forked(code: str, *, modules: str = "fcnet.network", **environment: str) -> Iterator[Forked]:
    """A child that sees ``modules`` imported, and is killed after the block or after the deadline."""
    with tempfile.TemporaryDirectory() as directory:
        child = Forked(code, directory, modules, environment)
        deadline = threading.Timer(DEADLINE, child.kill)
        deadline.start()
        try:
            yield child
        finally:
            deadline.cancel()
            child.kill()
            child.ended()


def run_forked(code: str, *, modules: str = "fcnet.network", **environment: str) -> subprocess.CompletedProcess[str]:
    """As ``run("-c", code)``."""
    if not hasattr(os, "fork"):
        return run("-c", code, **environment)
    with forked(code, modules=modules, **environment) as child:
        done = child.ended()
        return subprocess.CompletedProcess([code], done, child.stdout, child.stderr)


def output_forked(code: str, *, modules: str = "fcnet.network", **environment: str) -> str:
    """As ``output(code)``."""
    prelude = f"import faulthandler; faulthandler.dump_traceback_later({DEADLINE - 5}, exit=True)\n"
    done = run_forked(prelude + code, modules=modules, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
