"""Files to read that may be malicious: pipes and devices, which would block, are refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from fcnet._saving.atomic_file import path_text


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading.

    Raises
    ------
    TypeError : path is not a path.
    OSError : the file cannot be read.
    ValueError : it is a pipe or a device.
    """
    path = path_text(path)
    _refuse_pipes(path, os.stat(path))
    with open(path, "rb", opener=_open_at_once) as file:
        _refuse_pipes(path, os.fstat(file.fileno()))  # in case it was replaced
        yield file


def _refuse_pipes(path: str, status: os.stat_result) -> None:
    """Raise ValueError for pipes and devices, where reading could block."""
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{path!r} is a pipe or a device: expected a file")


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting, as a pipe would for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
