"""Networks drawn at random for the tests of exports, and rows for them."""

from __future__ import annotations

import numpy as np

import fcnet as fc

EXACT = ["relu", "leaky_relu", "identity", "relu6", fc.activations.LeakyReLU(0.3)]  # without math.h
ANY = [
    *(*EXACT, "elu", fc.activations.ELU(0.7), "hard_swish", "selu", "sigmoid", "tanh", "softplus", "exp"),
    *("gelu", "gelu_tanh", "silu", "mish", "softmax"),
]
LOSSES = {"cross_entropy": 3, "binary_cross_entropy": 2, "mse": 4, "poisson": 2, "quantile": 6}


NORMS = (None, "layer", fc.LayerNorm(product_bias=True), "batch")


def random_network(seed, activations=ANY, losses=tuple(LOSSES), *, norms=NORMS, dtype="float32"):
    """A network of one to four layers whose arrays are all drawn at random, and 20 rows of float32 for it."""
    rng = np.random.default_rng(seed)
    inputs, loss = int(rng.choice([1, 3, 17, 40])), str(rng.choice(losses))
    sizes: list = [inputs]
    for _ in range(rng.integers(0, 4)):
        activation = activations[rng.integers(len(activations))]
        softmax = activation == "softmax"
        parametric = activation not in ("identity", "softmax") and len(activations) > 1 and rng.random() < 0.2
        normalization = None if softmax else norms[rng.integers(len(norms))]
        sizes += [fc.Scale()] if len(norms) > 1 and rng.random() < 0.2 else []
        sizes.append(
            fc.Dense(
                int(rng.choice([2, 5, 33])),
                fc.Parametric(activation) if parametric else activation,
                bias=bool(rng.random() < 0.8),
                normalization=normalization,
            )
        )
    sizes.append(fc.Dense(LOSSES[loss], bias=bool(rng.random() < 0.8)))
    given = fc.losses.Quantile([0.1, 0.5, 0.9]) if loss == "quantile" else loss
    scale, offset = [(1, 0), (1 / 16, 8), (1 / rng.uniform(1, 30, inputs), 100 * rng.normal(size=inputs))][seed % 3]
    net = fc.Network(sizes, loss=given, scale=scale, offset=offset, seed=seed, dtype=dtype)
    for layer, spec in zip(net.layers, (s for s in sizes[1:] if isinstance(s, fc.Dense)), strict=True):
        layer.B = rng.normal(size=layer.B.shape) if spec.bias else layer.B
        for name in ("gamma", "product_bias", "mean", "mix", "scale"):
            if hasattr(layer, name):
                setattr(layer, name, rng.normal(size=getattr(layer, name).shape))
        if hasattr(layer, "variance"):
            layer.variance = rng.uniform(0.5, 2, layer.variance.shape)
    return net, (offset + rng.standard_normal((20, inputs)) / scale).astype(np.float32)
