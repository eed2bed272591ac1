"""The article's network, and a batch for another, to be explained."""

from __future__ import annotations

import os
from functools import partial

import numpy as np

import fcnet as fc

LAYERS = [
    ([[0.5, 0.2], [0.1, 0.2]], [0.1, 0.1]),
    ([[0.3, 0.5], [0.1, 0.1]], [0.1, 0.1]),
    ([[0.1, 0.5], [0.1, 0.3]], [0.1, 0.1]),
]
NAMES = ("odd", "even")
XOR = ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])


def article() -> fc.Network:
    net = fc.Network([2, 2, 2, 2], seed=0, dtype="float64")
    for layer, (w, b) in zip(net.layers, LAYERS, strict=True):
        layer.W, layer.B = w, b
    return net


def rewrite(path, text):
    """Where FCNET_REWRITE_GOLDEN is set: put what was written in the place of what is expected, to look at the diff."""
    if os.environ.get("FCNET_REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")


def batch(dtype="float64", loss=None, activation="tanh", output=None, n=5, bias=True):
    """A network of 3 – 6 – 5 – 4 neurons, and x and y for it."""
    rng = np.random.default_rng(7)
    sizes = [3, fc.Dense(6, activation, bias=bias), fc.Dense(5, activation), fc.Dense(4, output, bias=bias)]
    net = fc.Network(sizes, loss=loss, seed=3, dtype=dtype)
    labels = loss is None or getattr(loss, "name", loss) == "cross_entropy"
    return net, rng.normal(size=(n, 3)) / 2, rng.integers(0, 4, n) if labels else rng.random((n, 4))


def normalized(dtype="float64", activation="tanh", kind="layer", loss=None):
    """A network of 3 – 6 – 5 – 4 neurons, two of its layers normalised, and x and y for it."""
    rng = np.random.default_rng(7)
    norm = {"layer": fc.LayerNorm, "biased": partial(fc.LayerNorm, product_bias=True), "batch": fc.BatchNorm}[kind]
    norms = [norm(), norm(1e-2)]
    layers = [fc.Dense(m, activation, normalization=norm) for m, norm in zip((6, 5), norms, strict=True)]
    net = fc.Network([3, *layers, 4], seed=3, dtype=dtype, loss=loss)
    for layer in net.layers[:2]:
        layer.gamma, layer.B = rng.uniform(0.5, 2, len(layer.B)), rng.normal(size=len(layer.B))
        if kind == "biased":
            layer.product_bias = rng.normal(size=len(layer.B))
    return net, rng.normal(size=(5, 3)), rng.integers(0, 4, 5) if loss is None else rng.random((5, 4))


def few_neurons(seed, kind, neurons, loss, n):
    """A float32 network in which little is made normal, so that the terms of gradients cancel, and x and y for it."""
    rng = np.random.default_rng(seed)
    layers = [fc.Dense(4, "gelu"), fc.Dense(neurons, "gelu", normalization=kind), fc.Dense(3, "gelu")]
    net = fc.Network([3, *layers, 2], seed=seed, loss=loss)
    return net, rng.normal(size=(n, 3)), rng.integers(0, 2, n) if loss == "cross_entropy" else rng.normal(size=(n, 2))


def fourth_power(output, target):
    e = output - target
    return float((e**4).mean()), 4 * e**3 / e.size


CASES = [
    (None, None),
    (fc.losses.CrossEntropy(0.1), None),
    ("binary_cross_entropy", None),
    (fc.losses.BinaryCrossEntropy(0.2), None),
    ("mse", "identity"),
    ("mse", "softmax"),
    ("rmse", "tanh"),
    ("mae", "sigmoid"),
    ("huber", "gelu"),
    ("poisson", "exp"),
    ("poisson", "softplus"),
    ("quantile", "identity"),
    (fourth_power, "sigmoid"),
]
