"""A1: where no operation rounds, kernels equal the oracle bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fcnet as fc
from fcnet import kernels, reference

from problems import SHAPES, random_problem, small_integers
from walks import walk

pytestmark = pytest.mark.usefixtures("isa")
shapes = walk("shape", SHAPES)


@shapes
def test_linear_is_exact_on_small_integers(shape, dtype):
    p = small_integers(shape, dtype)
    assert_array_equal(kernels.linear(p.x, p.w, p.b), reference.linear(p.x, p.w, p.b))


@shapes
def test_relu_is_exact(shape, dtype):
    p = small_integers(shape, dtype)
    assert_array_equal(kernels.relu(p.x), reference.relu(p.x))


@shapes
def test_sigma_backward_is_exact_on_small_integers(shape, dtype):
    p = small_integers(shape, dtype)
    assert_array_equal(kernels.sigma_backward(p.sigma, p.w, p.x), reference.sigma_backward(p.sigma, p.w, p.x))


@shapes
def test_weight_gradient_is_exact_on_small_integers(shape, dtype):
    p = small_integers(shape, dtype)
    for got, expected in zip(
        kernels.weight_gradient(p.sigma, p.x), reference.weight_gradient(p.sigma, p.x), strict=True
    ):
        assert_array_equal(got, expected)


@shapes
def test_sigma_backward_sgd_is_exact_on_small_integers_and_uses_the_old_weights(shape, dtype):
    p = small_integers(shape, dtype)
    got, expected = (p.w.copy(), p.b.copy()), (p.w.copy(), p.b.copy())
    sigma_prev = kernels.sigma_backward_sgd(p.sigma, *got, p.x, 0.5)
    assert_array_equal(sigma_prev, reference.sigma_backward_sgd(p.sigma, *expected, p.x, 0.5))
    for a, b in zip(got, expected, strict=True):
        assert_array_equal(a, b)


@shapes
def test_fused_update_has_the_bits_of_the_forms_it_is_made_of(shape, dtype):
    p = small_integers(shape, dtype)
    p = p._replace(x=p.x / dtype(3), sigma=p.sigma / dtype(7))  # rounding, but the same in both
    fused, apart = (p.w.copy(), p.b.copy()), (p.w.copy(), p.b.copy())
    sigma_prev = kernels.sigma_backward_sgd(p.sigma, *fused, p.x, 0.1)
    assert_array_equal(sigma_prev, kernels.sigma_backward(p.sigma, p.w, p.x))
    kernels.sgd_update(*apart, p.sigma, p.x, 0.1)
    for a, b in zip(fused, apart, strict=True):
        assert_array_equal(a, b)


@shapes
def test_one_hot_rows_and_labels_give_the_same_bits(shape, dtype):
    p = small_integers(shape, dtype)
    one_hot = np.equal(p.labels[:, None], np.arange(shape[2]))
    for kind in (bool, np.int64, dtype):
        for a, b in zip(
            kernels.cross_entropy(p.logits, p.labels),
            kernels.cross_entropy(p.logits, one_hot.astype(kind)),
            strict=True,
        ):
            assert_array_equal(a, b)


@shapes
def test_out_receives_the_result(shape, dtype):
    n, k, m = shape
    p = small_integers(shape, dtype)
    out = np.full((n, m), np.nan, dtype)
    assert kernels.linear(p.x, p.w, p.b, out=out) is out
    assert_array_equal(out, kernels.linear(p.x, p.w, p.b))
    assert kernels.softmax(p.logits, out=out) is out
    assert_array_equal(out, kernels.softmax(p.logits))
    assert kernels.cross_entropy(p.logits, p.labels, out=out)[1] is out
    out = np.full((n, k), np.nan, dtype)
    assert kernels.sigma_backward(p.sigma, p.w, p.x, out=out) is out
    assert_array_equal(out, kernels.sigma_backward(p.sigma, p.w, p.x))


@shapes
def test_any_number_of_threads_gives_the_same_bits(shape, dtype):
    p = random_problem(shape, dtype)

    def results():
        updated = p.w.copy(), p.b.copy()
        sigma_prev = kernels.sigma_backward_sgd(p.sigma, *updated, p.x, 0.1)
        return [
            *(kernels.linear(p.x, p.w, p.b), kernels.relu(p.x), kernels.sigma_backward(p.sigma, p.w, p.x)),
            *(*kernels.weight_gradient(p.sigma, p.x), sigma_prev, *updated, kernels.softmax(p.logits)),
            *kernels.cross_entropy(p.logits, p.labels),
        ]

    with fc.threads(1):
        alone = results()
    for threads in (2, 3):
        with fc.threads(threads):
            for got, expected in zip(results(), alone, strict=True):
                assert_array_equal(got, expected)
