"""Networks with embedded columns of every kind, for the tests of ``fcnet.Columns``."""

from __future__ import annotations

import numpy as np

import fcnet as fc

from layer_checks import layers_of

NUMBERS, OTHERS, CATEGORIES = 3, 2, (4, 7)
KINDS = [None, "layer", "batch"]
EDGES = [[-1.2, -0.3, 0.4, 1.5], [0.1, 0.6], [-2, -1, -0.5, 0, 0.25, 0.5, 1, 2]]
COLUMNS = {
    "both": fc.Columns(NUMBERS, OTHERS, fc.Periodic(), CATEGORIES, embedding_size=5),
    "numbers": fc.Columns(NUMBERS, embedding=fc.Periodic(frequencies=3, size=9)),
    "tables": fc.Columns(others=OTHERS, categories=CATEGORIES),
    "one table": fc.Columns(categories=[40], embedding_size=3),
    "plr": fc.Columns(NUMBERS, OTHERS, fc.PLR(5, 18, sigma=0.4), CATEGORIES, embedding_size=5),
    "pl": fc.Columns(NUMBERS, embedding=fc.PLR(4, 3, sigma=0.4, activation="identity")),
    "lite": fc.Columns(NUMBERS, OTHERS, fc.PLR(5, 18, sigma=0.4, lite=True), CATEGORIES),
    "bins": fc.Columns(NUMBERS, OTHERS, fc.PiecewiseLinear(EDGES, 5), CATEGORIES),
    "bins A": fc.Columns(NUMBERS, embedding=fc.PiecewiseLinear(EDGES, 18, version="A")),
    "bins A, relu": fc.Columns(NUMBERS, OTHERS, fc.PiecewiseLinear(EDGES, 3, version="A", activation="relu")),
    "factors": fc.Columns(
        NUMBERS, OTHERS, fc.Periodic(rate_factor=0.1, decay_factor=0.3), CATEGORIES, 5, rate_factor=2, decay_factor=0.5
    ),
}


def data(columns, n=70, classes=3):
    """Rows of numbers, others and codes, some of them 0; and labels."""
    rng = np.random.default_rng(n)
    codes = [rng.integers(0, count + 1, n) for count in columns.categories]
    x = np.column_stack([rng.standard_normal((n, columns.numbers + columns.others)), *codes])
    return x, rng.integers(0, classes, n)


def network(columns=COLUMNS["both"], kind=None, activation="tanh", *, scaled=False, sizes=(33, 18), **options):
    hidden = [fc.Dense(size, activation, normalization=kind) for size in sizes]
    net = fc.Network([columns, *([fc.Scale()] if scaled else []), *hidden, 3], seed=3, **options)
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers:
        layer.B = rng.standard_normal(layer.B.shape)
        if layer.normalization:
            layer.gamma = rng.uniform(0.5, 2, layer.gamma.shape)
    if scaled:
        net.layers[0].scale = rng.uniform(0.5, 2, net.layers[0].scale.shape)
    return net


def arrays_of(net):
    """The arrays of the columns, in float64, as gradients have them."""
    return tuple(np.array(array, float) for array in net.columns.arrays())


def all_of(net):
    """The parameters of every layer, and last those of the columns."""
    return [*layers_of(net), arrays_of(net)]


def oracle_options(columns, kind=None, activation="tanh", *, scaled=False):
    normalization, scales = [kind, kind, None], [scaled, False, False]
    options = columns.embedding_of_rows()
    return {"activation": activation, "normalization": normalization, "scaled": scales, "columns": options}
