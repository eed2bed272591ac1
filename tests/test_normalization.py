"""Layer and batch normalisation against their oracle, on every path of a step and of a prediction."""

from __future__ import annotations

import copy
import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, reference
from fcnet._model.normalization import Normalization
from fcnet._saving import safetensors

from bounds import flat, max_error
from layer_checks import (
    BIASED,
    check_bits_with_any_threads,
    check_gradients_of_the_oracle,
    check_that_two_fits_are_one,
    data,
    layers_of,
    of_oracle,
)
from walks import walk

KINDS = ["layer", BIASED, "batch"]


def network(kind, activation="tanh", **options):
    first = fc.Dense(33, activation, normalization=kind)
    net = fc.Network([5, first, fc.Dense(18, activation, normalization=kind), 3], seed=3, **options)
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers[:2]:
        layer.gamma, layer.B = rng.uniform(0.5, 2, layer.gamma.shape), rng.standard_normal(layer.B.shape)
        if kind is BIASED:
            layer.product_bias = rng.standard_normal(layer.B.shape)
    return net


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_oracles_gradients_are_those_of_a_complex_step(kind):
    x, y = data(13)
    rng = np.random.default_rng(0)
    layers = [(rng.standard_normal((5, 7)), rng.standard_normal(7), rng.uniform(0.5, 2, 7))]
    layers[0] += (rng.standard_normal(7),) if kind is BIASED else ()
    layers.append((rng.standard_normal((7, 3)), rng.standard_normal(3)))
    check_gradients_of_the_oracle(layers, x, y, activation="tanh", normalization=[of_oracle(kind), None])


OPTIMIZERS = {
    "sgd": (fc.SGD(0.02), lambda: reference.sgd(0.02)),
    "adam": (fc.AdamW(0.001, weight_decay=0.1), lambda: reference.adam(0.001, weight_decay=0.1)),
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
}


def running(net):
    """Running means and variances of the layers that have them."""
    layers = [layer for layer in net.layers[:2] if layer.normalization == fc.BatchNorm()]
    return [(layer.mean, layer.variance) for layer in layers]


@cache
def trained_by_the_oracle(kind, activation, n, batch, optimizer):
    """The layers after two epochs, and the running statistics."""
    x, y = data(n)
    net = network(kind, activation, dtype="float64")
    layers, statistics, oracle = layers_of(net), running(net), OPTIMIZERS[optimizer][1]()
    options = {"activation": activation, "normalization": [of_oracle(kind), of_oracle(kind), None]}
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            inputs = [x[rows], reference.forward(layers, x[rows], **options)[0][1]]
            statistics = [
                reference.running_statistics(*of_layer, h @ layer[0], 0.1)
                for of_layer, h, layer in zip(statistics, inputs, layers, strict=False)
            ]
            reference.training_step(layers, x[rows], y[rows], oracle, **options)
    return layers, statistics


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(
    ("optimizer", "activation"),
    [("sgd", "relu"), ("adam", "tanh"), ("clipped", "gelu"), ("decay-biases", "tanh"), ("sgd", "gelu")],
)
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_a_normalised_network_trains_as_its_oracle(kind, activation, n, batch, optimizer, steps, isa):
    if n == 4200 and optimizer in ("adam", "decay-biases"):
        pytest.skip("chunks of a batch do not depend on the optimizer")
    x, y = data(n)
    batch = max(batch, 2) if kind == "batch" else batch
    net = network(kind, activation, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[optimizer][0])
    layers, statistics = trained_by_the_oracle(kind, activation, n, batch, optimizer)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-11
    if kind == "batch":
        assert max_error(flat(running(net)), flat(statistics)) <= 1e-11


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_same_bits_with_any_threads(kind, dtype, steps, isa):
    check_bits_with_any_threads(lambda: network(kind, dtype=dtype))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_predictions_are_the_oracles_and_do_not_depend_on_the_rows_beside(kind, isa):
    x, _ = data(200)
    net = network(kind, "gelu", dtype="float64")
    if kind == "batch":
        for layer in net.layers[:2]:
            layer.mean, layer.variance = np.linspace(-1, 1, len(layer.B)), np.linspace(0.1, 3, len(layer.B))
    h = x
    for layer in net.layers:
        z = h @ layer.W + getattr(layer, "product_bias", 0)
        if of_oracle(kind) == "layer" and layer.normalization:
            z = layer.gamma * reference.normalize(z, "layer")[0]
        elif layer.normalization:
            z = layer.gamma * (z - layer.mean) / np.sqrt(layer.variance + 1e-5)
        h = reference.activation(z + layer.B, layer.activation)
    predicted = net.predict(x)
    np.testing.assert_allclose(predicted, h, rtol=1e-11)
    for rows in (slice(0, 1), slice(3, 10), slice(5, 60), slice(0, 199)):
        assert (net.predict(x[rows]) == predicted[rows]).all()
    assert net.evaluate(x, h.argmax(axis=1))["accuracy"] == 1


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_gradients_are_the_oracles(kind, dtype, isa):
    x, y = data(4200)
    net = network(kind, dtype=dtype)
    layers = layers_of(net)
    norms = [of_oracle(kind), of_oracle(kind), None]
    _, expected = reference.backward(layers, x, y, activation="tanh", normalization=norms)
    found = net.gradients(x, y)
    assert [len(parts) for parts in found] == [3 + (kind is BIASED)] * 2 + [2]
    assert max_error(flat(found), flat(expected)) <= (1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("batch", [5, 33])
def test_a_layer_without_bias_and_a_frozen_one_keep_what_they_have(kind, batch, steps):
    x, y = data()
    sizes = [5, fc.Dense(20, normalization=kind, bias=False), fc.Dense(33, normalization=kind), 3]
    net = fc.Network(sizes, seed=3, dtype="float64")
    net.layers[1].freeze()
    before = copy.deepcopy(net)
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.AdamW(0.01))
    assert not net.layers[0].B.any()
    assert (net.layers[0].gamma != before.layers[0].gamma).all()
    norm = before.layers[1].normalization
    assert kind is not BIASED or (net.layers[0].product_bias != 0).all()
    for name in ("W", "B", *norm.trained_parts, *norm.running_parts):
        assert (getattr(net.layers[1], name) == getattr(before.layers[1], name)).all()


