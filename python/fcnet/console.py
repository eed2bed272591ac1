"""Standard output and standard error, which a process may lack: windowed programs, services, closed streams."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Whether somebody reads the stream on a terminal; False where it is None, closed, or cannot say so."""
    try:
        return bool(stream.isatty())
    except Exception:  # a stream of the user's own may raise anything
        return False


def is_closed(stream: Any) -> bool:
    """Whether nothing can be written to the stream: it is None or closed."""
    return stream is None or bool(getattr(stream, "closed", False))


def in_notebook() -> bool:
    """Whether this code runs in a notebook's kernel; the import of ipykernel alone does not make one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def write_line(*parts: object) -> None:
    """Print to standard output at once, as a log; nothing where there is none."""
    if not is_closed(sys.stdout):
        print(*parts, flush=hasattr(sys.stdout, "flush"))


def warn(text: str, category: type[Warning] = UserWarning, stacklevel: int = 1) -> None:
    """``warnings.warn``, also where standard error is closed: Python's own would then raise ValueError."""
    try:
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    except ValueError:
        if not is_closed(sys.stderr):
            raise
