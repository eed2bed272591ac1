"""Replacing a file in one step: whoever looks, and whoever kills the process, finds the old file or the new one."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_SUFFIX = ".partial"


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
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file beside ``path`` to write to, which takes its place on disk once the block has ended well.

    Parameters
    ----------
    path : path
        Of a link, the file that it leads to is replaced. Permissions are kept.

    Raises
    ------
    TypeError : path is not a path.
    OSError : the folder does not exist or cannot be written, ``path`` is a folder, a device or a pipe; nothing has
        changed.
    """
    given = path_text(path)
    target = os.path.realpath(given)
    if not given or os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "Is a folder: expected the path of a file", given)
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "Is a device or a pipe: expected the path of a file", given)
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name}.{os.getpid()}-{threading.get_native_id()}{_SUFFIX}")
    try:
        _remove_leftovers(folder, name)
        with open(partial, "wb") as file:
            with suppress(FileNotFoundError):
                os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and error.filename in (partial, folder):
            raise type(error)(error.errno, error.strerror, given) from None  # by the name that the user knows
        raise
    if os.name == "posix":  # the new name must reach the disk too
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_leftovers(folder: str, name: str) -> None:
    """What killed processes have left of this file."""
    for other in os.listdir(folder):
        if other.startswith(f".{name}.") and other.endswith(_SUFFIX):
            process = other[len(name) + 2 :].partition("-")[0]
            if process.isdecimal() and not _runs(int(process)):
                with suppress(OSError):
                    os.unlink(os.path.join(folder, other))


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # asking could end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
