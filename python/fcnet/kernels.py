"""Native kernels of a single layer on NumPy arrays, with the names and signatures of ``fcnet.reference``.

All floating-point arguments have the same type, float32 or float64. Inputs may have any strides and byte order; they
are copied only if they are not C-contiguous, aligned and in native byte order. Arrays that are written (``out``, and W
and B of an update) must have the exact shape and type, be writable and C-contiguous, and must not overlap any input.

Sums are computed in ascending order with one fused multiply-add per term, so that the result does not depend on the
number of threads. Its error is at most ``gamma_{k+1} (|x| |w| + |b|)`` with ``gamma_k = k u / (1 - k u)`` (Higham 2002,
section 3.1).

Legend: ``n`` samples, ``k`` inputs, ``m`` outputs of the layer.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from fcnet import _native

Array = NDArray[Any]

__all__ = [
    "cross_entropy",
    "linear",
    "relu",
    "sgd_update",
    "sigma_backward",
    "sigma_backward_sgd",
    "softmax",
    "weight_gradient",
]


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.linear(x, w, b, out)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.relu(h_in, out)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.softmax(h_in, out)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.cross_entropy(h_in, y, out)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.sigma_backward(sigma, w, h, out)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.weight_gradient(sigma, h)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    _native.sgd_update(w, b, sigma, h, learning_rate)


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
    TypeError : an argument is not float32 or float64, or the types differ.
    """
    return _native.sigma_backward_sgd(sigma, w, b, h, learning_rate, out)
