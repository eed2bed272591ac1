"""``fcnet.Scale``, a trainable scale per feature, against its oracle, on every path of a step and of a prediction."""

from __future__ import annotations

import pickle
import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet._saving import safetensors

from bounds import flat, max_error
from interop import library
from layer_checks import (
    BIASED,
    check_bits_with_any_threads,
    check_gradients_of_the_oracle,
    check_that_two_fits_are_one,
    data,
    layers_of,
    of_oracle,
    parts_of,
)
from walks import walk

KINDS = [None, "layer", BIASED, "batch"]
SCALED = [True, False, True]  # the first layer and the last


def network(kind=None, activation="tanh", **options):
    hidden = fc.Dense(33, activation, normalization=kind), fc.Dense(18, activation, normalization=kind)
    net = fc.Network([5, fc.Scale(), hidden[0], hidden[1], fc.Scale(), 3], seed=3, **options)
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers:
        for name in parts_of(layer)[2:]:
            setattr(layer, name, rng.uniform(0.5, 2, getattr(layer, name).shape))
        layer.B = rng.standard_normal(layer.B.shape)
    return net


def oracle_options(kind, activation="tanh"):
    return {"activation": activation, "normalization": [of_oracle(kind), of_oracle(kind), None], "scaled": SCALED}


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_oracles_gradients_are_those_of_a_complex_step(kind):
    x, y = data(13)
    check_gradients_of_the_oracle(layers_of(network(kind, dtype="float64")), x, y, **oracle_options(kind))


OPTIMIZERS = {
    "sgd": (fc.SGD(0.02), lambda: reference.sgd(0.02)),
    "decay": (fc.SGD(0.02, weight_decay=0.1, l2=0.1), lambda: reference.regularized(
        reference.sgd(0.02, weight_decay=0.1), l2=0.1)),
    "adam": (fc.AdamW(0.001, weight_decay=0.1), lambda: reference.adam(0.001, weight_decay=0.1)),
    "momentum": (fc.SGD(0.02, momentum=0.9), lambda: reference.sgd(0.02, momentum=0.9)),
    "rmsprop": (fc.RMSprop(0.001), lambda: reference.rmsprop(0.001)),
    "clipped": (
        fc.SGD(0.02, clip_norm=0.1, l2=0.1),
        lambda: reference.regularized(reference.sgd(0.02), clip_norm=0.1, l2=0.1),
    ),
    "decay-biases": (
        fc.SGD(0.02, weight_decay=0.1, l2=0.1, decay_biases=True),
        lambda: reference.regularized(
            reference.sgd(0.02, weight_decay=0.1, decay_biases=True), l2=0.1, decay_biases=True
        ),
    ),
}  # fmt: skip


@cache
def trained_by_the_oracle(kind, activation, n, batch, optimizer):
    """The layers after two epochs."""
    x, y = data(n)
    net = network(kind, activation, dtype="float64")
    layers, oracle = layers_of(net), OPTIMIZERS[optimizer][1]()
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], oracle, **oracle_options(kind, activation))
    return layers


@pytest.mark.parametrize(
    ("optimizer", "kind", "activation"),
    [
        *(("sgd", kind, activation) for kind in KINDS for activation in ("relu", "gelu")),
        *((optimizer, None, "tanh") for optimizer in OPTIMIZERS),
        *(("adam", kind, "tanh") for kind in KINDS[1:]),
        ("clipped", "layer", "tanh"),
        ("sgd", None, "softmax"),
    ],
)
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_a_scaled_network_trains_as_its_oracle(optimizer, kind, activation, n, batch, steps, isa):
    if n == 4200 and optimizer not in ("sgd", "clipped"):
        pytest.skip("chunks of a batch do not depend on the optimizer")
    x, y = data(n)
    batch = max(batch, 4) if kind == "batch" else batch  # two samples are normalised to 1 and -1
    net = network(kind, activation, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[optimizer][0])
    layers = trained_by_the_oracle(kind, activation, n, batch, optimizer)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-11


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_same_bits_with_any_threads(kind, dtype, steps, isa):
    check_bits_with_any_threads(lambda: network(kind, dtype=dtype))


