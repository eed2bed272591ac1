"""The validation set of early stopping: split from the training data, or the user's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing


@dataclass(frozen=True)
class ValidationSet:
    """Validation samples, as given and as the network takes them."""

    given: tuple[Any, Any]  # X, y for scorers
    x: Any
    y: Any
    weights: Any

    def __post_init__(self) -> None:
        if self.weights is not None and not np.any(self.weights):
            raise ValueError("sample_weight is 0 for all samples in the validation set of early stopping")

    @property
    def data(self) -> tuple[Any, ...]:
        """The argument validation_data of ``Network.fit``."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)


def split(
    n: int, fraction: float, random: np.random.RandomState, labels: Any | None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Split the rows into training and validation rows, the same ones as scikit-learn's own estimators.

    Raises
    ------
    ValueError : the validation set would have fewer than two samples.
    """
    train_rows, validation_rows = train_test_split(
        np.arange(n), random_state=random, test_size=fraction, stratify=labels
    )
    if len(validation_rows) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return train_rows, validation_rows


def rows(given: tuple[Any, Any], x: Any, y: Any, weights: Any, which: Any) -> ValidationSet:
    """Select a validation set from the samples."""
    x_given, y_given = (_safe_indexing(part, which) for part in given)
    return ValidationSet((x_given, y_given), x[which], y[which], None if weights is None else weights[which])


def scorer_of(estimator: Any, validation: ValidationSet) -> Callable[[float], float]:
    """Return a function that scores the estimator; its argument is the validation loss, one of the possible scores."""
    if estimator.scoring == "loss":
        return lambda loss: -loss
    x, y = validation.given
    if estimator.scoring is None:
        return lambda loss: float(estimator._score(validation.x, y, validation.weights))
    scorer = check_scoring(estimator, estimator.scoring)
    weight = {} if validation.weights is None else {"sample_weight": validation.weights}
    return lambda loss: math.nan if math.isnan(loss) else float(scorer(estimator, x, y, **weight))
