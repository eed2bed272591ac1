"""Atomic replacement of a file: readers find either the old or the new file, also if the process is killed."""

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
_SEPARATORS = (os.sep, os.altsep or os.sep)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def path_text(path: str | bytes | os.PathLike[str]) -> str:
    """Return ``path`` as text.

    Raises
    ------
    TypeError : path is not a path.
    ValueError : a file cannot have that name.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"path is {path!r}: expected the path of a file")
    text = os.fsdecode(path)
    try:
        possible = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ValueError(f"path is {text!r}: expected a name that a file can have")
    return text


@contextmanager
def replacing(path: str | bytes | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, which replaces ``path`` atomically when the block ends without an error.

    Parameters
    ----------
    path : path
        If it is a link, its target is replaced. Permissions are kept; owner and hard links are not.

    Raises
    ------
    TypeError, ValueError : path is not a path.
    OSError : the folder does not exist or is not writable, or ``path`` is read-only, a folder, a device or a pipe;
        ``path`` is then unchanged. Also if the new file is in place, but its folder could not be synchronised to disk.
    """
    given = path_text(path)
    target = os.path.realpath(given)
    refuse_all_but_files(given, target)
    folder = os.path.dirname(target)
    partial = ""
    try:
        _remove_leftovers(folder)
        with _create(folder) as file:
            partial = file.name
            with suppress(FileNotFoundError):
                os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(partial, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and error.errno and (error.filename is None or _is_partial(error.filename)):
            raise OSError(error.errno, error.strerror, given) from None  # with the path that the user gave
        raise
    try:
        _sync_folder(folder)
    except OSError as error:
        text = f"The new file is in place, but a power failure may undo that: {error.strerror}"
        raise OSError(error.errno, text, given) from None


def refuse_all_but_files(given: str, target: str) -> None:
    """Raise OSError if ``target``, to which the path ``given`` resolves, cannot be replaced or created as a file."""
    if not given or given.endswith(_SEPARATORS) or os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "Is a folder: expected the path of a file", given)
    try:
        os.stat(os.path.dirname(target))
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, f"There is no folder {os.path.dirname(target)!r}", given) from None
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(target).st_mode):
            raise OSError(errno.EINVAL, "Is a device or a pipe: expected the path of a file", given)
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "Is read-only", given)


def _is_partial(path: str) -> bool:
    return os.path.basename(path).startswith(_PREFIX) and path.endswith(_SUFFIX)


def _create(folder: str) -> BinaryIO:
    """Create a new file with a unique name, locked as long as it is open."""
    while True:
        name = f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"
        file = open(os.path.join(folder, name), "xb")  # noqa: SIM115
        if fcntl is None:
            return file
        try:
            with suppress(OSError):  # a file system without locks, where others cannot lock and remove it either
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:  # otherwise another process removed it before it was locked
                return file
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            file.close()
            raise
        file.close()


def _remove_leftovers(folder: str) -> None:
    """Remove partial files of killed processes, which are not locked."""
    if fcntl is None:
        return
    with suppress(OSError):
        for name in os.listdir(folder):
            if not _is_partial(name):
                continue
            with suppress(OSError):
                descriptor = os.open(os.path.join(folder, name), os.O_RDWR | _NO_LINK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(os.path.join(folder, name))
                finally:
                    os.close(descriptor)


def _sync_folder(folder: str) -> None:
    """Synchronise a folder to disk, if the file system supports it."""
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
