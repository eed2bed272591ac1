"""A network as a Sequential of Flax' NNX."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fcnet._checks.optional_imports import optional
from fcnet._exporting.network_steps import steps_of, unsupported
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm
from fcnet.activations import name_and_constant

if TYPE_CHECKING:
    from fcnet.network import Network

nnx: Any = optional("flax.nnx", "Network.to_flax")
jax: Any = optional("jax", "Network.to_flax")
jnp = jax.numpy

_ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "exp": jnp.exp,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "relu6": jax.nn.relu6,
    "hard_swish": jax.nn.hard_swish,
    "softmax": jax.nn.softmax,
}
_CONSTANTS = {"leaky_relu": "negative_slope", "elu": "alpha"}


def _activation(step: steps.Function) -> Any:
    name, constant = name_and_constant(step.name)
    return _ACTIVATIONS[name] if constant is None else partial(_ACTIVATIONS[name], **{_CONSTANTS[name]: constant})


def _standardize(step: steps.Affine, dtype: np.dtype[Any]) -> Any:
    offset, scale = (jnp.asarray(array.astype(dtype)) for array in (step.offset, step.scale))
    return lambda x: (x - offset) * scale


def _linear(step: steps.Product, rngs: Any, dtype: np.dtype[Any]) -> Any:
    linear = nnx.Linear(*step.W.shape, use_bias=step.B is not None, param_dtype=dtype, rngs=rngs)
    linear.kernel = nnx.Param(jnp.asarray(step.W))
    if step.B is not None:
        linear.bias = nnx.Param(jnp.asarray(step.B))
    return linear


def _normalized(step: steps.Normalized, rngs: Any, dtype: np.dtype[Any]) -> Any:
    options: Any = {"epsilon": step.spec.epsilon, "use_bias": step.B is not None, "param_dtype": dtype, "rngs": rngs}
    options["use_fast_variance"] = False  # the fast one cancels
    if isinstance(step.spec, BatchNorm):
        norm = nnx.BatchNorm(len(step.gamma), momentum=1 - step.spec.momentum, **options)
        norm.mean, norm.var = (nnx.BatchStat(jnp.asarray(array)) for array in (step.mean, step.variance))
    else:
        norm = nnx.LayerNorm(len(step.gamma), **options)
    norm.scale = nnx.Param(jnp.asarray(step.gamma))
    if step.B is not None:
        norm.bias = nnx.Param(jnp.asarray(step.B))
    return norm


def _module(step: steps.Step, rngs: Any, dtype: np.dtype[Any]) -> Any:
    match step:
        case steps.Affine():
            return _standardize(step, dtype)
        case steps.Product():
            return _linear(step, rngs, dtype)
        case steps.Normalized():
            return _normalized(step, rngs, dtype)
        case steps.Function(mix=None):
            return _activation(step)
        case steps.Dropout():
            return nnx.Dropout(step.rate, rngs=rngs)
    raise unsupported(step, "Flax")


def to_flax(net: Network, output: object) -> Any:
    """Return a network as a ``flax.nnx.Sequential``, as ``Network.to_flax`` documents it."""
    if net.dtype == np.float64 and not jax.config.jax_enable_x64:
        raise ValueError("the network is of float64: expected jax.config.update('jax_enable_x64', True) before to_flax")
    rngs = nnx.Rngs(net.seed % 2**32)
    model = nnx.Sequential(*(_module(step, rngs, net.dtype) for step in steps_of(net, output)))
    model.eval()
    return model
