"""Checks of y: class labels, probabilities, or regression targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import arrays, objects, strips, tables, tensors
from fcnet._inputs.arrays import Array
from fcnet._inputs.feature_names import cut, variable
from fcnet._inputs.finite import Scaling, refuse_unfit
from fcnet._inputs.resolution import lossy_column, warn_of_lost
from fcnet.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss, Poisson


def _not_labels(array: Array, classes: int, name: str) -> Exception:
    """Return the error for labels that are not integers, with advice on how to convert them."""
    expected, kind = f"expected class labels, integers from 0 to {classes - 1}", array.dtype.kind
    if kind == "f":
        row = int(np.flatnonzero(~np.isfinite(array) | (array != np.rint(array)))[0])
        if np.isfinite(array[row]):
            advice = "for probabilities give a column for each class, for regression use a loss like 'mse'"
        else:
            advice = "drop rows without a label"
        return ValueError(f"{name} contains {array[row]} in row {row}: {expected}; {advice}")
    missing = next((row for row, value in enumerate(array) if objects.is_missing(value)), None) if kind == "O" else None
    if missing is not None:
        return ValueError(f"{name} contains {array[missing]} in row {missing}: {expected}; drop rows without a label")
    odd = next((row for row, value in enumerate(array) if not isinstance(value, str)), None) if kind == "O" else None
    if odd is not None:
        what = f"{cut(repr(array[odd]))}, a {type(array[odd]).__name__},"
        return TypeError(f"{name} contains {what} in row {odd}: {expected}")
    if kind in "OUST":
        numbers = f"np.unique({variable(name)}, return_inverse=True)[1]"
        if name == "y_true":  # in the order of the network's classes
            numbers = "[net.classes.index(label) for label in y_true]; net.evaluate(x, y, metrics=...) takes text"
        return TypeError(f"{name} holds text: {expected}, use {numbers}")
    return TypeError(f"{name} has dtype {array.dtype}: {expected}")


def _check_count(array: Array, n: int, name: str) -> None:
    if array.ndim and len(array) != n:
        raise ValueError(f"{name} has shape {array.shape}: expected {n} entries, one for each row of x")


def labels(y: ArrayLike, n: int, classes: int, name: str = "y") -> NDArray[np.int32]:
    """Check class labels, integers (n,) or (n, 1), also as floats, or one-hot rows (n, classes); return them as int32.

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
    TypeError : y holds neither numbers nor one-hot rows.
    ValueError : y has another shape, a label is out of range or not an integer, or a row is not one-hot.
    """
    array = tensors.widened(arrays.plain(y, name))
    numbers = objects.numbers(array) if array.dtype.kind == "O" else None
    array = array if numbers is None else numbers
    _check_count(array, n, name)
    if array.ndim == 2 and array.shape == (n, 1) and classes != 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape == (n, classes):
        found = np.empty(n, np.int32)
        for first, part in strips.of(arrays.real(array, name)):
            hot = np.equal(part, 1)
            wrong = np.flatnonzero((hot.sum(axis=1) != 1) | (hot != part).any(axis=1))
            if wrong.size:
                several, row = hot[wrong[0]].sum() > 1, first + wrong[0]
                advice = "; for multi-label classification use loss='binary_cross_entropy'" if several else ""
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
        advice = f", use np.unique({variable(name)}, return_inverse=True)[1]" if few else ""
        raise ValueError(
            f"{name} contains the label {array[wrong]} in row {wrong}: expected 0 <= label < {classes}{advice}"
        )
    return array.astype(np.int32)


def targets(y: ArrayLike, n: int, outputs: int, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Check regression targets (n, outputs), or (n,) for one output, and convert them to ``dtype``.

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
    TypeError : y does not hold real numbers.
    ValueError : y has another shape, or numbers that are not finite.
    """
    array = arrays.real(arrays.plain(y, name), name)
    _check_count(array, n, name)
    if outputs == 1 and array.shape == (n,):
        array = array[:, None]
    if array.shape != (n, outputs):
        expected = f"({n}, {outputs}), as the network has {outputs} outputs" if outputs > 1 else f"({n}, 1) or ({n},)"
        if array.ndim == 1 and array.dtype.kind in "iub":
            expected += "; for class labels use loss='cross_entropy'"
        elif array.size == n * outputs:
            expected += f", use np.reshape({variable(name)}, ({n}, {outputs}))"
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    columns = tables.column_names(y)
    refuse_unfit(array, name, Scaling(dtype), columns)
    if dtype == np.float32:
        advice = "subtract their mean beforehand, or use dtype='float64'"
        warn_of_lost(lossy_column(array), variable(name), columns, advice)
    return arrays.cast(array, dtype, name)


