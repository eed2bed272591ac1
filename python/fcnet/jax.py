"""A network as a function of JAX, with a gradient by its inputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from fcnet._checks.optional_imports import optional
from fcnet.network import Network

jax: Any = optional("jax", "fcnet.jax")

__all__ = ["function"]


def function(network: Network) -> Callable[[Any], Any]:
    """Return a network as a function of JAX: ``f(x)`` of x (..., inputs), with ``jax.grad``, ``jit`` and ``vmap``.

    The function calls fcnet from JAX, which costs some tens of microseconds a call: it is for convenience, not speed.
    The parameters are frozen as they are now, and have no gradient. Only reverse mode is there: ``jax.jvp`` and
    ``jax.hessian`` raise TypeError, because a function that JAX cannot look into has no tangents; use ``Network.jvp``
    and ``Network.hvp``.

    Parameters
    ----------
    network : Network

    Returns
    -------
    callable
        Takes and returns arrays of the network's dtype; float64 needs ``jax.config.update("jax_enable_x64", True)``.

    Raises
    ------
    TypeError : network is not a Network.
    ImportError : JAX is not installed.

    Examples
    --------
    >>> import fcnet as fc
    >>> import jax
    >>> from fcnet.jax import function
    >>> f = function(fc.Network([2, 16, 1], loss="mse", seed=0))
    >>> jax.grad(lambda x: f(x).sum())(jax.numpy.ones((4, 2))).shape
    (4, 2)
    """
    if not isinstance(network, Network):
        raise TypeError(f"network is a {type(network).__name__}: expected a fcnet.Network")
    frozen = copy.deepcopy(network)
    inputs, outputs, dtype = frozen.sizes[0], frozen.sizes[-1], frozen.dtype

    def rows(x: Any, columns: int) -> Any:
        return np.asarray(x, dtype).reshape(-1, columns)

    def of(shape: tuple[int, ...], columns: int) -> Any:
        return jax.ShapeDtypeStruct((*shape[:-1], columns), dtype)

    def predicted(x: Any) -> Any:
        return frozen.predict(rows(x, inputs)).reshape(*x.shape[:-1], outputs)

    def led_back(x: Any, cotangent: Any) -> Any:
        return frozen.input_gradient(rows(x, inputs), rows(cotangent, outputs)).reshape(x.shape)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def of_array(x: Any) -> Any:
        if x.ndim == 0 or x.shape[-1] != inputs:
            raise ValueError(f"x has shape {x.shape}: expected (..., {inputs})")
        return jax.pure_callback(predicted, of(x.shape, outputs), x, vmap_method="broadcast_all")

    def forward(x: Any) -> Any:
        return of_array(x), x

    def backward(x: Any, cotangent: Any) -> Any:
        return (jax.pure_callback(led_back, of(x.shape, inputs), x, cotangent, vmap_method="broadcast_all"),)

    of_array.defvjp(forward, backward)
    return lambda x: of_array(jax.numpy.asarray(x))
