"""Metrics of scores and probabilities: top-k accuracy, log loss, ROC AUC."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet.metrics.samples import labels, mean, scores, weights


def top_k_accuracy(
    y_true: ArrayLike, output: ArrayLike, *, k: int = 5, sample_weight: ArrayLike | None = None
) -> float:
    """Top-k accuracy: the fraction of samples whose class is among the k largest scores.

    Parameters
    ----------
    y_true : array-like (n,) of int, or one-hot rows (n, classes)
    output : array-like (n, classes)
        Scores; among equal ones, the lower class comes first. A row with NaN counts as wrong.
    k : int in [1, classes], default 5
    sample_weight : array-like (n,), optional
        Weight of each sample.

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> top_k_accuracy([0, 1, 2], [[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1]], k=2)
    0.6666666666666666
    """
    rows = scores(output)
    n, classes = rows.shape
    if classes < 2:
        raise ValueError(f"output has shape {np.shape(output)}: expected scores (n, classes)")
    k = whole_number(k, "k", 1, classes)
    truth = labels(y_true, n, classes)
    own = np.take_along_axis(rows, truth[:, None].astype(np.intp), axis=1)
    before = (rows > own) | ((rows == own) & (np.arange(classes) < truth[:, None]))
    right = (before.sum(axis=1) < k) & ~np.isnan(rows).any(axis=1)
    return mean(right, weights(sample_weight, n))


def log_loss(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Log loss: the mean cross-entropy ``-log p`` of the true class.

    Parameters
    ----------
    y_true : array-like (n,) of int, or one-hot rows (n, classes)
    output : array-like
        Probabilities (n, classes), or those of class 1 as (n,) or (n, 1). They are clipped to [eps, 1 - eps], with the
        machine epsilon of their type.
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
    >>> round(log_loss([0, 1], [[0.5, 0.5], [0.75, 0.25]]), 4)
    1.0397
    """
    given = np.asarray(output)
    eps = float(np.finfo(given.dtype).eps) if given.dtype.kind == "f" else float(np.finfo(np.float64).eps)
    p = scores(output)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("output has numbers outside of 0 to 1: expected probabilities")
    if p.shape[1] == 1:
        p = np.hstack([1 - p, p])
    truth = labels(y_true, *p.shape)
    own = p[np.arange(len(p)), truth]
    return mean(-np.log(np.clip(own, eps, 1 - eps)), weights(sample_weight, len(p)))


def _area(positive: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the weighted fraction of pairs of a positive and a negative sample where the positive one scores higher.

    A tie counts one half. This is the area under the ROC curve.
    """
    values, group = np.unique(score, return_inverse=True)
    positives = np.bincount(group, weight * positive, len(values))
    negatives = np.bincount(group, weight * ~positive, len(values))
    pairs = positives.sum() * negatives.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / pairs)


def roc_auc(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """ROC AUC: the area under the receiver operating characteristic curve.

    It is the probability that a sample of a class has a higher score than a sample of another class. For two classes it
    is that of class 1, otherwise the mean over the classes, each against the rest ("ovr", "macro").

    Parameters
    ----------
    y_true : array-like (n,) of int, or one-hot rows (n, classes)
    output : array-like
        Scores (n, classes), or those of class 1 as (n,) or (n, 1).
    sample_weight : array-like (n,), optional
        Weight of each sample.

    Returns
    -------
    float in [0, 1]
        1/2 for random scores. Classes that no sample has, or that all samples have, are left out of the mean. NaN if no
        class remains, or if a score is NaN.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    rows = scores(output)
    truth = labels(y_true, *rows.shape)
    weight = weights(sample_weight, len(rows))
    if np.isnan(rows[weight > 0]).any():
        return float("nan")
    if rows.shape[1] <= 2:
        return _area(truth == 1, rows[:, -1], weight)
    counted = np.bincount(truth, weight, rows.shape[1])
    classes = np.flatnonzero((counted > 0) & (counted < weight.sum()))
    areas = [_area(truth == c, rows[:, c], weight) for c in classes]
    return float(np.mean(areas)) if areas else float("nan")
