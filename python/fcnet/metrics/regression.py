"""Regression metrics: mean squared error, its root, mean absolute error, coefficient of determination."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet.metrics.samples import mean, real, weights


def _columns(value: ArrayLike, name: str) -> NDArray[np.float64]:
    array = real(value, name).astype(np.float64, copy=False)
    return array if array.ndim == 2 else array[:, None]


def _pair(y_true: ArrayLike, output: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both arguments as (n, outputs)."""
    truth, values = _columns(y_true, "y_true"), _columns(output, "output")
    if truth.shape != values.shape:
        raise ValueError(f"output has shape {np.shape(output)}, y_true {np.shape(y_true)}: expected the same")
    return truth, values


def mse(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean squared error over samples and outputs.

    Parameters
    ----------
    y_true, output : array-like (n,) or (n, outputs)
    sample_weight : array-like (n,), optional
        Weight of each sample.

    Returns
    -------
    float >= 0

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> mse([1, 2], [1, 4])
    2.0
    """
    truth, values = _pair(y_true, output)
    with np.errstate(over="ignore", invalid="ignore"):  # the result is then not finite either
        errors = np.square(values - truth).mean(axis=1)
    return mean(errors, weights(sample_weight, len(truth)))


def rmse(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Root mean squared error: the root of ``mse``, over all outputs together as in the loss "rmse".

    Parameters
    ----------
    y_true, output, sample_weight : as for ``mse``

    Returns
    -------
    float >= 0

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> rmse([1, 2], [3, 4])
    2.0
    """
    return float(np.sqrt(mse(y_true, output, sample_weight=sample_weight)))


def mae(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean absolute error over samples and outputs.

    Parameters
    ----------
    y_true, output, sample_weight : as for ``mse``

    Returns
    -------
    float >= 0

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> mae([1, 2], [1, 4])
    1.0
    """
    truth, values = _pair(y_true, output)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.abs(values - truth).mean(axis=1)
    return mean(errors, weights(sample_weight, len(truth)))


def r2(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, ``1 - sum (y - output)^2 / sum (y - mean y)^2``, averaged over the outputs.

    Parameters
    ----------
    y_true, output, sample_weight : as for ``mse``

    Returns
    -------
    float <= 1
        0 for predicting the mean of y_true. If y_true is constant: 1 if every value is correct, otherwise 0. NaN for a
        single sample, not counting samples with weight 0.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> r2([1, 2, 3], [1, 2, 4])
    0.5
    """
    truth, values = _pair(y_true, output)
    weight = weights(sample_weight, len(truth))
    counts = weight > 0
    truth, values, weight = truth[counts], values[counts], weight[counts]
    if len(truth) < 2:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        left = weight @ np.square(values - truth)
        spread = weight @ np.square(truth - weight @ truth / weight.sum())
        # compares entries, because the rounded mean of equal numbers may differ from them
        constant = (truth == truth[0]).all(axis=0) | (spread == 0)
        of_constant = np.where(left == 0, 1.0, np.where(np.isnan(left), np.nan, 0.0))
        return float(np.where(constant, of_constant, 1 - left / np.where(constant, 1, spread)).mean())
