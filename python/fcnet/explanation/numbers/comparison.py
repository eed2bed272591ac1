"""Comparison of each number by the textbook formula, by NumPy and by the native core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.public import public_in
from fcnet.explanation.numbers.oracle import computed, is_given, wide
from fcnet.explanation.numbers.trace import Problem, Quantities


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class Comparison:
    """A quantity, computed in three ways from the step's I, y, W and B.

    Attributes
    ----------
    name : str
    textbook : array
        ``fcnet.reference`` in a wider type: the exact value of the formula except for the last digit.
    numpy : array
        ``fcnet.reference`` in the network's dtype.
    native : array
    ulp : array
        Difference between native and numpy, in units in the last place of numpy.
    """

    name: str
    textbook: NDArray[Any]
    numpy: NDArray[Any]
    native: NDArray[Any]
    ulp: NDArray[Any]

    def __repr__(self) -> str:
        worst = float(np.max(self.ulp, initial=0))
        return (
            f"Comparison({self.name}, {' x '.join(map(str, self.native.shape)) or 'one number'}, up to {worst:.3g} ulp)"
        )


def compared(step: Quantities, problem: Problem) -> list[Comparison]:
    """Compare every quantity that is computed.

    Parameters
    ----------
    step : dict
    problem : Problem

    Returns
    -------
    list of Comparison
    """
    dtype = problem.architecture.dtype
    exact, plain = (computed(step, problem, type_) for type_ in (wide(problem), dtype))
    rows = []
    for name, value in step.items():
        if name in ("I", "y") or is_given(name):
            continue
        numpy = np.asarray(plain[name], dtype)
        unit = np.spacing(np.maximum(np.abs(numpy), np.finfo(dtype).smallest_normal))
        rows.append(Comparison(name, exact[name], numpy, value, np.abs(value - numpy) / unit))
    return rows


def table(rows: list[Comparison]) -> str:
    """Format a line for every number.

    Parameters
    ----------
    rows : list of Comparison

    Returns
    -------
    str
    """
    digits = 9 if rows[0].numpy.dtype == np.float32 else 17
    lines: list[tuple[str, ...]] = [("", "textbook formula", "NumPy", "native", "ulp")]
    for row in rows:
        for at in np.ndindex(row.native.shape):
            numbers = (f"{float(part[at]):.{digits}g}" for part in (row.textbook, row.numpy, row.native))
            where = f"[{', '.join(map(str, at))}]" if at else ""
            lines.append((row.name + where, *numbers, f"{float(row.ulp[at]):.3g}"))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
