"""Factors on the learning rate and on decay, and the neural tangent parametrisation, against their oracle."""

from __future__ import annotations

import json
import pickle
import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet._saving import network_file, safetensors

from bounds import flat, max_error
from interop import library
from layer_checks import (
    check_bits_with_any_threads,
    check_gradients_of_the_oracle,
    check_that_two_fits_are_one,
    data,
    layers_of,
    parts_of,
)
from walks import walk

KINDS = [None, "layer", "batch"]
SCALED = [True, False, True]
MULTIPLIERS = [5**-0.5, 1, 18**-0.5]  # the first and the last layer are ntp
# (rate, decay) of W, of B and gamma, of the scale; None is the default
FACTORS = [((1, None), (0.1, 0), (6, 6)), ((0.5, 0.3), (2, 0.7), None), ((0.25, 2), (0.25, None), (3, None))]


def sizes(kind=None, activation="tanh"):
    options = [{"rate_factor": (w[0], b[0]), "decay_factor": (w[1] or 1, b[1])} for w, b, _ in FACTORS]
    return [
        *(5, fc.Scale(rate_factor=6, decay_factor=6)),
        fc.Dense(33, activation, normalization=kind, parametrization="ntp", **options[0]),
        fc.Dense(18, activation, normalization=kind, **options[1]),
        *(fc.Scale(rate_factor=3), fc.Dense(3, parametrization="ntp", **options[2])),
    ]


def network(kind=None, activation="tanh", **options):
    net = fc.Network(sizes(kind, activation), seed=3, **options)
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers:
        for name in parts_of(layer)[2:]:
            setattr(layer, name, rng.uniform(0.5, 2, getattr(layer, name).shape))
        layer.B = rng.standard_normal(layer.B.shape)
    return net


def for_the_oracle(net):
    """The layers with W as the optimizer sees it."""
    return [(w / m, *others) for m, (w, *others) in zip(MULTIPLIERS, layers_of(net), strict=True)]


def factors_of(net, *, decay_biases=False):
    """(rate, decay) of every array of every layer."""
    found = []
    for layer, (of_weights, of_biases, of_scale) in zip(net.layers, FACTORS, strict=True):
        of = {"W": of_weights, "scale": of_scale}
        pairs = [(name, of.get(name, of_biases)) for name in parts_of(layer)]
        found.append([
            (rate, float(name == "W" or decay_biases) if decay is None else decay) for name, (rate, decay) in pairs
        ])  # fmt: skip
    return found


def oracle_options(kind, activation="tanh"):
    norms = [kind, kind, None]
    return {"activation": activation, "normalization": norms, "scaled": SCALED, "multipliers": MULTIPLIERS}


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS)
def test_the_oracles_gradients_are_those_of_a_complex_step(kind):
    x, y = data(13)
    check_gradients_of_the_oracle(for_the_oracle(network(kind, dtype="float64")), x, y, **oracle_options(kind))


# The optimizer; that of an array, by its factors on rate and decay.
OPTIMIZERS = {
    "sgd": (fc.SGD(0.02), lambda r, d: reference.sgd(0.02 * r)),
    "sgd-decay-l2": (
        fc.SGD(0.02, weight_decay=0.1, l2=0.1),
        lambda r, d: penalized(reference.sgd(0.02 * r, weight_decay=0.1 * d, decay_biases=True), 0.1 * d),
    ),
    "momentum": (fc.SGD(0.02, momentum=0.9), lambda r, d: reference.sgd(0.02 * r, momentum=0.9)),
    "nesterov-clip-value-l2": (
        fc.SGD(0.02, momentum=0.8, nesterov=True, l2=0.1, clip_value=0.01),
        lambda r, d: penalized(reference.sgd(0.02 * r, momentum=0.8, nesterov=True), 0.1 * d, clip_value=0.01),
    ),
    "adamw": (
        fc.AdamW(0.001, beta2=0.95, weight_decay=0.3),
        lambda r, d: reference.adam(0.001 * r, beta2=0.95, weight_decay=0.3 * d, decay_biases=True),
    ),
    "adamw-decay-biases": (
        fc.AdamW(0.001, weight_decay=0.3, decay_biases=True),
        lambda r, d: reference.adam(0.001 * r, weight_decay=0.3 * d, decay_biases=True),
    ),
    "adam-clip-norm-l2": (
        fc.Adam(0.001, clip_norm=0.1, l2=0.1),
        lambda r, d: penalized(reference.adam(0.001 * r), 0.1 * d),
    ),
    "nadam": (fc.NAdam(0.001), lambda r, d: reference.nadam(0.001 * r)),
    "rmsprop-momentum": (
        fc.RMSprop(0.001, momentum=0.8, epsilon=1e-4),
        lambda r, d: reference.rmsprop(0.001 * r, momentum=0.8, epsilon=1e-4),
    ),
    "adagrad": (fc.Adagrad(0.01), lambda r, d: reference.adagrad(0.01 * r)),
    "lion-decay": (
        fc.Lion(0.001, weight_decay=0.5),
        lambda r, d: reference.lion(0.001 * r, weight_decay=0.5 * d, decay_biases=True),
    ),
}


