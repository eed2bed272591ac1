"""Members of an ensemble that share W (TabM): forward pass, backpropagation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import F, through_activation
from fcnet.reference.activations import activation as apply_activation
from fcnet.reference.kernels import Array
from fcnet.reference.losses import OUTPUTS, loss_and_sigma

Layers = Sequence[tuple[Array, ...]]


def _functions(layers: Layers, loss: str, activation: F, output: F | None) -> list[F]:
    return [activation] * (len(layers) - 1) + [output or OUTPUTS.get(loss, "identity")]


def _passed(
    layers: Layers, x: ArrayLike, functions: Sequence[F], masks: Sequence[Array | None] | None
) -> list[tuple[Array, Array, Array, Array]]:
    """Return of every layer h before and after R, the product, and h_in; and one entry more, with h of the outputs."""
    members = layers[-1][0].shape[-1]
    h = np.repeat(np.asarray(x)[:, None, :], members, axis=1)
    passed = []
    for i, ((w, b, *adapters), f) in enumerate(zip(layers, functions, strict=True)):
        adapted = h * adapters[0].T if adapters else h
        if i == len(layers) - 1:
            product = np.einsum("nmi,iom->nmo", h, w)
            h_in = product + b.T
        else:
            product = adapted @ w
            h_in = product * adapters[1].T + b.T if len(adapters) > 1 else product + b
        passed.append((h, adapted, product, h_in))
        h = apply_activation(h_in, f)
        mask = masks[i] if masks is not None and i < len(masks) else None
        h = h if mask is None else h * mask
    return [*passed, (h, h, h, h)]


def members_forward(
    layers: Layers,
    x: ArrayLike,
    *,
    loss: str = "cross_entropy",
    activation: F = "relu",
    output: F | None = None,
    masks: Sequence[Array | None] | None = None,
) -> list[Array]:
    """Forward pass of all members: ``h_in_i = ((h_{i-1} o R_i) W_i) o S_i + B_i``, ``h_i = F_i(h_in_i)``.

    A network with members predicts the mean of the last h over them.

    Parameters
    ----------
    layers : [(W, B), ...]
        (W, B, R) where a hidden layer has R, (W, B, R, S) where it has all, B (m, members) then; those of the last
        layer are W (k, m, members) and B (m, members). R is (k, members) and S (m, members).
    x : array (n, k)
    loss : as loss_and_sigma
    activation : str
        Of the hidden layers, see ``fcnet.reference.activation``.
    output : str, optional
        F of the last layer, by default that of the loss.
    masks : [array (n, members, m) or None, ...], optional
        Dropout masks, by which h of each hidden layer is multiplied.

    Returns
    -------
    [h of every layer (n, members, m)]

    Raises
    ------
    ValueError : the shapes disagree.
    """
    return [h for h, *_ in _passed(layers, x, _functions(layers, loss, activation, output), masks)[1:]]


def members_backward(
    layers: Layers,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "cross_entropy",
    activation: F = "relu",
    output: F | None = None,
    masks: Sequence[Array | None] | None = None,
    parameter: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Any, list[tuple[Array, ...]]]:
    """Backpropagation of the mean of all members' losses.

    Parameters
    ----------
    layers, x, loss, activation, output, masks : as members_forward
    y, parameter, weights : as loss_and_sigma

    Returns
    -------
    loss : scalar
        Mean over the batch and the members.
    gradients : [tuple of arrays like those of the layer, ...]

    Raises
    ------
    ValueError : the shapes disagree, a label is out of range, or the loss is unknown.
    """
    functions = _functions(layers, loss, activation, output)
    passed = _passed(layers, x, functions, masks)
    h_in = passed[-2][3]
    n, members, outputs = h_in.shape
    y = np.repeat(np.asarray(y), members, axis=0)
    weights = None if weights is None else np.repeat(np.asarray(weights), members)
    flat = h_in.reshape(n * members, outputs)
    value, sigma, scale = loss_and_sigma(flat, y, loss, output=functions[-1], parameter=parameter, weights=weights)
    sigma = sigma.reshape(h_in.shape)
    gradients: list[tuple[Array, ...]] = []
    for i in range(len(layers) - 1, -1, -1):
        w, b, *adapters = layers[i]
        h, adapted, product, _ = passed[i]
        of_adapters: list[Array] = []
        db = sigma.sum(axis=0).T if b.ndim == 2 else sigma.sum(axis=(0, 1))
        if len(adapters) > 1:
            of_adapters = [(sigma * product).sum(axis=0).T]
            sigma = sigma * adapters[1].T
        if i == len(layers) - 1:
            dw = np.einsum("nmi,nmo->iom", h, sigma)
            slope = np.einsum("nmo,iom->nmi", sigma, w)
        else:
            dw = np.einsum("nmi,nmo->io", adapted, sigma)
            slope = sigma @ w.T
        if adapters:
            of_adapters = [(slope * h).sum(axis=0).T, *of_adapters]
            slope = slope * adapters[0].T
        gradients.append(tuple(scale * part for part in (dw, db, *of_adapters)))
        if i > 0:
            mask = masks[i - 1] if masks is not None and i - 1 < len(masks) else None
            sigma = through_activation(
                slope if mask is None else slope * mask, passed[i - 1][3], functions[i - 1], None
            )
    return value, gradients[::-1]
