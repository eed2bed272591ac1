"""Losses: their mean over a batch, and sigma_L, its derivative by the last layer's h_in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import activation, through_activation
from fcnet.reference.kernels import Array, one_hot, softmax

# name -> (L(p, y, parameter) of one output, dL/dp), where the last layer's F is not part of it
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
# the F that a loss usually goes with; else identity
OUTPUTS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp"}
PARAMETERS = {"huber": 1.0, "quantile": 0.5}  # by default; else 0


def _size(e: Array) -> Array:
    return np.asarray(np.sign(e.real) * e)


def _poisson(h: Array, y: Array, f: str) -> tuple[Array, Array]:
    """``p - y ln p``, and its derivative by h; also where ``p = F(h)``, some ``exp(h)``, is too small for its type."""
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
    output: str | None = None,
    parameter: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Any, Array, Any]:
    """Mean loss of a batch, ``sigma_L``, and the scale for which ``d loss/d h_in = scale sigma_L``.

    Parameters
    ----------
    h_in : array (n, m)
        The last layer's, with ``p = F(h_in)``.
    y : labels (n,) or probabilities (n, m) for "cross_entropy", else targets (n, m)
    loss : str or callable
        "cross_entropy": ``L = -sum_j y_j ln p_j``, ``sigma_L = p - y`` where p is a softmax. Of all others L is the
        mean over the outputs too. "binary_cross_entropy": ``-y ln p - (1 - y) ln(1 - p)`` of a sigmoid, ``p - y``;
        "poisson": ``p - y ln p``, with exp ``p - y``; with e = p - y "mse": ``e^2``; "rmse": the root of its mean;
        "mae": ``|e|``; "huber": ``e^2 / 2`` up to delta, ``delta (|e| - delta / 2)`` beyond; "quantile":
        ``max(-q e, (1 - q) e)``. A callable gives the mean loss and its derivative by p.
    output : str, optional
        F, by default what goes with the loss; for "poisson" exp or softplus.
    parameter : float or array (m,), optional
        delta, q, also one for each output, or for the cross-entropies label smoothing s: ``(1 - s) y + s / classes``
        for y.
    weights : array (n,), optional
        Of the samples.

    Returns
    -------
    loss, sigma (n, m), scale

    Raises
    ------
    ValueError : an unknown loss.
    """
    n, m = h_in.shape
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
