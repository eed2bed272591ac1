"""Losses: the mean over a batch, and its derivative sigma_L by the last layer's h_in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import F, activation, through_activation
from fcnet.reference.kernels import Array, one_hot, softmax

# name -> (L(p, y, parameter) of one output, dL/dp), without the last layer's F
ERRORS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "mse": (lambda p, y, _: (p - y) ** 2, lambda p, y, _: 2 * (p - y)),
    "mae": (lambda p, y, _: np.sign((p - y).real) * (p - y), lambda p, y, _: np.sign((p - y).real) + 0 * p),
    "huber": (  # Huber 1964; the parameter is delta
        lambda p, y, d: np.where(np.abs((p - y).real) <= d, (p - y) ** 2 / 2, d * (_size(p - y) - d / 2)),
        lambda p, y, d: np.where(np.abs((p - y).real) <= d, p - y, d * np.sign((p - y).real)),
    ),
    "quantile": (  # Koenker and Bassett 1978; the parameter is q
        lambda p, y, q: np.where((p - y).real > 0, (1 - q) * (p - y), q * (y - p)),
        lambda p, y, q: np.where((p - y).real > 0, 1 - q, np.where((p - y).real < 0, -q, 0)) + 0 * p,
    ),
}
# the default output activation F of a loss; otherwise identity
OUTPUTS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp"}
PARAMETERS = {"huber": 1.0, "quantile": 0.5}  # defaults; otherwise 0


def _size(e: Array) -> Array:
    return np.asarray(np.sign(e.real) * e)


def _poisson(h: Array, y: Array, f: F) -> tuple[Array, Array]:
    """Return ``p - y ln p`` and its derivative by h, accurate also if ``p = F(h)`` underflows."""
    if f == "exp":
        return np.exp(h) - y * h, np.exp(h) - y
    p = activation(h, "softplus")
    slope, tiny = np.exp(h - p), p == 0  # the sigmoid
    log_p, ratio = np.where(tiny, h, np.log(p + tiny)), np.where(tiny, 1, slope / (p + tiny))
    return p - y * log_p, slope - y * ratio


def _mean(values: Array, weights: Array) -> Any:
    return (weights * values).sum() / weights.sum()


def loss_and_sigma(
    h_in: Array,
    y: ArrayLike,
    loss: str | Callable[..., Any] = "cross_entropy",
    *,
    output: F | None = None,
    parameter: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
) -> tuple[Any, Array, Any]:
    """Return the mean loss of a batch, ``sigma_L``, and the scale with ``d loss/d h_in = scale sigma_L``.

    Parameters
    ----------
    h_in : array (n, m)
        h_in of the last layer, with ``p = F(h_in)``.
    y : labels (n,) or probabilities (n, m) for "cross_entropy", else targets (n, m)
    loss : str or callable
        "cross_entropy": ``L = -sum_j y_j ln p_j``, ``sigma_L = p - y`` for a softmax p. The other losses are averaged
        over the outputs too. "binary_cross_entropy": ``-y ln p - (1 - y) ln(1 - p)`` of a sigmoid, with sigma ``p -
        y``; "poisson": ``p - y ln p``, with sigma ``p - y`` for exp; with e = p - y "mse": ``e^2``; "rmse": the root of
        its mean; "mae": ``|e|``; "huber": ``e^2 / 2`` up to delta, ``delta (|e| - delta / 2)`` beyond; "quantile":
        ``max(-q e, (1 - q) e)``. A callable returns the mean loss and its derivative by p.
    output : str or fcnet.activations, optional
        Output activation F, by default that of the loss; for "poisson" exp or softplus.
    parameter : float or array (m,), optional
        delta; q, also one for each output; or label smoothing s of the cross-entropies, which replaces y by ``(1 - s) y
        + s / classes``.
    weights : array (n,), optional
        Sample weights.
    outputs : integers (n,), optional
        The one output of each sample whose loss is meant; y is then (n,). For losses that are averaged over the
        outputs, with an F of each output alone.

    Returns
    -------
    loss, sigma (n, m), scale

    Raises
    ------
    ValueError : the loss is unknown.
    """
    n, m = h_in.shape
    if outputs is not None:
        at, sigma = (np.arange(n), np.asarray(outputs)), np.zeros_like(h_in)
        value, of_outputs, scale = loss_and_sigma(
            h_in[at][:, None], np.asarray(y)[:, None], loss, output=output, parameter=parameter, weights=weights
        )
        sigma[at] = of_outputs[:, 0]
        return value, sigma, scale
    w = np.ones(n, h_in.real.dtype) if weights is None else np.asarray(weights)
    by_sample = w[:, None]
    if callable(loss):
        given = (activation(h_in, output or "identity"), y) + (() if weights is None else (w,))
        value, slope = loss(*given)
        return value, through_activation(slope, h_in, output or "identity"), 1
    if loss not in {*ERRORS, *OUTPUTS, "rmse"}:
        raise ValueError(f"loss is {loss!r}: expected one of {', '.join(sorted({*ERRORS, *OUTPUTS, 'rmse'}))}")
    option: Any = PARAMETERS.get(loss, 0.0) if parameter is None else parameter
    f = output or OUTPUTS.get(loss, "identity")
    if loss == "cross_entropy":
        q = one_hot(y, m) if np.ndim(y) == 1 else np.asarray(y)
        q = (1 - option) * q + option / m
        top = h_in.real.max(axis=1, keepdims=True)
        values = np.log(np.exp(h_in - top).sum(axis=1)) + (q * (top - h_in)).sum(axis=1)
        return _mean(values, w), by_sample * (softmax(h_in) - q), 1 / w.sum()
    scale, y = 1 / (w.sum() * m), np.asarray(y)
    if loss == "binary_cross_entropy":
        q = (1 - option) * y + option / 2
        size = _size(h_in)
        values = np.where(h_in.real > 0, h_in, 0) - h_in * q + np.log1p(np.exp(-size))
        return _mean(values.mean(axis=1), w), by_sample * (activation(h_in, "sigmoid") - q), scale
    if loss == "poisson":
        values, sigma = _poisson(h_in, y, f)
        return _mean(values.mean(axis=1), w), by_sample * sigma, scale
    p = activation(h_in, f)
    value, slope = ERRORS["mse" if loss == "rmse" else loss]
    mean = _mean(value(p, y, option).mean(axis=1), w)
    sigma = by_sample * through_activation(slope(p, y, option), h_in, f)
    if loss != "rmse":
        return mean, sigma, scale
    rmse = np.sqrt(mean)
    return rmse, sigma, scale / (2 * rmse) if rmse != 0 else rmse
