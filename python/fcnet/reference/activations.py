"""Activation functions F of a layer, and F' as backpropagation takes it: from h_out, not from h_in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.kernels import Array

_LEAK = 0.01
_LAMBDA, _ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _by_sign(h: Array, positive: Array, other: Array) -> Array:
    return np.where(h.real > 0, positive, other)


def _softplus(h: Array) -> Array:
    size = _by_sign(h, h, -h)
    return _by_sign(h, h, np.zeros_like(h)) + np.log1p(np.exp(-size))


# name -> F(h_in), F'(h_in) from h_out
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda h: h, np.ones_like),
    "relu": (
        lambda h: np.where(h.real <= 0, np.zeros_like(h), h),
        lambda h: (h.real > 0).astype(h.dtype),
    ),
    "leaky_relu": (
        lambda h: np.where(h.real <= 0, h.dtype.type(_LEAK) * h, h),
        lambda h: _by_sign(h, np.ones_like(h), np.full_like(h, _LEAK)),
    ),
    "elu": (  # Clevert et al. 2016, alpha = 1
        lambda h: np.where(h.real <= 0, np.expm1(h), h),
        lambda h: _by_sign(h, np.ones_like(h), h + 1),
    ),
    "selu": (  # Klambauer et al. 2017, equation 2
        lambda h: h.dtype.type(_LAMBDA) * np.where(h.real <= 0, h.dtype.type(_ALPHA) * np.expm1(h), h),
        lambda h: _by_sign(h, np.full_like(h, _LAMBDA), h + h.dtype.type(_LAMBDA * _ALPHA)),
    ),
    "sigmoid": (lambda h: 1 / (1 + np.exp(-h)), lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "softplus": (_softplus, lambda h: -np.expm1(-h)),  # ln(1 + exp(h)), whose derivative is the sigmoid
}


def activation(h_in: ArrayLike, name: str) -> Array:
    """``h_out = F(h_in)``, element by element.

    Parameters
    ----------
    h_in : array of any shape
    name : str
        identity; relu, max(h, 0); leaky_relu, h or 0.01 h; elu, h or exp(h) - 1; selu; sigmoid, 1 / (1 + exp(-h));
        tanh; softplus, ln(1 + exp(h)).

    Returns
    -------
    array of the shape of h_in

    Raises
    ------
    ValueError : an unknown name.
    """
    return _named(name)[0](np.asarray(h_in))


def activation_derivative(h_out: ArrayLike, name: str) -> Array:
    """``F'(h_in)``, given ``h_out = F(h_in)``, element by element.

    Parameters
    ----------
    h_out : array of any shape
    name : str
        As for ``activation``.

    Returns
    -------
    array of the shape of h_out

    Raises
    ------
    ValueError : an unknown name.
    """
    return _named(name)[1](np.asarray(h_out))


def _named(name: str) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}: expected one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
