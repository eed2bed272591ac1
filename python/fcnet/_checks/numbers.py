"""Checks of numbers and flags, such as hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real

import numpy as np

Range = tuple[str, Callable[[float], bool]]

UNIT: Range = ("a number from 0 to 1", lambda value: 0 <= value <= 1)
POSITIVE: Range = ("a positive, finite number", lambda value: 0 < value < math.inf)
AT_LEAST_0: Range = ("a finite number, at least 0", lambda value: 0 <= value < math.inf)


def share(name: str) -> Range:
    """Return the range 0 <= name < 1."""
    return f"0 <= {name} < 1", lambda value: 0 <= value < 1


def number(value: object, name: str, range_: Range) -> float:
    """``value`` as a float in a range.

    Parameters
    ----------
    value : float
    name : str
    range_ : (what is expected, whether a number is valid)

    Returns
    -------
    float

    Raises
    ------
    TypeError : the value is not a number.
    ValueError : the value is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}: expected a number")
    expected, is_valid = range_
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not is_valid(result):
        raise ValueError(f"{name} is {value!r}: expected {expected}")
    return result


def check_numbers(owner: object, ranges: Mapping[str, Range]) -> None:
    """Check the attributes of a frozen dataclass that are in ``ranges``, and convert them to float.

    Parameters
    ----------
    owner : object
    ranges : name -> (what is expected, whether a number is valid)

    Raises
    ------
    TypeError : an attribute is not a number.
    ValueError : an attribute is out of range.
    """
    for name, range_ in ranges.items():
        object.__setattr__(owner, name, number(getattr(owner, name), name, range_))


def flag(value: object, name: str) -> bool:
    """``value`` as a bool.

    Parameters
    ----------
    value : bool
        Python's or NumPy's.
    name : str

    Returns
    -------
    bool

    Raises
    ------
    TypeError : the value is not a bool.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}: expected True or False")
    return bool(value)


def whole_number(value: object, name: str, least: int, most: int | None = None, hint: str = "") -> int:
    """``value`` as an int in [least, most].

    Parameters
    ----------
    value : int
        Python's or NumPy's, not bool.
    name : str
    least, most : int
    hint : str
        The end of the message about a value out of range.

    Returns
    -------
    int

    Raises
    ------
    TypeError : the value is not a whole number.
    ValueError : the value is out of range.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}: expected a whole number")
    if value < least or (most is not None and value > most):
        limitless = most is None or (value < least and most >= 2**31)
        limit = f"at least {least}" if limitless else f"from {least} to {most}"
        raise ValueError(f"{name} is {value}: expected {limit}{hint}")
    return int(value)
