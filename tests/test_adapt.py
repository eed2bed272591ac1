"""Offset and scale from data: adapt standardises the inputs of a network before its first fit."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import strips

from interop import library
from tables import Named

pytestmark = pytest.mark.once


def exact(column):
    """Mean and standard deviation without rounding up to the end."""
    numbers = [Fraction(float(value)) for value in column]
    mean = sum(numbers) / len(numbers)
    return float(mean), math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def columns(n=700):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 5)) * [1, 1e-3, 1e4, 1, 1] + [0, 5, -1e6, 0, 0]
    x[:, 3] = 0.1  # whose mean is rounded
    x[:, 4] = rng.integers(0, 2, n)
    return x


WAYS = {
    "array": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "list": lambda x: x.tolist(),
    "order": lambda x: np.asfortranarray(x),
    "table": lambda x: Named(x, "abcde"),
    "batches": lambda x: [x[:1], x[1:300], x[300:]],
    "pairs": lambda x: [(x[:300], np.zeros(300)), (x[300:], np.zeros(400))],
    "weighted": lambda x: [(x[:300], np.zeros(300), np.ones(300)), [x[300:], np.zeros(400), np.ones(400)]],
    "lists": lambda x: [x[:300].tolist(), x[300:].tolist()],
    "generator": lambda x: (x[i : i + 50] for i in range(0, 700, 50)),
}


@pytest.mark.parametrize("way", WAYS)
def test_offset_and_scale_are_mean_and_deviation(way, dtype):
    x = columns().astype(np.float32).astype(float)
    net = fc.Network([5, 8, 2], seed=0, dtype=np.dtype(dtype).name)
    layers, weights = net.layers, [layer.W.tobytes() for layer in net.layers]
    net.adapt(WAYS[way](x))
    for j in range(5):
        mean, deviation = exact(x[:, j])
        eps = float(np.finfo(dtype).eps)
        assert net.offset[j] == pytest.approx(mean, rel=2 * eps, abs=1e-14)
        assert net.scale[j] == pytest.approx(1 if j == 3 else 1 / deviation, rel=max(2 * eps, 1e-12))
    assert net.layers is layers
    assert [layer.W.tobytes() for layer in layers] == weights
    layers[0].B = np.ones(8)
    assert (net.activations(x)[0] >= 0).all()
    expected = fc.Network([5, 8, 2], seed=0, dtype=np.dtype(dtype).name, offset=net.offset, scale=net.scale)
    expected.layers[0].B = np.ones(8)
    assert net.predict(x).tobytes() == expected.predict(x).tobytes()
    if way == "table":
        assert net.feature_names == tuple("abcde")


def test_large_means_and_many_parts_cost_no_digits(monkeypatch):
    monkeypatch.setattr(strips, "SCANNED", 14)
    x = 1e9 + np.random.default_rng(0).uniform(0, 1, (1001, 2))
    net = fc.Network([2, 2], dtype="float64")
    net.adapt(x)
    for j in range(2):
        mean, deviation = exact(x[:, j])
        assert net.offset[j] == pytest.approx(mean, rel=1e-15)
        assert net.scale[j] == pytest.approx(1 / deviation, rel=1e-7)


def test_constant_columns_have_scale_1_and_become_0():
    x = np.tile([0.1, -1e30, 0.0, 7], (33, 1))
    net = fc.Network([4, 3], seed=0)
    net.adapt(x)
    assert net.scale.tolist() == [1, 1, 1, 1]
    assert net.offset.tolist() == x[0].tolist()
    assert (net.predict(x, output="logits") == 0).all()


def test_the_digits_train_standardised_though_some_pixels_are_constant():
    digits = fc.datasets.load_digits()
    assert (digits.x_train.std(axis=0) == 0).any()
    net = fc.Network([64, 32, 10], seed=0)
    net.adapt(digits.x_train)
    net.fit(digits.x_train, digits.y_train, epochs=10)
    assert net.evaluate(digits.x_test, digits.y_test)["accuracy"] > 0.95


def test_it_stays_with_the_network_and_its_parts(tmp_path):
    x = columns()
    net = fc.Network([5, 8, 2], seed=0)
    net.layers[0].freeze()
    net.adapt(x)
    net.adapt(x[:300])  # again, before any fit
    assert not net.layers[0].trainable
    net.save(tmp_path / "net")
    again = fc.load(tmp_path / "net")
    assert (again.scale == net.scale).all()
    for one in (net, again):
        one.fit(x, np.arange(700) % 2, epochs=1)
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


@pytest.mark.interop
@pytest.mark.parametrize("strip", [1 << 20, 40, 4])  # numbers, in a part of them a quarter as many
def test_sparse_rows_stay_sparse(strip, monkeypatch):
    monkeypatch.setattr(strips, "SCANNED", strip)
    sparse = library("scipy.sparse")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6)) * (rng.random((200, 6)) < 0.2)
    x[:, 4], x[:, 5] = 0, 3
    for given in (sparse.csr_array(x), [sparse.csr_array(x[:50]), sparse.csc_array(x[50:])]):
        net = fc.Network([6, 2], dtype="float64")
        net.adapt(given)
        assert net.offset.tolist() == [0] * 6
        np.testing.assert_allclose(net.scale, [*(1 / x[:, :4].std(axis=0)), 1, 1], rtol=1e-13)


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("how", ["batches", "a generator that ends", "memory", "callback"])
def test_steps_of_an_epoch_that_did_not_end_have_trained_the_network(how, steps, tmp_path):
    x, y = np.random.default_rng(0).standard_normal((20, 2)), np.arange(20) % 2
    net = fc.Network([2, 2], seed=0)

    class End(fc.Callback):
        def on_batch_begin(self, step, logs):
            if step == steps:
                raise KeyboardInterrupt

    def batches():
        for _ in range(steps):
            yield x, y
        if how == "batches":
            raise KeyboardInterrupt

    if how == "memory":
        with pytest.raises(KeyboardInterrupt):
            net.fit(x, y, batch_size=5, callbacks=[End()])
    elif how == "callback":
        with pytest.raises(KeyboardInterrupt):
            net.fit([(x, y)] * 4, callbacks=[End()])
    elif how == "batches":
        with pytest.raises(KeyboardInterrupt):
            net.fit(batches(), epochs=1)
    elif steps:
        with pytest.warns(RuntimeWarning, match=f"x has only {steps} batches"):
            net.fit(batches(), epochs=2, steps_per_epoch=4)
    assert net.epochs_trained == 0
    path = tmp_path / "net.safetensors"
    net.save(path)
    for each in (net, copy.deepcopy(net), fc.load(path)):
        if steps:
            with pytest.raises(ValueError, match="the network is already trained"):
                each.adapt(x)
            with pytest.raises(TypeError, match="the network was fitted on integer labels"):
                each.fit(x, np.array(["no", "yes"])[y])
        else:
            each.adapt(x)


def trained(step=False):
    net = fc.Network([2, 2], seed=0)
    net.train_on_batch([[1, 2]], [0]) if step else net.fit([[1, 2]], [0], epochs=1)
    return net


@pytest.mark.parametrize(
    ("net", "x", "error", "message"),
    [
        (trained(), [[1, 2]], ValueError, "the network is already trained"),
        (trained(step=True), [[1, 2]], ValueError, "the network is already trained"),
        (fc.Network([2, 2]), np.zeros((0, 2)), ValueError, "x has no rows"),
        (fc.Network([2, 2]), iter([]), ValueError, "x has no rows"),
        (fc.Network([2, 2]), [[1, 2, 3]], ValueError, "x has 3 features, but the network takes 2"),
        (fc.Network([2, 2]), [np.ones((1, 2)), np.ones((1, 3))], ValueError, "x of batch 1 has 3 features"),
        (fc.Network([2, 2]), [[1, np.nan]], ValueError, "x contains nan in row 0, column 1"),
        (fc.Network([2, 2]), 3, ValueError, "x has shape"),
        (fc.Network([2, 2]), None, TypeError, "x is None"),
        (fc.Network([2, 2]), {"a": [1, 2]}, TypeError, "x is a dict"),
        (fc.Network([2, 2]), "ab", TypeError, "x has dtype <U2"),
        (fc.Network([2, 2]), [[1e39, 1], [2e39, 1]], ValueError, "offset is not finite in float32 in feature 0"),
    ],
)
def test_what_cannot_be_adapted_to_changes_nothing(net, x, error, message):
    before = net.scale.tobytes(), net.offset.tobytes()
    with pytest.raises(error, match=message):
        net.adapt(x)
    assert (net.scale.tobytes(), net.offset.tobytes()) == before


def test_a_network_that_is_being_fitted_is_not_adapted():
    net = fc.Network([2, 2], seed=0)

    class Adapt(fc.Callback):
        def on_train_begin(self, logs):
            self.model.adapt([[1, 2], [3, 4]])

    with pytest.raises(RuntimeError, match="is being fitted"):
        net.fit([[1, 2]], [0], callbacks=[Adapt()])
    assert net.scale == 1
