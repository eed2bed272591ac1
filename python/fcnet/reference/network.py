"""All layers: the forward pass, backpropagation, one step of gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import activation as apply_activation
from fcnet.reference.activations import through_activation
from fcnet.reference.kernels import Array, linear, weight_gradient
from fcnet.reference.losses import OUTPUTS, loss_and_sigma
from fcnet.reference.optimizers import Update, sgd

Layers = Sequence[tuple[Array, Array]]


def _of_layers(layers: Layers, loss: Any, activation: str | Sequence[str], output: str | None) -> list[str]:
    """The F of every layer."""
    hidden = [activation] * (len(layers) - 1) if isinstance(activation, str) else activation
    return [*hidden, output or (OUTPUTS.get(loss, "identity") if isinstance(loss, str) else "identity")]


def forward(
    layers: Layers,
    x: ArrayLike,
    *,
    loss: Any = "cross_entropy",
    activation: str | Sequence[str] = "relu",
    output: str | None = None,
    masks: Sequence[Array | None] | None = None,
) -> list[tuple[Array, Array]]:
    """``h_0 = x``, ``h_in_i = h_{i-1} W_i + B_i``, ``h_i = F_i(h_in_i)``.

    Parameters
    ----------
    layers : [(W, B), ...]
    x : array (n, k)
    loss : as loss_and_sigma
    activation : str, or one for each hidden layer
        See ``fcnet.reference.activation``.
    output : str, optional
        F of the last layer, by default what goes with the loss.
    masks : [array (n, m) or None, ...], optional
        What dropout multiplies the h of each hidden layer with.

    Returns
    -------
    [(h_in, h_out), ...] of every layer

    Raises
    ------
    ValueError : the shapes disagree.
    """
    h, passed = np.asarray(x), []
    for i, ((w, b), f) in enumerate(zip(layers, _of_layers(layers, loss, activation, output), strict=True)):
        h_in = linear(h, w, b)
        h = apply_activation(h_in, f)
        mask = masks[i] if masks is not None and i < len(masks) else None
        h = h if mask is None else h * mask
        passed.append((h_in, h))
    return passed


def backward(
    layers: Layers,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Any = "cross_entropy",
    activation: str | Sequence[str] = "relu",
    output: str | None = None,
    masks: Sequence[Array | None] | None = None,
    parameter: float | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Any, list[tuple[Array, Array]]]:
    """Backpropagation: ``sigma_L = p - y``, ``sigma_i = sigma_{i+1} W_{i+1}^T o F'(h_in_i)``, and the gradients.

    Parameters
    ----------
    layers, x, activation, output, masks : as forward
    y, loss, parameter, weights : as loss_and_sigma

    Returns
    -------
    loss : scalar
        Mean over the batch.
    gradients : [(dL/dW, dL/dB), ...]

    Raises
    ------
    ValueError : the shapes disagree, labels out of range, an unknown loss.
    """
    passed = forward(layers, x, loss=loss, activation=activation, output=output, masks=masks)
    functions = _of_layers(layers, loss, activation, output)
    value, sigma, scale = loss_and_sigma(
        passed[-1][0], y, loss, output=functions[-1], parameter=parameter, weights=weights
    )
    gradients = []
    for i in range(len(layers) - 1, -1, -1):
        h = passed[i - 1][1] if i > 0 else np.asarray(x)
        dw, db = weight_gradient(sigma, h)
        gradients.append((scale * dw, scale * db))
        if i > 0:
            slope = sigma @ layers[i][0].T
            mask = None if masks is None else masks[i - 1]
            sigma = through_activation(slope if mask is None else slope * mask, passed[i - 1][0], functions[i - 1])
    return value, gradients[::-1]


def training_step(layers: Layers, x: ArrayLike, y: ArrayLike, optimizer: float | Update, **options: Any) -> Any:
    """One step of training on a batch; the arrays of ``layers`` are updated in place.

    Parameters
    ----------
    layers : [(W, B), ...]
        Overwritten.
    x : array (n, k)
    y : labels (n,), or targets (n, m)
    optimizer : float or callable
        The learning rate of gradient descent, or what ``sgd`` or ``adam`` return.
    options : as backward

    Returns
    -------
    scalar
        The loss before the step.

    Raises
    ------
    ValueError : as backward.
    """
    value, gradients = backward(layers, x, y, **options)
    update = optimizer if callable(optimizer) else sgd(optimizer)
    update(layers, gradients)
    return value
