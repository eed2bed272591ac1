"""Optimizers: functions that update parameters x with gradients g, and keep the optimizer state."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from fcnet.reference.kernels import Array

Pairs = Sequence[tuple[Array, ...]]
Update = Callable[[Pairs, Pairs], None]


def _state(state: list[Array], layers: Pairs) -> list[Array]:
    """Return the state, an array for every parameter, which starts as zeros in the first step."""
    if not state:
        state.extend(np.zeros_like(x) for pair in layers for x in pair)
    return state


def _decay(x: Array, factor: float, biases: bool) -> None:
    """Apply decoupled weight decay ``x <- x - factor x`` to weights, and optionally biases."""
    if x.ndim == 2 or biases:
        x -= factor * x


def sgd(
    learning_rate: float,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decay_biases: bool = False,
) -> Update:
    """Gradient descent ``x <- x - alpha g``, or with ``v <- momentum v + g``: ``x <- x - alpha v``.

    With Nesterov momentum: ``x <- x - alpha (g + momentum v)`` (Sutskever et al. 2013). Weight decay computes ``x <- x
    - alpha weight_decay x`` before the step (Loshchilov and Hutter 2019), for weights, or with ``decay_biases`` for all
    parameters.

    Parameters
    ----------
    learning_rate : float
        alpha.
    momentum : float
    nesterov, decay_biases : bool
    weight_decay : float

    Returns
    -------
    callable
        ``update(layers, gradients)``, both [(W, B), ...], which changes the layers in place.
    """
    velocity: list[Array] = []

    def update(layers: Pairs, gradients: Pairs) -> None:
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, v in zip(parameters, slopes, _state(velocity, layers), strict=True):
            v[...] = momentum * v + g
            _decay(x, learning_rate * weight_decay, decay_biases)
            x -= learning_rate * (g + momentum * v if nesterov else v)

    return update


def adam(
    learning_rate: float,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    epsilon_hat: float = 0.0,
    weight_decay: float = 0.0,
    decay_biases: bool = False,
) -> Update:
    """Adam (Kingma and Ba 2015, algorithm 1), or AdamW with decoupled weight decay (Loshchilov and Hutter 2019).

    ``m <- beta1 m + (1 - beta1) g``, ``v <- beta2 v + (1 - beta2) g**2``;
    ``x <- x - alpha weight_decay x`` for weights, then
    ``x <- x - alpha m / (1 - beta1**t) / ((sqrt(v) + epsilon_hat) / sqrt(1 - beta2**t) + epsilon)`` in step t.

    Parameters
    ----------
    learning_rate : float
        alpha.
    beta1, beta2, epsilon, epsilon_hat, weight_decay : float
    decay_biases : bool

    Returns
    -------
    callable
        ``update(layers, gradients)``, both [(W, B), ...], which changes the layers in place.
    """
    first: list[Array] = []
    second: list[Array] = []
    steps = [0]

    def update(layers: Pairs, gradients: Pairs) -> None:
        steps[0] += 1
        bias_correction1, bias_correction2 = 1 - beta1 ** steps[0], 1 - beta2 ** steps[0]
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, m, v in zip(parameters, slopes, _state(first, layers), _state(second, layers), strict=True):
            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
            _decay(x, learning_rate * weight_decay, decay_biases)
            x -= (
                learning_rate
                * (m / bias_correction1)
                / (np.sqrt(v / bias_correction2) + epsilon_hat / math.sqrt(bias_correction2) + epsilon)
            )

    return update


def nadam(learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Update:
    """NAdam, Adam with Nesterov momentum (Dozat 2016), as implemented in Keras and PyTorch.

    m and v as for ``adam``, ``mu_t = beta1 (1 - 0.96**(t / 250) / 2)``, ``P_t = mu_1 ... mu_t``;
    ``m' = mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)``;
    ``x <- x - alpha m' / (sqrt(v / (1 - beta2**t)) + epsilon)`` in step t.

    Parameters
    ----------
    learning_rate : float
        alpha.
    beta1, beta2, epsilon : float

    Returns
    -------
    callable
        As for ``sgd``.
    """
    first: list[Array] = []
    second: list[Array] = []
    steps = [0]
    product = [1.0]

    def momentum(t: int) -> float:
        return beta1 * (1 - 0.5 * float(0.96 ** (t / 250)))

    def update(layers: Pairs, gradients: Pairs) -> None:
        steps[0] += 1
        now, ahead = momentum(steps[0]), momentum(steps[0] + 1)
        product[0] *= now
        lag, lag_ahead, bias_correction2 = 1 - product[0], 1 - product[0] * ahead, 1 - beta2 ** steps[0]
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, m, v in zip(parameters, slopes, _state(first, layers), _state(second, layers), strict=True):
            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
            looking_ahead = ahead * m / lag_ahead + (1 - now) * g / lag
            x -= learning_rate * looking_ahead / (np.sqrt(v / bias_correction2) + epsilon)

    return update


def rmsprop(learning_rate: float, *, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-8) -> Update:
    """RMSprop (Tieleman and Hinton 2012): ``v <- rho v + (1 - rho) g**2``, ``x <- x - alpha g / (sqrt(v) + epsilon)``.

    With momentum ``u <- momentum u + g / (sqrt(v) + epsilon)``, ``x <- x - alpha u``.

    Parameters
    ----------
    learning_rate : float
        alpha.
    rho, momentum, epsilon : float

    Returns
    -------
    callable
        As for ``sgd``.
    """
    squares: list[Array] = []
    velocity: list[Array] = []

    def update(layers: Pairs, gradients: Pairs) -> None:
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, v, u in zip(parameters, slopes, _state(squares, layers), _state(velocity, layers), strict=True):
            v[...] = rho * v + (1 - rho) * g * g
            u[...] = momentum * u + g / (np.sqrt(v) + epsilon)
            x -= learning_rate * u

    return update


def adagrad(learning_rate: float, *, epsilon: float = 1e-10) -> Update:
    """Adagrad (Duchi et al. 2011): ``s <- s + g**2``, ``x <- x - alpha g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    learning_rate : float
        alpha.
    epsilon : float

    Returns
    -------
    callable
        As for ``sgd``.
    """
    squares: list[Array] = []

    def update(layers: Pairs, gradients: Pairs) -> None:
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, s in zip(parameters, slopes, _state(squares, layers), strict=True):
            s += g * g
            x -= learning_rate * g / (np.sqrt(s) + epsilon)

    return update


def lion(
    learning_rate: float,
    *,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    decay_biases: bool = False,
) -> Update:
    """Lion (Chen et al. 2023): ``x <- x - alpha sign(beta1 m + (1 - beta1) g)``, then ``m <- beta2 m + (1 - beta2) g``.

    Before the step ``x <- x - alpha weight_decay x`` for weights.

    Parameters
    ----------
    learning_rate : float
        alpha.
    beta1, beta2, weight_decay : float
    decay_biases : bool

    Returns
    -------
    callable
        As for ``sgd``.
    """
    moments: list[Array] = []

    def update(layers: Pairs, gradients: Pairs) -> None:
        parameters, slopes = ([x for pair in pairs for x in pair] for pairs in (layers, gradients))
        for x, g, m in zip(parameters, slopes, _state(moments, layers), strict=True):
            _decay(x, learning_rate * weight_decay, decay_biases)
            x -= learning_rate * np.sign(beta1 * m + (1 - beta1) * g)
            m[...] = beta2 * m + (1 - beta2) * g

    return update


def by_block(make: Callable[[float, float], Update], factors: Sequence[Sequence[tuple[float, float]]]) -> Update:
    """Let every array learn with factors on the learning rate and on weight decay and penalties.

    Parameters
    ----------
    make : callable
        ``make(rate, decay)`` returns the optimizer of an array with these factors, which decays all that it gets:
        ``lambda rate, decay: adam(0.01 * rate, weight_decay=0.1 * decay, decay_biases=True)``.
    factors : [[(rate, decay), ...], ...]
        Of every array of every layer.

    Returns
    -------
    callable
        As for ``sgd``. Clipping by norm is outside: ``regularized(by_block(...), clip_norm=1)``.
    """
    updates = [[make(rate, decay) for rate, decay in layer] for layer in factors]

    def update(layers: Pairs, gradients: Pairs) -> None:
        for of_layer, layer, slopes in zip(updates, layers, gradients, strict=True):
            for of_array, x, g in zip(of_layer, layer, slopes, strict=True):
                of_array([(x,)], [(g,)])

    return update


def regularized(
    update: Update,
    *,
    l2: float = 0.0,
    decay_biases: bool = False,
    clip_value: float = math.inf,
    clip_norm: float = math.inf,
) -> Update:
    """Wrap ``update`` with gradient clipping and an L2 penalty.

    ``g <- g min(1, clip_norm / |g|)``, the norm over all parameters of the network (Pascanu et al. 2013);
    ``g <- min(max(g, -clip_value), clip_value)``; then ``g <- g + l2 W`` for weights, with
    ``decay_biases`` for all parameters.

    Parameters
    ----------
    update : callable
        As returned by ``sgd``.
    l2, clip_value, clip_norm : float
    decay_biases : bool

    Returns
    -------
    callable
        As for ``sgd``.
    """

    def penalized(layers: Pairs, gradients: Pairs) -> None:
        norm = math.sqrt(sum(float((g * g).sum()) for pair in gradients for g in pair))
        factor = clip_norm / norm if norm > clip_norm else 1.0
        clipped = [tuple(np.clip(factor * g, -clip_value, clip_value) for g in pair) for pair in gradients]
        for slopes, layer in zip(clipped, layers, strict=True):
            for g, x in zip(slopes, layer if decay_biases else layer[:1], strict=False):
                g += l2 * x
        update(layers, clipped)

    return penalized
