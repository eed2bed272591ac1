"""Pieces of C: numbers, arrays, comments, strings and names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    and bool catch class compl concept delete explicit export false final friend import module mutable namespace new
    not nullptr operator or override private protected public requires template this throw true try typeid typename
    using virtual xor main"""  # those of C++ too, where a header may be included
_OF_STANDARD = """
    fp_fast assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool stddef
    stdint stdio stdlib string tgmath time wchar wctype"""  # FP_FAST_FMA, and guards of headers such as MATH_H
_WIDTH = 116
MOST_LABEL = 500  # characters: a string of C99 has 4,095 bytes at most


def checked_name(name: object) -> str:
    """Return the beginning of all names in a header.

    Raises
    ------
    TypeError, ValueError : it is not an identifier of C, or its macros would be those of C's headers.
    """
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}: expected text like 'net'")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name, re.ASCII) or name in _KEYWORDS.split():
        raise ValueError(f"name is {name!r}: expected a name of C like 'net', of at most 31 letters, digits and _")
    if name.lower() in _OF_STANDARD.split():
        raise ValueError(f"name is {name!r}, whose macros C's own headers may define: expected another such as 'net'")
    return str(name)


def number(value: Any) -> str:
    """Write a float32 so that C reads the same bits."""
    text = f"{value:.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def filled(entries: list[str], indent: str = "  ") -> str:
    """Return lines of entries with commas between them."""
    lines, line = [], indent
    for i, entry in enumerate(entries):
        text = entry + ("," if i + 1 < len(entries) else "")
        if len(line) + len(text) + 1 > _WIDTH and line != indent:
            lines.append(line.rstrip())
            line = indent
        line += text + " "
    return "\n".join([*lines, line.rstrip()])


def array(type_: str, name: str, values: NDArray[Any]) -> str:
    """Return the definition of a constant array, whose entries are written one row after the other."""
    write = number if values.dtype.kind == "f" else str
    lengths = "".join(f"[{n}]" for n in values.shape)
    if values.ndim == 1:
        rows = filled([write(v) for v in values.tolist()])
    else:
        rows = ",\n".join("  {\n" + filled([write(v) for v in row], "    ") + "\n  }" for row in values.tolist())
    return f"static const {type_} {name}{lengths} = {{\n{rows}\n}};\n"


def comment(lines: list[str]) -> str:
    """Return a comment of lines in ASCII, which nothing in them can end."""
    safe = [re.sub(r"\?(?=\?)", "? ", ascii(line)[1:-1].replace("*/", "* /").replace("/*", "/ *")) for line in lines]
    return "/* " + "\n".join(f"   {each}".rstrip() for each in safe).lstrip() + " */\n"


def string(text: str) -> str:
    """Return a string of C with the bytes of UTF-8.

    Raises
    ------
    ValueError : the text is too long, or holds a zero or half a surrogate pair.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"a class is called {text!r}: expected text that UTF-8 has") from None
    if len(text) > MOST_LABEL or 0 in data:
        raise ValueError(f"a class is called {text[:40]!r}...: expected at most {MOST_LABEL} characters, and no zero")
    plain = (chr(c) if 32 <= c < 127 and c not in b'"\\?' else f"\\{c:03o}" for c in data)
    return '"' + "".join(plain) + '"'


def check_rows(rows: NDArray[Any], name: str) -> None:
    """Raise ValueError if a row holds a number that is not finite in float32."""
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} holds numbers that are not finite in float32: expected finite ones")