@pytest.mark.parametrize("kind", [None, "layer"])
def test_predictions_are_the_oracles_and_do_not_depend_on_the_rows_beside(kind, isa):
    x, _ = data(200)
    net = network(kind, "gelu", dtype="float64")
    expected = reference.forward(layers_of(net), x, **oracle_options(kind, "gelu"))
    predicted = net.predict(x)
    np.testing.assert_allclose(predicted, expected[-1][1], rtol=1e-11)
    np.testing.assert_allclose(net.predict(x, output="logits"), expected[-1][0], rtol=1e-10)
    for rows in (slice(0, 1), slice(3, 10), slice(5, 60), slice(0, 199)):
        assert (net.predict(x[rows]) == predicted[rows]).all()
    assert net.evaluate(x, predicted.argmax(axis=1))["accuracy"] == 1
    for found, (_, h) in zip(net.activations(x), expected, strict=True):  # not scaled yet
        np.testing.assert_allclose(found, h, rtol=1e-10)


def test_threads_that_share_the_layers_of_few_rows_predict_the_same(dtype):
    x = np.random.default_rng(0).standard_normal((16, 300))
    net = fc.Network([300, fc.Scale(), 400, fc.Scale(), 300, 10], seed=1, dtype=dtype)
    for layer in net.layers[:2]:
        layer.scale = np.linspace(0.5, 2, len(layer.scale))
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            bits |= {net.predict(x).tobytes() for _ in range(5)}
    assert len(bits) == 1


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_gradients_are_the_oracles(kind, dtype, isa):
    x, y = data(4200)
    net = network(kind, dtype=dtype)
    _, expected = reference.backward(layers_of(net), x, y, **oracle_options(kind))
    found = net.gradients(x, y)
    extra = 0 if kind is None else 2 if kind is BIASED else 1
    assert [len(parts) for parts in found] == [3 + extra, 2 + extra, 3]
    assert max_error(flat(found), flat(expected)) <= (1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.once  # the gradients of every instruction set are compared with the oracle's
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_finite_differences_find_the_same_gradients(kind, dtype):
    x, y = data(12)
    for activation in ("relu", "tanh"):
        check = network(kind, activation, dtype=dtype).check_gradients(x, y)
        assert check.passed, check


def test_a_wrong_gradient_of_a_scale_is_found(monkeypatch):
    x, y = data(12)
    net = network(dtype="float64")
    gradients = type(net._state).gradients

    def wrong(state, dataset):
        first, *others = gradients(state, dataset)
        return [(*first[:-1], first[-1] * 1.001), *others]

    monkeypatch.setattr(type(net._state), "gradients", wrong)
    check = net.check_gradients(x, y)
    assert not check.passed
    assert "layers[0].scale" in check.worst.name


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("batch", [5, 33])
def test_a_frozen_layer_keeps_its_scale_and_hands_sigma_on(frozen, batch, steps):
    x, y = data()
    net = network(dtype="float64")
    layers = layers_of(net)
    net.layers[frozen].freeze()
    net.fit(x, y, epochs=1, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.05))
    for begin in range(0, len(x), batch):
        moved = [tuple(part.copy() for part in parts) for parts in layers]
        reference.training_step(moved, x[begin : begin + batch], y[begin : begin + batch], 0.05, **oracle_options(None))
        layers = [parts if i == frozen else new for i, (parts, new) in enumerate(zip(layers, moved, strict=True))]
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12


def test_dropout_comes_before_the_scale(steps):
    x, y = data(70)
    net = fc.Network([5, fc.Dense(33, "tanh", dropout=0.3), fc.Scale(), 3], seed=3, dtype="float64")
    net.layers[1].scale = np.linspace(0.5, 2, 33)
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=32, optimizer=fc.SGD(0.05))
    order = reference.permutation(net.seed, 0, len(x))
    for begin in range(0, len(x), 32):
        rows = order[begin : begin + 32]
        masks = [reference.dropout_mask(net.seed, 0, 0, np.arange(begin, begin + len(rows)), 33, 0.3)]
        reference.training_step(layers, x[rows], y[rows], 0.05, activation="tanh", scaled=[False, True], masks=masks)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12


def test_a_custom_loss_trains_scales_too():
    x, y = data(40)
    target = np.eye(3)[y]
    nets = [
        fc.Network([5, fc.Scale(), 8, fc.Scale(), fc.Dense(3, "identity")], loss=loss, seed=1, dtype="float64")
        for loss in ("mse", lambda p, t: (float(((p - t) ** 2).mean()), 2 * (p - t) / p.size))
    ]
    for net in nets:
        net.fit(x, target, epochs=3, batch_size=16, optimizer=fc.SGD(0.1))
    assert max_error(flat(layers_of(nets[1])), flat(layers_of(nets[0]))) <= 1e-13
    assert (nets[0].layers[0].scale != 1).all()


