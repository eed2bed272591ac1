"""The samples that early stopping looks at: held back from the training, or the user's own."""

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
class HeldBack:
    """Samples as the user has them and as the network takes them."""

    given: tuple[Any, Any]  # X, y for scorers
    x: Any
    y: Any
    weights: Any

    def __post_init__(self) -> None:
        if self.weights is not None and not np.any(self.weights):
            raise ValueError("sample_weight has nothing but 0 in the part that early stopping looks at")

    @property
    def data(self) -> tuple[Any, ...]:
        """For ``Network.fit``."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)


def split(
    n: int, fraction: float, random: np.random.RandomState, labels: Any | None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows to train on and to hold back, those that scikit-learn's own estimators draw.

    Raises
    ------
    ValueError : fewer than two would be held back.
    """
    kept, held = train_test_split(np.arange(n), random_state=random, test_size=fraction, stratify=labels)
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return kept, held


def rows(given: tuple[Any, Any], x: Any, y: Any, weights: Any, which: Any) -> HeldBack:
    """Some of the samples."""
    x_given, y_given = (_safe_indexing(part, which) for part in given)
    return HeldBack((x_given, y_given), x[which], y[which], None if weights is None else weights[which])


def scorer_of(estimator: Any, held: HeldBack) -> Callable[[float], float]:
    """The score of the estimator as it is at the moment; takes the validation loss, which is one of the choices."""
    if estimator.scoring == "loss":
        return lambda loss: -loss
    x, y = held.given
    if estimator.scoring is None:
        return lambda loss: float(estimator._score(held.x, y, held.weights))
    scorer = check_scoring(estimator, estimator.scoring)
    weight = {} if held.weights is None else {"sample_weight": held.weights}
    return lambda loss: math.nan if math.isnan(loss) else float(scorer(estimator, x, y, **weight))
