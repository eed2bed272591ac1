"""What metrics compare, checked: true labels, what was predicted of them, how much each sample counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import arrays, targets

_MOST_CLASSES = 2**31 - 1


def real(value: ArrayLike, name: str) -> NDArray[Any]:
    """An array of real numbers with rows.

    Raises
    ------
    TypeError, ValueError : it is not one.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}: expected real numbers")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}: expected one entry, or one row, for each sample")
    return array


def metric_set(output: ArrayLike) -> NDArray[np.float64]:
    """A score for each class as (n, classes); of two classes also given by that of class 1 alone, as (n,) or (n, 1).

    Returns
    -------
    array (n, classes), or (n, 1)
    """
    array = real(output, "output").astype(np.float64, copy=False)
    return array if array.ndim == 2 else array[:, None]


def labels(y_true: ArrayLike, n: int, columns: int) -> NDArray[np.int32]:
    """Labels of ``n`` samples below the number of ``columns``, where one column is for two classes."""
    return targets.labels(y_true, n, columns if columns != 1 else 2, "y_true")


def predicted(y_true: ArrayLike, output: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """True labels, those predicted, and the number of classes (0: as many as the labels say).

    ``output`` holds labels where it is (n,) of whole numbers; else the label is that of the row's first largest score,
    or whether class 1 has more than 1/2. A row with NaN predicts -1, which is never right.
    """
    array = real(output, "output")
    n = len(array)
    if array.ndim == 1 and array.dtype.kind in "iub":
        return targets.labels(y_true, n, _MOST_CLASSES, "y_true"), targets.labels(array, n, _MOST_CLASSES, "output"), 0
    guess, columns = np.empty(n, np.int32), 1 if array.ndim == 1 else array.shape[1]
    for first, part in arrays.strips(array):
        rows = metric_set(part)
        best = (rows[:, 0] > 0.5) if columns == 1 else rows.argmax(axis=1)
        guess[first : first + len(part)] = np.where(np.isnan(rows).any(axis=1), -1, best)
    return labels(y_true, n, columns), guess, max(columns, 2)


def weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """How much each of n samples counts: 1 each, or as given, times a power of two that keeps sums within float64.

    Raises
    ------
    TypeError, ValueError : not (n,) finite numbers of at least 0.
    """
    if sample_weight is None:
        return np.ones(n)
    array = real(sample_weight, "sample_weight").astype(np.float64, copy=False)
    if array.shape != (n,):
        raise ValueError(f"sample_weight has shape {array.shape}: expected ({n},)")
    if not (np.isfinite(array) & (array >= 0)).all():
        raise ValueError("sample_weight has entries below 0 or not finite: expected finite numbers, at least 0")
    return np.ldexp(array, -int(np.frexp(array.max(initial=0))[1]))


def mean(values: NDArray[Any], weight: NDArray[np.float64]) -> float:
    """Weighted mean over the samples, whatever the values of those that weigh 0; NaN where nothing counts."""
    total = weight.sum()
    return float(weight @ np.where(weight > 0, values, 0) / total) if total > 0 else float("nan")