def penalized(update, l2, clip_value=np.inf):
    return reference.regularized(update, l2=l2, decay_biases=True, clip_value=clip_value)


def oracle_of(name, net):
    optimizer, make = OPTIMIZERS[name]
    by_block = reference.by_block(make, factors_of(net, decay_biases=optimizer.decay_biases))
    return by_block if optimizer.clip_norm is None else reference.regularized(by_block, clip_norm=optimizer.clip_norm)


@cache
def trained_by_the_oracle(kind, activation, n, batch, name):
    """The layers after two epochs."""
    x, y = data(n)
    net = network(kind, activation, dtype="float64")
    layers, oracle = for_the_oracle(net), oracle_of(name, net)
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], oracle, **oracle_options(kind, activation))
    return layers


@pytest.mark.parametrize(
    ("name", "kind", "activation"),
    [
        *((name, None, "tanh") for name in OPTIMIZERS),
        *(("adamw", kind, "gelu") for kind in KINDS),
        *(("adam-clip-norm-l2", kind, "tanh") for kind in KINDS[1:]),
    ],
)
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_a_network_with_factors_trains_as_its_oracle(name, kind, activation, n, batch, steps, isa):
    if n == 4200 and not name.startswith("adam"):
        pytest.skip("chunks of a batch do not depend on the optimizer")
    x, y = data(n)
    batch = max(batch, 4) if kind == "batch" else batch  # two samples are normalised to 1 and -1
    net = network(kind, activation, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[name][0])
    expected = trained_by_the_oracle(kind, activation, n, batch, name)
    assert max_error(flat(for_the_oracle(net)), flat(expected)) <= 1e-11


