"""Metrics of predicted classes: accuracy, precision, recall, F1."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import strips
from fcnet.metrics.samples import mean, predicted, weights

Average = Literal["auto", "binary", "macro", "micro", "weighted"]
_Counts = NDArray[np.float64]


def accuracy(y_true: ArrayLike, output: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Accuracy: the fraction of samples whose class is predicted correctly.

    Parameters
    ----------
    y_true : array-like (n,) of int, or one-hot rows (n, classes)
    output : array-like
        Scores (n, classes), of which the largest, or the first of several, gives the predicted class; scores (n,) or
        (n, 1) of class 1, which is predicted above 1/2; or predicted labels (n,), as integers. A row with NaN counts as
        wrong.
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
    >>> accuracy([0, 1, 2], [[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])
    0.6666666666666666
    """
    truth, guess, _ = predicted(y_true, output)
    return mean(truth == guess, weights(sample_weight, len(truth)))


def _places(
    truth: NDArray[np.int32], guess: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
    """Return the labels that occur, sorted, and the index among them of each true and each predicted label."""
    least, most = (int(bound) for bound in (min(truth.min(), guess.min()), max(truth.max(), guess.max())))
    if most - least > 4 * len(truth):
        present, place = np.unique(np.concatenate([truth, guess]), return_inverse=True)
        return present, place[: len(truth)], place[len(truth) :]
    occurs = np.zeros(most - least + 1, bool)  # instead of a sort, during which Ctrl-C would have to wait
    for labels in (truth, guess):
        for _, part in strips.of(labels):
            occurs[part - least] = True
    place = np.cumsum(occurs) - 1
    places = np.empty((2, len(truth)), np.intp)
    for labels, place_of in zip((truth, guess), places, strict=True):
        for first, part in strips.of(labels):
            place_of[first : first + len(part)] = place[part - least]
    return np.flatnonzero(occurs).astype(np.int32) + np.int32(least), places[0], places[1]


def _averaged(
    kind: Literal["precision", "recall", "f1"],
    y_true: ArrayLike,
    output: ArrayLike,
    average: Average,
    sample_weight: ArrayLike | None,
) -> float:
    """Compute precision, recall or F1 by class from the counts of true positives (``right``), and average them.

    The ratio is ``right / guessed``, ``right / actual`` or ``2 right / (guessed + actual)``, and 0 for 0 / 0.
    """
    if not isinstance(average, str) or average not in get_args(Average):
        raise ValueError(f"average is {average!r}: expected one of {', '.join(get_args(Average))}")
    truth, guess, classes = predicted(y_true, output)
    weight = weights(sample_weight, len(truth))
    if not weight.sum() > 0:
        return float("nan")
    present, true_place, guess_place = _places(truth, guess)
    most = classes or max(int(present[-1]) + 1, 2)
    if average == "auto":
        average = "binary" if most == 2 else "macro"
    if average == "binary" and most > 2:
        raise ValueError(f"average is 'binary', but there are {most} classes: expected 'macro', 'micro' or 'weighted'")

    def count(places: NDArray[np.intp], which: NDArray[np.bool_] | slice = slice(None)) -> _Counts:
        counted: _Counts = np.bincount(places[which], weight[which], len(present)).astype(np.float64)
        return counted

    is_class = present >= 0  # -1 is no prediction
    actual, guessed = count(true_place)[is_class], count(guess_place)[is_class]
    right = count(true_place, truth == guess)[is_class]
    if average == "binary":
        chosen = present[is_class] == 1
        actual, guessed, right = actual[chosen], guessed[chosen], right[chosen]
    if average in ("binary", "micro"):
        actual, guessed, right = (np.atleast_1d(counts.sum()) for counts in (actual, guessed, right))
    of = {"precision": guessed, "recall": actual, "f1": (guessed + actual) / 2}[kind]
    ratio = np.divide(right, of, out=np.zeros_like(right), where=of > 0)
    return float(np.average(ratio, weights=actual if average == "weighted" else None))


def precision(
    y_true: ArrayLike, output: ArrayLike, *, average: Average = "auto", sample_weight: ArrayLike | None = None
) -> float:
    """Precision: the fraction of the samples predicted as a class that belong to it; 0 if there are none.

    Parameters
    ----------
    y_true, output, sample_weight : as for ``accuracy``
    average : {"auto", "binary", "macro", "micro", "weighted"}
        "binary" is the value of class 1. The others average over the classes that occur in y_true or are predicted:
        "macro" is their mean, "weighted" the mean weighted by their number of samples, and "micro" the value of all
        their samples together. "auto" means "binary" for two classes, otherwise "macro".

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> precision([0, 1, 1, 1], [1, 1, 0, 1])
    0.6666666666666666
    """
    return _averaged("precision", y_true, output, average, sample_weight)


def recall(
    y_true: ArrayLike, output: ArrayLike, *, average: Average = "auto", sample_weight: ArrayLike | None = None
) -> float:
    """Recall: the fraction of the samples of a class that are predicted as it; 0 if there are none.

    Parameters
    ----------
    y_true, output, average, sample_weight : as for ``precision``

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> recall([0, 1, 1, 1, 1], [1, 1, 0, 1, 1])
    0.75
    """
    return _averaged("recall", y_true, output, average, sample_weight)


def f1(
    y_true: ArrayLike, output: ArrayLike, *, average: Average = "auto", sample_weight: ArrayLike | None = None
) -> float:
    """F1 score: the harmonic mean of precision and recall by class; 0 for a class that is never predicted correctly.

    Parameters
    ----------
    y_true, output, average, sample_weight : as for ``precision``

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> f1([0, 1, 1, 0], [0, 1, 0, 0])
    0.6666666666666666
    >>> f1([0, 1, 2, 2], [0, 1, 2, 1], average="micro")
    0.75
    """
    return _averaged("f1", y_true, output, average, sample_weight)
