"""A6: softmax, cross-entropy and the sigmoid's cross-entropy of any logits: NaN only where there is no answer."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import kernels

from bounds import max_error

ROWS, CLASSES = 200_000, 5


def logits(dtype):
    """Of every size that the type has, both signs, and now and then the largest numbers or infinity."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    h = rng.choice([-1.0, 1.0], (ROWS, CLASSES)) * 10 ** rng.uniform(-5, np.log10(info.max) - 1e-6, (ROWS, CLASSES))
    h = np.where(rng.random((ROWS, 1)) < 0.5, h, rng.uniform(-30, 30, (ROWS, CLASSES)))
    odd = rng.choice(np.array([info.max, -info.max, np.inf, -np.inf]), (ROWS, CLASSES), p=[0.4, 0.4, 0.05, 0.15])
    return np.where(rng.random((ROWS, CLASSES)) < 0.2, odd, h).astype(dtype)


def test_rows_of_any_logits(isa, dtype):
    h = logits(dtype)
    highest = h.max(axis=1)
    undefined = np.isinf(highest)  # inf - inf: where one is inf, or all are -inf
    assert 0 < undefined.sum() < ROWS / 3
    assert (abs(h) == np.finfo(dtype).max).sum() > ROWS / 2
    p = kernels.softmax(h)
    assert (np.isnan(p).all(axis=1) == undefined).all()
    assert (np.isnan(p).any(axis=1) == undefined).all()
    sums = p[~undefined].astype(np.longdouble).sum(axis=1)
    assert abs(sums - 1).max() <= 4 * np.finfo(dtype).eps
    y = np.arange(ROWS) % CLASSES
    losses, sigma = kernels.cross_entropy(h, y)
    assert (np.isnan(losses) == undefined).all()
    assert (np.isnan(sigma).any(axis=1) == undefined).all()
    assert (losses[~undefined] >= 0).all()
    with np.errstate(over="ignore"):
        least = highest[~undefined] - h[~undefined, y[~undefined]]  # what a loss is, but for a logarithm
    assert (np.isinf(losses[~undefined]) == np.isinf(least)).all()


def test_a_loss_of_a_thousand_is_a_thousand(isa, dtype):
    losses, sigma = kernels.cross_entropy(np.array([[1000, 0], [0, 1000]], dtype), [1, 1])
    assert losses.tolist() == [1000, 0]
    assert sigma.tolist() == [[1, -1], [0, 0]]


@pytest.mark.parametrize("batch", [1, 64])
def test_yes_or_no_answers_of_any_logits(batch, dtype):
    rng, name = np.random.default_rng(0), np.dtype(dtype).name
    n, largest = 1024, float(np.finfo(dtype).max)
    h = rng.choice([-1.0, 1.0], (n, 1)) * 10 ** rng.uniform(-5, np.log10(largest) - 6, (n, 1))
    y = rng.integers(0, 2, (n, 1)).astype(float)
    net = fc.Network([1, 1], loss="binary_cross_entropy", dtype=name, seed=0)
    net.layers[0].W = [[1]]
    p = net.predict(np.concatenate([h, [[largest], [-largest]]]).astype(dtype))
    assert p[-2:].tolist() == [[1], [0]]
    assert ((p >= 0) & (p <= 1)).all()
    h = h.astype(dtype).astype(float)  # as the network reads it
    for rows in (slice(None), slice(0, batch)):
        expected = (np.logaddexp(0, h[rows]) - y[rows] * h[rows]).mean()
        assert max_error([net.evaluate(h[rows], y[rows])["loss"]], [expected]) <= n * np.finfo(dtype).eps
        assert all(np.isfinite(part).all() for part in net.gradients(h[rows], y[rows])[0])
