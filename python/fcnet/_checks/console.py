"""Standard output and standard error, which may be missing or closed, as in windowed programs and services."""

from __future__ import annotations

import sys
import warnings
from typing import Any

# Replacements for streams that cannot encode Greek letters, mathematical signs or bars of a histogram.
_ASCII = str.maketrans(
    dict(zip(" ▁▂▃▄▅▆▇█", " .:-=+*#@", strict=True))
    | dict(zip("⎡⎢⎣⎤⎥⎦–−′‖", "[[[]]]--'|", strict=True))
    | {"α": "alpha", "γ": "gamma", "δ": "delta", "ε": "epsilon", "σ": "sigma", "τ": "tau", "ẑ": "zhat", "Σ": "sum"}
    | {"∂": "d", "ᵀ": "^T", "·": "*", "∘": ".*", "√": "sqrt", "←": "<-", "→": "->", "…": "...", "²": "^2"}
)


def is_terminal(stream: Any) -> bool:
    """Whether the stream is a terminal; False if it is None, closed, or has no ``isatty``."""
    try:
        return bool(stream.isatty())
    except Exception:  # a custom stream may raise anything
        return False


def is_closed(stream: Any) -> bool:
    """Whether the stream is None or closed, so that nothing can be written to it."""
    return stream is None or bool(getattr(stream, "closed", False))


def in_ascii(text: str) -> str:
    """Replace Greek letters and signs by ASCII, such as "sigma" for the Greek letter."""
    return text.translate(_ASCII)


def encodable(text: str) -> bool:
    """Whether standard output can encode the text; True if its encoding is unknown."""
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return the text as standard output can encode it: unchanged, or in ASCII with other characters escaped."""
    if encodable(text):
        return text
    encoding = _encoding()
    return in_ascii(text).encode(encoding, "backslashreplace").decode(encoding)


def _encoding() -> str:
    """Return the encoding of standard output; UTF-8 if it has none, as a custom stream."""
    encoding: Any = getattr(sys.stdout, "encoding", None)
    try:
        "".encode(encoding)
    except (LookupError, TypeError, ValueError):
        return "utf-8"
    return str(encoding)


def in_notebook() -> bool:
    """Whether this code runs in a notebook's kernel, and not only with ipykernel imported."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def write_line(*parts: object) -> None:
    """Print a line to standard output and flush it; do nothing if there is no standard output."""
    if not is_closed(sys.stdout):
        print(*(printable(str(part)) for part in parts), flush=hasattr(sys.stdout, "flush"))


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Give a warning about the line in user code that led here; standard error may be closed.

    Frames of fcnet, and of scikit-learn, whose wrappers call the methods of estimators, are skipped.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("fcnet", "sklearn"):
        frame, level = frame.f_back, level + 1
    try:
        warnings.warn(text, category, stacklevel=level)
    except ValueError:  # raised by Python for a closed file
        if not is_closed(sys.stderr):
            raise
