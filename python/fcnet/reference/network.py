"""The network: forward pass, backpropagation, training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.activations import F, through_activation
from fcnet.reference.activations import activation as apply_activation
from fcnet.reference.columns import embed, through_embedding
from fcnet.reference.kernels import Array, linear, weight_gradient
from fcnet.reference.losses import OUTPUTS, loss_and_sigma
from fcnet.reference.normalization import normalize, through_normalization
from fcnet.reference.optimizers import Update, sgd

Layers = Sequence[tuple[Array, ...]]


def _of_layers(layers: Layers, loss: Any, activation: F | Sequence[F], output: F | None) -> list[F]:
    """Return the activation F of every layer."""
    hidden = [activation] * (len(layers) - 1) if isinstance(activation, F) else activation
    return [*hidden, output or (OUTPUTS.get(loss, "identity") if isinstance(loss, str) else "identity")]


def _multiplied(layers: Layers, multipliers: Sequence[float] | None, columns: Mapping[str, Any] | None) -> Layers:
    """Return the layers, and perhaps the arrays of columns, with the matrices that multiply: W times its multiplier."""
    if multipliers is None:
        return layers
    own = len(layers) - (columns is not None)
    return [*((m * w, *b) for m, (w, *b) in zip(multipliers, layers[:own], strict=True)), *layers[own:]]


def forward(
    layers: Layers,
    x: ArrayLike,
    *,
    loss: Any = "cross_entropy",
    activation: F | Sequence[F] = "relu",
    output: F | None = None,
    masks: Sequence[Array | None] | None = None,
    normalization: Sequence[str | None] | None = None,
    epsilon: float = 1e-5,
    parametric: Sequence[bool] | None = None,
    scaled: Sequence[bool] | None = None,
    multipliers: Sequence[float] | None = None,
    columns: Mapping[str, Any] | None = None,
) -> list[tuple[Array, Array]]:
    """Forward pass: ``h_0 = x``, ``h_in_i = h_{i-1} W_i + B_i``, ``h_i = F_i(h_in_i)``.

    Parameters
    ----------
    layers : [(W, B), ...]
        (W, B, gamma) for a normalised layer, (W, B, gamma, c) where the product has a bias c too, ``normal(h W + c)``;
        then follow mix in a layer with a parametric activation, and the scale of
        its inputs in a layer that has one.
    x : array (n, k)
    loss : as loss_and_sigma
    activation : str, or one for each hidden layer
        See ``fcnet.reference.activation``.
    output : str, optional
        F of the last layer, by default that of the loss.
    masks : [array (n, m) or None, ...], optional
        Dropout masks, by which h of each hidden layer is multiplied.
    normalization : ["layer", "batch" or None, ...], optional
        Normalisation of each layer, ``h_in = gamma o normal(h W) + B``, with the statistics of this batch; see
        normalize.
    epsilon : float
        As for normalize.
    parametric : [bool, ...], optional
        Whether the activation of each layer is parametric, ``h_i = h_in_i + mix_i o (F_i(h_in_i) - h_in_i)``.
    scaled : [bool, ...], optional
        Whether each layer multiplies its inputs by a scale, ``h_in_i = (h_{i-1} o scale_i) W_i + B_i``.
    multipliers : [float, ...], optional
        Factor of every layer's product, ``h_in_i = multiplier_i h_{i-1} W_i + B_i``; ``1 / sqrt(k)`` is the neural
        tangent parametrisation (Jacot et al. 2018).
    columns : mapping, optional
        Options of embed, where ``h_0 = embed(x, arrays)``; the arrays are the last entry of layers.

    Returns
    -------
    [(h_in, h_out), ...] of every layer

    Raises
    ------
    ValueError : the shapes disagree.
    """
    layers = _multiplied(layers, multipliers, columns)
    h, passed = np.asarray(x), []
    if columns is not None:
        *layers, arrays = layers
        h = embed(x, arrays, **columns)
    for i, ((w, b, *gamma), f) in enumerate(zip(layers, _of_layers(layers, loss, activation, output), strict=True)):
        kind = normalization[i] if normalization else None
        h = h * layers[i][-1] if scaled and scaled[i] else h
        rest = _Rest.of(layers[i], kind, parametric is not None and parametric[i], scaled is not None and scaled[i])
        h_in = gamma[0] * normalize(h @ w + rest.c, kind, epsilon=epsilon)[0] + b if kind else linear(h, w, b)
        h = apply_activation(h_in, f, rest.mix)
        mask = masks[i] if masks is not None and i < len(masks) else None
        h = h if mask is None else h * mask
        passed.append((h_in, h))
    return passed


class _Rest(NamedTuple):
    """The bias c of a product that is normalised, 0 where there is none, and mix."""

    c: Any
    mix: Array | None

    @classmethod
    def of(cls, layer: tuple[Array, ...], kind: str | None, parametric: bool, scaled: bool) -> _Rest:
        has_bias = kind is not None and len(layer) > 3 + parametric + scaled
        return cls(layer[3] if has_bias else 0, layer[-1 - scaled] if parametric else None)


def backward(
    layers: Layers,
    x: ArrayLike,
    y: ArrayLike,
    *,
    loss: Any = "cross_entropy",
    activation: F | Sequence[F] = "relu",
    output: F | None = None,
    masks: Sequence[Array | None] | None = None,
    parameter: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    normalization: Sequence[str | None] | None = None,
    epsilon: float = 1e-5,
    parametric: Sequence[bool] | None = None,
    scaled: Sequence[bool] | None = None,
    outputs: ArrayLike | None = None,
    multipliers: Sequence[float] | None = None,
    columns: Mapping[str, Any] | None = None,
) -> tuple[Any, list[tuple[Array, ...]]]:
    """Backpropagation: ``sigma_L = p - y``, ``sigma_i = sigma_{i+1} W_{i+1}^T o F'(h_in_i)``, and the gradients.

    Parameters
    ----------
    layers, x, activation, output, masks, normalization, epsilon, parametric, scaled, multipliers, columns : as forward
    y, loss, parameter, weights, outputs : as loss_and_sigma

    Returns
    -------
    loss : scalar
        Mean over the batch.
    gradients : [(dL/dW, dL/dB), ...]
        With dL/dgamma for a normalised layer, and dL/dc, then dL/dmix for a parametric one, and dL/dscale for a scaled
        one; last those of columns.

    Raises
    ------
    ValueError : the shapes disagree, a label is out of range, or the loss is unknown.
    """
    layers = _multiplied(layers, multipliers, columns)
    passed = forward(
        layers,
        x,
        loss=loss,
        activation=activation,
        output=output,
        masks=masks,
        normalization=normalization,
        epsilon=epsilon,
        parametric=parametric,
        scaled=scaled,
        columns=columns,
    )
    h_0: Array = np.asarray(x)
    arrays: Sequence[Array] = ()
    if columns is not None:
        *layers, arrays = layers
        h_0 = embed(x, arrays, **columns)
    functions = _of_layers(layers, loss, activation, output)
    value, sigma, scale = loss_and_sigma(
        passed[-1][0], y, loss, output=functions[-1], parameter=parameter, weights=weights, outputs=outputs
    )
    gradients: list[tuple[Array, ...]] = []
    of_mix: list[Array] = []  # of the layer whose sigma this is; the last one has none
    for i in range(len(layers) - 1, -1, -1):
        unscaled = passed[i - 1][1] if i > 0 else h_0
        scale_i = layers[i][-1] if scaled and scaled[i] else None
        h = unscaled if scale_i is None else unscaled * scale_i
        of_norm: list[Array] = []
        kind = normalization[i] if normalization else None
        db = sigma.sum(axis=0)
        if kind:
            c = _Rest.of(layers[i], kind, bool(of_mix), scale_i is not None).c
            normal, deviation = normalize(h @ layers[i][0] + c, kind, epsilon=epsilon)
            of_norm = [scale * (sigma * normal).sum(axis=0)]
            sigma = through_normalization(sigma, normal, deviation, layers[i][2], kind)
            of_norm += [scale * sigma.sum(axis=0)] if np.ndim(c) else []
        dw, _ = weight_gradient(sigma, h)
        slope = sigma @ layers[i][0].T
        of_scale = [] if scale_i is None else [scale * (slope * unscaled).sum(axis=0)]
        multiplier = multipliers[i] if multipliers else 1
        gradients.append((multiplier * scale * dw, scale * db, *of_norm, *of_mix, *of_scale))
        slope = slope if scale_i is None else slope * scale_i
        if i == 0 and columns is not None:
            gradients.insert(0, through_embedding(scale * slope, x, arrays, **columns)[0])
        if i > 0:
            mask = None if masks is None else masks[i - 1]
            slope = slope if mask is None else slope * mask
            h_in, f = passed[i - 1][0], functions[i - 1]
            kind = normalization[i - 1] if normalization else None
            has_mix, has_scale = (each is not None and each[i - 1] for each in (parametric, scaled))
            mix = _Rest.of(layers[i - 1], kind, has_mix, has_scale).mix
            of_mix = [] if mix is None else [scale * (slope * (apply_activation(h_in, f) - h_in)).sum(axis=0)]
            sigma = through_activation(slope, h_in, f, mix)
    return value, gradients[::-1]


def training_step(layers: Layers, x: ArrayLike, y: ArrayLike, optimizer: float | Update, **options: Any) -> Any:
    """Train for one step on a batch; the arrays of ``layers`` are updated in place.

    Parameters
    ----------
    layers : [(W, B), ...]
        Overwritten.
    x : array (n, k)
    y : labels (n,), or targets (n, m)
    optimizer : float or callable
        The learning rate of gradient descent, or an optimizer, such as ``sgd`` or ``adam`` returns.
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
