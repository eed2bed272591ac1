"""What a layer can be beside its size: without bias, with dropout, frozen, a softmax, of chosen first weights."""

from __future__ import annotations

import pickle
import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import initializers, reference

from bounds import flat, max_error
from walks import walk


def layers_of(net):
    return [(layer.W.astype(float), layer.B.astype(float)) for layer in net.layers]


def data(n=70, k=5, classes=3):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, k)), rng.integers(0, classes, n)


def oracle_epochs(net, layers, x, y, epochs, batch, rate, shares, **options):
    """Trains ``layers`` as a fit of ``net`` does whose hidden layers drop the shares."""
    for epoch in range(epochs):
        order = reference.permutation(net.seed, epoch, len(x))
        for begin in range(0, len(x), batch):
            rows = order[begin : begin + batch]
            positions = np.arange(begin, begin + len(rows))
            masks = [
                reference.dropout_mask(net.seed, epoch, i, positions, m, share) if share else None
                for i, (share, m) in enumerate(zip(shares, net.sizes[1:], strict=False))
            ]
            reference.training_step(layers, x[rows], y[rows], rate, masks=masks, **options)


def dropping(activation):
    hidden = [fc.Dense(33, activation, dropout=0.2), fc.Dense(18, activation, dropout=0.5)]
    return fc.Network([5, *hidden, 3], seed=3, dtype="float64")


@cache
def dropping_by_the_oracle(activation, n, batch):
    net = dropping(activation)
    layers = layers_of(net)
    oracle_epochs(net, layers, *data(n), 2, batch, 0.02, [0.2, 0.5], activation=activation)
    return layers


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "identity"])
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_dropout_trains_as_its_oracle(activation, n, batch, steps, isa):
    net = dropping(activation)
    net.fit(*data(n), epochs=2, batch_size=batch, optimizer=fc.SGD(0.02))
    assert max_error(flat(layers_of(net)), flat(dropping_by_the_oracle(activation, n, batch))) <= 1e-12


def test_dropout_gives_the_same_bits_with_any_threads(dtype, steps, isa):
    x, y = data(200)
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            net = fc.Network([5, fc.Dense(33, dropout=0.3), 3], seed=3, dtype=dtype)
            net.fit(x, y, epochs=2, batch_size=48, optimizer=fc.Adam())
        bits.add(net.predict(x).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_independently(share):
    mask = reference.dropout_mask(7, 3, 1, np.arange(2000), 500, share)
    kept = mask != 0
    assert abs(kept.mean() - (1 - share)) < 5 * np.sqrt(share * (1 - share) / kept.size)
    for a, b in ((kept[:, 1:], kept[:, :-1]), (kept[1:], kept[:-1]), (kept[:, 4:], kept[:, :-4])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)
    others = [
        reference.dropout_mask(7, 3, 0, np.arange(2000), 500, share),
        reference.dropout_mask(7, 4, 1, np.arange(2000), 500, share),
    ]
    assert all(abs(np.corrcoef(kept.ravel(), (other != 0).ravel())[0, 1]) < 5 / np.sqrt(kept.size) for other in others)
    assert set(np.unique(mask)) == {0, 1 / (1 - share)}


def test_dropout_is_for_training_only():
    x, y = data()
    plain, dropping = (fc.Network([5, fc.Dense(33, dropout=share), 3], seed=0) for share in (0, 0.5))
    assert (plain.predict(x) == dropping.predict(x)).all()
    assert plain.evaluate(x, y) == dropping.evaluate(x, y)
    for (dw, db), (ew, eb) in zip(plain.gradients(x, y), dropping.gradients(x, y), strict=True):
        assert (dw == ew).all()
        assert (db == eb).all()


def without_bias():
    return fc.Network([5, fc.Dense(33, bias=False), fc.Dense(3, bias=False)], seed=3, dtype="float64")


@cache
def without_bias_by_the_oracle(n, batch):
    (x, y), net = data(n), without_bias()
    weights = [layer.W.copy() for layer in net.layers]
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            layers = [(w, np.zeros(w.shape[1])) for w in weights]
            reference.training_step(layers, x[rows], y[rows], 0.02)
    return weights


@pytest.mark.parametrize(("n", "batch"), [(20, 1), (70, 33), (4200, 4100)])
def test_a_layer_without_bias_has_none(n, batch, steps, isa):
    x, y = data(n)
    net = without_bias()
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.SGD(0.02))
    assert max_error([layer.W for layer in net.layers], without_bias_by_the_oracle(n, batch)) <= 1e-12
    assert not any(layer.B.any() or layer.bias for layer in net.layers)
    assert all(not db.any() for _, db in net.gradients(x, y))
    with pytest.raises(ValueError, match="B is not 0: the layer has no bias"):
        net.layers[0].B = np.ones(33)


