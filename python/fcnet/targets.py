"""What comes in as y: class labels, or targets of a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import arrays, objects, tables, tensors
from fcnet.arrays import Array
from fcnet.feature_names import cut, variable
from fcnet.finite import Scaling, refuse_unfit
from fcnet.resolution import lossy_column, warn_of_lost


def _not_labels(array: Array, classes: int, name: str) -> Exception:
    """What to raise for labels that are no whole numbers, with advice on how they may become such."""
    expected, kind = f"expected class labels, whole numbers from 0 to {classes - 1}", array.dtype.kind
    if kind == "f":
        row = int(np.flatnonzero(~np.isfinite(array) | (array != np.rint(array)))[0])
        if np.isfinite(array[row]):
            advice = "for probabilities give a column for each class, for a regression a network with a loss like 'mse'"
        else:
            advice = "leave out rows without a label"
        return ValueError(f"{name} contains {array[row]} in row {row}: {expected}; {advice}")
    missing = next((row for row, value in enumerate(array) if objects.is_missing(value)), None) if kind == "O" else None
    if missing is not None:
        return ValueError(
            f"{name} contains {array[missing]} in row {missing}: {expected}; leave out rows without a label"
        )
    odd = next((row for row, value in enumerate(array) if not isinstance(value, str)), None) if kind == "O" else None
    if odd is not None:
        what = f"{cut(repr(array[odd]))}, a {type(array[odd]).__name__},"
        return TypeError(f"{name} contains {what} in row {odd}: {expected}")
    if kind in "OUST":
        numbers = f"np.unique({variable(name)}, return_inverse=True)[1]"
        if name == "y_true":  # the order of a network's classes may be another
            numbers = "[net.classes.index(label) for label in y_true]; net.evaluate(x, y, metrics=...) takes text"
        return TypeError(f"{name} holds text: {expected}, see {numbers}")
    return TypeError(f"{name} has dtype {array.dtype}: {expected}")


def _check_count(array: Array, n: int, name: str) -> None:
    if array.ndim and len(array) != n:
        raise ValueError(f"{name} has shape {array.shape}: expected {n} entries, one for each row of x")


def labels(y: ArrayLike, n: int, classes: int, name: str = "y") -> NDArray[np.int32]:
    """Class labels as int32 from whole numbers (n,) or (n, 1), also as floats, or from one-hot rows (n, classes).

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
    TypeError : neither numbers nor one-hot rows.
    ValueError : another shape, a label that is out of range or no whole number, rows that are not one-hot.
    """
    array = tensors.widened(arrays.plain(y, name))
    numbers = objects.numbers(array) if array.dtype.kind == "O" else None
    array = array if numbers is None else numbers
    _check_count(array, n, name)
    if array.ndim == 2 and array.shape == (n, 1) and classes != 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape == (n, classes):
        found = np.empty(n, np.int32)
        for first, part in arrays.strips(arrays.real(array, name)):
            hot = np.equal(part, 1)
            wrong = np.flatnonzero((hot.sum(axis=1) != 1) | (hot != part).any(axis=1))
            if wrong.size:
                several, row = hot[wrong[0]].sum() > 1, first + wrong[0]
                advice = "; for several labels a row give the network loss='binary_cross_entropy'" if several else ""
                raise ValueError(f"{name} is not one-hot in row {row}: expected exactly one 1 and else 0{advice}")
            found[first : first + len(part)] = hot.argmax(axis=1)
        return found
    if array.shape != (n,):
        expected = f"labels ({n},) or one-hot rows ({n}, {classes}), as the network has {classes} outputs"
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    whole = array.dtype.kind in "iub" or (array.dtype.kind == "f" and bool((array == np.rint(array)).all()))
    if n and not (whole and (array.dtype.kind != "f" or np.isfinite(array).all())):
        raise _not_labels(array, classes, name)
    if n and (array.min() < 0 or array.max() >= classes):
        wrong = np.flatnonzero((array < 0) | (array >= classes))[0]
        few = len(np.unique(array)) <= classes
        advice = f", see np.unique({variable(name)}, return_inverse=True)[1]" if few else ""
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
            expected += "; for class labels give the network loss='cross_entropy'"
        elif array.size == n * outputs:
            expected += f", see np.reshape({variable(name)}, ({n}, {outputs}))"
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    columns = tables.column_names(y)
    refuse_unfit(array, name, Scaling(dtype), columns)
    if dtype == np.float32:
        advice = "subtract their mean beforehand, or give the network dtype='float64'"
        warn_of_lost(lossy_column(array), variable(name), columns, advice)
    return arrays.cast(array, dtype, name)
