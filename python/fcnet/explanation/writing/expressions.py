"""What an equation is made of, apart from how it is written: text, LaTeX and MathML each write the same expressions.

An expression is a string (an operator or a word), one of the classes below, or a tuple of expressions side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Expression = Any

_MOST, _FIRST = 8, 5  # rows or columns that are shown; of more, this many first ones and the last one

_BREAKS = ("+", "−", "·", "∘")


@dataclass(frozen=True)
class Symbol:
    """A letter with what stands at its corners, like h with "in" and 1."""

    letter: str
    sub: str = ""
    sup: str = ""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A quantity's numbers: ``name[at]``, a matrix (n, m), a row (m,) or one number ()."""

    name: str
    values: Array
    at: tuple[int, ...] = ()
    transposed: bool = False


@dataclass(frozen=True)
class Fraction:
    """One expression above another."""

    top: Expression
    bottom: Expression


@dataclass(frozen=True)
class Root:
    """A square root."""

    of: Expression


@dataclass(frozen=True)
class Transposed:
    """An expression with a T at its corner."""

    of: Expression


@dataclass(frozen=True)
class Sum:
    """A sum over an index."""

    index: str
    of: Expression


@dataclass(frozen=True)
class Applied:
    """A function by its name, of an expression in parentheses."""

    function: Expression
    to: Expression


def shown(count: int) -> list[int | None]:
    """Which of so many rows or columns are shown; None for those left out in between."""
    return list(range(count)) if count <= _MOST else [*range(_FIRST), None, count - 1]


def decimals(values: Array, digits: int) -> int:
    """How many are needed to write the numbers to the last one that is not 0, at most ``digits``."""
    plain = np.asarray(values, float)
    for d in range(digits):
        if np.all(np.abs(np.round(plain, d) - plain) <= 1e-6 * np.abs(plain)):
            return d
    return digits


def written(value: float, places: int, digits: int) -> str:
    """A number with so many decimals; as a power of ten where these would not show it."""
    size = abs(value)
    if value == 0:
        return "0"
    if not size < 1e7 or size < 0.5 * 10.0**-digits:
        return f"{value:.{max(digits - 1, 1)}e}" if size < np.inf else str(value)
    return f"{value:.{places}f}"


def rows(numbers: Numbers, digits: int) -> list[list[tuple[str, tuple[int, ...]] | None]]:
    """What is shown of a quantity, row by row: numbers as text with their index, None for what is left out."""
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
    """The parts, with a sign between each two."""
    return tuple(each for i, part in enumerate(parts) for each in ((sign, part) if i else (part,)))


def broken(line: Expression, digits: int, room: float) -> list[Expression]:
    """The line, before operators broken into several where it is wider than ``room`` em."""
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
    """Of an expression, in em, about."""
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
