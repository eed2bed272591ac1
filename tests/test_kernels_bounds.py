"""A2, A6: kernels within the rounding error bound that their order of summation has."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fcnet import kernels

from bounds import exact_type, gamma, underflow, unit_roundoff
from problems import SHAPES, random_problem
from walks import walk

shapes = walk("shape", SHAPES)
scales = walk("scale", [1.0, 1e-15, 1e15])


def assert_linear_keeps_its_bound(p, dtype):
    wide = exact_type(dtype)
    k = p.x.shape[1]
    exact = p.x.astype(wide) @ p.w.astype(wide) + p.b.astype(wide)
    size = abs(p.x).astype(wide) @ abs(p.w).astype(wide) + abs(p.b).astype(wide)
    error = abs(kernels.linear(p.x, p.w, p.b).astype(wide) - exact)
    assert (error <= gamma(k + 1, dtype) * size + underflow(k + 1, dtype)).all()


@shapes
@scales
def test_linear_keeps_its_error_bound(shape, scale, dtype, isa):
    assert_linear_keeps_its_bound(random_problem(shape, dtype, scale=scale), dtype)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 70), st.integers(0, 70), st.integers(1, 70)),
    seed=st.integers(0, 2**32),
    exponent=st.integers(-15, 15),
    double=st.booleans(),
)
def test_linear_keeps_its_error_bound_on_any_shape(shape, seed, exponent, double):
    dtype = np.float64 if double else np.float32
    assert_linear_keeps_its_bound(random_problem(shape, dtype, seed, 10.0**exponent), dtype)


@shapes
def test_sigma_backward_keeps_its_error_bound(shape, dtype, isa):
    p, wide = random_problem(shape, dtype), exact_type(dtype)
    m = shape[2]
    exact = np.where(p.x > 0, p.sigma.astype(wide) @ p.w.astype(wide).T, 0)
    size = abs(p.sigma).astype(wide) @ abs(p.w).astype(wide).T
    error = abs(kernels.sigma_backward(p.sigma, p.w, p.x).astype(wide) - exact)
    assert (error <= gamma(m + 1, dtype) * size).all()


@shapes
def test_sgd_update_keeps_its_error_bound(shape, dtype, isa):
    p, wide = random_problem(shape, dtype), exact_type(dtype)
    n, rate = shape[0], dtype(0.1)
    w, b = p.w.copy(), p.b.copy()
    kernels.sgd_update(w, b, p.sigma, p.x, float(rate))
    x, sigma = p.x.astype(wide), p.sigma.astype(wide)
    for got, old, gradient, size in (
        (w, p.w, x.T @ sigma, abs(x).T @ abs(sigma)),
        (b, p.b, sigma.sum(axis=0), abs(sigma).sum(axis=0)),
    ):
        exact = old.astype(wide) - wide(rate) * gradient
        # the sum n roundings (one more without fma), the product with the rate one, the subtraction one of everything
        bound = gamma(n + 3, dtype) * (wide(rate) * size) + gamma(1, dtype) * abs(old.astype(wide))
        assert (abs(got.astype(wide) - exact) <= bound + gamma(1, dtype) * abs(exact)).all()


def softmax_reference(logits, wide):
    e = np.exp(logits.astype(wide) - logits.astype(wide).max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@shapes
@walk("spread", [1, 30, 1e4])
def test_softmax_and_cross_entropy_keep_their_error_bounds(shape, spread, dtype, isa):
    n, _, m = shape
    wide, u = exact_type(dtype), unit_roundoff(dtype)
    p = random_problem(shape, dtype)
    logits = (p.logits * dtype(spread)).astype(dtype)
    exact = softmax_reference(logits, wide)
    z = logits.astype(wide) - logits.astype(wide).max(axis=1, keepdims=True)
    # z - max rounds once: |z| u of relative error after exp; exp 2 u; the sum m - 1 roundings; the division one
    relative = 1.01 * (abs(z) + 2) * u
    spread_of_sum = (exact * relative).sum(axis=1, keepdims=True) + gamma(m, dtype)
    bound = exact * (relative + spread_of_sum + u) + underflow(4, dtype)
    assert (abs(kernels.softmax(logits).astype(wide) - exact) <= bound).all()
    assert (abs(kernels.softmax(logits).astype(wide).sum(axis=1) - 1) <= bound.sum(axis=1) + u).all()

    loss, sigma = kernels.cross_entropy(logits, p.labels)
    rows = np.arange(n)
    one_hot = np.equal(p.labels[:, None], np.arange(m))
    assert (abs(sigma.astype(wide) - (exact - one_hot)) <= bound + u * abs(exact - one_hot) + u * exact).all()
    log_sum = np.log(np.exp(z).sum(axis=1))
    expected = log_sum - z[rows, p.labels]
    error = abs(loss.astype(wide) - expected)
    assert (
        error <= 1.01 * (spread_of_sum[:, 0] + u * (4 * log_sum + 2 * abs(expected) + abs(z[rows, p.labels])))
    ).all()


def test_cross_entropy_is_stable_where_p_underflows(dtype, isa):
    logits = np.array([[1000, 0], [1e4, -1e4], [-1e4, 1e4]], dtype)
    loss, sigma = kernels.cross_entropy(logits, np.array([1, 1, 1]))
    assert loss.tolist() == [1000, 20000, 0]
    assert sigma.tolist() == [[1, -1], [1, -1], [0, 0]]


def test_softmax_survives_the_largest_logits(dtype, isa):
    big = dtype(3e38)
    logits = np.array([[big, -big, big], [-np.inf, 0, 0], [-big, -big, -big]], dtype)
    expected = np.array([[0.5, 0, 0.5], [0, 0.5, 0.5], [1 / 3] * 3], dtype)
    np.testing.assert_array_max_ulp(kernels.softmax(logits), expected, maxulp=1)
