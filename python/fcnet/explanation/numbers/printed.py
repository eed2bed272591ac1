"""Printing of results, in ASCII if standard output cannot encode Greek letters."""

from __future__ import annotations

from fcnet._checks import console


class Printed:
    """Base class of results with a ``text()`` that ``print`` shows in any encoding of standard output."""

    def text(self) -> str:
        """Return the text, with Greek letters and signs."""
        raise NotImplementedError

    def __str__(self) -> str:
        return console.printable(self.text())
