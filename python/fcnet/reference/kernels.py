"""The kernels of one layer, each with its equation. Legend: n samples, k inputs, m outputs of the layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def _into(out: Array | None, result: Array) -> Array:
    """Return ``result``, or ``out`` filled with it."""
    if out is None:
        return result
    if out.shape != result.shape:
        raise ValueError(f"out has shape {out.shape}: expected {result.shape}")
    out[...] = result
    return out


def linear(x: ArrayLike, w: ArrayLike, b: ArrayLike, *, out: Array | None = None) -> Array:
    """Affine map ``h_in = x W + B``.

    Parameters
    ----------
    x : array (n, k)
    w : array (k, m)
    b : array (m,)
    out : array (n, m), optional
        Array for the result.

    Returns
    -------
    array (n, m)

    Raises
    ------
    ValueError : the shapes disagree.
    """
    return _into(out, np.asarray(x) @ np.asarray(w) + np.asarray(b))


def relu(h_in: ArrayLike, *, out: Array | None = None) -> Array:
    """ReLU ``h_out = max(h_in, 0)``, element by element; NaN stays NaN.

    Parameters
    ----------
    h_in : array of any shape
    out : array of that shape, optional

    Returns
    -------
    array of the shape of h_in

    Raises
    ------
    ValueError : out has another shape.
    """
    h = np.asarray(h_in)
    return _into(out, np.where(h.real <= 0, np.zeros_like(h), h))


def softmax(h_in: ArrayLike, *, out: Array | None = None) -> Array:
    """Softmax ``p_j = exp(h_j) / sum_i exp(h_i)`` of every row, after subtracting the row's maximum.

    Parameters
    ----------
    h_in : array (n, m), m >= 1
    out : array (n, m), optional

    Returns
    -------
    array (n, m), rows summing to 1

    Raises
    ------
    ValueError : h_in has no columns, or out another shape.
    """
    h = np.asarray(h_in)
    with np.errstate(all="ignore"):
        e = np.exp(h - h.real.max(axis=-1, keepdims=True))
        return _into(out, e / e.sum(axis=-1, keepdims=True))


def one_hot(y: ArrayLike, m: int) -> NDArray[np.bool_]:
    """Convert labels (n,) in [0, m), or one-hot rows (n, m), to boolean rows (n, m).

    Parameters
    ----------
    y : array (n,) or (n, m)
    m : int
        The number of classes.

    Returns
    -------
    array (n, m) of bool

    Raises
    ------
    TypeError : labels that are not integers.
    ValueError : a label outside [0, m), or rows that are not one-hot.
    """
    labels = np.asarray(y)
    if labels.ndim == 1:
        if labels.size and labels.dtype.kind not in "iub":
            raise TypeError(f"y has dtype {labels.dtype}: expected integer labels")
        if labels.size and not (0 <= labels.min() and labels.max() < m):
            raise ValueError(f"y has labels from {labels.min()} to {labels.max()}: expected 0 <= y < {m}")
        return np.asarray(np.equal(labels[:, None], np.arange(m)))
    hot = np.asarray(np.equal(labels, 1))
    if labels.shape[1] != m or not (hot | np.equal(labels, 0)).all() or not (hot.sum(axis=1) == 1).all():
        raise ValueError(f"y is not one-hot: expected exactly one 1 and else 0 in every row of (n_samples, {m})")
    return hot


def cross_entropy(h_in: ArrayLike, y: ArrayLike, *, out: Array | None = None) -> tuple[Array, Array]:
    """Cross-entropy of the softmax of logits, and its derivative.

    ``L = -sum_j y_j ln p_j = ln(sum_j exp(h_j - max h)) + (max h - h_y)``, never the logarithm of a rounded ``p``;
    ``sigma_L = dL/dh_in = p - y``.

    Parameters
    ----------
    h_in : array (n, m)
        Logits.
    y : integer labels (n,), or one-hot rows (n, m)
    out : array (n, m), optional
        Array for sigma.

    Returns
    -------
    loss : array (n,)
    sigma : array (n, m)

    Raises
    ------
    ValueError : a label outside [0, m), rows that are not one-hot, shapes that disagree.
    """
    h = np.asarray(h_in)
    hot = one_hot(y, h.shape[1])
    with np.errstate(all="ignore"):
        top = h.real.max(axis=1)
        loss = np.log(np.exp(h - top[:, None]).sum(axis=1)) + (top - h[hot])
    return loss, _into(out, softmax(h) - hot)


def sigma_backward(sigma: ArrayLike, w: ArrayLike, h: ArrayLike, *, out: Array | None = None) -> Array:
    """One step of the recurrence ``sigma_{i-1} = sigma_i W_i^T o F'(h_in_{i-1})`` through a ReLU.

    Parameters
    ----------
    sigma : array (n, m)
    w : array (k, m)
    h : array (n, k)
        The previous layer's h_out (or h_in, whose sign is the same).
    out : array (n, k), optional

    Returns
    -------
    array (n, k)

    Raises
    ------
    ValueError : the shapes disagree.
    """
    product = np.asarray(sigma) @ np.asarray(w).T
    return _into(out, np.where(np.asarray(h).real > 0, product, np.zeros_like(product)))


def weight_gradient(sigma: ArrayLike, h: ArrayLike) -> tuple[Array, Array]:
    """Sums over the batch ``dL/dW = h^T sigma`` and ``dL/dB = sum_n sigma``.

    Parameters
    ----------
    sigma : array (n, m)
    h : array (n, k)
        The layer's input.

    Returns
    -------
    dw : array (k, m)
    db : array (m,)

    Raises
    ------
    ValueError : the numbers of samples differ.
    """
    s = np.asarray(sigma)
    return np.asarray(h).T @ s, s.sum(axis=0)


def sgd_update(w: Array, b: Array, sigma: ArrayLike, h: ArrayLike, learning_rate: float) -> None:
    """Gradient descent ``x <- x - alpha dL/dx`` on W and B, in place.

    Parameters
    ----------
    w : array (k, m)
        Overwritten.
    b : array (m,)
        Overwritten.
    sigma : array (n, m)
    h : array (n, k)
    learning_rate : float
        alpha.

    Raises
    ------
    ValueError : the shapes disagree.
    """
    dw, db = weight_gradient(sigma, h)
    w -= learning_rate * dw
    b -= learning_rate * db


def sigma_backward_sgd(
    sigma: ArrayLike, w: Array, b: Array, h: ArrayLike, learning_rate: float, *, out: Array | None = None
) -> Array:
    """One layer of the backward pass: ``sigma_{i-1}`` from the old W, then W and B updated in place.

    Parameters
    ----------
    sigma : array (n, m)
    w : array (k, m)
        Overwritten.
    b : array (m,)
        Overwritten.
    h : array (n, k)
        The layer's input, output of a ReLU.
    learning_rate : float
    out : array (n, k), optional

    Returns
    -------
    array (n, k)
        sigma of the previous layer.

    Raises
    ------
    ValueError : the shapes disagree.
    """
    sigma_prev = sigma_backward(sigma, w, h, out=out)
    sgd_update(w, b, sigma, h, learning_rate)
    return sigma_prev
