"""Optimisers: what one step does to the parameters x, given their gradients g. They keep their state themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fcnet.reference.kernels import Array

Pairs = Sequence[tuple[Array, Array]]
Update = Callable[[Pairs, Pairs], None]


def _state(state: list[Array], layers: Pairs) -> list[Array]:
    """One array of zeros for every parameter, made at the first step."""
    if not state:
        state.extend(np.zeros_like(x) for pair in layers for x in pair)
    return state


def sgd(learning_rate: float, *, momentum: float = 0.0, nesterov: bool = False) -> Update:
    """Gradient descent ``x <- x - alpha g``, or with ``v <- momentum v + g``: ``x <- x - alpha v``.

    With Nesterov's look ahead ``x <- x - alpha (g + momentum v)`` (Sutskever et al. 2013).

    Parameters
    ----------
    learning_rate : float
        alpha.
    momentum : float
    nesterov : bool

    Returns
    -------
    callable
        ``update(layers, gradients)``, both [(W, B), ...]; changes the layers in place.
    """
    velocity: list[Array] = []

    def update(layers: Pairs, gradients: Pairs) -> None:
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, v in zip(parameters, slopes, _state(velocity, layers), strict=True):
            v[...] = momentum * v + g
            x -= learning_rate * (g + momentum * v if nesterov else v)

    return update


def adam(
    learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0
) -> Update:
    """Adam (Kingma and Ba 2015, algorithm 1), with decoupled weight decay AdamW (Loshchilov and Hutter 2019).

    ``m <- beta1 m + (1 - beta1) g``, ``v <- beta2 v + (1 - beta2) g**2``;
    ``x <- x - alpha weight_decay x`` for weights, then
    ``x <- x - alpha m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + epsilon)`` in step t.

    Parameters
    ----------
    learning_rate : float
        alpha.
    beta1, beta2, epsilon, weight_decay : float

    Returns
    -------
    callable
        ``update(layers, gradients)``, both [(W, B), ...]; changes the layers in place.
    """
    first: list[Array] = []
    second: list[Array] = []
    steps = [0]

    def update(layers: Pairs, gradients: Pairs) -> None:
        steps[0] += 1
        lag1, lag2 = 1 - beta1 ** steps[0], 1 - beta2 ** steps[0]
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, m, v in zip(parameters, slopes, _state(first, layers), _state(second, layers), strict=True):
            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
            if x.ndim == 2:  # weights, not biases
                x -= learning_rate * weight_decay * x
            x -= learning_rate * (m / lag1) / (np.sqrt(v / lag2) + epsilon)

    return update
