"""Activation functions F of a layer, and F'."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fcnet.activations import Activation, name_and_constant
from fcnet.reference.kernels import Array, softmax

F = str | Activation
Function = tuple[Callable[[Array], Array], Callable[[Array], Array]]
_LAMBDA, _ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _by_sign(h: Array, positive: Array, other: Array) -> Array:
    return np.where(h.real > 0, positive, other)


def _ones(h: Array, value: float = 1.0) -> Array:
    return np.full_like(h, value)


def _softplus(h: Array) -> Array:
    size = _by_sign(h, h, -h)
    return _by_sign(h, h, np.zeros_like(h)) + np.log1p(np.exp(-size))


def _sigmoid(h: Array) -> Array:
    return 1 / (1 + np.exp(-h))


def _density(h: Array) -> Array:
    """Return the density of the normal distribution."""
    return np.asarray(np.exp(-h * h / 2) / np.sqrt(2 * np.asarray(math.pi, h.real.dtype)))


def _normal_cdf(h: Array) -> Array:
    """Return Phi: near 0 by ``1/2 + phi (h + h^3/3 + h^5/(3 5) + ...)``, otherwise by ``phi / (h + 1/(h + ...))``.

    It works in any float type (Abramowitz and Stegun 1964, 26.2.11 and 26.2.14).
    """
    size = np.abs(h.real)
    near = np.where(size < 2, h, 0)
    term, total = near, near
    for k in range(1, 60):
        term = term * near * near / (2 * k + 1)
        total = total + term
    far = np.where(size < 2, 2, np.sign(h.real) * h)
    fraction = far
    for k in range(200, 0, -1):
        fraction = far + k / fraction
    tail = _density(far) / fraction
    half = np.asarray(0.5, h.real.dtype)
    return np.where(size < 2, half + _density(near) * total, _by_sign(h, 1 - tail, tail))


def _gate(h: Array) -> tuple[Array, Array]:
    """Return 2 u and its derivative, with u = sqrt(2/pi) (h + 0.044715 h^3): gelu_tanh is ``h sigmoid(2 u)``."""
    factor = 2 * np.sqrt(2 / np.asarray(math.pi, h.real.dtype))
    cubic = np.asarray(44715, h.real.dtype) / 1000000
    return np.asarray(factor * (h + cubic * h**3)), np.asarray(factor * (1 + 3 * cubic * h * h))


def _gated_derivative(h: Array, u: Array, du: Array) -> Array:
    s = _sigmoid(u)
    return np.asarray(s + h * s * (1 - s) * du)


def _mish_gate(h: Array) -> Array:
    """Return tanh(softplus(h)): mish is h times it (Misra 2019)."""
    return np.tanh(_softplus(h))


def _leaky_relu(slope: float) -> Function:
    return (
        lambda h: np.where(h.real <= 0, h.dtype.type(slope) * h, h),
        lambda h: _by_sign(h, _ones(h), _ones(h, slope)),
    )


def _elu(alpha: float) -> Function:
    """Clevert et al. 2016."""
    return (
        lambda h: np.where(h.real <= 0, h.dtype.type(alpha) * np.expm1(h), h),
        lambda h: _by_sign(h, _ones(h), h.dtype.type(alpha) * np.exp(h)),
    )


def _between(h: Array, low: float, high: float, below: Array, inside: Array, above: Array) -> Array:
    return np.where(h.real <= low, below, np.where(h.real >= high, above, inside))


# name -> F(h_in), F'(h_in)
ACTIVATIONS: dict[str, Function] = {
    "identity": (lambda h: h, _ones),
    "relu": (lambda h: np.where(h.real <= 0, np.zeros_like(h), h), lambda h: _by_sign(h, _ones(h), 0 * h)),
    "leaky_relu": _leaky_relu(0.01),
    "elu": _elu(1),
    "selu": (  # Klambauer et al. 2017, equation 2
        lambda h: h.dtype.type(_LAMBDA) * np.where(h.real <= 0, h.dtype.type(_ALPHA) * np.expm1(h), h),
        lambda h: _by_sign(h, _ones(h, _LAMBDA), h.dtype.type(_LAMBDA * _ALPHA) * np.exp(h)),
    ),
    "sigmoid": (_sigmoid, lambda h: _sigmoid(h) * (1 - _sigmoid(h))),
    "tanh": (np.tanh, lambda h: 1 - np.tanh(h) ** 2),
    "softplus": (_softplus, _sigmoid),
    "exp": (np.exp, np.exp),
    "gelu": (lambda h: h * _normal_cdf(h), lambda h: _normal_cdf(h) + h * _density(h)),  # Hendrycks and Gimpel 2016
    "gelu_tanh": (lambda h: h * _sigmoid(_gate(h)[0]), lambda h: _gated_derivative(h, *_gate(h))),
    "silu": (lambda h: h * _sigmoid(h), lambda h: _gated_derivative(h, h, _ones(h))),  # Elfwing et al. 2018
    "mish": (lambda h: h * _mish_gate(h), lambda h: _mish_gate(h) + h * (1 - _mish_gate(h) ** 2) * _sigmoid(h)),
    "relu6": (
        lambda h: _between(h, 0, 6, 0 * _ones(h), h, _ones(h, 6)),
        lambda h: _between(h, 0, 6, 0 * _ones(h), _ones(h), 0 * _ones(h)),
    ),
    "hard_swish": (  # Howard et al. 2019
        lambda h: _between(h, -3, 3, 0 * _ones(h), h * (h + 3) / 6, h),
        lambda h: _between(h, -3, 3, 0 * _ones(h), h / 3 + _ones(h, 0.5), _ones(h)),
    ),
}
_WITH_CONSTANT: dict[str, Callable[[float], Function]] = {"leaky_relu": _leaky_relu, "elu": _elu}


def activation(h_in: ArrayLike, name: F, mix: ArrayLike | None = None) -> Array:
    """Activation ``h_out = F(h_in)``, element by element; softmax works row by row.

    Parameters
    ----------
    h_in : array of any shape
    name : str or fcnet.activations
        identity; relu, max(h, 0); leaky_relu, h or 0.01 h; elu, h or exp(h) - 1; selu; sigmoid, 1 / (1 + exp(-h));
        tanh; softplus, ln(1 + exp(h)); exp; gelu, h Phi(h) with the normal distribution function Phi; gelu_tanh, the
        same with (1 + tanh(sqrt(2/pi) (h + 0.044715 h^3))) / 2 for Phi; silu, h sigmoid(h); mish,
        h tanh(ln(1 + exp(h))); relu6, min(max(h, 0), 6); hard_swish, h relu6(h + 3) / 6; softmax. ``LeakyReLU(0.2)``
        and ``ELU(0.5)`` have other constants.
    mix : array of the last axis of h_in, optional
        The a of a parametric activation, ``h_in + a o (F(h_in) - h_in)``, which is ``a o F(h_in) + (1 - a) o h_in``.

    Returns
    -------
    array of the shape of h_in

    Raises
    ------
    ValueError : the name is unknown.
    """
    h = np.asarray(h_in)
    h_out = softmax(h) if name == "softmax" else _named(name)[0](h)
    return h_out if mix is None else _mixed(h_out, h, mix)


def activation_derivative(h_in: ArrayLike, name: F, mix: ArrayLike | None = None) -> Array:
    """Derivative ``F'(h_in)`` of an activation, element by element.

    Parameters
    ----------
    h_in : array of any shape
    name : str or fcnet.activations
        As for ``activation``, but not softmax, whose outputs depend on the whole row.
    mix : as for ``activation``, optional
        Then the derivative is ``1 + a o (F'(h_in) - 1)``.

    Returns
    -------
    array of the shape of h_in

    Raises
    ------
    ValueError : the name is unknown.
    """
    slope = _named(name)[1](np.asarray(h_in))
    return slope if mix is None else _mixed(slope, np.ones_like(slope), mix)


def through_activation(slope: ArrayLike, h_in: ArrayLike, name: F, mix: ArrayLike | None = None) -> Array:
    """Backward pass: ``sigma = dL/dh_in`` is ``dL/dh_out F'``, or for softmax ``p_j (s_j - sum_i s_i p_i)``.

    Parameters
    ----------
    slope, h_in : array (n, m)
    name, mix : as for ``activation``

    Returns
    -------
    array (n, m)

    Raises
    ------
    ValueError : the name is unknown.
    """
    s = np.asarray(slope)
    if name != "softmax":
        return np.asarray(s * activation_derivative(h_in, name, mix))
    p = softmax(h_in)
    return np.asarray(p * (s - (s * p).sum(axis=-1, keepdims=True)))


def _mixed(one: Array, other: Array, mix: ArrayLike) -> Array:
    a = np.asarray(mix)
    return np.asarray(a * one + (1 - a) * other)


def _named(activation: F) -> Function:
    name, constant = name_and_constant(activation)
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}: expected one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name] if constant is None else _WITH_CONSTANT[name](constant)