def test_a_frozen_layer_is_normalised_as_in_a_prediction(steps):
    x, y = data(150)
    frozen = network("batch", dtype="float64")
    frozen.fit(x, y, epochs=2)
    folded = fc.Network([5, fc.Dense(33, "tanh"), fc.Dense(18, "tanh"), 3], dtype="float64")
    for layer, plain in zip(frozen.layers[:2], folded.layers[:2], strict=True):
        factor = layer.gamma / np.sqrt(layer.variance + 1e-5)
        plain.W, plain.B = layer.W * factor, layer.B - layer.mean * factor
    folded.layers[2].W, folded.layers[2].B = frozen.layers[2].W, frozen.layers[2].B
    for net in (frozen, folded):
        net.layers[0].freeze()
        net.layers[1].freeze()
        net.fit(x, y, epochs=2, batch_size=32, shuffle=False, optimizer=fc.SGD(0.1))
    np.testing.assert_allclose(frozen.predict(x), folded.predict(x), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_dropout_and_normalisation_train_as_their_oracle(kind, steps):
    x, y = data(70)
    net = fc.Network([5, fc.Dense(33, "tanh", dropout=0.3, normalization=kind), 3], seed=3, dtype="float64")
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=32, optimizer=fc.SGD(0.05))
    order = reference.permutation(net.seed, 0, len(x))
    for begin in range(0, len(x), 32):
        rows = order[begin : begin + 32]
        masks = [reference.dropout_mask(net.seed, 0, 0, np.arange(begin, begin + len(rows)), 33, 0.3)]
        options = {"activation": "tanh", "normalization": [of_oracle(kind), None], "masks": masks}
        reference.training_step(layers, x[rows], y[rows], 0.05, **options)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12


@pytest.mark.parametrize("kind", [*KINDS, fc.LayerNorm(1e-3), fc.BatchNorm(1e-3, 0.3)], ids=str)
def test_two_fits_are_one_longer_fit_through_files_and_pickles(kind, dtype, tmp_path):
    sizes = [5, fc.Dense(20, normalization=kind), 3]
    check_that_two_fits_are_one(lambda: fc.Network(sizes, seed=1, dtype=dtype), tmp_path, optimizer=fc.Adam())


def test_a_snapshot_of_a_network_with_other_normalisation_is_refused():
    x, y = data()
    batch = np.ascontiguousarray(x, np.float32), y.astype(np.int32)

    def trainer(net):
        return _native.Trainer(net._state.model, *batch, 32, False, *fc.SGD()._native())

    nets = [fc.Network([5, fc.Dense(33, normalization=kind), 3], seed=0) for kind in (None, *KINDS)]
    for net in nets:
        taken = trainer(net).snapshot()
        for other in nets:
            other_trainer = trainer(other)
            if other is net:
                other_trainer.restore(taken)
            else:
                with pytest.raises(ValueError, match="snapshot is one of another network"):
                    other_trainer.restore(taken)
            other_trainer.close()


