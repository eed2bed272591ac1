"""Optimisers: what a step does with a gradient. Small frozen dataclasses; the work is done in the native core."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real


@dataclass(frozen=True)
class SGD:
    """Gradient descent, ``x <- x - learning_rate dL/dx`` (the article, last section), on mini-batches.

    Parameters
    ----------
    learning_rate : float, default 0.1
        The article's alpha; positive and finite.

    Raises
    ------
    TypeError : learning_rate is not a number.
    ValueError : learning_rate is not positive and finite.

    Examples
    --------
    >>> SGD(0.05)
    SGD(learning_rate=0.05)
    """

    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        rate = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, Real):
            raise TypeError(f"learning_rate is {rate!r}: expected a number")
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning_rate is {rate!r}: expected a positive, finite number")
        object.__setattr__(self, "learning_rate", float(rate))
