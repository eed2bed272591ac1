"""Checks of the numbers that optimisers, schedules and the like are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real

Range = tuple[str, Callable[[float], bool]]

POSITIVE: Range = ("a positive, finite number", lambda value: 0 < value < math.inf)
AT_LEAST_0: Range = ("a finite number, at least 0", lambda value: 0 <= value < math.inf)


def share(name: str) -> Range:
    """0 <= name < 1."""
    return f"0 <= {name} < 1", lambda value: 0 <= value < 1


def check_numbers(owner: object, ranges: Mapping[str, Range]) -> None:
    """Make the attributes of a frozen dataclass that ``ranges`` names floats.

    Parameters
    ----------
    owner : object
    ranges : name -> (what is expected, whether a number is valid)

    Raises
    ------
    TypeError : not a number.
    ValueError : out of range.
    """
    for name, (expected, is_valid) in ranges.items():
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name} is {value!r}: expected a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not is_valid(number):
            raise ValueError(f"{name} is {value!r}: expected {expected}")
        object.__setattr__(owner, name, number)
