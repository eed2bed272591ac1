"""``initializers.from_data``: h_in of variance 1, biases by random rows."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet.initializers import from_data
from fcnet.reference.columns import embed


def problem(n=500, k=7):
    random = np.random.default_rng(0)
    return random.standard_normal((n, k)) * np.logspace(-3, 3, k) + np.arange(k)


def products(net, x):
    """h_prev W of every layer, as NumPy computes it."""
    h = (x - net.offset) * net.scale
    if net.columns:
        arrays = [np.asarray(array, float) for array in net.columns.arrays()]
        h = embed(h, arrays, **net.columns.specification.embedding_of_rows())
    for i, layer in enumerate(net.layers):
        yield (h * layer.scale if hasattr(layer, "scale") else h) @ layer.W
        h = net.activations(x)[i]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "selu", "tanh"])
def test_every_neuron_has_variance_1(dtype, activation):
    x = problem()
    net = fc.Network(
        [7, fc.Scale(), 33, fc.Dense(20, dropout=0.5), 3], activation=activation, loss="mse", dtype=dtype, seed=0
    )
    net.layers[0].scale = np.linspace(0.5, 2, 7)
    from_data(net, x)
    for z in products(net, x.astype(dtype)):
        np.testing.assert_allclose(z.std(axis=0), 1, rtol=2e-3 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_behind_embeddings_too(dtype):
    columns = fc.Columns(5, 1, fc.Periodic(), [4], embedding_size=3)
    x = np.column_stack([problem()[:, 1:], np.arange(500) % 5])
    net = fc.Network([columns, fc.Scale(), 33, 3], loss="mse", dtype=dtype, seed=0)
    net.adapt(x)
    before = net.columns.arrays()
    from_data(net, x)
    for z in products(net, x.astype(dtype)):
        np.testing.assert_allclose(z.std(axis=0), 1, rtol=2e-3 if dtype == "float32" else 1e-9)
    for array, of_before in zip(net.columns.arrays(), before, strict=True):
        np.testing.assert_array_equal(array, of_before)
    x[7, -1] = 5
    with pytest.raises(ValueError, match=r"x contains 5\.0 in row 7, column 6, a column of codes"):
        from_data(net, x)


def test_a_bias_is_minus_a_mean_of_what_the_neuron_has_for_some_rows():
    x = problem(3)
    net = fc.Network([7, 50, 1], loss="mse", dtype="float64", seed=0)
    from_data(net, x)
    z = x @ net.layers[0].W
    assert (-net.layers[0].B <= z.max(axis=0) + 1e-12).all()
    assert (-net.layers[0].B >= z.min(axis=0) - 1e-12).all()
    assert len(np.unique(net.layers[0].B.round(12))) == 50
    one = fc.Network([7, 50, 1], loss="mse", dtype="float64", seed=0)
    from_data(one, x[:1], bias_rows=3)
    np.testing.assert_allclose(one.layers[0].B, -(x[:1] @ one.layers[0].W)[0], rtol=1e-12)


def test_biases_are_distributed_as_the_formula_says():
    x = np.random.default_rng(1).standard_normal((2000, 1))
    net = fc.Network([1, 20_000, 1], loss="mse", dtype="float64", seed=0)
    net.layers[0].W = np.ones((1, 20_000))
    from_data(net, x)
    random = np.random.default_rng(2)
    shares = random.exponential(size=(5, 20_000))
    drawn = -(shares / shares.sum(axis=0) * random.standard_normal((5, 20_000))).sum(axis=0)
    ours, theirs = np.sort(net.layers[0].B), np.sort(drawn)
    both = np.sort(np.concatenate([ours, theirs]))
    distance = abs(np.searchsorted(ours, both, "right") - np.searchsorted(theirs, both, "right")).max() / 20_000
    assert distance < 0.03  # Kolmogorov-Smirnov, with 2,000 rows for a normal distribution


def test_constant_neurons_normalised_layers_and_biases_may_stay():
    x = np.ones((10, 2))
    net = fc.Network([2, fc.Dense(4, normalization="layer"), fc.Dense(3, bias=False), 1], loss="mse", seed=0)
    before = [layer.W for layer in net.layers]
    from_data(net, x)
    for layer, w in zip(net.layers, before, strict=True):
        np.testing.assert_array_equal(layer.W, w)
    assert not net.layers[1].B.any()
    wide = fc.Network([2, 4, 1], loss="mse", seed=0)
    from_data(wide, problem(20, 2), bias_rows=0)
    assert not any(layer.B.any() for layer in wide.layers)


def test_it_depends_on_the_seed_and_on_all_rows():
    x = problem(20_000)
    nets = [fc.Network([7, 8, 1], loss="mse", seed=3) for _ in range(4)]
    for net, seed in zip(nets, (None, 3, 4, None), strict=True):
        from_data(net, x, seed=seed)
    np.testing.assert_array_equal(nets[0].layers[0].B, nets[1].layers[0].B)
    assert (nets[0].layers[0].B != nets[2].layers[0].B).any()
    np.testing.assert_array_equal(nets[0].parameters, nets[3].parameters)


@pytest.mark.parametrize("x", [np.zeros(7), np.zeros((0, 7)), np.zeros((3, 6)), np.full((3, 7), np.nan)])
def test_a_wrong_x_is_an_error_and_leaves_the_network(x):
    net = fc.Network([7, 8, 1], loss="mse", seed=0)
    before = net.parameters
    with pytest.raises(ValueError, match="x"):
        from_data(net, x)
    np.testing.assert_array_equal(net.parameters, before)
