"""Random networks, for the tests of objects of other libraries."""

from __future__ import annotations

import numpy as np

import fcnet as fc

ACTIVATIONS = [
    *("identity", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "exp", "gelu", "gelu_tanh"),
    *("silu", "mish", "relu6", "hard_swish", fc.activations.LeakyReLU(0.3), fc.activations.ELU(0.5), "softmax"),
]
NORMALIZATIONS = [None, fc.BatchNorm(1e-3, 0.2), fc.LayerNorm(1e-4), fc.LayerNorm(1e-4, product_bias=True)]
LOSSES = ["cross_entropy", "binary_cross_entropy", "mse", "poisson", fc.losses.Huber(2.0)]


def filled(net, rng):
    """The network with numbers in all of its arrays that hide no mistake."""
    for layer in net.layers:
        for name in ("B", "gamma", "product_bias", "mean", "variance", "mix", "scale"):
            if hasattr(layer, name) and (name != "B" or layer.bias):
                low = 0.5 if name in ("gamma", "variance", "scale") else -1
                setattr(layer, name, rng.uniform(low, 1.5, getattr(layer, name).shape))
    return net


def dense(rng, units, activations):
    """A hidden layer."""
    name = activations[rng.integers(len(activations))]
    if name == "softmax":
        return fc.Dense(units, name, bias=bool(rng.integers(2)))
    return fc.Dense(
        units,
        name,
        bias=bool(rng.integers(2)),
        dropout=float(rng.choice([0, 0.25])),
        normalization=NORMALIZATIONS[rng.integers(len(NORMALIZATIONS))],
    )


def network(seed, dtype, activations=ACTIVATIONS, *, own=True):
    """A random network, with ``Scale`` and ``Parametric`` where ``own``."""
    rng = np.random.default_rng(seed)
    inputs, hidden = int(rng.integers(1, 9)), int(rng.integers(0, 4))
    sizes = [inputs]
    for _ in range(hidden):
        sizes += [fc.Scale()] if own and rng.integers(3) == 0 else []
        sizes.append(dense(rng, int(rng.integers(2, 20)), activations))
        if own and sizes[-1].activation not in ("softmax", "identity") and rng.integers(3) == 0:
            sizes[-1] = fc.Dense(sizes[-1].units, fc.Parametric(sizes[-1].activation))
    loss = LOSSES[rng.integers(len(LOSSES))]
    scaling = {"scale": rng.uniform(0.5, 2, inputs), "offset": rng.uniform(-9, 9, inputs)} if rng.integers(2) else {}
    net = fc.Network([*sizes, int(rng.integers(2, 6))], loss=loss, seed=seed, dtype=dtype, **scaling)
    for layer in net.layers:
        layer.trainable = bool(rng.integers(4))
    return filled(net, rng)


def rows(net, n=33):
    return (3 * np.random.default_rng(n).standard_normal((n, net.sizes[0]))).astype(net.dtype)


def assert_equal(found, net):
    """Every number and option of a network that predictions depend on."""
    assert found.sizes == net.sizes
    assert found.dtype == net.dtype
    for one, other in zip(found.layers, net.layers, strict=True):
        for name in ("activation", "bias", "dropout", "normalization", "trainable"):
            assert getattr(one, name) == getattr(other, name), name
        for name in ("W", "B", "gamma", "product_bias", "mean", "variance", "mix", "scale"):
            assert hasattr(one, name) == hasattr(other, name), name
            assert not hasattr(other, name) or np.array_equal(getattr(one, name), getattr(other, name)), name


def difference(found, expected):
    """The largest difference, in units of the largest number, at least 1."""
    return np.abs(np.asarray(found) - expected).max() / max(1, np.abs(expected).max())