@pytest.mark.parametrize("batch", [4, 20])
def test_ntp_is_training_w_itself_over_200_steps(batch, steps):
    """The network holds ``W / sqrt(k)``; the oracle W."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 7)), rng.integers(0, 3, 20)
    net = fc.Network([7, *[fc.Dense(n, "silu", parametrization="ntp") for n in (40, 33)],
                      fc.Dense(3, parametrization="ntp")], seed=1, dtype="float64")  # fmt: skip
    multipliers = [7**-0.5, 40**-0.5, 33**-0.5]
    layers = [(layer.W / m, layer.B.copy()) for m, layer in zip(multipliers, net.layers, strict=True)]
    oracle = reference.adam(0.01, beta2=0.95, weight_decay=0.3)
    epochs = 200 * batch // 20
    for epoch in range(epochs):
        order = reference.permutation(net.seed, epoch, 20)
        for rows in order.reshape(-1, batch):
            options = {"activation": "silu", "multipliers": multipliers}
            reference.training_step(layers, x[rows], y[rows], oracle, **options)
    net.fit(x, y, epochs=epochs, batch_size=batch, optimizer=fc.AdamW(0.01, beta2=0.95, weight_decay=0.3))
    found = [(layer.W / m, layer.B) for m, layer in zip(multipliers, net.layers, strict=True)]
    assert max_error(flat(found), flat(layers)) <= 1e-11


@pytest.mark.parametrize("batch", [1, 33])
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}, {"clip_value": 0.01}], ids=["no clip", "norm", "value"])
def test_factors_of_1_are_no_factors(batch, clip, dtype, steps, isa):
    x, y = data()
    options = {"rate_factor": 1, "decay_factor": (1, None), "parametrization": "standard"}
    scale = fc.Scale(rate_factor=1, decay_factor=None)
    for with_factors, plain in (
        ([5, fc.Dense(33, **options), fc.Dense(3, **options)], [5, 33, 3]),
        ([5, scale, fc.Dense(33, **options), 3], [5, fc.Scale(), 33, 3]),
    ):
        one, other = (fc.Network(each, seed=1, dtype=dtype) for each in (with_factors, plain))
        assert repr(one) == repr(other)
        for net in (one, other):
            net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.AdamW(l2=0.1, **clip))
        assert pickle.dumps(layers_of(one)) == pickle.dumps(layers_of(other))


@pytest.mark.parametrize("batch", [1, 33])
@pytest.mark.parametrize("make", [fc.SGD, fc.AdamW, fc.Lion], ids=lambda make: make.__name__)
def test_a_factor_of_all_layers_is_one_of_the_learning_rate(make, batch, dtype, steps, isa, threads):
    x, y = data()
    halved = fc.Network([5, *[fc.Dense(n, rate_factor=0.5) for n in (33, 40, 3)]], seed=1, dtype=dtype)
    plain = fc.Network([5, 33, 40, 3], seed=1, dtype=dtype)
    for net, rate in ((halved, 0.25), (plain, 0.125)):
        net.fit(x, y, epochs=2, batch_size=batch, optimizer=make(rate, weight_decay=0.5))
    assert pickle.dumps(layers_of(halved)) == pickle.dumps(layers_of(plain))


def test_decay_factors_of_1_for_biases_are_decay_biases(dtype, steps):
    x, y = data()
    options = {"weight_decay": 0.3, "l2_sum": 0.5}
    one = fc.Network([5, fc.Dense(33, decay_factor=1), fc.Dense(3, decay_factor=1)], seed=1, dtype=dtype)
    other = fc.Network([5, 33, 3], seed=1, dtype=dtype)
    for net, too in ((one, False), (other, True)):
        for layer in net.layers:
            layer.B = np.ones(layer.B.shape)
        net.fit(x, y, epochs=2, batch_size=33, optimizer=fc.AdamW(0.01, decay_biases=too, **options))
    assert pickle.dumps(layers_of(one)) == pickle.dumps(layers_of(other))


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}], ids=["no clip", "norm"])
def test_a_rate_factor_of_0_keeps_biases_and_no_decay_factor_keeps_weights(clip, steps):
    x, y = data()
    net = fc.Network([5, fc.Dense(33, rate_factor=(1, 0)), fc.Dense(3, rate_factor=0)], seed=1)
    before = layers_of(net)
    net.fit(x, y, epochs=2, optimizer=fc.AdamW(0.01, weight_decay=0.5, decay_biases=True, **clip))
    after = layers_of(net)
    assert (after[0][0] != before[0][0]).all()
    for now, then in ((after[0][1], before[0][1]), *zip(after[1], before[1], strict=True)):
        np.testing.assert_array_equal(now, then)
    zeros, labels = np.zeros((8, 4)), np.zeros(8, int)
    net = fc.Network([4, fc.Dense(3, decay_factor=0)], seed=0)
    before = net.layers[0].W
    net.fit(zeros, labels, epochs=1, optimizer=fc.AdamW(0.1, weight_decay=0.5, decay_biases=True))
    np.testing.assert_array_equal(net.layers[0].W, before)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_with_any_threads(kind, dtype, steps, isa):
    check_bits_with_any_threads(lambda: network(kind, dtype=dtype))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}], ids=["no clip", "norm"])
def test_gradients_that_are_given_make_the_step_of_samples(kind, clip, threads):
    x, y = data()
    one, other = network(kind, dtype="float64"), network(kind, dtype="float64")
    for _ in range(3):
        gradients = one.gradients(x, y)
        one.apply_gradients(gradients, optimizer=fc.AdamW(0.01, weight_decay=0.1, **clip))
        other.train_on_batch(x, y, optimizer=fc.AdamW(0.01, weight_decay=0.1, **clip))
    assert max_error(flat(layers_of(one)), flat(layers_of(other))) <= 1e-13


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}], ids=["no clip", "norm"])
def test_a_frozen_layer_keeps_its_parameters(frozen, clip, steps):
    x, y = data()
    net = network(dtype="float64")
    net.layers[frozen].freeze()
    before = layers_of(net)
    net.fit(x, y, epochs=1, optimizer=fc.AdamW(**clip))
    for i, (now, then) in enumerate(zip(layers_of(net), before, strict=True)):
        assert (pickle.dumps(now) == pickle.dumps(then)) == (i == frozen)


@pytest.mark.interop
@pytest.mark.parametrize("optimizer", [fc.SGD(0.1), fc.AdamW(weight_decay=0.1)], ids=["sgd", "adamw"])
@pytest.mark.parametrize("bias", [True, False])
def test_sparse_rows_train_as_dense_ones(optimizer, bias, dtype, steps):
    sparse = library("scipy.sparse")
    rng = np.random.default_rng(0)
    options = {"parametrization": "ntp", "rate_factor": (1, 0.1), "decay_factor": (1, 0.5), "bias": bias}
    for columns in (384, 400):
        x = sparse.random(90, columns, 0.02, format="csr", dtype=np.float32, random_state=rng)
        y, bits = rng.integers(0, 3, 90), []
        for rows in (x, x.toarray()):
            net = fc.Network([columns, fc.Dense(20, **options), 3], seed=1, dtype=dtype)
            net.fit(rows, y, epochs=2, batch_size=32, optimizer=optimizer)
            bits.append([layer.W + 0 for layer in net.layers] + [layer.B + 0 for layer in net.layers])
        for one, other in zip(*bits, strict=True):
            np.testing.assert_array_equal(one, other)


def test_first_weights_of_ntp_are_standard_normal(dtype):
    standard = fc.Network([300, 200, 200, 10], seed=1, dtype=dtype)
    net = fc.Network([300, *[fc.Dense(n, parametrization="ntp") for n in (200, 200, 10)]], seed=1, dtype=dtype)
    for layer, like in zip(net.layers, standard.layers, strict=True):
        np.testing.assert_allclose(np.sqrt(2) * layer.W, like.W, rtol=4 * np.finfo(dtype).eps)
        assert not layer.B.any()
    assert np.std(np.sqrt(300) * net.layers[0].W) == pytest.approx(1, abs=0.01)
    given = np.linspace(-1, 1, 6).reshape(2, 3)
    for init, expected in ((given, given), ("zeros", np.zeros((2, 3)))):
        net = fc.Network([2, fc.Dense(3, init=init, parametrization="ntp")], dtype="float64")
        np.testing.assert_array_equal(net.layers[0].W, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_two_fits_are_one_longer_fit_through_files_and_pickles(kind, dtype, tmp_path):
    options = {"optimizer": fc.AdamW(weight_decay=0.3), "averaging": fc.EMA(0.9)}
    check_that_two_fits_are_one(lambda: fc.Network(sizes(kind), seed=1, dtype=dtype), tmp_path, **options)


def test_only_files_with_factors_have_the_version_that_knows_them(tmp_path):
    path = tmp_path / "net.safetensors"
    for layers, version, entries in (
        ([5, fc.Dense(4, rate_factor=1), 3], "3", [4, 4]),
        ([5, fc.Scale(), 4, 3], "4", [5, 4]),
        ([5, fc.Scale(rate_factor=6), 4, 3], "5", [6, 4]),
        ([5, 4, fc.Dense(3, parametrization="ntp")], "5", [4, 6]),
    ):
        net = fc.Network(layers, seed=1)
        net.save(path)
        assert safetensors.read(path)[1]["version"] == version
        assert [len(layer) for layer in net.__getstate__()["layers"]] == entries
        assert repr(fc.load(path)) == repr(net)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected some of parametrization, rate_factor, decay_factor, parametric, scale"),
        ([], "expected some of parametrization"),
        ({"parametrization": "mup"}, "parametrization is 'mup'"),
        ({"rate_factor": [1, None]}, r"rate_factor\[1\] is None"),
        ({"rate_factor": [1, -1]}, r"rate_factor\[1\] is -1"),
        ({"rate_factor": [1, float("inf")]}, r"rate_factor\[1\] is inf"),
        ({"decay_factor": [1, 1, 1]}, "decay_factor has 3 numbers"),
        ({"init": "zeros"}, "expected some of parametrization"),
        ({"scale": {"rate_factor": 6}}, "expected those of scale where there is one"),
        ({"scale": 3, "rate_factor": 6}, "expected those of scale where there is one"),
    ],
)
def test_a_file_with_damaged_options_is_refused(options, message, tmp_path):
    path = tmp_path / "net.safetensors"
    fc.Network([5, fc.Dense(4, rate_factor=2), 3], seed=1).save(path)
    tensors, metadata = safetensors.read(path)
    described = json.loads(metadata["network"])
    described["layers"][0][5] = options
    metadata["network"] = json.dumps(described)
    metadata["crc32"] = network_file._checksum(tensors, metadata)
    with path.open("wb") as file:
        safetensors.write(file, tensors, metadata)
    with pytest.raises(ValueError, match=message):
        fc.load(path)


def test_factors_are_shown():
    net = fc.Network([5, fc.Scale(rate_factor=6, decay_factor=6),
                      fc.Dense(4, "selu", parametrization="ntp", rate_factor=(1, 0.1), decay_factor=(1, 0)),
                      fc.Dense(3, rate_factor=2, decay_factor=(0.5, None))], seed=0)  # fmt: skip
    first, second = net.layers
    assert (first.parametrization, first.rate_factor, first.decay_factor) == ("ntp", (1, 0.1), (1, 0))
    assert (second.parametrization, second.rate_factor, second.decay_factor) == ("standard", (2, 2), (0.5, None))
    words = "selu, scaled inputs (rate factor 6, decay factor 6), ntp, rate factors 1, 0.1, decay factors 1, 0"
    assert words in net.summary()
    assert repr(first) == f"Layer(5 x 4, {words})"
    assert repr(second) == "Layer(4 x 3, softmax, rate factors 2, 2, decay factors 0.5, default)"
    assert repr(net).startswith(
        "Network([5, Scale(rate_factor=6.0, decay_factor=6.0), Dense(4, activation='selu', parametrization='ntp', "
        "rate_factor=(1.0, 0.1), decay_factor=(1.0, 0.0)), Dense(3, rate_factor=(2.0, 2.0), decay_factor=(0.5, None))],"
    )
    assert repr(fc.Scale(decay_factor=0)) == "Scale(decay_factor=0.0)"


@pytest.mark.parametrize("kind", KINDS)
def test_explain_shows_the_step_with_its_factors(kind, dtype):
    x, y = data(6)
    entries = [each for each in sizes(kind) if not isinstance(each, fc.Scale)]
    net = fc.Network(entries, seed=3, dtype=dtype)
    shown = net.explain(x, y, learning_rate=0.5)
    one = fc.Network(entries, seed=3, dtype=dtype)
    one.train_on_batch(x, y, optimizer=fc.SGD(0.5))
    for i, layer in enumerate(one.layers, 1):
        assert (shown[f"W_new_{i}"] == layer.W).all()
        assert (shown[f"B_new_{i}"] == layer.B).all()
    change = shown["W_new_1"] - shown["W_1"]
    np.testing.assert_allclose(change, -0.5 / 5 * shown["dW_1"], rtol=1e-3, atol=1e-6)
    text = shown.to_text()
    assert "0.2 · α" in text  # 1 / inputs of the first layer
    assert "0.1 · α" in text  # its biases
    forgotten = shown["W_1"] - 0.5 * shown["dW_1"]
    [finding] = net.explain(x, y, learning_rate=0.5, answer={"W_new_1": forgotten}).findings
    assert finding.slip == "the factor before α was forgotten"


def test_diagnose_counts_factors_in():
    x, y = data(12)
    plain, other = fc.Network([5, 8, 3], seed=1), fc.Network([5, fc.Dense(8, rate_factor=3), 3], seed=1)
    one, three = (net.diagnose(x, y).layers[0].update_ratio for net in (plain, other))
    assert three == pytest.approx(3 * one)
    assert other.diagnose(x, y).loss_after != plain.diagnose(x, y).loss_after


def test_finite_differences_find_the_same_gradients():
    x, y = data(12)
    check = network(dtype="float64").check_gradients(x, y)
    assert check.passed, check


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Dense(3, parametrization="mup"), ValueError, "parametrization is 'mup': expected 'standard' or"),
        (lambda: fc.Dense(3, parametrization=None), ValueError, "parametrization is None: expected 'standard' or"),
        (lambda: fc.Dense(3, rate_factor=-1), ValueError, "rate_factor is -1: expected a finite number, at least 0"),
        (lambda: fc.Dense(3, rate_factor="1"), TypeError, "rate_factor is '1': expected a number"),
        (lambda: fc.Dense(3, rate_factor=None), TypeError, "rate_factor is None: expected a number"),
        (lambda: fc.Dense(3, rate_factor=(1, None)), TypeError, "rate_factor[1] is None: expected a number"),
        (lambda: fc.Dense(3, rate_factor=(np.nan, 1)), ValueError, "rate_factor[0] is nan"),
        (lambda: fc.Dense(3, rate_factor=(1,)), ValueError, "rate_factor has 1 numbers: expected one, or two, of W"),
        (lambda: fc.Dense(3, decay_factor=(None, 1)), TypeError, "decay_factor[0] is None: expected a number"),
        (lambda: fc.Dense(3, decay_factor=np.inf), ValueError, "decay_factor is inf"),
        (lambda: fc.Scale(rate_factor=-1), ValueError, "rate_factor is -1: expected a finite number, at least 0"),
        (lambda: fc.Scale(rate_factor=(1, 2)), TypeError, "rate_factor is (1, 2): expected a number"),
        (lambda: fc.Scale(rate_factor=None), TypeError, "rate_factor is None: expected a number"),
        (lambda: fc.Scale(decay_factor="x"), TypeError, "decay_factor is 'x': expected a number"),
        (lambda: fc.Scale(rate_facter=1), TypeError, "did you mean rate_factor?"),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
