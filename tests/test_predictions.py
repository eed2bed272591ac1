"""What predict returns beside the outputs: logits, predictions with dropout; and the activations of every layer."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, kernels, reference

from bounds import max_error
from interop import library
from walks import walk

LOSSES = {
    "softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "exp": "poisson",
    "softplus": "poisson",
    "identity": "mse",
    "tanh": "huber",
}
ROWS = [0, 1, 3, 9, 100, 3000]


def network(output="softmax", dtype="float32", hidden=(33, fc.Dense(40, "gelu")), **options):
    net = fc.Network([7, *hidden, fc.Dense(5, output)], loss=LOSSES[output], dtype=dtype, seed=1, **options)
    for i, layer in enumerate(net.layers):
        layer.B = np.random.default_rng(i).standard_normal(layer.B.shape)
    return net


def rows(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 7))


@walk("n", ROWS)
@pytest.mark.parametrize("output", LOSSES)
def test_the_activation_of_the_logits_is_the_prediction(output, n, dtype, threads):
    net = network(output, dtype)
    logits = net.predict(rows(n), output="logits")
    assert logits.dtype == dtype
    expected = kernels.softmax(logits) if output == "softmax" else _native.activation(logits, output)
    assert expected.tobytes() == net.predict(rows(n)).tobytes()


@pytest.mark.parametrize("n", [2, 100])
def test_logits_stay_finite_where_the_logarithm_of_a_probability_does_not(n, dtype):
    net = fc.Network([1, 2], seed=0, dtype=dtype)
    net.layers[0].W = [[500, -500]]
    x = np.full((n, 1), 4.0)
    assert (net.predict(x) == [1, 0]).all()
    assert (net.predict(x, output="logits") == [2000, -2000]).all()


@walk("n", ROWS)
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("output", LOSSES)
def test_activations_are_those_of_the_reference(output, normalization, n, threads):
    hidden = (
        fc.Dense(33, normalization=normalization),
        fc.Dense(40, "gelu"),
        fc.Dense(6, "softmax"),
        fc.Dense(4, "tanh"),
    )
    net = network(output, "float64", hidden, scale=0.5, offset=np.arange(7))
    activations = net.activations(rows(n))
    assert [a.shape for a in activations] == [(n, m) for m in net.sizes[1:]]
    assert activations[-1].tobytes() == net.predict(rows(n)).tobytes()
    h = (rows(n) - np.arange(7)) * 0.5
    for layer, got in zip(net.layers, activations, strict=True):
        h_in = h @ layer.W + layer.B
        if layer is net.layers[0] and normalization == "layer":
            h_in = reference.normalize(h @ layer.W, "layer")[0] + layer.B
        if layer is net.layers[0] and normalization == "batch":  # of mean 0 and variance 1 before any fit
            h_in = h @ layer.W / np.sqrt(1 + 1e-5) + layer.B
        h = reference.activation(h_in, layer.activation)
        assert max_error([got], [h]) <= 1e-12
        h = got


def test_a_row_has_the_same_activations_alone_and_among_others(dtype, threads):
    net = network("softmax", dtype)
    together = net.activations(rows(70))
    for i in (0, 31, 69):
        alone = net.activations(rows(70)[i : i + 1])
        assert [a.tobytes() for a in alone] == [a[i : i + 1].tobytes() for a in together]


@pytest.mark.interop
def test_activations_of_sparse_rows_are_those_of_dense_ones():
    sparse = library("scipy.sparse")
    x = rows(90) * (np.random.default_rng(1).random((90, 7)) < 0.02)
    net = network()
    for a, b in zip(net.activations(sparse.csr_array(x)), net.activations(x), strict=True):
        assert (a == b).all()
    logits = net.predict(sparse.csr_array(x), output="logits")
    assert (logits == net.predict(x, output="logits")).all()


DROPPING = (fc.Dense(33, dropout=0.25), fc.Dense(40, "gelu", dropout=0.5))


@pytest.mark.parametrize("n", [1, 9, 150, 3000])
@pytest.mark.parametrize("normalization", [None, "layer"])
def test_dropout_of_a_prediction_is_that_of_the_reference(normalization, n, threads):
    hidden = (fc.Dense(33, dropout=0.25, normalization=normalization), DROPPING[1])
    net = network("softmax", "float64", hidden)
    masks = [reference.dropout_mask(7, 0, i, np.arange(n), m, p) for i, (m, p) in enumerate([(33, 0.25), (40, 0.5)])]
    layers = [
        tuple(getattr(layer, part) for part in ("W", "B", "gamma")[: 2 + (layer.normalization is not None)])
        for layer in net.layers
    ]
    passed = reference.forward(
        layers, rows(n), activation=["relu", "gelu"], masks=masks, normalization=[normalization, None, None]
    )
    h_in, p = passed[-1]
    assert max_error([net.predict(rows(n), dropout=True, seed=7)], [p]) <= 1e-12
    assert max_error([net.predict(rows(n), output="logits", dropout=True, seed=7)], [h_in]) <= 1e-12


def test_dropout_of_a_seed_has_the_same_bits_with_any_threads(dtype, isa):
    net, bits = network("softmax", dtype, DROPPING), set()
    for count in (1, 2, 3):
        with fc.threads(count):
            bits.add(net.predict(rows(3000), dropout=True, seed=2**64 - 1).tobytes())
            part = net.predict(rows(3000)[:5], dropout=True, seed=2**64 - 1)
            bits.add(part.tobytes() + net.predict(rows(3000), dropout=True, seed=2**64 - 1)[5:].tobytes())
    assert len(bits) == 1


def test_every_call_draws_new_masks_without_a_seed():
    net = network("softmax", "float32", DROPPING)
    before = net.predict(rows(50))
    several = {net.predict(rows(50), dropout=True).tobytes() for _ in range(5)}
    assert len(several) == 5
    assert net.predict(rows(50)).tobytes() == before.tobytes()


def test_predictions_with_dropout_have_the_mean_and_the_variance_of_their_masks():
    """Of one dropped layer under identities: ``sum_k h_k m_k w_k``, m Bernoulli, of mean 1, variance p / (1 - p)."""
    share, m = 0.3, 24
    net = fc.Network([3, fc.Dense(m, "identity", dropout=share), 1], loss="mse", dtype="float64", seed=0)
    x = np.random.default_rng(0).standard_normal((1, 3))
    h, w = x @ net.layers[0].W, net.layers[1].W[:, 0]
    calls = 4000
    drawn = net.predict(np.repeat(x, calls, axis=0), dropout=True, seed=0)[:, 0]
    mean, variance = float(net.predict(x)[0, 0]), float(share / (1 - share) * ((h * w) ** 2).sum())
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(variance / calls)
    assert abs(drawn.var() / variance - 1) < 4 * np.sqrt(2 / calls)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"output": "probabilities"}, ValueError, "output is 'probabilities': expected 'logits' or None"),
        ({"output": np.array(["logits", "logits"])}, ValueError, "output is array"),
        ({"dropout": 1}, TypeError, "dropout is 1: expected True or False"),
        ({"seed": 3}, ValueError, "seed is 3, but predict is not random: expected dropout=True with it"),
        ({"dropout": True, "seed": -1}, ValueError, "seed is -1"),
        ({"dropout": True, "seed": 1.5}, TypeError, "seed is 1.5"),
    ],
)
def test_what_predict_cannot_do(options, error, message):
    with pytest.raises(error, match=message):
        network("softmax", "float32", DROPPING).predict(rows(3), **options)


def test_dropout_without_a_layer_that_has_any_is_an_error():
    with pytest.raises(ValueError, match="dropout is True, but no layer has dropout"):
        network().predict(rows(3), dropout=True)
