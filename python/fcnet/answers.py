"""What y a loss takes, what weights samples may have, and what is wrong with others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import arrays
from fcnet.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss, Poisson

Array = NDArray[Any]


def for_loss(y: ArrayLike, n: int, outputs: int, loss: Loss, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Labels (n,) of int32, or targets (n, outputs) of the network's type; for a custom loss n rows of anything.

    Parameters
    ----------
    y : array-like
    n, outputs : int
    loss : Loss
    dtype : the network's
    name : str
        What messages call it.

    Returns
    -------
    array

    Raises
    ------
    TypeError, ValueError : y is not what the loss takes.
    """
    if isinstance(loss, Custom):
        array = np.asarray(y)
        if array.ndim == 0 or len(array) != n:
            raise ValueError(f"{name} has shape {array.shape}: expected ({n}, ...), a row for each sample")
        return array
    if isinstance(loss, CrossEntropy):
        soft = _probabilities(y, n, outputs, dtype, name)
        return arrays.labels(y, n, outputs, name) if soft is None else _smoothed(soft, loss.label_smoothing, outputs)
    targets = arrays.targets(y, n, outputs, dtype, name)
    if isinstance(loss, BinaryCrossEntropy):
        _refuse(targets, (targets < 0) | (targets > 1), "0 <= y <= 1", name)
        return _smoothed(targets, loss.label_smoothing, 2)
    if isinstance(loss, Poisson):
        _refuse(targets, targets < 0, "counts, at least 0", name)
    return targets


def weights(given: ArrayLike, n: int, dtype: np.dtype[Any], name: str) -> Array:
    """Weights (n,) as ``dtype``.

    Parameters
    ----------
    given : array-like of numbers >= 0, not all 0
    n : int
    dtype : the network's
    name : str
        What messages call them.

    Returns
    -------
    array (n,)

    Raises
    ------
    TypeError, ValueError : they are not that.
    """
    array = np.asarray(given)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}: expected ({n},)")
    column = arrays.targets(array, n, 1, dtype, name)
    if (column < 0).any() or (n and not column.any()):
        raise ValueError(f"{name} has a negative number, or nothing but 0: expected weights of at least 0")
    return np.ascontiguousarray(column[:, 0])


def _probabilities(y: ArrayLike, n: int, classes: int, dtype: np.dtype[Any], name: str) -> Array | None:
    """Rows of probabilities of more than one class; None where y is something else."""
    array = np.asarray(y) if hasattr(y, "__array__") or isinstance(y, list | tuple) else None
    if array is None or array.dtype.kind != "f" or array.shape != (n, classes) or np.isin(array, (0, 1)).all():
        return None
    targets = arrays.targets(array, n, classes, dtype, name)
    _refuse(targets, targets < 0, "probabilities", name)
    off = np.abs(targets.sum(axis=1, dtype=float) - 1) > 1e-3
    if off.any():
        row = int(np.flatnonzero(off)[0])
        total = targets[row].sum()
        raise ValueError(f"{name} adds up to {total:g} in row {row}: expected labels, or rows that add up to 1")
    return targets


def _smoothed(targets: Array, share: float, classes: int) -> Array:
    return targets if share == 0 else np.asarray((1 - share) * targets + share / classes, targets.dtype)


def _refuse(targets: Array, wrong: NDArray[np.bool_], expected: str, name: str) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"{name} contains {targets[row, column]} in row {row}, column {column}: expected {expected}")
