"""Style and colours of the plots, and figures with several panels.

The two colours can be distinguished by colour-blind people (Okabe and Ito 2008).
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
    """Create a figure with ``count`` axes, row by row, in the common style.

    pyplot keeps the figure only if its backend shows windows. A notebook shows the figure at the end of a cell anyway,
    and would show it a second time; a program that writes files would never release the memory.
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
