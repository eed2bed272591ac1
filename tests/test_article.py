"""The article's own numbers, by the oracle and by the native kernels.

Its text gives layer 1 and the results; the figures of layers 2 and 3 are lost with its pictures. Those here were chosen
so that p = (0.44, 0.56) and L = 0.82 come out (docs/article.md).
"""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import kernels, reference

from bounds import unit_roundoff

X, ODD = np.array([[1.0, 1.0]]), np.array([0])
LAYERS = [
    (np.array([[0.5, 0.2], [0.1, 0.2]]), np.array([0.1, 0.1])),
    (np.array([[0.3, 0.5], [0.1, 0.1]]), np.array([0.1, 0.1])),
    (np.array([[0.1, 0.5], [0.1, 0.3]]), np.array([0.1, 0.1])),
]
TINY = 20 * unit_roundoff(np.float64)  # a dozen operations on numbers below 1


@pytest.fixture(params=[reference, kernels], ids=["reference", "kernels"])
def module(request):
    return request.param


def forward(module, layers):
    """h_out of both hidden layers, and the logits."""
    h1 = module.relu(module.linear(X, *layers[0]))
    h2 = module.relu(module.linear(h1, *layers[1]))
    return h1, h2, module.linear(h2, *layers[2])


def test_first_hidden_layer(module):
    h_in = module.linear(X, *LAYERS[0])
    np.testing.assert_allclose(h_in, [[0.7, 0.5]], atol=TINY)
    np.testing.assert_array_equal(module.relu(h_in), h_in)


def test_output_and_loss_to_two_decimals(module):
    logits = forward(module, LAYERS)[-1]
    loss, sigma = module.cross_entropy(logits, ODD)
    p = module.softmax(logits)
    assert np.round(p, 2).tolist() == [[0.44, 0.56]]
    assert np.round(loss, 2).tolist() == [0.82]
    np.testing.assert_allclose(sigma, p - [[1, 0]], atol=TINY)
    np.testing.assert_allclose(loss, -np.log(p[:, 0]), atol=TINY)


def test_one_step_raises_the_odd_class(module):
    layers = [(w.copy(), b.copy()) for w, b in LAYERS]
    h1, h2, logits = forward(module, layers)
    loss, sigma3 = module.cross_entropy(logits, ODD)
    sigma2 = module.sigma_backward_sgd(sigma3, *layers[2], h2, 0.1)
    sigma1 = module.sigma_backward_sgd(sigma2, *layers[1], h1, 0.1)
    module.sgd_update(*layers[0], sigma1, X, 0.1)

    expected = [(w.copy(), b.copy()) for w, b in LAYERS]
    reference.training_step(expected, X, ODD, 0.1)
    for pair, other in zip(layers, expected, strict=True):
        for got, want in zip(pair, other, strict=True):
            np.testing.assert_allclose(got, want, atol=TINY)

    after = forward(module, layers)[-1]
    assert module.softmax(after)[0, 0] > module.softmax(logits)[0, 0]
    assert module.cross_entropy(after, ODD)[0] < loss


def test_gradients_equal_finite_differences():
    h = 1e-6
    _, gradients = reference.backward(LAYERS, X, ODD)
    for i, pair in enumerate(gradients):
        for j, gradient in enumerate(pair):
            for at in np.ndindex(gradient.shape):
                values = []
                for step in (h, -h):
                    layers = [tuple(a.copy() for a in layer) for layer in LAYERS]
                    layers[i][j][at] += step
                    values.append(reference.backward(layers, X, ODD)[0])
                # truncation h^2 / 6 of a third derivative below 1, rounding u / h
                assert abs((values[0] - values[1]) / (2 * h) - gradient[at]) <= 1e-9


def test_the_network_takes_the_same_step():
    net = fc.Network([2, 2, 2, 2], dtype="float64", seed=0)
    for layer, (w, b) in zip(net.layers, LAYERS, strict=True):
        layer.W, layer.B = w, b
    assert np.round(net.predict(X), 2).tolist() == [[0.44, 0.56]]
    net.fit(X, ODD, epochs=1, batch_size=1, optimizer=fc.SGD(0.1))
    expected = [(w.copy(), b.copy()) for w, b in LAYERS]
    reference.training_step(expected, X, ODD, 0.1)
    for layer, (w, b) in zip(net.layers, expected, strict=True):
        np.testing.assert_allclose(layer.W, w, atol=TINY)
        np.testing.assert_allclose(layer.B, b, atol=TINY)