def squared(output, target):
    return float(np.square(output - target).sum()), 2 * (output - target)


@pytest.mark.parametrize(
    ("normalization", "loss"), [("batch", "mse"), (None, squared), ("batch", squared)], ids=["batch", "custom", "both"]
)
def test_a_network_that_is_frozen_as_a_whole_stays_as_it_is(normalization, loss, threads):  # by layers
    x, y = data(70)
    net = fc.Network([5, fc.Dense(40, normalization=normalization), 3], seed=3, loss=loss)
    for layer in net.layers:
        layer.freeze()
    before = net.predict(x)
    net.fit(x, np.eye(3)[y], epochs=2, batch_size=33)
    assert (net.predict(x) == before).all()


@cache
def trained_in_part_by_the_oracle(frozen, batch, optimizer):
    x, y = data(4200 if batch > 70 else 70)
    layers = layers_of(fc.Network([5, 40, 33, 3], seed=3, dtype="float64"))
    oracle = reference.sgd(0.05) if isinstance(optimizer, fc.SGD) else reference.adam(0.001)
    for _ in range(2):
        for begin in range(0, len(x), batch):
            rows = slice(begin, begin + batch)
            _, gradients = reference.backward(layers, x[rows], y[rows])
            live = [i for i in range(3) if i not in frozen]
            if live:
                oracle([layers[i] for i in live], [gradients[i] for i in live])
    return layers