@pytest.mark.interop
def test_sparse_rows_train_and_predict_as_dense_ones(dtype):
    sparse = library("scipy.sparse")
    rng = np.random.default_rng(0)
    x = sparse.random(90, 400, 0.02, format="csr", dtype=np.float32, random_state=rng)
    y = rng.integers(0, 3, 90)
    bits = []
    for rows in (x, x.toarray()):
        net = fc.Network([400, fc.Scale(), 20, 3], seed=1, dtype=dtype)
        net.fit(rows, y, epochs=2, batch_size=32, optimizer=fc.Adam())
        bits.append(pickle.dumps(layers_of(net)) + net.predict(rows).tobytes() + net.predict(rows[:3]).tobytes())
    assert bits[0] == bits[1]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_two_fits_are_one_longer_fit_through_files_and_pickles(kind, dtype, tmp_path):
    sizes = [5, fc.Scale(), fc.Dense(20, normalization=kind), fc.Scale(), 3]
    options = {"optimizer": fc.Adam(), "averaging": fc.EMA(0.9)}
    check_that_two_fits_are_one(lambda: fc.Network(sizes, seed=1, dtype=dtype), tmp_path, **options)


def version(path):
    return safetensors.read(path)[1]["version"]


def test_only_files_with_a_scale_have_the_version_that_knows_it(tmp_path):
    fc.Network([5, 4, 3], seed=1).save(tmp_path / "without.safetensors")
    fc.Network([5, fc.Scale(), 4, 3], seed=1).save(tmp_path / "with.safetensors")
    assert version(tmp_path / "without.safetensors") == "3"
    assert version(tmp_path / "with.safetensors") == "4"
    state = fc.Network([5, 4, 3], seed=1).__getstate__()
    assert [len(layer) for layer in state["layers"]] == [4, 4]


def test_a_scale_is_read_set_and_shown():
    net = fc.Network([2, fc.Scale(), fc.Dense(3, "tanh"), 4, fc.Scale(), 2], seed=0)
    first, second, third = net.layers
    assert first.scale.tolist() == [1, 1]
    assert third.scale.shape == (4,)
    first.scale = [1, 2]
    assert first.scale.tolist() == [1, 2]
    with pytest.raises(AttributeError, match=re.escape("a layer without fcnet.Scale() before it has no scale")):
        second.scale  # noqa: B018
    with pytest.raises(ValueError, match=re.escape("scale has shape (3,): expected (2,)")):
        first.scale = [1, 2, 3]
    assert repr(net).startswith("Network([2, Scale(), Dense(3, activation='tanh'), 4, Scale(), 2], ")
    assert net.sizes == (2, 3, 4, 2)
    assert "scaled inputs" in net.summary()
    assert re.search(r"layers\[0\].* 11\n", net.summary())  # 2 x 3 weights, 3 biases, 2 scales
    assert fc.Scale() == fc.Scale()


def test_a_scale_of_ones_does_not_change_a_prediction(dtype):
    x, _ = data()
    scaled, plain = fc.Network([5, fc.Scale(), 8, fc.Scale(), 3], seed=1, dtype=dtype), fc.Network([5, 8, 3], seed=1)
    if dtype == np.float32:
        assert (scaled.predict(x) == plain.predict(x)).all()
    assert [layer.W.shape for layer in scaled.layers] == [layer.W.shape for layer in plain.layers]


def test_diagnose_counts_scales_in_and_explain_refuses_them():
    x, y = data(12)
    net = network(dtype="float64")
    folded = fc.Network([5, fc.Dense(33, "tanh"), fc.Dense(18, "tanh"), 3], dtype="float64")
    for layer, plain, scaled in zip(net.layers, folded.layers, SCALED, strict=True):
        plain.W, plain.B = layer.W * layer.scale[:, None] if scaled else layer.W, layer.B
    found, expected = net.diagnose(x, y), folded.diagnose(x, y)
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    for a, b in zip(found.layers, expected.layers, strict=True):
        assert a.outputs.std == pytest.approx(b.outputs.std, rel=1e-12)
    with pytest.raises(ValueError, match=re.escape("layers[0] has an fcnet.Scale before it")):
        net.explain(x, y)


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ([fc.Scale(), 2, 3], TypeError, "sizes[0] is a Scale: expected the number of inputs"),
        ([2, 3, fc.Scale()], ValueError, "sizes ends with a Scale: expected a layer after it"),
        ([2, fc.Scale()], ValueError, "sizes ends with a Scale: expected a layer after it"),
        ([2, fc.Scale(), fc.Scale(), 3], ValueError, "sizes[2] is a second Scale after the first: expected a layer"),
        ([2, fc.Scale(), 0], ValueError, "sizes[2] is 0"),
        ([2, fc.Scale, 3], TypeError, "sizes[1] is"),
    ],
)
def test_what_is_wrong_is_named(sizes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        fc.Network(sizes)