def test_layers_give_and_take_what_they_have():
    net = fc.Network(
        [2, fc.Dense(3, normalization="batch"), fc.Dense(3, normalization="layer"), fc.Dense(3), 2], seed=0
    )
    first, second, third, _ = net.layers
    assert (first.gamma == 1).all()
    assert (first.variance == 1).all()
    assert not first.mean.any()
    assert (first.normalization, second.normalization, third.normalization) == (fc.BatchNorm(), fc.LayerNorm(), None)
    second.gamma = [1, 2, 3]
    assert second.gamma.tolist() == [1, 2, 3]
    with pytest.raises(AttributeError, match="has no mean"):
        second.mean = [1, 2, 3]
    with pytest.raises(AttributeError, match="has no gamma"):
        third.gamma  # noqa: B018
    with pytest.raises(ValueError, match="variance has a negative number"):
        first.variance = [-1, 0, 0]
    with pytest.raises(ValueError, match=re.escape("gamma has shape (2,): expected (3,)")):
        first.gamma = [1, 2]
    assert "batch normalization" in net.summary()
    assert "Dense(3, normalization='batch')" in repr(net)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Dense(3, normalization="group"), ValueError, "normalization is 'group': expected 'batch', 'layer'"),
        (lambda: fc.Dense(3, normalization=True), ValueError, "normalization is True: expected"),
        (lambda: fc.Dense(3, normalization=Normalization()), ValueError, "expected 'batch', 'layer'"),
        (lambda: fc.Dense(3, normalization=Normalization), ValueError, "expected 'batch', 'layer'"),
        (lambda: fc.Network([2, fc.Dense(3, normalization=fc.LayerNorm(1e-39)), 2]), ValueError, "for float32"),
        (lambda: fc.Network([2, fc.Dense(3, normalization=fc.BatchNorm(1e39)), 2]), ValueError, "for float32"),
        (lambda: fc.LayerNorm(product_bias=1), TypeError, "product_bias is 1: expected True or False"),
        (lambda: fc.BatchNorm(product_bias=True), TypeError, "BatchNorm() has no argument 'product_bias'"),
        (lambda: fc.LayerNorm(0), ValueError, "epsilon is 0: expected a positive"),
        (lambda: fc.BatchNorm(momentum=0), ValueError, "momentum is 0: expected 0 < momentum <= 1"),
        (lambda: fc.BatchNorm("0.1"), TypeError, "epsilon is '0.1': expected a number"),
        (lambda: fc.Network([2, fc.Dense(3, normalization="layer")]), ValueError, "given for the last layer"),
        (lambda: fc.Network([2, fc.Dense(3, "softmax", normalization="layer"), 2]), ValueError, "a layer with softmax"),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_a_bias_before_normalisation_is_read_set_and_shown():
    net = fc.Network([2, fc.Dense(3, normalization=BIASED, bias=False), fc.Dense(3, normalization="layer"), 2], seed=0)
    first, second, _ = net.layers
    assert first.product_bias.tolist() == [0, 0, 0]
    first.product_bias = [1, 2, 3]
    assert first.product_bias.tolist() == [1, 2, 3]
    assert not first.B.any()
    with pytest.raises(AttributeError, match="has no product_bias"):
        second.product_bias  # noqa: B018
    assert repr(first) == "Layer(2 x 3, relu, no bias, layer normalization, product bias)"
    assert "Dense(3, bias=False, normalization=LayerNorm(epsilon=1e-05, product_bias=True))" in repr(net)
    assert repr(second.normalization) == "LayerNorm(epsilon=1e-05)"
    assert net.parameters.size == (6 + 3 + 3) + (9 + 3 + 3) + (6 + 2)  # the first layer has no B


def test_only_files_with_a_bias_before_normalisation_have_the_version_that_knows_it(tmp_path):
    versions = {}
    for name, norm in {"layer": "layer", "biased": BIASED, "without": fc.LayerNorm(1e-3, product_bias=False)}.items():
        fc.Network([5, fc.Dense(4, normalization=norm), 3], seed=1).save(tmp_path / name)
        tensors, metadata = safetensors.read(tmp_path / name)
        versions[name] = metadata["version"], "layers.0.product_bias" in tensors
    assert versions == {"layer": ("3", False), "biased": ("7", True), "without": ("3", False)}
    state = fc.Network([5, fc.Dense(4, normalization="layer"), 3], seed=1).__getstate__()
    assert state["layers"][0] == ["relu", True, 0.0, {"name": "layer", "epsilon": 1e-5}]


def test_without_training_it_a_bias_before_normalisation_changes_no_bit(dtype, isa):
    x, y = data()
    biased, plain = (network(kind, dtype=dtype) for kind in (BIASED, "layer"))
    for layer, other in zip(biased.layers[:2], plain.layers, strict=False):
        layer.product_bias = 0 * layer.B
        layer.B, layer.gamma = other.B, other.gamma
    assert (biased.predict(x) == plain.predict(x)).all()
    for ours, theirs in zip(biased.gradients(x, y), plain.gradients(x, y), strict=True):
        for one, other in zip(ours, theirs, strict=False):
            assert (one == other).all()
