"""What comes in as x and y, checked and as the native core takes it; and the wording of what is wrong with it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

# What the native core reads in place, with any steps between rows and columns.
_NATIVE = frozenset(map(np.dtype, ("float32", "float64", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")))
_SCANNED = 1 << 22  # elements looked at between two chances for Ctrl-C


def _plain(value: ArrayLike, name: str) -> Array:
    """``value`` as an array of its own type; what NumPy would silently misread is refused."""
    masked = sys.modules.get("numpy.ma")  # not imported: a fork in the middle of an import would hang the child
    if masked is not None and isinstance(value, masked.MaskedArray):
        raise TypeError(f"{name} is a masked array: expected a plain one, see its method filled()")
    if hasattr(value, "toarray"):
        raise TypeError(f"{name} is a sparse {type(value).__name__}: expected a dense array, see its method toarray()")
    if value is None:
        raise TypeError(f"{name} is None: expected an array")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None


def _real(array: Array, name: str) -> Array:
    if array.dtype.kind not in "fiub":
        advice = f", see np.asarray({name}, float)" if array.dtype.kind == "O" else ""
        raise TypeError(f"{name} has dtype {array.dtype}: expected real numbers{advice}")
    return array


def _cast(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """As ``dtype``, aligned and C-ordered; what only the wider type can hold is refused."""
    with np.errstate(over="ignore"):
        result = np.require(array, dtype=dtype, requirements=["C", "A"])
    narrower = array.dtype.kind == "f" and array.itemsize > result.itemsize  # a whole number of 64 bits always fits
    if narrower and (np.isinf(result) & ~np.isinf(array)).any():
        most = np.finfo(dtype).max
        raise ValueError(f"{name} has numbers beyond {dtype}: expected at most {most:.3g} in size")
    return result


def _readable(array: Array) -> bool:
    """Whether the native core can read the array where it lies; a broadcast one could be larger than memory."""
    if array.dtype not in _NATIVE or not array.dtype.isnative or not array.flags.aligned:
        return False
    return all(
        step % array.itemsize == 0 and (step != 0 or n <= 1) for step, n in zip(array.strides, array.shape, strict=True)
    )


def _refuse_non_finite(array: Array, name: str) -> None:
    """A sum tells in one pass that all is well; only when it does not, every element is looked at."""
    if array.dtype.kind != "f":
        return
    strip = max(1, _SCANNED // max(1, array.shape[-1]))
    for first in range(0, len(array), strip):
        part = array[first : first + strip]
        with np.errstate(all="ignore"):
            if np.isfinite(part.sum(dtype=array.dtype)):
                continue
        finite = np.isfinite(part)
        if not finite.all():
            at = tuple(int(i) for i in np.argwhere(~finite)[0])
            where = f"row {first + at[0]}" + (f", column {at[1]}" if len(at) > 1 else "")
            raise ValueError(f"{name} contains {part[at]} in {where}: expected finite numbers")


def samples(x: ArrayLike, inputs: int, dtype: np.dtype[Any], *, finite: bool, name: str = "x") -> Array:
    """Rows for the network: float32, float64 and whole numbers of up to 64 bits as they lie, the rest as ``dtype``.

    Parameters
    ----------
    x : array-like (n, inputs) of real numbers
    inputs : int
    dtype : the network's
    finite : bool
        Refuse NaN and infinity.
    name : str
        What messages call it.

    Returns
    -------
    array (n, inputs)

    Raises
    ------
    TypeError : not real numbers, a masked or sparse array.
    ValueError : another shape, or not finite.
    """
    array = _real(_plain(x, name), name)
    if array.ndim != 2:
        one = array.ndim == 1 and len(array)
        row, column = one == inputs, one and inputs == 1
        advice = f", for one sample see np.asarray({name})[None, :]" if row else ""
        advice = f", for one feature see np.asarray({name})[:, None]" if column else advice
        raise ValueError(f"{name} has shape {array.shape}: expected (n_samples, {inputs}){advice}")
    if array.shape[1] != inputs:
        raise ValueError(
            f"{name} has {array.shape[1]} features, but the network takes {inputs}: "
            f"expected (n_samples, {inputs}), got {array.shape}"
        )
    if not _readable(array):
        keep = array.dtype in _NATIVE and array.dtype.isnative
        array = np.require(array, dtype=array.dtype if keep else dtype, requirements=["C", "A"])
    if finite:
        _refuse_non_finite(array, name)
    return array


def _advice_on_labels(array: Array, name: str) -> str:
    """How what was given may become integers without loss."""
    if array.dtype.kind in "OUS":
        return f", see np.unique({name}, return_inverse=True)"
    if array.dtype.kind == "f" and (array == np.rint(array)).all():
        return f", see np.asarray({name}, int)"
    return ""


def labels(y: ArrayLike, n: int, classes: int, name: str = "y") -> NDArray[np.int32]:
    """Class labels as int32 from integers (n,) or (n, 1), or from one-hot rows (n, classes).

    Parameters
    ----------
    y : array-like
    n : int
    classes : int
    name : str

    Returns
    -------
    array (n,) of int32 in [0, classes)

    Raises
    ------
    TypeError : neither integers nor one-hot rows.
    ValueError : another shape, a label out of range, rows that are not one-hot.
    """
    array = _plain(y, name)
    if array.ndim == 2 and array.shape == (n, 1) and classes != 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape == (n, classes):
        hot = np.equal(_real(array, name), 1)
        wrong = np.flatnonzero((hot.sum(axis=1) != 1) | (hot != array).any(axis=1))
        if wrong.size:
            raise ValueError(f"{name} is not one-hot in row {wrong[0]}: expected exactly one 1 and else 0")
        return np.asarray(hot.argmax(axis=1), dtype=np.int32)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}: expected labels ({n},) or one-hot rows ({n}, {classes})")
    if array.dtype.kind not in "iub" and n:
        raise TypeError(f"{name} has dtype {array.dtype}: expected integer labels{_advice_on_labels(array, name)}")
    if n and (array.min() < 0 or array.max() >= classes):
        wrong = np.flatnonzero((array < 0) | (array >= classes))[0]
        advice = "; for two classes a network needs two outputs" if classes == 1 else ""
        raise ValueError(
            f"{name} contains the label {array[wrong]} in row {wrong}: expected 0 <= label < {classes}{advice}"
        )
    return array.astype(np.int32)


def targets(y: ArrayLike, n: int, outputs: int, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Regression targets (n, outputs), or (n,) for one output, as ``dtype``.

    Parameters
    ----------
    y : array-like of real numbers
    n : int
    outputs : int
    dtype : the network's
    name : str

    Returns
    -------
    array (n, outputs)

    Raises
    ------
    TypeError : not real numbers.
    ValueError : another shape, or not finite.
    """
    array = _real(_plain(y, name), name)
    if outputs == 1 and array.shape == (n,):
        array = array[:, None]
    if array.shape != (n, outputs):
        expected = f"({n}, {outputs})" + (f" or ({n},)" if outputs == 1 else "")
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    _refuse_non_finite(array, name)
    return _cast(array, dtype, name)


