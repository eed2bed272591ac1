"""Problems that the tests solve: seeded, of odd shapes, with or without rounding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# (n samples, k inputs, m outputs): empty, one, primes, around the 32 lanes and the tile's rows
SHAPES = [
    (0, 3, 2),
    (1, 1, 1),
    (7, 0, 5),
    (2, 3, 5),
    (1, 65, 31),
    (31, 33, 32),
    (32, 32, 32),
    (33, 31, 33),
    (13, 14, 15),
    (64, 7, 65),
    (100, 97, 10),
    (5, 128, 97),
]


class Problem(NamedTuple):
    """One layer: x (n, k), w (k, m), b (m,), sigma (n, m), logits (n, m), labels (n,)."""

    x: np.ndarray
    w: np.ndarray
    b: np.ndarray
    sigma: np.ndarray
    logits: np.ndarray
    labels: np.ndarray


def small_integers(shape, dtype, seed=0) -> Problem:
    """Integer-valued floats: every partial sum is below 2**24, so no order of summation rounds."""
    n, k, m = shape
    rng = np.random.default_rng([seed, n, k, m])

    def draw(*size):
        return rng.integers(-8, 9, size).astype(dtype)

    return Problem(draw(n, k), draw(k, m), draw(m), draw(n, m), draw(n, m), rng.integers(0, m, n))


def random_problem(shape, dtype, seed=0, scale=1.0) -> Problem:
    """Normal numbers, some of them cancelling, times ``scale``."""
    n, k, m = shape
    rng = np.random.default_rng([seed, n, k, m])

    def draw(*size):
        return (rng.standard_normal(size) * scale).astype(dtype)

    x, w = draw(n, k), draw(k, m)
    half = k // 2
    x[:, half : 2 * half] = x[:, :half]  # the second half cancels most of the first
    w[half : 2 * half] = -w[:half] * dtype(1 - 2.0**-10)
    return Problem(x, w, draw(m), draw(n, m), draw(n, m), rng.integers(0, m, n))
