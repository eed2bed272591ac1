"""The arguments of metrics, checked: true labels, predictions and sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import strips, targets

_MOST_CLASSES = 2**31 - 1


def real(value: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array of real numbers with one or two dimensions.

    Raises
    ------
    TypeError, ValueError : the value is not such an array.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}: expected real numbers")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}: expected one entry, or one row, for each sample")
    return array


def scores(output: ArrayLike) -> NDArray[np.float64]:
    """Return scores (n, classes), or (n, 1) where output has the scores of class 1 only.

    Returns
    -------
    array (n, classes), or (n, 1)
    """
    array = real(output, "output").astype(np.float64, copy=False)
    return array if array.ndim == 2 else array[:, None]


def labels(y_true: ArrayLike, n: int, columns: int) -> NDArray[np.int32]:
    """Check the labels of ``n`` samples, as many classes as ``columns``; one column stands for two classes."""
    return targets.labels(y_true, n, columns if columns != 1 else 2, "y_true")


def predicted(y_true: ArrayLike, output: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Return true labels, predicted labels and the number of classes (0: as many as the labels say).

    If ``output`` is (n,) of integers, it holds labels. Otherwise the label is that of the first largest score of a row,
    or 1 if the score of class 1 is above 1/2. A row with NaN gets the label -1, which is never correct.
    """
    array = real(output, "output")
    n = len(array)
    if array.ndim == 1 and array.dtype.kind in "iub":
        return targets.labels(y_true, n, _MOST_CLASSES, "y_true"), targets.labels(array, n, _MOST_CLASSES, "output"), 0
    guess, columns = np.empty(n, np.int32), 1 if array.ndim == 1 else array.shape[1]
    for first, part in strips.of(array):
        rows = scores(part)
        best = (rows[:, 0] > 0.5) if columns == 1 else rows.argmax(axis=1)
        guess[first : first + len(part)] = np.where(np.isnan(rows).any(axis=1), -1, best)
    return labels(y_true, n, columns), guess, max(columns, 2)


def weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return the weights of n samples, 1 by default, times a power of two that keeps sums within float64.

    Raises
    ------
    TypeError, ValueError : the weights are not (n,) finite numbers of at least 0.
    """
    if sample_weight is None:
        return np.ones(n)
    array = real(sample_weight, "sample_weight").astype(np.float64, copy=False)
    if array.shape != (n,):
        raise ValueError(f"sample_weight has shape {array.shape}: expected ({n},)")
    if not all((np.isfinite(part) & (part >= 0)).all() for _, part in strips.of(array)):
        raise ValueError("sample_weight has entries below 0 or not finite: expected finite numbers, at least 0")
    return np.ldexp(array, -int(np.frexp(array.max(initial=0))[1]))


def mean(values: NDArray[Any], weight: NDArray[np.float64]) -> float:
    """Return the weighted mean over the samples with weights above 0; NaN if there are none."""
    total, counted = weight.sum(), np.empty(len(weight))
    for first, part in strips.of(weight):
        counted[first : first + len(part)] = np.where(part > 0, values[first : first + len(part)], 0)
    return float(weight @ counted / total) if total > 0 else float("nan")
