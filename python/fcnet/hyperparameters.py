"""Checks of the numbers that optimisers and schedules are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real

Range = tuple[str, Callable[[float], bool]]


def check_numbers(owner: object, ranges: Mapping[str, Range]) -> None:
    """Make the attributes of a frozen dataclass that ``ranges`` names floats.

    Parameters
    ----------
    owner : object
    ranges : name -> (what is expected, whether a number is valid)
        Names that the object has not are passed over.

    Raises
    ------
    TypeError : not a number.
    ValueError : out of range.
    """
    for name, (expected, is_valid) in ranges.items():
        if not hasattr(owner, name):
            continue
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name} is {value!r}: expected a number")
        if not is_valid(float(value)):
            raise ValueError(f"{name} is {value!r}: expected {expected}")
        object.__setattr__(owner, name, float(value))
