"""What ``print`` shows of a finding: its text, in ASCII where standard output cannot encode Greek letters."""

from __future__ import annotations

from fcnet._checks import console


class Printed:
    """Something with a ``text()`` that ``print`` shows, whatever the encoding of standard output is."""

    def text(self) -> str:
        """All of it, with Greek letters and signs."""
        raise NotImplementedError

    def __str__(self) -> str:
        return console.printable(self.text())
