"""Metrics of scores and probabilities: top-k accuracy, log loss, ROC AUC."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs import strips
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
    if any(((part < 0) | (part > 1)).any() for _, part in strips.of(p)):
        raise ValueError("output has numbers outside of 0 to 1: expected probabilities")
    truth, losses = labels(y_true, *p.shape), np.empty(len(p))
    for first, part in strips.of(p):
        own = truth[first : first + len(part)]
        of_class = np.hstack([1 - part, part]) if p.shape[1] == 1 else part
        losses[first : first + len(part)] = -np.log(np.clip(of_class[np.arange(len(part)), own], eps, 1 - eps))
    return mean(losses, weights(sample_weight, len(p)))


def _in_ascending_parts(score: NDArray[np.float64]) -> Iterator[NDArray[np.intp] | slice]:
    """Yield the samples of the lowest scores, of the next ones, and so on; equal scores are in the same part.

    A part is small enough that Ctrl-C does not have to wait until it is sorted, unless most of its scores are equal.
    """
    count = -(-len(score) // (strips.SCANNED // 8))
    if count <= 1:
        yield slice(None)
        return
    some = np.sort(score[:: max(1, len(score) // (64 * count))])
    starts = some[len(some) // count :: len(some) // count]  # of all parts but the first
    parts: list[list[NDArray[np.intp]]] = [[] for _ in range(len(starts) + 1)]
    for rows in strips.ranges(len(score), 1, objects=True):
        number = np.searchsorted(starts, score[rows], side="right")
        order = np.argsort(number.astype(np.min_scalar_type(len(parts))), kind="stable")  # a radix sort up to 16 bits
        ends = np.cumsum(np.bincount(number, minlength=len(parts)))
        for part, samples in zip(parts, np.split(rows.start + order, ends[:-1]), strict=True):
            part.append(samples)
    yield from map(np.concatenate, parts)


def _area(positive: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the weighted fraction of pairs of a positive and a negative sample where the positive one scores higher.

    A tie counts one half. This is the area under the ROC curve.
    """
    higher = below = above = 0.0  # sums of pairs, of the negative and of the positive samples
    for part in _in_ascending_parts(score):
        values, group = np.unique(score[part], return_inverse=True)
        positives = np.bincount(group, weight[part] * positive[part], len(values))
        negatives = np.bincount(group, weight[part] * ~positive[part], len(values))
        higher += float(positives @ (below + np.cumsum(negatives) - negatives / 2))
        below += float(negatives.sum())
        above += float(positives.sum())
    return higher / (above * below) if above * below else float("nan")


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
    if any((np.isnan(part).any(axis=1) & (weight[i : i + len(part)] > 0)).any() for i, part in strips.of(rows)):
        return float("nan")
    if rows.shape[1] <= 2:
        return _area(truth == 1, rows[:, -1], weight)
    counted = np.bincount(truth, weight, rows.shape[1])
    classes = np.flatnonzero((counted > 0) & (counted < weight.sum()))
    areas = [_area(truth == c, rows[:, c], weight) for c in classes]
    return float(np.mean(areas)) if areas else float("nan")
