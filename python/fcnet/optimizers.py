"""Optimisers: what a step does with a gradient. Small frozen dataclasses; the work is done in the native core."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from fcnet import arrays
from fcnet.hyperparameters import Range, check_numbers

_RANGES: dict[str, Range] = {
    "learning_rate": ("a positive, finite number", lambda value: 0 < value < math.inf),
    "momentum": ("0 <= momentum < 1", lambda value: 0 <= value < 1),
    "beta1": ("0 <= beta1 < 1", lambda value: 0 <= value < 1),
    "beta2": ("0 <= beta2 < 1", lambda value: 0 <= value < 1),
    "epsilon": ("a positive, finite number", lambda value: 0 < value < math.inf),
    "weight_decay": ("a finite number, at least 0", lambda value: 0 <= value < math.inf),
}


@dataclass(frozen=True)
class Optimizer:
    """What ``SGD``, ``Adam`` and ``AdamW`` have in common: a learning rate, and checks of what they are given."""

    learning_rate: float

    def __post_init__(self) -> None:
        check_numbers(self, _RANGES)

    def _native(self) -> tuple[str, dict[str, float]]:
        """Name and hyperparameters, as the native trainer takes them."""
        raise NotImplementedError


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, ``x <- x - learning_rate dL/dx`` (the article, last section), on mini-batches.

    With momentum, ``v <- momentum v + dL/dx`` takes the gradient's place; with Nesterov's look ahead,
    ``momentum v + dL/dx`` does (Sutskever et al. 2013). v starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.1
        The article's alpha; positive and finite.
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
        Needs a momentum above 0.

    Raises
    ------
    TypeError : an argument is not a number, nesterov not a bool.
    ValueError : an argument is out of range.

    Examples
    --------
    >>> SGD(0.05, momentum=0.9)
    SGD(learning_rate=0.05, momentum=0.9, nesterov=False)
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "nesterov", arrays.flag(self.nesterov, "nesterov"))
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov is True: expected a momentum above 0 with it")

    def _native(self) -> tuple[str, dict[str, float]]:
        name = "sgd" if self.momentum == 0 else "nesterov" if self.nesterov else "momentum"
        return name, {"learning_rate": self.learning_rate, "beta1": self.momentum}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1): steps of nearly ``learning_rate``, whatever the gradient's scale.

    ``m <- beta1 m + (1 - beta1) g``, ``v <- beta2 v + (1 - beta2) g**2``, both corrected for their start at 0 to
    ``m' = m / (1 - beta1**t)`` and ``v' = v / (1 - beta2**t)`` in step t; ``x <- x - learning_rate m' / (sqrt(v') +
    epsilon)``.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Positive and finite.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
        Positive and finite.

    Raises
    ------
    TypeError : an argument is not a number.
    ValueError : an argument is out of range.

    Examples
    --------
    >>> Adam()
    Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def _native(self) -> tuple[str, dict[str, float]]:
        return "adam", {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): weights, not biases, shrink in every step.

    ``W <- (1 - learning_rate weight_decay) W``, then as ``Adam``.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon
        As for ``Adam``.
    weight_decay : float >= 0, default 0.01

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.
    """

    weight_decay: float = 0.01
