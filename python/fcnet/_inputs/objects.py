"""Arrays of Python's objects: the numbers in them, or what else they hold."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = (Real, Decimal, np.bool_)
_MOST = 10**308


def _is_null(kind: type) -> bool:
    """Whether values of the type count as NaN among numbers."""
    return kind is type(None) or kind.__name__ == "NAType"


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, NaT or NA: null, or not equal to itself."""
    if _is_null(type(value)):
        return True
    try:
        return bool(value != value)
    except (ArithmeticError, TypeError, ValueError):  # an array, or whatever else cannot tell
        return False


def numbers(array: NDArray[Any]) -> NDArray[Any] | None:
    """Integers, floats, booleans, decimals and fractions as an array of one type; None and ``pandas.NA`` as NaN.

    Parameters
    ----------
    array : array of objects

    Returns
    -------
    array of the same shape, or None
        Whole numbers of up to 64 bits stay whole, others are float64. None where something else is among them.
    """
    values = array.ravel().tolist()
    specs = set(map(type, values))
    if not all(issubclass(kind, _NUMBERS) or _is_null(kind) for kind in specs):
        return None
    if any(map(_is_null, specs)):
        values = [np.nan if _is_null(type(value)) else value for value in values]
    found = np.array(values) if values else np.empty(0)
    if found.dtype.kind not in "fiub":
        try:
            found = np.array(values, dtype=float)
        except OverflowError:  # a whole number of more than 300 digits
            found = np.array([np.inf if v > _MOST else -np.inf if v < -_MOST else v for v in values], dtype=float)
    return found.reshape(array.shape)


def others(array: NDArray[Any]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """What is no number, with where it stands."""
    for at, value in np.ndenumerate(array):
        if not isinstance(value, _NUMBERS) and not _is_null(type(value)):
            yield at, value


def are_texts_of_numbers(array: NDArray[Any]) -> bool:
    """Whether there is text and all of it can be read as numbers."""
    try:
        return bool(array.size) and array.dtype.kind in "OUS" and np.isfinite(array.astype(float)).any()
    except (TypeError, ValueError, OverflowError):
        return False
