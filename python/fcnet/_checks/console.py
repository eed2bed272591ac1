"""Standard output and standard error, which a process may lack: windowed programs, services, closed streams."""

from __future__ import annotations

import sys
import warnings
from typing import Any

# What is written where a stream has no Greek letters, signs of mathematics, or bars of a histogram.
_ASCII = str.maketrans(
    dict(zip(" ▁▂▃▄▅▆▇█", " .:-=+*#@", strict=True))
    | dict(zip("⎡⎢⎣⎤⎥⎦–−′‖", "[[[]]]--'|", strict=True))
    | {"α": "alpha", "γ": "gamma", "δ": "delta", "ε": "epsilon", "σ": "sigma", "τ": "tau", "ẑ": "zhat", "Σ": "sum"}
    | {"∂": "d", "ᵀ": "^T", "·": "*", "∘": ".*", "√": "sqrt", "←": "<-", "→": "->", "…": "...", "²": "^2"}
)


def is_terminal(stream: Any) -> bool:
    """Whether somebody reads the stream on a terminal; False where it is None, closed, or cannot say so."""
    try:
        return bool(stream.isatty())
    except Exception:  # a stream of the user's own may raise anything
        return False


def is_closed(stream: Any) -> bool:
    """Whether nothing can be written to the stream: it is None or closed."""
    return stream is None or bool(getattr(stream, "closed", False))


def in_ascii(text: str) -> str:
    """The text with words in place of its letters and signs: "sigma" for the Greek letter."""
    return text.translate(_ASCII)


def encodable(text: str) -> bool:
    """Whether standard output has all characters of the text; True where nobody knows."""
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """The text as standard output can write it: as it is, else in ASCII letters, what is left of others escaped."""
    if encodable(text):
        return text
    encoding = _encoding()
    return in_ascii(text).encode(encoding, "backslashreplace").decode(encoding)


def _encoding() -> str:
    """Of standard output; UTF-8 where it has none, as a stream of the user's own."""
    encoding: Any = getattr(sys.stdout, "encoding", None)
    try:
        "".encode(encoding)
    except (LookupError, TypeError, ValueError):
        return "utf-8"
    return str(encoding)


def in_notebook() -> bool:
    """Whether this code runs in a notebook's kernel; the import of ipykernel alone does not make one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def write_line(*parts: object) -> None:
    """Print to standard output at once, as a log; nothing where there is none."""
    if not is_closed(sys.stdout):
        print(*(printable(str(part)) for part in parts), flush=hasattr(sys.stdout, "flush"))


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """``warnings.warn`` about the line of the user's that led here, also where standard error is closed.

    Frames of fcnet, and those of scikit-learn that wrap the methods of its estimators, are passed over.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("fcnet", "sklearn"):
        frame, level = frame.f_back, level + 1
    try:
        warnings.warn(text, category, stacklevel=level)
    except ValueError:  # Python's own, of a closed file
        if not is_closed(sys.stderr):
            raise
