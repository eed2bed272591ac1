"""All layers: the forward pass, backpropagation, one step of gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import activation as apply_activation
from fcnet.reference.activations import activation_derivative
from fcnet.reference.kernels import Array, cross_entropy, linear, softmax, weight_gradient
from fcnet.reference.optimizers import Update, sgd

Layers = Sequence[tuple[Array, Array]]


def _of_hidden(activation: str | Sequence[str], layers: Layers) -> Sequence[str]:
    """The F of every hidden layer."""
    return [activation] * (len(layers) - 1) if isinstance(activation, str) else activation


def forward(
    layers: Layers, x: ArrayLike, *, loss: str = "cross_entropy", activation: str | Sequence[str] = "relu"
) -> list[tuple[Array, Array]]:
    """``h_0 = x``, ``h_in_i = h_{i-1} W_i + B_i``, ``h_i = F_i(h_in_i)``; at the end softmax or identity.

    Parameters
    ----------
    layers : [(W, B), ...]
    x : array (n, k)
    loss : {"cross_entropy", "mse", "rmse"}
        Softmax belongs to cross-entropy.
    activation : str, or one for each hidden layer
        See ``fcnet.reference.activation``.

    Returns
    -------
    [(h_in, h_out), ...] of every layer

    Raises
    ------
    ValueError : the shapes disagree.
    """
    if loss not in ("cross_entropy", "mse", "rmse"):
        raise ValueError(f"loss is {loss!r}: expected 'cross_entropy', 'mse' or 'rmse'")
    h, passed, hidden = np.asarray(x), [], _of_hidden(activation, layers)
    for i, (w, b) in enumerate(layers):
        h_in = linear(h, w, b)
        last = softmax if loss == "cross_entropy" else np.asarray
        h = apply_activation(h_in, hidden[i]) if i + 1 < len(layers) else last(h_in)
        passed.append((h_in, h))
    return passed


def loss_and_sigma(h_in: Array, y: ArrayLike, loss: str) -> tuple[Any, Array, Any]:
    """Mean loss of a batch, ``sigma_L = p - y``, and the scale for which ``d loss/d h_in = scale sigma_L``.

    Parameters
    ----------
    h_in : array (n, m)
        The last layer's.
    y : labels (n,), or targets (n, m) for "mse" and "rmse"
    loss : {"cross_entropy", "mse", "rmse"}
        With e = p - y: ``mse = sum e^2 / (n m)``, scale ``2 / (n m)``; ``rmse = sqrt(mse)``, scale
        ``1 / (n m rmse)`` (0 where rmse is 0); cross-entropy: scale ``1 / n``.

    Returns
    -------
    loss, sigma (n, m), scale

    Raises
    ------
    ValueError : an unknown loss.
    """
    n, m = h_in.shape
    if loss == "cross_entropy":
        values, sigma = cross_entropy(h_in, y)
        return values.mean(), sigma, 1 / n
    sigma = h_in - np.asarray(y)
    mse = (sigma * sigma).sum() / (n * m)
    if loss == "mse":
        return mse, sigma, 2 / (n * m)
    if loss == "rmse":
        rmse = np.sqrt(mse)
        return rmse, sigma, 1 / (n * m * rmse) if rmse != 0 else rmse
    raise ValueError(f"loss is {loss!r}: expected 'cross_entropy', 'mse' or 'rmse'")


def backward(
    layers: Layers,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "cross_entropy",
    activation: str | Sequence[str] = "relu",
) -> tuple[Any, list[tuple[Array, Array]]]:
    """Backpropagation: ``sigma_L = p - y``, ``sigma_i = sigma_{i+1} W_{i+1}^T o F'(h_in_i)``, and the gradients.

    Parameters
    ----------
    layers : [(W, B), ...]
    x : array (n, k)
    y : labels (n,), or targets (n, m)
    loss : {"cross_entropy", "mse", "rmse"}
    activation : as forward

    Returns
    -------
    loss : scalar
        Mean over the batch.
    gradients : [(dL/dW, dL/dB), ...]

    Raises
    ------
    ValueError : the shapes disagree, labels out of range, an unknown loss.
    """
    passed = forward(layers, x, loss=loss, activation=activation)
    hidden = _of_hidden(activation, layers)
    value, sigma, scale = loss_and_sigma(passed[-1][0], y, loss)
    gradients = []
    for i in range(len(layers) - 1, -1, -1):
        h = passed[i - 1][1] if i > 0 else np.asarray(x)
        dw, db = weight_gradient(sigma, h)
        gradients.append((scale * dw, scale * db))
        if i > 0:
            sigma = (sigma @ layers[i][0].T) * activation_derivative(h, hidden[i - 1])
    return value, gradients[::-1]


def training_step(
    layers: Layers,
    x: ArrayLike,
    y: ArrayLike,
    optimizer: float | Update,
    *,
    loss: str = "cross_entropy",
    activation: str | Sequence[str] = "relu",
) -> Any:
    """One step of training on a batch; the arrays of ``layers`` are updated in place.

    Parameters
    ----------
    layers : [(W, B), ...]
        Overwritten.
    x : array (n, k)
    y : labels (n,), or targets (n, m)
    optimizer : float or callable
        The learning rate of gradient descent, or what ``sgd`` or ``adam`` return.
    loss : {"cross_entropy", "mse", "rmse"}
    activation : as forward

    Returns
    -------
    scalar
        The loss before the step.

    Raises
    ------
    ValueError : as backward.
    """
    value, gradients = backward(layers, x, y, loss=loss, activation=activation)
    update = optimizer if callable(optimizer) else sgd(optimizer)
    update(layers, gradients)
    return value
