"""What comes in as y: class labels, or targets of a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import arrays, tables, tensors
from fcnet.arrays import Array


def _advice_on_labels(array: Array, name: str) -> str:
    """How what was given may become integers without loss."""
    if array.dtype.kind in "OUS":
        return f", see np.unique({name}, return_inverse=True)"
    if array.dtype.kind == "f" and (array == np.rint(array)).all():
        return f", see np.asarray({name}, int)"
    if array.dtype.kind == "f" and np.isfinite(array).all():
        return "; for a regression give the network a loss like 'mse'"
    if array.dtype.kind == "f" and np.isnan(array).any():
        return f"; that of row {np.flatnonzero(np.isnan(array))[0]} is NaN or missing"
    return ""


def _check_count(array: Array, n: int, name: str) -> None:
    if array.ndim and len(array) != n:
        raise ValueError(f"{name} has shape {array.shape}: expected {n} entries, one for each sample")


def labels(y: ArrayLike, n: int, classes: int, name: str = "y") -> NDArray[np.int32]:
    """Class labels as int32 from integers (n,) or (n, 1), or from one-hot rows (n, classes).

    Parameters
    ----------
    y : array-like, column or table
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
    array = tensors.widened(arrays.plain(y, name))
    _check_count(array, n, name)
    if array.ndim == 2 and array.shape == (n, 1) and classes != 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape == (n, classes):
        hot = np.equal(arrays.real(array, name), 1)
        wrong = np.flatnonzero((hot.sum(axis=1) != 1) | (hot != array).any(axis=1))
        if wrong.size:
            raise ValueError(f"{name} is not one-hot in row {wrong[0]}: expected exactly one 1 and else 0")
        return np.asarray(hot.argmax(axis=1), dtype=np.int32)
    if array.shape != (n,):
        expected = f"labels ({n},) or one-hot rows ({n}, {classes}), as the network has {classes} outputs"
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    if array.dtype.kind not in "iub" and n:
        raise TypeError(f"{name} has dtype {array.dtype}: expected integer labels{_advice_on_labels(array, name)}")
    if n and (array.min() < 0 or array.max() >= classes):
        wrong = np.flatnonzero((array < 0) | (array >= classes))[0]
        advice = f"; see np.unique({name}, return_inverse=True)" if len(np.unique(array)) <= classes else ""
        raise ValueError(
            f"{name} contains the label {array[wrong]} in row {wrong}: expected 0 <= label < {classes}{advice}"
        )
    return array.astype(np.int32)


def targets(y: ArrayLike, n: int, outputs: int, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Regression targets (n, outputs), or (n,) for one output, as ``dtype``.

    Parameters
    ----------
    y : array-like, column or table of real numbers
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
    array = arrays.real(arrays.plain(y, name), name)
    _check_count(array, n, name)
    if outputs == 1 and array.shape == (n,):
        array = array[:, None]
    if array.shape != (n, outputs):
        expected = f"({n}, {outputs}), as the network has {outputs} outputs" if outputs > 1 else f"({n}, 1) or ({n},)"
        if array.ndim == 1 and array.dtype.kind in "iub":
            expected += "; of class labels the loss is 'cross_entropy'"
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    arrays.refuse_non_finite(array, name, tables.column_names(y))
    return arrays.cast(array, dtype, name)
