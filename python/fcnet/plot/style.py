"""How pictures by matplotlib look: their style, their colours, and panels side by side.

Two colours that colour-blind people tell apart (Okabe and Ito 2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fcnet._checks.optional_imports import optional

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#64748b"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.dpi": 120,
}
_COLUMNS = 3


@contextmanager
def panels(count: int) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of that many axes, row by row, in which everything has its style.

    pyplot keeps it only where it has windows to show it in: in a notebook, which shows the figure that a cell ends
    with, it would show it a second time, and in a program that writes files it would never let go of it.
    """
    pyplot = optional("matplotlib.pyplot", "a picture")
    rows = -(-count // _COLUMNS)
    columns = -(-count // rows)
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(
            rows, columns, figsize=(1 + 3.6 * columns, 0.4 + 2.6 * rows), layout="constrained", squeeze=False
        )
        drawn = list(axes.flat)
        for empty in drawn[count:]:
            empty.remove()
        kept = False
        try:
            yield figure, drawn[:count]
            kept = figure.canvas.required_interactive_framework is not None
        finally:
            if not kept:
                pyplot.close(figure)