def check_y(y: ArrayLike, n: int, outputs: int, loss: Loss, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Check y for a loss: labels (n,) of int32, targets (n, outputs), or for a custom loss n rows of anything.

    Parameters
    ----------
    y : array-like
    n, outputs : int
    loss : Loss
    dtype : the network's
    name : str
        Name of the argument in messages.

    Returns
    -------
    array

    Raises
    ------
    TypeError, ValueError : y is not valid for the loss.
    """
    if isinstance(loss, Custom):
        array = arrays.plain(y, name)
        if array.ndim == 0 or len(array) != n:
            raise ValueError(f"{name} has shape {array.shape}: expected ({n}, ...), a row for each sample")
        # with outputs (n, 1), numbers (n,) would broadcast to (n, n)
        return array[:, None] if outputs == 1 and array.ndim == 1 and array.dtype.kind in "fiub" else array
    if isinstance(loss, CrossEntropy):
        soft = _probabilities(y, n, outputs, dtype, name)
        return labels(y, n, outputs, name) if soft is None else smoothed(soft, loss.label_smoothing, outputs)
    each = max(1, len(loss.quantiles))  # outputs per target
    values = targets(y, n, outputs // each, dtype, name)
    if each > 1:
        return np.repeat(values, each, axis=1)
    if isinstance(loss, BinaryCrossEntropy):
        signs = f", use np.asarray({variable(name)}) > 0" if _all_are(values, -1, 1) else ""
        _refuse(values, lambda part: (part < 0) | (part > 1), f"0 <= y <= 1{signs}", name)
        return smoothed(values, loss.label_smoothing, 2)
    if isinstance(loss, Poisson):
        _refuse(values, lambda part: part < 0, "counts, at least 0", name)
    return values


def chosen_outputs(outputs: ArrayLike, n: int, count: int, loss: Loss) -> NDArray[np.int32]:
    """Check the argument outputs of ``Network.train_on_batch``: one of ``count`` outputs for each of n rows.

    Raises
    ------
    TypeError : outputs are not whole numbers.
    ValueError : outputs have another shape or are out of range, or the loss is not a mean over the outputs.
    """
    if isinstance(loss, CrossEntropy | Custom) or loss.quantiles:
        what = f"{len(loss.quantiles)} quantiles" if loss.quantiles else f"the loss {loss.name!r}"
        expected = "mse, rmse, mae, huber, poisson, binary_cross_entropy or one quantile"
        raise ValueError(f"outputs is given, and the network has {what}: expected {expected}")
    array = arrays.plain(outputs, "outputs")
    if array.dtype.kind not in "iu":
        raise TypeError(f"outputs has dtype {array.dtype}: expected whole numbers")
    if array.shape != (n,):
        raise ValueError(f"outputs has shape {array.shape}: expected ({n},), one for each row of x")
    if n and (array.min() < 0 or array.max() >= count):
        row = np.flatnonzero((array < 0) | (array >= count))[0]
        raise ValueError(f"outputs contains {array[row]} in row {row}: expected 0 <= output < {count}")
    return array.astype(np.int32)


def _probabilities(y: ArrayLike, n: int, classes: int, dtype: np.dtype[Any], name: str) -> Array | None:
    """Return y if it holds class probabilities that are not one-hot, otherwise None."""
    array = tensors.widened(arrays.plain(y, name))
    if array.dtype.kind != "f" or array.shape != (n, classes) or _all_are(array, 0, 1):
        return None
    shares = targets(array, n, classes, dtype, name)
    _refuse(shares, lambda part: part < 0, "probabilities", name)
    for first, part in strips.of(shares):
        off = np.flatnonzero(np.abs(part.sum(axis=1, dtype=float) - 1) > 1e-3)
        if off.size:
            total, row, y = part[off[0]].sum(), first + off[0], variable(name)
            advice = f", use np.asarray({y}) / np.sum({y}, axis=1, keepdims=True)" if total > 0 else ""
            message = f"{name} adds up to {total:g} in row {row}: expected labels, or rows that add up to 1{advice}"
            raise ValueError(message)
    return shares


def _all_are(array: Array, one: float, other: float) -> bool:
    """Whether every number is one of the two."""
    return all(bool(((part == one) | (part == other)).all()) for _, part in strips.of(array))


def smoothed(targets: Array, share: float, classes: int) -> Array:
    """Apply label smoothing: ``(1 - share) y + share / classes``."""
    if share == 0:
        return targets
    result = np.empty_like(targets)
    for first, part in strips.of(targets):
        result[first : first + len(part)] = (1 - share) * part + share / classes
    return result


def unsmoothed(targets: Array, share: float, classes: int) -> NDArray[np.float64]:
    """Invert ``smoothed``."""
    given: NDArray[np.float64] = np.clip((targets.astype(np.float64) - share / classes) / (1 - share), 0, 1)
    return given


def _refuse(targets: Array, is_wrong: Callable[[Array], NDArray[np.bool_]], expected: str, name: str) -> None:
    for first, part in strips.of(targets):
        wrong = np.argwhere(is_wrong(part))
        if len(wrong):
            row, column = wrong[0]
            where = f"row {first + row}, column {column}"
            raise ValueError(f"{name} contains {part[row, column]} in {where}: expected {expected}")
