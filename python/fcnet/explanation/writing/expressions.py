"""Expressions of equations, independent of their format: text, LaTeX or MathML.

An expression is a string (an operator or a word), an object of a class below, or a tuple of expressions side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Expression = Any

_MOST, _FIRST = 8, 5  # rows or columns up to which all are shown; otherwise the first few and the last one

_BREAKS = ("+", "−", "·", "∘")


@dataclass(frozen=True)
class Symbol:
    """A letter with a subscript and a superscript, such as h with 1 and "in"."""

    letter: str
    sub: str = ""
    sup: str = ""


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of a quantity, ``name[at]``: a matrix (n, m), a row (m,) or a number ()."""

    name: str
    values: Array
    at: tuple[int, ...] = ()
    transposed: bool = False


@dataclass(frozen=True)
class Fraction:
    """A fraction."""

    top: Expression
    bottom: Expression


@dataclass(frozen=True)
class Root:
    """A square root."""

    of: Expression


@dataclass(frozen=True)
class Transposed:
    """A transposed matrix."""

    of: Expression


@dataclass(frozen=True)
class Sum:
    """A sum over an index."""

    index: str
    of: Expression


@dataclass(frozen=True)
class Applied:
    """A function, by name, of an expression in parentheses."""

    function: Expression
    to: Expression


def shown(count: int) -> list[int | None]:
    """Return the indices of the rows or columns that are shown; None stands for those left out."""
    return list(range(count)) if count <= _MOST else [*range(_FIRST), None, count - 1]


def decimals(values: Array, digits: int) -> int:
    """Return the number of decimals that the numbers need, at most ``digits``."""
    plain = np.asarray(values, float)
    for d in range(digits):
        if np.all(np.abs(np.round(plain, d) - plain) <= 1e-6 * np.abs(plain)):
            return d
    return digits


def written(value: float, places: int, digits: int) -> str:
    """Format a number with so many decimals, or in scientific notation if these would not show it."""
    size = abs(value)
    if value == 0:
        return "0"
    if not size < 1e7 or size < 0.5 * 10.0**-digits:
        return f"{value:.{max(digits - 1, 1)}e}" if size < np.inf else str(value)
    return f"{value:.{places}f}"


def rows(numbers: Numbers, digits: int) -> list[list[tuple[str, tuple[int, ...]] | None]]:
    """Return the rows of a quantity that are shown: numbers as text with their index, or None if left out."""
    values = numbers.values
    places = decimals(values, digits)
    matrix = values.reshape(1, -1) if values.ndim < 2 else values
    lines: list[list[tuple[str, tuple[int, ...]] | None]] = []
    for r in shown(matrix.shape[0]):
        line: list[tuple[str, tuple[int, ...]] | None] = []
        for c in shown(matrix.shape[1]):
            if r is None or c is None:
                line.append(None)
            else:
                index = (r, c)[2 - values.ndim :] if values.ndim else ()
                line.append((written(float(matrix[r, c]), places, digits), numbers.at + index))
        lines.append(line)
    if numbers.transposed:
        return [list(column) for column in zip(*lines, strict=True)]
    return lines


def with_signs(parts: Sequence[Expression], sign: str) -> tuple[Expression, ...]:
    """Insert a sign between the parts."""
    return tuple(each for i, part in enumerate(parts) for each in ((sign, part) if i else (part,)))


def broken(line: Expression, digits: int, room: float) -> list[Expression]:
    """Break a line before operators into lines of at most ``room`` em."""
    if not isinstance(line, tuple) or _width(line, digits) <= room:
        return [line]
    pieces: list[tuple[Expression, ...]] = [()]
    for part in line:
        if isinstance(part, str) and part in _BREAKS and any(isinstance(each, Numbers) for each in pieces[-1]):
            pieces.append(())
        pieces[-1] += (part,)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if _width(lines[-1] + piece, digits) <= room:
            lines[-1] += piece
        else:
            lines.append(piece)
    return list(lines)


def _width(given: Expression, digits: int) -> float:
    """Return the approximate width of an expression in em."""
    match given:
        case tuple():
            return sum(_width(part, digits) for part in given)
        case Numbers():
            columns = zip(*rows(given, digits), strict=True)
            margins = 1.0 if given.values.ndim else -0.9
            return margins + sum(0.9 + 0.5 * max(len(cell[0]) if cell else 2 for cell in column) for column in columns)
        case Applied(function, to):
            return 1 + _width(function, digits) + _width(to, digits)
        case str():
            return 0.3 + 0.45 * len(given)
    return 1.5
