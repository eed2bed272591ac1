"""JAX: one jitted scan over the steps of an epoch, parameters and moments donated; Adam by hand."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bench.workloads import BETA_1, BETA_2, EPSILON


def logits(layers, x):
    h = x
    for i, (w, b) in enumerate(layers):
        h = h @ w + b
        if i + 1 < len(layers):
            h = jax.nn.relu(h)
    return h


def loss(layers, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits(layers, x)), y[:, None], axis=1).mean()


def sgd(rate, state, slopes):
    return jax.tree.map(lambda p, g: p - rate * g, state, slopes)


def adam(rate, state, slopes):
    layers, m, v, steps = state
    steps = steps + 1
    m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, slopes)
    v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, slopes)
    alpha, root = rate / (1 - BETA_1**steps), jnp.sqrt(1 - BETA_2**steps)

    def moved(p, m, v):
        return p - alpha.astype(p.dtype) * m / (jnp.sqrt(v) / root.astype(p.dtype) + EPSILON)

    return jax.tree.map(moved, layers, m, v), m, v, steps


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def scan(optimizer, rate, state, x, y, order):
    def step(state, rows):
        layers = state[0] if optimizer is adam else state
        return optimizer(rate, state, jax.grad(loss)(layers, x[rows], y[rows])), None

    return jax.lax.scan(step, state, order)[0]


class Training:
    def __init__(self, workload, x, y):
        jax.config.update("jax_enable_x64", workload.dtype == "float64")
        layers = jax.tree.map(jnp.asarray, workload.parameters())
        self.adam = workload.optimizer == "adam"
        zeros = partial(jax.tree.map, jnp.zeros_like)
        self.state = (layers, zeros(layers), zeros(layers), jnp.zeros((), workload.dtype)) if self.adam else layers
        self.run = partial(scan, adam if self.adam else sgd, workload.rate)
        self.x, self.y = jnp.asarray(x), jnp.asarray(y, jnp.int32)

    @staticmethod
    def order(order):
        return jnp.asarray(order, jnp.int32)

    def epoch(self, order):
        self.state = jax.block_until_ready(self.run(self.state, self.x, self.y, order))

    def weights(self):
        layers = self.state[0] if self.adam else self.state
        return [(np.asarray(w), np.asarray(b)) for w, b in layers]


class Prediction:
    def __init__(self, layers):
        self.layers = jax.tree.map(jnp.asarray, layers)
        self.run = jax.jit(lambda layers, x: jax.nn.softmax(logits(layers, x)))

    def __call__(self, x):
        return np.asarray(self.run(self.layers, x))