@walk("frozen", [(0,), (1,), (2,), (0, 1), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize(  # the chunks of a large batch do not depend on the optimizer
    ("optimizer", "batch"),
    [(fc.SGD(0.05), 1), (fc.SGD(0.05), 33), (fc.SGD(0.05), 4100), (fc.Adam(), 1), (fc.Adam(), 33)],
    ids=lambda value: type(value).__name__ if isinstance(value, fc.SGD | fc.Adam) else str(value),
)
def test_a_frozen_layer_stays_and_the_others_train_as_they_would(frozen, batch, optimizer, steps):
    net = fc.Network([5, 40, 33, 3], seed=3, dtype="float64")
    start = [layer.W.copy() for layer in net.layers]
    for i in frozen:
        net.layers[i].freeze()
    net.fit(*data(4200 if batch > 70 else 70), epochs=2, batch_size=batch, optimizer=optimizer, shuffle=False)
    for i, layer in enumerate(net.layers):
        assert (layer.W == start[i]).all() == (i in frozen)
    assert max_error(flat(layers_of(net)), flat(trained_in_part_by_the_oracle(frozen, batch, optimizer))) <= 1e-11


def test_freezing_is_kept_by_files_and_undone():
    net = fc.Network([5, 8, 3], seed=0)
    net.layers[0].trainable = False
    again = pickle.loads(pickle.dumps(net))
    assert [layer.trainable for layer in again.layers] == [False, True]
    again.layers[0].unfreeze()
    before, (x, y) = again.layers[0].W, data()
    again.fit(x, y, epochs=1)
    assert (again.layers[0].W != before).any()
    with pytest.raises(TypeError, match="trainable is 1: expected True or False"):
        again.layers[0].trainable = 1


def with_softmax():
    return fc.Network([5, fc.Dense(40, "softmax"), fc.Dense(33, "softmax"), 7, 3], seed=3, dtype="float64")


@cache
def with_softmax_by_the_oracle(n, batch):
    net = with_softmax()
    layers = layers_of(net)
    oracle_epochs(net, layers, *data(n), 2, batch, 0.5, [0, 0, 0], activation=["softmax", "softmax", "relu"])
    return layers


@pytest.mark.parametrize(("n", "batch"), [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_a_softmax_between_other_layers_trains_as_its_oracle(n, batch, steps, isa):
    x, y = data(n)
    net = with_softmax()
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.SGD(0.5))
    layers = with_softmax_by_the_oracle(n, batch)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12
    expected = reference.forward(layers, x, activation=["softmax", "softmax", "relu"])[-1][1]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-10)
    np.testing.assert_allclose(net.predict(x[:3]), expected[:3], rtol=1e-10)


def test_numbers_and_layers_describe_the_same_network():
    x, _ = data()
    short = fc.Network([5, 8, 3], seed=0, activation="tanh")
    long = fc.Network([5, fc.Dense(8, "tanh"), fc.Dense(3, "softmax")], seed=0)
    assert repr(short) == repr(long)
    assert (short.predict(x) == long.predict(x)).all()
    assert short.summary() == long.summary()


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        ("he_normal", 2 / 300),
        ("he_uniform", 2 / 300),
        ("glorot_normal", 2 / 500),
        ("glorot_uniform", 2 / 500),
        ("lecun_normal", 1 / 300),
        ("lecun_uniform", 1 / 300),
        (initializers.VarianceScaling(3, "mean", "uniform"), 3 / 250),
        ("zeros", 0),
        (initializers.Constant(0.25), 0),
        (np.full((300, 200), 0.5), 0),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_initial_weights_have_the_spread_that_is_said(init, spread):
    a, b, other = (fc.Network([300, fc.Dense(200, init=init), 3], seed=seed).layers[0].W for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != other).any() == (spread > 0)
    assert a.var() == pytest.approx(spread, rel=0.02, abs=1e-12)
    if "uniform" in str(init):
        assert np.abs(a).max() <= np.sqrt(3 * spread) * (1 + 1e-6)
    if not isinstance(init, str) and spread == 0:
        assert a.max() == a.min() in (0.25, 0.5)


@pytest.mark.parametrize("sizes", [(30, 20), (20, 30), (20, 20)])
def test_orthogonal_weights_are(sizes):
    k, m = sizes
    init = initializers.Orthogonal(2.0)
    w = fc.Network([k, fc.Dense(m, init=init), 3], seed=1, dtype="float64").layers[0].W
    product = w.T @ w if k >= m else w @ w.T
    np.testing.assert_allclose(product, 4 * np.eye(min(k, m)), atol=1e-13)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Dense(0), ValueError, "units is 0: expected at least 1"),
        (lambda: fc.Dense(2.5), TypeError, "units is 2.5: expected a whole number"),
        (lambda: fc.Dense(3, "rely"), ValueError, "activation is 'rely': expected one of identity"),
        (lambda: fc.Dense(3, dropout=1), ValueError, "dropout is 1: expected 0 <= dropout < 1"),
        (lambda: fc.Dense(3, bias=None), TypeError, "bias is None: expected True or False"),
        (lambda: fc.Dense(3, init="best"), ValueError, "init is 'best': expected one of auto"),
        (lambda: fc.Network([2, fc.Dense(3, dropout=0.5)]), ValueError, "dropout is 0.5 in the last layer"),
        (lambda: fc.Network([2, fc.Dense(3, "softmax", dropout=0.5), 2]), ValueError, "for a layer with softmax"),
        (lambda: fc.Network([fc.Dense(2), 3]), TypeError, "sizes[0] is a Dense layer: expected the number of inputs"),
        (
            lambda: fc.Network([2, fc.Dense(3, "tanh")], loss="cross_entropy"),
            ValueError,
            "'cross_entropy' takes 'softmax'",
        ),
        (
            lambda: fc.Network([2, fc.Dense(3, "tanh")]),
            ValueError,
            "loss is None, and the last layer's activation is 'tanh'",
        ),
        (
            lambda: fc.Network([2, fc.Dense(3, init=np.ones((3, 2)))]),
            ValueError,
            "init of layers[0] has shape (3, 2): expected (2, 3)",
        ),
        (lambda: initializers.Orthogonal(0), ValueError, "gain is 0: expected a positive"),
        (lambda: initializers.Constant(np.nan), ValueError, "value is nan: expected a finite number"),
        (lambda: initializers.VarianceScaling(fan="out"), ValueError, "fan is 'out': expected 'in' or 'mean'"),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    "optimizer", [fc.Adam(clip_norm=0.5), fc.Lion(weight_decay=0.1), fc.SGD(0.1, l2=0.1, clip_value=0.1)]
)
@pytest.mark.parametrize("batch", [5, 33])
def test_frozen_layers_and_missing_biases_stay_whatever_the_optimizer(optimizer, batch, steps):
    x, y = data()
    net = fc.Network([5, 40, fc.Dense(33, bias=False), fc.Dense(20, dropout=0.2), 3], seed=3)
    net.layers[0].freeze()
    net.layers[2].freeze()
    before = layers_of(net)
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=optimizer)
    for i, (layer, (w, b)) in enumerate(zip(net.layers, before, strict=True)):
        assert (layer.W == w).all() == (i in (0, 2))
        assert (layer.B == b).all() == (i in (0, 1, 2))
    halves = fc.Network([5, 40, fc.Dense(33, bias=False), fc.Dense(20, dropout=0.2), 3], seed=3)
    halves.layers[0].freeze()
    halves.layers[2].freeze()
    for _ in range(2):
        halves.fit(x, y, epochs=1, batch_size=batch, optimizer=optimizer)
    assert (halves.predict(x) == net.predict(x)).all()


def test_gradients_are_of_all_layers_whatever_a_fit_has_frozen(steps):
    x, y = data()
    net = fc.Network([5, 40, 33, 3], seed=3)
    net.layers[0].freeze()
    for _ in range(3):
        net.fit(x, y, epochs=2, batch_size=16)
        again = pickle.loads(pickle.dumps(net))
        for (dw, db), (ew, eb) in zip(net.gradients(x, y), again.gradients(x, y), strict=True):
            assert (dw == ew).all()
            assert (db == eb).all()
            assert dw.any()
