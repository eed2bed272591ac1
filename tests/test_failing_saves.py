"""A save of which any one system call fails: the old file or the new one, whole, a clear error, and no rest."""

from __future__ import annotations

import builtins
import errno
import os

import pytest

import fcnet as fc
from fcnet._saving import atomic_file

from walks import walk

pytestmark = pytest.mark.once

CALLS = ["listdir", "stat", "access", "open", "fstat", "close", "chmod", "fsync", "replace", "unlink"]
ERRORS = [errno.ENOSPC, errno.EIO, errno.EINTR, errno.EACCES]


class Failing:
    """Counts the system calls of a save, and lets the one numbered ``at`` fail."""

    def __init__(self, monkeypatch, at, number):
        self.at, self.number, self.calls = at, number, []
        for name in CALLS:
            monkeypatch.setattr(atomic_file.os, name, self._counted(name, getattr(os, name)))
        monkeypatch.setattr(atomic_file.fcntl, "flock", self._counted("flock", atomic_file.fcntl.flock))
        monkeypatch.setattr(atomic_file, "open", self._opened, raising=False)

    def count(self, name, *paths):
        self.calls.append(name)
        if len(self.calls) - 1 == self.at:
            raise OSError(self.number, os.strerror(self.number), *(path for path in paths if isinstance(path, str)))

    def _counted(self, name, real):
        def call(*arguments, **options):
            result = real(*arguments) if name == "close" else None  # whose descriptor is gone in any case
            try:
                self.count(name, *arguments[:1])
            except OSError:
                if name == "access":
                    return False
                raise
            return result if name == "close" else real(*arguments, **options)

        return call

    def _opened(self, path, mode):
        self.count("open", path)
        return File(builtins.open(path, mode), self)


class File:
    """A file whose write, flush and close are counted."""

    def __init__(self, file, failing):
        self._file, self._failing = file, failing
        self.name, self.fileno = file.name, file.fileno

    def write(self, data):
        self._failing.count("write")
        return self._file.write(data)

    def flush(self):
        self._failing.count("flush")
        self._file.flush()

    def close(self):
        self._file.close()
        self._failing.count("close")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def saved(folder):
    """An old file, beside what a killed process has left."""
    folder.mkdir()
    fc.Network([3, 5, 2], seed=1).save(folder / "net")
    (folder / ".fcnet-0123456789abcdef.partial").touch()
    return folder / "net"


NEW = fc.Network([3, 5, 2], seed=2)


def test_a_save_makes_the_calls_that_are_let_fail(monkeypatch, tmp_path):
    path = saved(tmp_path / "saved")
    with monkeypatch.context() as patch:
        failing = Failing(patch, -1, 0)
        NEW.save(path)
    calls = failing.calls
    assert set(calls) == {*CALLS, "flock", "write", "flush"}
    assert calls.index("flush") < calls.index("fsync") < calls.index("replace") < len(calls) - 1
    assert calls[-3:] == ["open", "fsync", "close"]  # the folder


@pytest.mark.skipif(atomic_file.fcntl is None, reason="Windows")
@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
@walk("at", range(40))
def test_any_call_that_fails_leaves_a_whole_file_and_no_rest(at, number, monkeypatch, tmp_path):
    path = saved(folder := tmp_path / f"{at}")
    old, before = path.read_bytes(), descriptors()
    error, failing = None, None
    with monkeypatch.context() as patch:
        failing = Failing(patch, at, number)
        try:
            NEW.save(path)
        except OSError as caught:
            error = caught
    if at >= len(failing.calls):
        assert at > 25  # fewer would be too few to be all
        return
    assert descriptors() == before
    NEW.save(folder / "new")
    new = (folder / "new").read_bytes()
    assert path.read_bytes() in (old, new)
    if error is None:
        assert path.read_bytes() == new
    else:
        assert error.errno == (errno.EACCES if failing.calls[at] == "access" else number)
        assert error.filename in (str(path), str(folder))
    NEW.save(path)
    assert sorted(os.listdir(folder)) == ["net", "new"]
