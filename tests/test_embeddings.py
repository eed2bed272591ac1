"""``fcnet.Columns`` against its oracle, on every path of a step and of a prediction."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

from bounds import flat, max_error
from embeddings import COLUMNS, KINDS, all_of, arrays_of, data, network, oracle_options
from layer_checks import check_gradients_of_the_oracle, layers_of, parts_of
from walks import walk


@pytest.fixture(params=COLUMNS)
def columns(request):
    return COLUMNS[request.param]


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scaled", [False, True])
def test_the_oracles_gradients_are_those_of_a_complex_step(columns, kind, scaled):
    x, y = data(columns, 13)
    net = network(columns, kind, scaled=scaled, sizes=(7, 5), dtype="float64")
    check_gradients_of_the_oracle(all_of(net), x, y, **oracle_options(columns, kind, scaled=scaled))


def test_the_oracle_is_the_formula_number_by_number():
    columns = COLUMNS["both"]
    x, _ = data(columns, 4)
    net = network(dtype="float64")
    frequencies, phases, w, b, tables = arrays_of(net)
    h = reference.embed(x, arrays_of(net), **columns.embedding_of_rows())
    assert h.shape == (4, columns.features) == (4, 3 * 3 + 3 + 2 + 2 * 5)
    for row, inputs in zip(x, h, strict=True):
        expected = []
        for j in range(3):
            waves = [np.cos(2 * np.pi * row[j] * frequencies[j, f] + phases[j, f]) for f in range(16)]
            expected += [b[j, o] + sum(waves[f] * w[j, f, o] for f in range(16)) for o in range(3)]
        expected += [*row[:5], *tables[int(row[5])], *tables[5 + int(row[6])]]
        np.testing.assert_allclose(inputs, expected, rtol=1e-13)


# Other embeddings of numbers than Periodic.
OTHERS = ["plr", "pl", "lite", "bins", "bins A", "bins A, relu"]
# The optimizer; that of an array, by its factors on rate and decay.
OPTIMIZERS = {
    "sgd": (fc.SGD(0.02), lambda r, d: reference.sgd(0.02 * r)),
    "adam": (fc.Adam(0.001), lambda r, d: reference.adam(0.001 * r)),
    "momentum": (fc.SGD(0.02, momentum=0.9), lambda r, d: reference.sgd(0.02 * r, momentum=0.9)),
    "rmsprop": (fc.RMSprop(0.001), lambda r, d: reference.rmsprop(0.001 * r)),
    "clipped": (fc.SGD(0.02, clip_norm=0.1), lambda r, d: reference.sgd(0.02 * r)),
    "decay": (
        fc.AdamW(0.001, weight_decay=0.1),
        lambda r, d: reference.adam(0.001 * r, weight_decay=0.1 * d, decay_biases=True),
    ),
    "decay-biases": (
        fc.AdamW(0.001, weight_decay=0.1, decay_biases=True),
        lambda r, d: reference.adam(0.001 * r, weight_decay=0.1 * d, decay_biases=True),
    ),
}


def oracle_of(name, net):
    optimizer, make = OPTIMIZERS[name]
    columns = net.columns.specification
    others = float(optimizer.decay_biases)
    factors = [[(1, 1), *[(1, others)] * (len(parts_of(layer)) - 1)] for layer in net.layers]
    of_numbers = columns.embedding.rate_factor, columns.embedding.decay_factor
    of_numbers = of_numbers if of_numbers[1] is not None else (of_numbers[0], others)
    of_tables = columns.rate_factor, columns.decay_factor
    factors.append([of_tables if name == "tables" else of_numbers for name in columns.shapes])
    return reference.regularized(reference.by_block(make, factors), clip_norm=optimizer.clip_norm or np.inf)


@cache
def trained_by_the_oracle(columns, kind, activation, scaled, n, batch, optimizer):
    """The layers and the columns after two epochs."""
    x, y = data(columns, n)
    net = network(columns, kind, activation, scaled=scaled, dtype="float64")
    layers, oracle = all_of(net), oracle_of(optimizer, net)
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            options = oracle_options(columns, kind, activation, scaled=scaled)
            reference.training_step(layers, x[rows], y[rows], oracle, **options)
    return layers


@pytest.mark.parametrize(
    ("optimizer", "kind", "activation", "scaled", "columns"),
    [
        *(("sgd", kind, f, scaled, "both") for kind in KINDS for f in ("relu", "gelu") for scaled in (False, True)),
        *((optimizer, None, "tanh", True, columns) for optimizer in OPTIMIZERS for columns in ("both", "factors")),
        *(("adam", kind, "tanh", False, "factors") for kind in KINDS[1:]),
        *(
            (optimizer, None, "tanh", optimizer == "adam", columns)
            for optimizer in ("sgd", "adam")
            for columns in OTHERS
        ),
        ("clipped", "layer", "tanh", False, "both"),
        ("sgd", None, "softmax", False, "both"),
    ],
)
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_embeddings_train_as_their_oracle(optimizer, kind, activation, scaled, columns, n, batch, steps, isa):
    if n == 4200 and optimizer not in ("sgd", "clipped"):
        pytest.skip("chunks of a batch do not depend on the optimizer")
    columns = COLUMNS[columns]
    x, y = data(columns, n)
    batch = max(batch, 4) if kind == "batch" else batch  # two samples are normalised to 1 and -1
    net = network(columns, kind, activation, scaled=scaled, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[optimizer][0])
    layers = trained_by_the_oracle(columns, kind, activation, scaled, n, batch, optimizer)
    assert max_error(flat(all_of(net)), flat(layers)) <= (1e-10 if kind == "batch" else 1e-11)


def test_gradients_are_the_oracles(columns, dtype, isa):
    x, y = data(columns, 4200)
    for kind in KINDS:
        net = network(columns, kind, dtype=dtype)
        _, expected = reference.backward(all_of(net), x, y, **oracle_options(columns, kind))
        found = net.gradients(x, y)
        assert [part.shape for part in found[-1]] == [*columns.shapes.values()]
        assert max_error(flat(found), flat(expected)) <= (1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("kind", [None, "layer"])
def test_predictions_are_the_oracles_and_do_not_depend_on_the_rows_beside(columns, kind, isa):
    x, _ = data(columns, 200)
    net = network(columns, kind, "gelu", scaled=True, dtype="float64")
    expected = reference.forward(all_of(net), x, **oracle_options(columns, kind, "gelu", scaled=True))
    predicted = net.predict(x)
    np.testing.assert_allclose(predicted, expected[-1][1], rtol=1e-11)
    np.testing.assert_allclose(net.predict(x, output="logits"), expected[-1][0], rtol=1e-10)
    for rows in (slice(0, 1), slice(3, 10), slice(5, 60), slice(0, 199)):
        assert (net.predict(x[rows]) == predicted[rows]).all()
    assert net.evaluate(x, predicted.argmax(axis=1))["accuracy"] == 1
    for found, (_, h) in zip(net.activations(x), expected, strict=True):
        np.testing.assert_allclose(found, h, rtol=1e-10, atol=1e-15)  # sums of numbers near 1 may nearly cancel


def test_more_columns_than_neurons_or_inputs_of_the_first_layer(dtype):
    wide = fc.Columns(others=1, categories=[3] * 200, embedding_size=1)
    for columns in (wide, fc.Columns(300, embedding=fc.Periodic(2, 1))):
        x, y = data(columns, 70)
        net = fc.Network([columns, 4, 3], seed=1, dtype=dtype)
        net.fit(x, y, epochs=1, batch_size=16)
        layers = [*layers_of(net), arrays_of(net)]
        expected = reference.forward(layers, x, columns=columns.embedding_of_rows())[-1][1]
        np.testing.assert_allclose(net.predict(x), expected, rtol=1e-4)
        assert (net.predict(x[:3]) == net.predict(x)[:3]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_with_any_threads(columns, kind, dtype, steps, isa):
    x, y = data(columns, 200)
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            net = network(columns, kind, scaled=True, dtype=dtype)
            net.fit(x, y, epochs=2, batch_size=48, optimizer=fc.Adam())
            bits.add(pickle.dumps(all_of(net)) + net.predict(x).tobytes())
    assert len(bits) == 1


@pytest.mark.once  # the gradients of every instruction set are compared with the oracle's
@pytest.mark.parametrize("kind", KINDS)
def test_finite_differences_find_the_same_gradients(columns, kind, dtype):
    x, y = data(columns, 12)
    for activation, scaled in (("relu", False), ("tanh", True)):
        check = network(columns, kind, activation, scaled=scaled, sizes=(9, 5), dtype=dtype).check_gradients(x, y)
        assert check.passed, check


def test_a_wrong_gradient_of_an_embedding_is_found(monkeypatch):
    x, y = data(COLUMNS["both"], 12)
    net = network(dtype="float64")
    gradients = type(net._state).gradients

    def wrong(state, dataset):
        *layers, own = gradients(state, dataset)
        return [*layers, (own[0], own[1] * 1.001, *own[2:])]

    monkeypatch.setattr(type(net._state), "gradients", wrong)
    check = net.check_gradients(x, y)
    assert not check.passed
    assert "columns.phases" in check.worst.name


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1), (0, 1, 2), (3,), (0, 3), (0, 1, 2, 3)])
@walk("batch", [5, 33])
def test_what_is_frozen_stays_and_hands_sigma_on(frozen, scaled, batch, steps):
    columns = COLUMNS["both"]
    x, y = data(columns)
    net = network(scaled=scaled, dtype="float64")
    layers = all_of(net)
    for i in frozen:
        (*net.layers, net.columns)[i].freeze()
    net.fit(x, y, epochs=1, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.05))
    for begin in range(0, len(x), batch):
        moved = [tuple(part.copy() for part in parts) for parts in layers]
        rows = slice(begin, begin + batch)
        reference.training_step(moved, x[rows], y[rows], 0.05, **oracle_options(columns, scaled=scaled))
        layers = [parts if i in frozen else new for i, (parts, new) in enumerate(zip(layers, moved, strict=True))]
    assert max_error(flat(all_of(net)), flat(layers)) <= 1e-12
    assert pickle.loads(pickle.dumps(net)).columns.trainable == (3 not in frozen)


def test_a_table_of_unit_vectors_is_one_hot_bit_for_bit(dtype, steps, isa, threads):
    columns = fc.Columns(others=2, categories=[3, 6], embedding_size=6)
    x, y = data(columns, 150)
    codes = x[:, 2:].astype(int)
    hot = [np.vstack([np.zeros(6), np.eye(6)])[codes[:, i]] for i in range(2)]
    nets = [fc.Network([first, 20, 3], seed=1, dtype=dtype) for first in (columns, 14)]
    nets[0].columns.tables = [np.vstack([np.zeros(6), np.eye(3, 6)]), np.vstack([np.zeros(6), np.eye(6)])]
    nets[0].columns.freeze()
    rows = [x, np.hstack([x[:, :2], *hot])]
    for net, each in zip(nets, rows, strict=True):
        net.fit(each, y, epochs=2, batch_size=32, optimizer=fc.Adam())
    for one, other in zip(*map(layers_of, nets), strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    assert (nets[0].predict(x) == nets[1].predict(rows[1])).all()


def test_rows_of_a_table_that_no_sample_has_move_with_momentum_and_decay_only():
    columns = fc.Columns(categories=[6], embedding_size=4)
    x, y = np.array([[1], [2], [0], [1]]), [0, 1, 2, 0]
    net = fc.Network([columns, 8, 3], seed=1, dtype="float64")
    before = np.array(net.columns.tables[0])
    net.fit(x, y, epochs=1, batch_size=4, optimizer=fc.SGD(0.1))
    assert (before == net.columns.tables[0]).all(axis=1).tolist() == [False, False, False, True, True, True, True]
    decayed = fc.Network([columns, 8, 3], seed=1, dtype="float64")
    decayed.fit(x, y, epochs=1, batch_size=4, optimizer=fc.SGD(0.1, weight_decay=0.5))
    np.testing.assert_allclose(decayed.columns.tables[0][3:], 0.95 * before[3:], rtol=1e-15)


def test_first_values_are_those_of_the_paper_and_depend_on_the_seed_only():
    columns = fc.Columns(200, embedding=fc.Periodic(sigma=0.3), categories=[3000])
    net = fc.Network([columns, 2, 2], seed=5, dtype="float64")
    own = net.columns
    assert own.frequencies.std() == pytest.approx(0.3, rel=0.05)
    assert -np.pi < own.phases.min() < -3.1 < 3.1 < own.phases.max() < np.pi
    for part in (own.W, own.B):
        assert -0.25 < part.min() < -0.24 < 0.24 < part.max() < 0.25
    assert own.tables[0].std() == pytest.approx(1, rel=0.02)
    again = fc.Network([columns, 5, 2], seed=5)
    for name in ("frequencies", "phases", "W", "B"):
        assert (getattr(again.columns, name) == getattr(own, name).astype(np.float32)).all()
    assert (fc.Network([columns, 2, 2], seed=6).columns.W != again.columns.W).any()


@pytest.mark.parametrize("kind", [None, "layer", "batch"])
def test_derivatives_by_x_are_those_of_finite_differences(columns, kind):
    x, _ = data(columns, 40)
    first = columns.numbers + columns.others
    scale, offset = np.ones(columns.inputs), np.zeros(columns.inputs)
    scale[:first], offset[:first] = 0.7, 0.2
    net = network(columns, kind, scaled=True, dtype="float64", scale=scale, offset=offset)
    cotangent = np.random.default_rng(2).standard_normal((40, 3))
    _, back = net.vjp(x)
    g = back(cotangent)
    assert (net.input_gradient(x, cotangent) == g.x).all()
    assert (g.x[:, first:] == 0).all()
    v = np.random.default_rng(3).standard_normal(x.shape)
    _, tangent = net.jvp(x, v)
    jacobian = net.jacobian(x)
    np.testing.assert_allclose(np.einsum("noi,ni->no", jacobian, v), tangent, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.einsum("noi,no->ni", jacobian, cotangent), g.x, rtol=1e-9, atol=1e-12)
    v[:, first:] = 0
    step = 1e-6
    measured = (net.predict(x + step * v) - net.predict(x - step * v)) / (2 * step)
    np.testing.assert_allclose(tangent, measured, rtol=1e-6, atol=1e-9)


def test_the_pullback_gives_the_gradients_of_the_parameters_too(columns, dtype):
    x, y = data(columns, 70)
    net = network(columns, dtype=dtype)
    outputs, back = net.vjp(x, output="logits")
    e = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    g = back((e / e.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(x))
    expected = net.gradients(x, y)
    assert max_error(flat(g.layers), flat(expected)) <= (1e-6 if dtype == np.float32 else 1e-14)
    assert g.flat.shape == net.parameters.shape
    only_x = back(outputs, parameters=False)
    assert (only_x.x == back(outputs).x).all()
    assert back(outputs, x=False).x is None


def test_numbers_that_are_far_out_keep_the_embedding_bounded(dtype, isa):
    columns = fc.Columns(1, embedding=fc.Periodic())
    net = fc.Network([columns, fc.Dense(3, "identity"), fc.Dense(1, "identity")], seed=1, dtype=dtype)
    w = np.array(net.layers[0].W)
    w[3] = 0  # of the number itself
    net.layers[0].W = w
    x = np.array([[0.0], [1e3], [1e6], [1e10], [1e30], [-1e35]])
    found, limit = net.activations(x)[0], np.abs(w).sum() * (16 / 4 + 1)
    assert (np.abs(found) <= limit).all()
    assert np.isnan(net.predict([[np.nan], [np.inf], [-np.inf]])).all()
