"""Equations in LaTeX, as a document or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

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
from fcnet.explanation.writing.narrative import Equation, Section

_ROOM = 36.0  # em, the width of a page
_LETTERS = {
    "σ": r"\sigma",
    "α": r"\alpha",
    "∂": r"\partial ",
    "δ": r"\delta",
    "γ": r"\gamma",
    "τ": r"\tau",
    "ε": r"\varepsilon",
    "ẑ": r"\hat{z}",
    "−": "-",
    "·": r"\cdot",
    "∘": r"\circ",
    "←": r"\leftarrow",
    "ln": r"\ln",
}
_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}
_IN_TEXT = {"–": "--", "σ": r"$\sigma$", "α": r"$\alpha$", "ε": r"$\varepsilon$", "−": "$-$", "²": "$^2$"}


def escaped(text: str) -> str:
    """Escape text for LaTeX."""
    return "".join({**_SPECIAL, **_IN_TEXT}.get(c, c) for c in text)


def expression(given: Expression, digits: int) -> str:
    """Write an expression in LaTeX."""
    match given:
        case str():
            word = given.isalpha() and len(given) > 1 and given not in _LETTERS
            return rf"\mathrm{{{given}}}" if word else _LETTERS.get(given, _word(given))
        case tuple():
            return " ".join(expression(part, digits) for part in given)
        case Symbol(letter, sub, sup):
            base = expression(letter, digits)
            above = r"\prime" if sup == "′" else sup if len(sup) < 2 else rf"\mathrm{{{sup}}}"
            return base + (f"_{{{sub}}}" if sub else "") + (f"^{{{above}}}" if sup else "")
        case Numbers():
            return _matrix(given, digits)
        case Fraction(top, bottom):
            return rf"\frac{{{expression(top, digits)}}}{{{expression(bottom, digits)}}}"
        case Root(of):
            return rf"\sqrt{{{expression(of, digits)}}}"
        case Transposed(of):
            inner = expression(of, digits)
            return rf"\left({inner}\right)^{{\top}}" if isinstance(of, Symbol) and of.sup else rf"{inner}^{{\top}}"
        case Sum(index, of):
            return rf"\sum_{{{index}}} {expression(of, digits)}"
        case Applied(function, to):
            return rf"{expression(function, digits)}\left({expression(to, digits)}\right)"
    raise TypeError(f"an expression is {given!r}")


def _word(text: str) -> str:
    if text.endswith("′"):
        return rf"\mathrm{{{text[:-1]}}}'"
    return rf"\text{{{text}}}" if " " in text else text


def _matrix(numbers: Numbers, digits: int) -> str:
    table = [[r"\cdots" if cell is None else _number(cell[0]) for cell in line] for line in rows(numbers, digits)]
    if numbers.values.ndim == 0:
        return table[0][0]
    return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(line) for line in table) + r" \end{bmatrix}"


def _number(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text.replace("inf", r"\infty")


def equation(given: Equation, digits: int) -> str:
    """Write an equation, aligned at its signs."""
    lines = []
    for i, line in enumerate(given.lines):
        first, *others = broken(line, digits, _ROOM)
        sign = _LETTERS.get(given.sign, given.sign) if i == 0 else "="
        lines.append(f"&{sign} {expression(first, digits)}")
        lines += [rf"&\quad {{}} {expression(each, digits)}" for each in others]
    return r"\begin{aligned}" + f"\n{expression(given.left, digits)} " + " \\\\\n".join(lines) + "\n" + r"\end{aligned}"


def document(title: str, words: str, sections: Sequence[Section], digits: int) -> str:
    """Write a complete LaTeX document, which needs amsmath and geometry."""
    parts = [
        r"\documentclass{article}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{amsmath}",
        r"\usepackage[margin=2cm]{geometry}",
        r"\setcounter{MaxMatrixCols}{20}",
        r"\allowdisplaybreaks",
        rf"\title{{{escaped(title)}}}\author{{}}\date{{}}",
        r"\begin{document}",
        r"\maketitle",
        escaped(words),
    ]
    for section in sections:
        parts += [rf"\section{{{escaped(section.title)}}}", escaped(section.text)]
        parts += [f"\\[\n{equation(each, digits)}\n\\]" for each in section.equations]
    return "\n".join([*parts, r"\end{document}", ""])


def markdown(title: str, words: str, sections: Sequence[Section], digits: int) -> str:
    """Write Markdown with equations between dollar signs, as GitHub and Jupyter show them."""
    parts = [f"# {title}", words]
    for i, section in enumerate(sections, 1):
        parts += [f"## {i}. {section.title}", section.text]
        parts += [f"$$\n{equation(each, digits)}\n$$" for each in section.equations]
    return "\n\n".join([*parts, ""])
