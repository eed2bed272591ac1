"""A4: the oracle's gradients, by complex step, closed form and central differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fcnet import reference

SIZES = [[3, 4, 2], [5, 7, 6, 4], [2, 1], [4, 9, 1]]
LOSSES = ["cross_entropy", "mse", "rmse"]


def problem(sizes, loss, n=6, seed=0):
    rng = np.random.default_rng([seed, *sizes])
    layers = [(rng.standard_normal((k, m)), rng.standard_normal(m)) for k, m in pairwise(sizes)]
    x = rng.standard_normal((n, sizes[0]))
    y = rng.integers(0, sizes[-1], n) if loss == "cross_entropy" else rng.standard_normal((n, sizes[-1]))
    return layers, x, y


def loss_of(layers, x, y, loss):
    return reference.loss_and_sigma(reference.forward(layers, x, loss=loss)[-1][0], y, loss)[0]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda s: "-".join(map(str, s)))
@pytest.mark.parametrize("loss", LOSSES)
def test_every_derivative_equals_its_complex_step(sizes, loss):
    """f'(x) = Im f(x + ih) / h has no cancellation, so h may be as small as we like (Squire and Trapp 1998)."""
    h = 1e-100
    layers, x, y = problem(sizes, loss)
    _, gradients = reference.backward(layers, x, y, loss=loss)
    for i, pair in enumerate(gradients):
        for j, gradient in enumerate(pair):
            for at in np.ndindex(gradient.shape):
                shifted = [tuple(a.astype(complex) for a in layer) for layer in layers]
                shifted[i][j][at] += 1j * h
                derivative = np.imag(loss_of(shifted, x, y, loss)) / h
                assert abs(derivative - gradient[at]) <= 1e-12 * np.abs(gradient).max()


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_equals_central_differences(loss):
    layers, x, y = problem([4, 6, 3], loss)
    h = 1e-6
    for i, (dw, _) in enumerate(reference.backward(layers, x, y, loss=loss)[1]):
        for at in np.ndindex(dw.shape):
            values = []
            for step in (h, -h):
                shifted = [(w.copy(), b) for w, b in layers]
                shifted[i][0][at] += step
                values.append(loss_of(shifted, x, y, loss))
            # truncation h^2 / 6 of a third derivative of some hundreds, rounding u / h
            assert abs((values[0] - values[1]) / (2 * h) - dw[at]) <= 1e-8 * max(1, np.abs(dw).max())


def test_sigma_of_softmax_and_cross_entropy_is_p_minus_y():
    logits = np.random.default_rng(0).standard_normal((5, 4))
    y = np.array([0, 3, 1, 1, 2])
    _, sigma = reference.cross_entropy(logits, y)
    np.testing.assert_array_equal(sigma, reference.softmax(logits) - np.eye(4)[y])


def test_relu_passes_nothing_at_its_kink():
    sigma = reference.sigma_backward(np.ones((1, 1)), np.ones((3, 1)), np.array([[-1.0, 0.0, 1.0]]))
    assert sigma.tolist() == [[0, 0, 1]]