def per_feature(value: ArrayLike, inputs: int, dtype: np.dtype[Any], name: str) -> Array:
    """One finite number for all features, or one for each.

    Parameters
    ----------
    value : number or array-like (inputs,)
    inputs : int
    dtype : the network's
    name : str

    Returns
    -------
    read-only array () or (inputs,)

    Raises
    ------
    TypeError : not real numbers.
    ValueError : another shape, or not finite.
    """
    array = _real(_plain(value, name), name)
    if array.shape not in ((), (inputs,)):
        raise ValueError(f"{name} has shape {array.shape}: expected one number, or one for each feature: ({inputs},)")
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite everywhere in {dtype}: expected finite numbers")
    array.setflags(write=False)
    return array


def parameter(value: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> Array:
    """Weights or biases as ``dtype``.

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
    TypeError : not real numbers.
    ValueError : another shape.
    """
    array = _real(_plain(value, name), name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}: expected {shape}")
    return _cast(array, dtype, name)


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
    TypeError : not a bool.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}: expected True or False")
    return bool(value)


def whole_number(value: object, name: str, least: int, most: int | None = None) -> int:
    """``value`` as an int in [least, most].

    Parameters
    ----------
    value : int
        Python's or NumPy's, not bool.
    name : str
    least, most : int

    Returns
    -------
    int

    Raises
    ------
    TypeError : not a whole number.
    ValueError : out of range.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}: expected a whole number")
    if value < least or (most is not None and value > most):
        limit = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {value}: expected {limit}")
    return int(value)
