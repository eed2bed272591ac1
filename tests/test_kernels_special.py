"""A7: special values go through every kernel as through NumPy: the same NaN, infinities, zeros."""

from __future__ import annotations

import numpy as np
import pytest

from fcnet import kernels, reference

pytestmark = pytest.mark.usefixtures("isa")


def grid(dtype):
    info = np.finfo(dtype)
    positive = [0, info.smallest_subnormal, info.tiny, 1, info.max, np.inf]
    return np.array([*positive, *(-v for v in positive), np.nan], dtype)


def pairs(dtype):
    """Every pair of special values, as rows of two columns."""
    v = grid(dtype)
    return np.stack([np.repeat(v, len(v)), np.tile(v, len(v))], axis=1)


def kind(a):
    """NaN, -inf, negative, zero, positive, inf as a number; the sign of a zero is not part of it."""
    a = np.asarray(a)
    return np.where(np.isnan(a), 9, np.where(np.isinf(a), 2 * np.sign(a), np.sign(a)))


def assert_same_kind(got, expected):
    np.testing.assert_array_equal(kind(got), kind(expected))


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def test_relu(dtype):
    got = kernels.relu(grid(dtype))
    np.testing.assert_array_equal(got, reference.relu(grid(dtype)))
    assert not np.signbit(got[~np.isnan(got)]).any()


def test_linear(dtype):
    x = pairs(dtype)
    for w in (np.eye(2), np.ones((2, 2)), np.array([[1, -1], [-1, 1]])):
        assert_same_kind(
            kernels.linear(x, w.astype(dtype), np.zeros(2, dtype)),
            reference.linear(x, w.astype(dtype), np.zeros(2, dtype)),
        )


def test_softmax_and_cross_entropy(dtype):
    logits = pairs(dtype)
    assert_same_kind(kernels.softmax(logits), reference.softmax(logits))
    for label in (0, 1):
        y = np.full(len(logits), label)
        for got, expected in zip(kernels.cross_entropy(logits, y), reference.cross_entropy(logits, y), strict=True):
            assert_same_kind(got, expected)


def test_sigma_backward(dtype):
    sigma, h = pairs(dtype)[:, :1], pairs(dtype)[:, 1:]
    w = np.ones((1, 1), dtype)
    np.testing.assert_array_equal(kernels.sigma_backward(sigma, w, h), reference.sigma_backward(sigma, w, h))


def test_updates(dtype):
    sigma, h = pairs(dtype)[:, :1], pairs(dtype)[:, 1:]
    for s, x in zip(sigma, h, strict=True):
        got, expected = ((np.ones((1, 1), dtype), np.ones(1, dtype)) for _ in range(2))
        kernels.sgd_update(*got, s[None], x[None], 0.5)
        reference.sgd_update(*expected, s[None], x[None], dtype(0.5))
        assert_same_kind(got[0], expected[0])
        assert_same_kind(got[1], expected[1])


def test_padding_never_reaches_a_result(dtype):
    """Operands lie in the middle of NaN: reading beside them would show."""
    for n, k, m in ((1, 1, 1), (3, 5, 7), (33, 17, 31)):
        rng = np.random.default_rng(0)
        arrays = []
        for shape in ((n, k), (k, m), (m,), (n, m)):
            size = int(np.prod(shape))
            room = np.full(size + 64, np.nan, dtype)
            room[32 : 32 + size] = rng.integers(-4, 5, size)
            arrays.append(room[32 : 32 + size].reshape(shape))
        x, w, b, sigma = arrays
        np.testing.assert_array_equal(kernels.linear(x, w, b), reference.linear(x, w, b))
        np.testing.assert_array_equal(kernels.sigma_backward(sigma, w, x), reference.sigma_backward(sigma, w, x))
        np.testing.assert_array_equal(kernels.weight_gradient(sigma, x)[0], reference.weight_gradient(sigma, x)[0])
