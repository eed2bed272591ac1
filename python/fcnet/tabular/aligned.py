"""Small tables for a terminal: aligned columns, numbers of about four digits."""

from __future__ import annotations

import math
from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a table, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def short(value: float, sign: str = "") -> str:
    """Return a number with about four digits, such as 41,420 or 0.5512; sign="+" shows that of a positive one too."""
    if not value or not 1e-4 <= abs(value) < 1e9:
        return f"{value:{sign}.4g}"
    return f"{value:{sign},.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"
