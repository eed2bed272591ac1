"""The argument ``hidden`` of recipes: the neurons of each hidden layer."""

from __future__ import annotations

from fcnet._checks.numbers import whole_number


def checked_hidden(given: object) -> tuple[int, ...]:
    """Return the sizes of hidden layers; TypeError or ValueError if they are none."""
    if not isinstance(given, tuple | list) or not given:
        raise TypeError(f"hidden is {given!r}: expected a tuple like (256, 256, 256)")
    return tuple(whole_number(size, f"hidden[{i}]", 1) for i, size in enumerate(given))
