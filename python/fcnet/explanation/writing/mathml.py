"""Equations in MathML, which browsers show natively."""

from __future__ import annotations

from html import escape

from fcnet.explanation.writing.expressions import (
    Applied,
    Expression,
    Fraction,
    Numbers,
    Root,
    Sum,
    Symbol,
    Transposed,
    broken,
    rows,
)
from fcnet.explanation.writing.narrative import Equation
from fcnet.explanation.writing.placeholders import Placeholders

_ROOM = 30.0  # em, the width of half a screen or of a page
_OPERATORS = ("+", "−", "·", "∘", "=", "←", ",", "(", ")", "|", "∂")


class MathML:
    """Writes equations; every number has a placeholder, which a page can fill with the number of another step.

    Parameters
    ----------
    placeholders : Placeholders
    digits : int
    """

    def __init__(self, placeholders: Placeholders, digits: int) -> None:
        self._placeholders, self._digits = placeholders, digits

    def equation(self, given: Equation) -> str:
        """Write an equation, aligned at its signs."""
        lines = []
        for i, line in enumerate(given.lines):
            for k, part in enumerate(broken(line, self._digits, _ROOM)):
                left = self._row(given.left) if i == k == 0 else ""
                sign = (given.sign if i == 0 else "=") if k == 0 else ""
                right = f"<mo>{sign}</mo>" if sign else "<mspace width=2em />"
                right += self._row(part)
                lines.append(f"<mtr><mtd class=l>{left}</mtd><mtd class=r><mrow>{right}</mrow></mtd></mtr>")
        return f'<math display="block"><mtable displaystyle="true">{"".join(lines)}</mtable></math>'

    def _row(self, given: Expression) -> str:
        return f"<mrow>{self._of(given)}</mrow>"

    def _of(self, given: Expression) -> str:
        match given:
            case str():
                return _word(given)
            case tuple():
                return "".join(self._of(part) for part in given)
            case Symbol(letter, sub, sup):
                return _symbol(letter, sub, sup)
            case Numbers():
                return self._matrix(given)
            case Fraction(top, bottom):
                return f"<mfrac>{self._row(top)}{self._row(bottom)}</mfrac>"
            case Root(of):
                return f"<msqrt>{self._row(of)}</msqrt>"
            case Transposed(of):
                inner = self._of(of)
                if isinstance(of, Symbol) and of.sup:
                    inner = f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"
                return f"<msup>{inner}<mo>⊤</mo></msup>"
            case Sum(index, of):
                return f"<munder><mo>∑</mo><mi>{index}</mi></munder>{self._of(of)}"
            case Applied(function, to):
                return f"{self._of(function)}<mrow><mo>(</mo>{self._of(to)}<mo>)</mo></mrow>"
        raise TypeError(f"an expression is {given!r}")

    def _matrix(self, numbers: Numbers) -> str:
        table = rows(numbers, self._digits)
        if numbers.values.ndim == 0:
            return self._cell(numbers.name, table[0][0])
        lines = "".join(
            f"<mtr>{''.join(f'<mtd>{self._cell(numbers.name, cell)}</mtd>' for cell in line)}</mtr>" for line in table
        )
        return f"<mrow><mo class=b>[</mo><mtable class=m>{lines}</mtable><mo class=b>]</mo></mrow>"

    def _cell(self, name: str, cell: tuple[str, tuple[int, ...]] | None) -> str:
        return "<mo>⋯</mo>" if cell is None else self._placeholders.number("mn", name, cell[1])


def _word(text: str) -> str:
    if text in _OPERATORS:
        return f"<mo>{text}</mo>"
    if text == "ln":
        return "<mspace width=.17em /><mi>ln</mi><mspace width=.17em />"
    if text[:1].isdigit():
        return f"<mn>{text}</mn>"
    return f"<mi>{escape(text)}</mi>"


def _symbol(letter: str, sub: str, sup: str) -> str:
    base = f"<mo>{letter}</mo>" if letter == ")" else f"<mi>{letter}</mi>"
    below = f"<mn>{sub}</mn>" if sub.isdigit() else f"<mi>{sub}</mi>"
    above = f"<mn>{sup}</mn>" if sup.isdigit() else f"<mo>{sup}</mo>" if sup == "′" else f"<mtext>{sup}</mtext>"
    if sub and sup:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if sub or sup:
        return f"<{'msub' if sub else 'msup'}>{base}{below if sub else above}</{'msub' if sub else 'msup'}>"
    return base
