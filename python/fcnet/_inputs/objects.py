"""Arrays of Python objects: the numbers in them, and what else they contain."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import strips

_NUMBERS = (Real, Decimal, np.bool_)
_MOST = 10**308


def _is_null(type_: type) -> bool:
    """Whether values of the type, None or ``pandas.NA``, count as NaN."""
    return type_ is type(None) or type_.__name__ == "NAType"


def is_missing(value: Any) -> bool:
    """Whether the value is missing: None, NA, NaN or NaT."""
    if _is_null(type(value)):
        return True
    try:
        return bool(value != value)
    except (ArithmeticError, TypeError, ValueError):  # such as an array
        return False


def numbers(array: NDArray[Any]) -> NDArray[Any] | None:
    """Convert objects to an array of integers or floats; None and ``pandas.NA`` become NaN.

    Parameters
    ----------
    array : array of objects

    Returns
    -------
    array of the same shape, or None
        Integers that int64 or uint64 can hold stay integers, other numbers (floats, decimals, fractions) become
        float64. None if there are other objects.
    """
    found: list[NDArray[Any]] = []
    for _, part in strips.of(array.ravel()):
        some = _numbers(part.tolist())
        if some is None:
            return None
        found.append(some)
    if any(some.dtype == np.uint64 for some in found) and all(map(_fits_uint64, found)):
        found = [some.astype(np.uint64) for some in found]  # with those of int64 they would become float64
    return (strips.joined(array.size, found) if found else np.empty(0)).reshape(array.shape)


def _fits_uint64(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "bui" and bool((array >= 0).all())


def _numbers(values: list[Any]) -> NDArray[Any] | None:
    types = set(map(type, values))
    if not all(issubclass(type_, _NUMBERS) or _is_null(type_) for type_ in types):
        return None
    if any(map(_is_null, types)):
        values = [np.nan if _is_null(type(value)) else value for value in values]
    found = np.array(values)
    if found.dtype.kind not in "fiub":
        try:
            found = np.array(values, dtype=float)
        except OverflowError:  # a whole number of more than 300 digits
            found = np.array([np.inf if v > _MOST else -np.inf if v < -_MOST else v for v in values], dtype=float)
    elif found.dtype.kind == "f" and all(issubclass(type_, Integral) for type_ in types) and min(values) >= 0:
        found = np.array(values, dtype=np.uint64)  # some are beyond int64
    return found


def others(array: NDArray[Any]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the objects that are not numbers, with their indices."""
    for at, value in np.ndenumerate(array):
        if not isinstance(value, _NUMBERS) and not _is_null(type(value)):
            yield at, value


def are_texts_of_numbers(array: NDArray[Any]) -> bool:
    """Whether the array holds text, all of which can be converted to numbers."""
    try:
        return bool(array.size) and array.dtype.kind in "OUS" and np.isfinite(array.astype(float)).any()
    except (TypeError, ValueError, OverflowError):
        return False
