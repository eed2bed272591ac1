"""``Network.to_keras`` and ``to_flax``: a network in Keras and in Flax, or refused by the name of what they lack."""

from __future__ import annotations

import os

import numpy as np
import pytest

import fcnet as fc

from interop import library
from live_networks import ACTIVATIONS, assert_equal, difference, filled, network, rows

os.environ.setdefault("KERAS_BACKEND", "torch")
keras, jax, nnx = library("keras"), library("jax"), library("flax.nnx")
pytestmark = [pytest.mark.interop, pytest.mark.once]

WITHIN = {"float32": 5e-6, "float64": 1e-13}
OF_FLOAT32 = WITHIN["float32"]  # also of Keras' float64: its products on PyTorch are of float32
OF_KERAS = [name for name in ACTIVATIONS if name != "gelu_tanh"]


@pytest.fixture
def x64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def of_keras(model, x):
    """Of a tensor, as Keras makes float32 of NumPy's float64."""
    return keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x, x.dtype.name)))


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("seed", range(6))
def test_random_networks_go_to_keras_and_come_back_bit_for_bit(seed, dtype):
    net = network(seed, dtype, OF_KERAS, own=False)
    model, x = net.to_keras(), rows(net)
    assert difference(of_keras(model, x), net.predict(x)) < OF_FLOAT32
    assert_equal(fc.from_keras(model, loss=net.loss), net)
    assert np.array_equal(fc.from_keras(model, loss=net.loss).predict(x), net.predict(x))
    logits = of_keras(net.to_keras(output="logits"), x)
    assert difference(logits, net.predict(x, output="logits")) < OF_FLOAT32


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("seed", [1, 4])
def test_random_networks_in_flax(seed, dtype, x64):
    net = network(seed, dtype, own=False)
    x = rows(net)
    found = net.to_flax()(jax.numpy.asarray(x))
    assert found.dtype == dtype
    assert difference(found, net.predict(x)) < 4 * WITHIN[dtype]
    logits = net.to_flax(output="logits")(jax.numpy.asarray(x))
    assert difference(logits, net.predict(x, output="logits")) < 4 * WITHIN[dtype]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name):
    net = filled(fc.Network([5, fc.Dense(9, name), 3], loss="mse", seed=1), np.random.default_rng(0))
    x = rows(net)
    if name in OF_KERAS:
        assert difference(of_keras(net.to_keras(), x), net.predict(x)) < 1e-6
    assert difference(net.to_flax()(x), net.predict(x)) < 1e-6


def test_a_file_of_keras_needs_no_fcnet(tmp_path):
    net = network(3, "float32", OF_KERAS, own=False)
    model = net.to_keras()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert difference(of_keras(again, rows(net)), net.predict(rows(net))) < WITHIN["float32"]


def test_they_train():
    net = fc.Network([5, fc.Dense(16, normalization="batch", dropout=0.1), 3], seed=0)
    keras.utils.set_random_seed(0)
    x = rows(net)
    y = np.digitize(x[:, 0], [-1, 1])  # what can be learnt
    model = net.to_keras()
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=10, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    module = net.to_flax(output="logits")
    module.train()

    def loss(of):
        return -jax.nn.log_softmax(of(x))[np.arange(33), y].mean()

    gradients = nnx.grad(loss)(module)
    assert all(float(abs(each).max()) > 0 for each in jax.tree.leaves(nnx.to_pure_dict(gradients)))


def test_gradients_in_flax_agree(x64):
    net = filled(
        fc.Network([5, fc.Dense(9, "gelu", normalization="layer"), 3], dtype="float64"), np.random.default_rng(0)
    )
    x, y = rows(net), np.arange(33) % 3
    module = net.to_flax(output="logits")
    found = nnx.grad(lambda of: -jax.nn.log_softmax(of(x))[np.arange(33), y].mean())(module)["layers"]
    (dW, dB, dgamma), (dW1, dB1) = net.gradients(x, y)
    expected = {(0, "kernel"): dW, (1, "bias"): dB, (1, "scale"): dgamma, (3, "kernel"): dW1, (3, "bias"): dB1}
    for (layer, name), gradient in expected.items():
        assert difference(np.asarray(found[layer][name]), gradient) < 1e-13


REFUSED = {
    "columns": (
        lambda: [fc.Columns(2, categories=[3]), 8, 2],
        {},
        r"columns has fcnet.Columns, which (Keras|Flax)",
    ),
    "scale": (lambda: [5, fc.Scale(), 8, 2], {}, r"layers\[0\] has fcnet.Scale, which .* to_torch and to_onnx hold it"),
    "parametric": (
        lambda: [5, fc.Dense(8, fc.Parametric("elu")), 2],
        {},
        r"layers\[0\] has fcnet.Parametric\('elu'\)",
    ),
    "members": (lambda: [5, 8, 2], {"members": 4}, r"layers\[0\] has members"),
    "quantiles": (lambda: [5, 8, 2], {"loss": fc.losses.Quantile([0.1, 0.9])}, r"several quantiles.*output='logits'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    sizes, options, words = REFUSED[name]
    net = fc.Network(sizes(), **options)
    for convert in (net.to_keras, net.to_flax):
        with pytest.raises(ValueError, match=words):
            convert()


def test_gelu_tanh_and_float64_are_refused_by_name():
    with pytest.raises(ValueError, match=r"layers\[0\] has gelu_tanh, which Keras does not have"):
        fc.Network([5, fc.Dense(8, "gelu_tanh"), 2]).to_keras()
    with pytest.raises(ValueError, match="jax_enable_x64"):
        fc.Network([5, 8, 2], dtype="float64").to_flax()
