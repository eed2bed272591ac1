"""Placeholders of a page's numbers, with their values in every step."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fcnet.explanation.numbers.trace import Quantities
from fcnet.explanation.writing.expressions import decimals, written

Index = tuple[int, ...]


class Placeholders:
    """Numbers the placeholders: a quantity's entry has the same placeholder wherever it is shown.

    Parameters
    ----------
    steps : sequence of dict
    digits : int
        Decimals.
    """

    def __init__(self, steps: Sequence[Quantities], digits: int) -> None:
        self._steps, self._digits = steps, digits
        self._placeholders: dict[tuple[str, Index, int], int] = {}
        self._places: dict[tuple[int, str, int], int] = {}

    def slot(self, name: str, index: Index, digits: int | None = None) -> int:
        """Return the number of the placeholder of ``name[index]``."""
        return self._placeholders.setdefault((name, index, digits or self._digits), len(self._placeholders))

    def text(self, step: int, name: str, index: Index, digits: int | None = None) -> str:
        """Format the number in a step, with the decimals of its quantity and a typographic minus sign."""
        values, most = self._steps[step][name], digits or self._digits
        if (step, name, most) not in self._places:
            self._places[step, name, most] = decimals(values, most)
        return written(float(values[index]), self._places[step, name, most], most).replace("-", "−")

    def number(
        self, tag: str, name: str, index: Index, attributes: str = "", kind: str = "", digits: int | None = None
    ) -> str:
        """Return an element with the number of the first step; its classes are ``kind`` and that of its sign."""
        text = self.text(0, name, index, digits)
        classes = f'class="{kind}{sign(text)}"'
        return f'<{tag} data-k="{self.slot(name, index, digits)}" {classes}{attributes}>{escape(text)}</{tag}>'

    def texts(self) -> list[list[str]]:
        """Return the texts of all placeholders, for every step."""
        return [[self.text(t, *slot) for slot in self._placeholders] for t in range(len(self._steps))]


def sign(text: str) -> str:
    """Return the CSS class of a number by its sign."""
    return "neg" if text.startswith("−") else "pos" if text != "0" else "nil"
