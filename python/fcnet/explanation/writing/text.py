"""Equations for a terminal: expressions as blocks of lines, side by side and vertically centred."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from textwrap import fill

from fcnet._checks import console
from fcnet.explanation.writing.expressions import (
    Applied,
    Expression,
    Fraction,
    Numbers,
    Root,
    Sum,
    Symbol,
    Transposed,
    rows,
)
from fcnet.explanation.writing.narrative import Equation, Section

_ANSI = re.compile("\x1b\\[\\d*m")
_CYAN, _RED, _BOLD, _END = "\x1b[36m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
_SPACED = ("+", "−", "·", "∘", "=", "←")


def has_color() -> bool:
    """Whether standard output is a terminal with colours, and ``NO_COLOR`` is not set (no-color.org)."""
    return console.is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _width(line: str) -> int:
    return len(_ANSI.sub("", line))


@dataclass(frozen=True)
class _Block:
    """Lines of the same width; ``middle`` is the line that is aligned with neighbouring blocks."""

    lines: tuple[str, ...]
    middle: int = 0

    @property
    def width(self) -> int:
        return _width(self.lines[0])

    def beside(self, other: _Block) -> _Block:
        """Put two blocks side by side."""
        above = max(self.middle, other.middle)
        below = max(len(self.lines) - self.middle, len(other.lines) - other.middle)
        columns = []
        for block in (self, other):
            blank = " " * block.width
            missing = above + below - len(block.lines) - (above - block.middle)
            columns.append([blank] * (above - block.middle) + list(block.lines) + [blank] * missing)
        return _Block(tuple(a + b for a, b in zip(*columns, strict=True)), above)


class Writer:
    """Writes sections for a terminal.

    Parameters
    ----------
    digits : int
        Decimals.
    color : bool
        Whether numbers are coloured by their sign.
    width : int
        Number of columns of the terminal.
    ascii_only : bool
        Whether letters and signs are written in ASCII.
    """

    def __init__(self, digits: int, color: bool, width: int, ascii_only: bool) -> None:
        self._digits, self._color, self._width, self._ascii_only = digits, color, width, ascii_only

    def section(self, number: int, section: Section) -> str:
        """Write a section."""
        about = fill(self.spelt(section.text), max(40, self._width), initial_indent="   ", subsequent_indent="   ")
        parts = [self.bold(f"{number}. {section.title}"), about]
        return "\n\n".join(["\n".join(parts), *map(self._equation, section.equations)])

    def spelt(self, text: str) -> str:
        """Write the text in ASCII, if required."""
        return console.in_ascii(text) if self._ascii_only else text

    def bold(self, text: str) -> str:
        """Write the text in bold if there are colours."""
        return f"{_BOLD}{text}{_END}" if self._color else text

    def number(self, text: str) -> str:
        """Write a number in the colour of its sign."""
        if not self._color or not text.strip("0. -"):
            return text
        return f"{_RED if text.strip().startswith('-') else _CYAN}{text}{_END}"

    def _equation(self, equation: Equation) -> str:
        head = self._block((equation.left,))
        room = self._width - head.width - 6
        blocks = []
        for i, line in enumerate(equation.lines):
            sign = equation.sign if i == 0 else "="
            start = (head if i == 0 else _Block((" " * head.width,))).beside(_Block((f" {sign} ",)))
            for part in self._broken(line, room):
                blocks.append(start.beside(part))
                start = _Block((" " * (head.width + 3),))
        return "\n".join(f"   {line}".rstrip() for block in blocks for line in block.lines)

    def _broken(self, line: Expression, room: int) -> list[_Block]:
        """Break a line that is too long before operators."""
        parts = [self._block(line)]
        if parts[0].width <= room or not isinstance(line, tuple):
            return parts
        starts = [0, *(i for i, part in enumerate(line) if i and isinstance(part, str) and part in _SPACED)]
        pieces = [self._row(line[a:b]) for a, b in zip(starts, [*starts[1:], len(line)], strict=True)]
        broken = pieces[:1]
        for piece in pieces[1:]:
            if broken[-1].width + piece.width <= room:
                broken[-1] = broken[-1].beside(piece)
            else:
                broken.append(piece)
        return broken

    def _block(self, expression: Expression) -> _Block:
        match expression:
            case str():
                spelt = self.spelt(expression)
                return _Block((f" {spelt} " if expression in _SPACED else ", " if expression == "," else spelt,))
            case tuple():
                return self._row(expression)
            case Symbol(letter, sub, sup):
                above = sup if sup == "′" else f"^{sup}" if sup else ""
                return _Block((self.spelt(letter + above + (f"_{sub}" if sub else "")),))
            case Numbers():
                return self._matrix(expression)
            case Fraction(top, bottom):
                return self._row((self._inline(top), "/", self._inline(bottom)))
            case Root(of):
                return self._row(("√", "(", of, ")"))
            case Transposed(of):
                return self._row((of, "ᵀ"))
            case Sum(index, of):
                return self._row((f"Σ_{index} ", of))
            case Applied(function, to):
                return self._row((function, "(", to, ")"))
        raise TypeError(f"an expression is {expression!r}")

    def _inline(self, expression: Expression) -> Expression:
        long = isinstance(expression, tuple) and len(expression) > 2
        return ("(", *expression, ")") if long else expression

    def _row(self, parts: tuple[Expression, ...]) -> _Block:
        block, before = _Block(("",)), None
        for part in parts:
            unary = part == "−" and before in (None, "(", ",")
            if unary:
                block, before = block.beside(_Block((self.spelt("−"),))), "("
                continue
            if before is not None and _touch(before, part):
                block = block.beside(_Block((" ",)))
            block = block.beside(self._block(part))
            before = part
        return block

    def _matrix(self, numbers: Numbers) -> _Block:
        table = rows(numbers, self._digits)
        if numbers.values.ndim == 0:
            return _Block((self.number(table[0][0][0]),))  # type: ignore[index]
        texts = [[self.spelt("…") if cell is None else cell[0] for cell in line] for line in table]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = ["  ".join(self.number(t.rjust(w)) for t, w in zip(line, widths, strict=True)) for line in texts]
        n = len(lines)
        left = "[" if n == 1 else "⎡" + "⎢" * (n - 2) + "⎣"
        right = "]" if n == 1 else "⎤" + "⎥" * (n - 2) + "⎦"
        middle = (n - 1) // 2
        left, right = self.spelt(left), self.spelt(right)
        return _Block(tuple(f"{a}{line}{b}" for a, line, b in zip(left, lines, right, strict=True)), middle)


def _touch(one: Expression, other: Expression) -> bool:
    """Whether a space belongs between two neighbours, as between factors and around words."""
    opening, closing = (*_SPACED, ",", "(", "|", "√", "∂", "/"), (*_SPACED, ",", ")", "|", "ᵀ", "/", "(")
    if isinstance(one, str) and (one in opening or one.startswith("Σ")):
        return False
    if isinstance(other, str) and other in closing:
        return False
    return not (isinstance(other, Symbol) and other.letter == ")")
