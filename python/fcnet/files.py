"""Replacing a file in one step: whoever looks, and whoever kills the process, finds the old file or the new one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".fcnet-", ".partial"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def path_text(path: str | bytes | os.PathLike[str]) -> str:
    """``path`` as text.

    Raises
    ------
    TypeError : path is not a path.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"path is {path!r}: expected the path of a file")
    return os.fsdecode(path)


@contextmanager
def replacing(path: str | bytes | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file beside ``path`` to write to, which takes its place on disk once the block has ended well.

    Parameters
    ----------
    path : path
        Of a link, the file that it leads to is replaced. Permissions are kept, owner and hard links are not.

    Raises
    ------
    TypeError : path is not a path.
    OSError : the folder does not exist or cannot be written, ``path`` is read-only, a folder, a device or a pipe:
        ``path`` is as before. Or the new file stands, but its name could not be brought to the disk.
    """
    given = path_text(path)
    target = os.path.realpath(given)
    refuse_all_but_files(given, target)
    folder = os.path.dirname(target)
    partial = ""
    try:
        _remove_leftovers(folder)
        partial, descriptor = _create(folder)
        with open(descriptor, "wb") as file:
            with suppress(FileNotFoundError):
                os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(partial, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and error.filename == partial:
            raise type(error)(error.errno, error.strerror, given) from None  # by the name that the user knows
        raise
    _bring_to_disk(folder)


def refuse_all_but_files(given: str, target: str) -> None:
    """OSError where ``target``, which ``given`` leads to, is no file that can be replaced, nor the place for one."""
    if not given or os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "Is a folder: expected the path of a file", given)
    if not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(errno.ENOENT, f"There is no folder {os.path.dirname(given)!r}", given)
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "Is a device or a pipe: expected the path of a file", given)
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "Is read-only", given)


def _create(folder: str) -> tuple[str, int]:
    """A new file of a name that nobody else has, locked as long as it is open."""
    while True:
        partial = os.path.join(folder, f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}")
        try:
            descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_LINK, 0o666)
        except OSError as error:
            error.filename = partial
            raise
        if fcntl is None:
            return partial, descriptor
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # else somebody took it for a leftover before it was locked
            return partial, descriptor
        os.close(descriptor)


def _remove_leftovers(folder: str) -> None:
    """What killed processes have left: partial files that nobody holds locked."""
    if fcntl is None:
        return
    with suppress(OSError):
        for name in os.listdir(folder):
            if not name.startswith(_PREFIX) or not name.endswith(_SUFFIX):
                continue
            with suppress(OSError):
                descriptor = os.open(os.path.join(folder, name), os.O_RDWR | _NO_LINK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(os.path.join(folder, name))
                finally:
                    os.close(descriptor)


def _bring_to_disk(folder: str) -> None:
    """The names in a folder, where the system can: some file systems have no such call."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.ENOSYS):
            raise
