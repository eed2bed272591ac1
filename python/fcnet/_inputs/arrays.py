"""Checks and conversions of arrays, with their error messages."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import objects, strips, tables, tensors
from fcnet._inputs.feature_names import cut, variable

Array = NDArray[Any]


def plain(value: ArrayLike, name: str) -> Array:
    """Convert an array-like to an array of its own type; bfloat16 becomes ``tensors.BFLOAT16``, missing values NaN.

    Parameters
    ----------
    value : array-like, tensor, table or column
    name : str

    Returns
    -------
    array

    Raises
    ------
    TypeError : NumPy cannot read the value, or would silently misread it.
    ValueError : the value is not rectangular.
    """
    if type(value) is np.ndarray:
        return tensors.as_bfloat16(value)
    # Not imported here: a fork during an import would hang the child process.
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if masked is not None and isinstance(value, masked):
        advice = f"use {variable(name)}.filled(0), with a number of your choice for what is masked"
        raise TypeError(f"{name} is a masked array: expected a plain one, {advice}")
    if callable(getattr(type(value), "toarray", None)):
        what = f"{name} is a sparse {type(value).__name__}"
        raise TypeError(f"{what}: expected a dense array, use {variable(name)}.toarray()")
    if value is None:
        raise TypeError(f"{name} is None: expected an array")
    for library in (tables, tensors):
        array = library.as_array(value, name)
        if array is not None:
            return tensors.as_bfloat16(array)
    try:
        array = np.asarray(value)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            differ = "expected rows of equal length"
            raise ValueError(f"{name} is not a rectangular array: {differ}") from None
        raise ValueError(f"{name} cannot be read as an array: {error}") from None
    if array.ndim == 0 and array.dtype == object:
        raise TypeError(f"{name} is a {type(value).__name__}: expected an array, a list or a table")
    return tensors.as_bfloat16(array)


def real(array: Array, name: str) -> Array:
    """Return an array of real numbers: bfloat16 becomes float32, and Python objects are converted.

    Raises
    ------
    TypeError : the array does not hold real numbers.
    """
    array = tensors.widened(array)
    if array.dtype.kind in "fiub":
        return array
    numbers = objects.numbers(array) if array.dtype.kind == "O" else None
    if numbers is None:
        raise TypeError(_not_real(array, name))
    return numbers


def _not_real(array: Array, name: str) -> str:
    """Return the message for an array that does not hold real numbers, with advice."""
    kind, x = array.dtype.kind, variable(name)
    if objects.are_texts_of_numbers(array):
        return f"{name} holds text: expected real numbers, use np.asarray({x}, float)"
    if kind == "O":
        at, value = next(objects.others(array))
        if not at:
            return f"{name} is {cut(repr(value))}, a {type(value).__name__}: expected real numbers"
        where = ", column ".join(map(str, at))
        advice = f", use pandas.DataFrame({x})" if isinstance(value, dict) else ""
        what = f"{cut(repr(value))}, a {type(value).__name__},"
        return f"{name} contains {what} in row {where}: expected real numbers{advice}"
    day = "np.timedelta64(1, 'D')"
    advice_by_kind = {
        "M": f", such as days since 1970: use (np.asarray({x}) - np.datetime64(0, 'D')) / {day}",
        "m": f", such as days: use np.asarray({x}) / {day}",
        "c": f", use np.hstack([np.real({x}), np.imag({x})])",
    }
    return f"{name} has dtype {array.dtype}: expected real numbers{advice_by_kind.get(kind, '')}"


def rows_at_once(outputs: int) -> int:
    """Return the number of rows to predict at a time: about a million outputs, but at least 128 rows for efficiency."""
    return max(strips.SCANNED // outputs, 128)


def converted(array: Array, dtype: np.dtype[Any]) -> Array:
    """Convert to ``dtype``, aligned and C-ordered; too large numbers become infinite."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    result = np.empty(array.shape, dtype)
    with np.errstate(over="ignore"):
        for first, part in strips.of(array):
            result[first : first + len(part)] = part
    return result


def cast(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """Convert to ``dtype``, aligned and C-ordered; ValueError for numbers that are too large."""
    result = converted(array, dtype)
    if array.dtype.kind == "f" and array.itemsize > result.itemsize:  # integers of 64 bits always fit
        for first, part in strips.of(result):
            beyond = np.argwhere(np.isinf(part) & ~np.isinf(array[first : first + len(part)]))
            if len(beyond):
                at = (first + int(beyond[0][0]), *map(int, beyond[0][1:]))
                most = np.finfo(dtype).max
                raise ValueError(
                    f"{name} has {array[at]} at {list(at)}, too large for {dtype}: expected at most {most:.3g} in size"
                )
    return result


def per_feature(value: ArrayLike, inputs: int, dtype: np.dtype[Any], name: str) -> Array:
    """Check a finite number for all features, or one for each feature.

    Parameters
    ----------
    value : number or array-like (inputs,)
    inputs : int
    dtype : the network's
        The numbers must be finite in it.
    name : str

    Returns
    -------
    read-only array () or (inputs,) of float64

    Raises
    ------
    TypeError : the value does not hold real numbers.
    ValueError : the value has another shape, or is not finite.
    """
    array = real(plain(value, name), name)
    if array.shape not in ((), (inputs,)):
        raise ValueError(f"{name} has shape {array.shape}: expected one number, or one for each feature: ({inputs},)")
    array = array.astype(np.float64)
    with np.errstate(over="ignore"):
        finite = np.isfinite(array.astype(dtype))
    if not finite.all():
        where = f" in feature {np.flatnonzero(~finite)[0]}" if array.ndim else ""
        raise ValueError(f"{name} is not finite in {dtype}{where}: expected finite numbers")
    array.setflags(write=False)
    return array


def parameter(value: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> Array:
    """Check a parameter array, such as weights or biases, and convert it to ``dtype``.

    Parameters
    ----------
    value : array-like of real numbers
    shape : tuple of int
    dtype : the network's
    name : str

    Returns
    -------
    array of that shape

    Raises
    ------
    TypeError : the value does not hold real numbers.
    ValueError : the value has another shape.
    """
    array = real(plain(value, name), name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}: expected {shape}")
    return cast(array, dtype, name)
