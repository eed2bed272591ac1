"""``fc.from_keras``: models of Keras become networks, or are refused by the name of the layer."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

import fcnet as fc
from fcnet.activations import ELU, LeakyReLU

from interop import library

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = library("keras")
layers = keras.layers
pytestmark = [pytest.mark.interop, pytest.mark.once]

NAMES = {"linear": "identity", "exponential": "exp", "hard_silu": "hard_swish", "leaky_relu": LeakyReLU(0.2)}
ACTIVATIONS = [
    *("linear", "relu", "elu", "selu", "sigmoid", "tanh", "softplus", "exponential", "gelu", "silu", "mish", "softmax"),
    *("relu6", "hard_silu", "leaky_relu"),
]


def rows(n=40, k=5):
    return np.random.default_rng(n).standard_normal((n, k)).astype(np.float32)


def model(*parts, k=5):
    return keras.Sequential([keras.Input((k,)), *parts])


def difference(net, of, x):
    return np.abs(net.predict(x) - of.predict(x, verbose=0)).max()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_as_argument_and_as_layer(name):
    for parts in ([layers.Dense(9, activation=name)], [layers.Dense(9), layers.Activation(name)]):
        given = model(*parts, layers.Dense(3))
        net = fc.from_keras(given)
        assert [layer.activation for layer in net.layers] == [NAMES.get(name, name), "identity"]
        assert difference(net, given, rows()) < 1e-6


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (layers.LeakyReLU(), LeakyReLU(0.3)),
        (layers.ELU(alpha=0.5), ELU(0.5)),
        (layers.ELU(), "elu"),
        (layers.ReLU(max_value=6), "relu6"),
    ],
    ids=str,
)
def test_layers_that_are_activations_with_their_constants(layer, activation):
    given = model(layers.Dense(9), layer, layers.Dense(3))
    net = fc.from_keras(given)
    assert net.layers[0].activation == activation
    assert difference(net, given, rows()) < 1e-6


def test_normalisation_dropout_and_scaling_with_their_conventions():
    keras.utils.set_random_seed(0)
    x = 3 * rows() + 1000
    normalization = layers.Normalization()
    normalization.adapt(x)
    given = model(
        normalization,
        layers.Dense(9),
        layers.BatchNormalization(momentum=0.9),
        layers.LeakyReLU(negative_slope=0.01),
        layers.Dropout(0.25),
        keras.Sequential([layers.Dense(8, use_bias=False), layers.LayerNormalization(), layers.ReLU()]),
        layers.Dense(3, activation="softmax"),
    )
    given.compile(loss="sparse_categorical_crossentropy")
    given.fit(x, np.arange(40) % 3, epochs=2, verbose=0)
    given.layers[-1].trainable = False
    net = fc.from_keras(given)
    assert net.layers[0].normalization == fc.BatchNorm(epsilon=1e-3, momentum=0.1)
    assert net.layers[1].normalization == fc.LayerNorm(epsilon=1e-3)
    assert [layer.dropout for layer in net.layers] == [0.25, 0, 0]
    assert [layer.trainable for layer in net.layers] == [True, True, False]
    assert net.loss == "cross_entropy"
    assert difference(net, given, x) < 1e-6


@pytest.mark.parametrize("norm", [layers.BatchNormalization, layers.LayerNormalization])
@pytest.mark.parametrize("frozen", [0, 1])
def test_a_layer_of_which_a_part_is_frozen_is_frozen_with_a_warning(norm, frozen):
    given = model(layers.Dense(9, name="first"), norm(name="norm"), layers.ReLU(), layers.Dense(3))
    given.layers[frozen].trainable = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        net = fc.from_keras(given)
    [warning] = [each for each in caught if each.category is UserWarning]
    assert "layers[0] is frozen as a whole" in str(warning.message)
    was, was_not = str(warning.message).split(", trainable ")
    for i, place in enumerate((["kernel", "bias"], ["gamma", "beta"])):
        of = f"{type(given.layers[i]).__name__} '{given.layers[i].name}'"
        assert all(f"{part} of {of}" in (was if i == frozen else was_not) for part in place)
    assert [layer.trainable for layer in net.layers] == [False, True]


def test_a_layer_with_normalisation_of_which_all_is_frozen_is_frozen(recwarn):
    for options in ({}, {"center": False, "scale": False}):
        given = model(layers.Dense(9), layers.BatchNormalization(**options), layers.ReLU(), layers.Dense(3))
        assert [layer.trainable for layer in fc.from_keras(given).layers] == [True, True]
        given.layers[0].trainable = given.layers[1].trainable = False
        assert [layer.trainable for layer in fc.from_keras(given).layers] == [False, True]
        given.trainable = False
        assert [layer.trainable for layer in fc.from_keras(given).layers] == [False, False]
    assert not [each for each in recwarn if issubclass(each.category, UserWarning) and "frozen" in str(each.message)]


def test_a_bias_before_layer_normalisation_is_kept():
    keras.utils.set_random_seed(0)
    given = model(
        layers.Dense(9, bias_initializer="normal"), layers.LayerNormalization(), layers.ReLU(), layers.Dense(3)
    )
    net = fc.from_keras(given)
    assert net.layers[0].normalization == fc.LayerNorm(epsilon=1e-3, product_bias=True)
    assert net.layers[0].product_bias.any()
    assert difference(net, given, rows()) < 1e-6


def test_a_functional_model_that_is_a_chain():
    keras.utils.set_random_seed(0)
    given = keras.Input((5,))
    h = layers.Rescaling(0.5, offset=-1)(layers.Flatten()(given))
    h = layers.Dense(4, activation="relu")(h)
    functional = keras.Model(given, layers.Dense(1, activation="sigmoid")(h))
    net = fc.from_keras(functional)
    assert net.offset == 2
    assert net.scale == 0.5
    assert net.loss == "binary_cross_entropy"
    assert difference(net, functional, rows()) < 1e-6
    assert fc.from_keras(model(layers.Dense(3)), loss="cross_entropy").layers[0].activation == "softmax"
    assert fc.from_keras(model(layers.Dense(3)), dtype="float64").dtype == np.float64


def test_a_scale_of_0():
    given = model(layers.Rescaling([1, 0, 2, 0, 3], offset=[1, 2, 3, 0, 5]), layers.Dense(4))
    net = fc.from_keras(given)
    assert net.scale.tolist() == [1, 0, 2, 0, 3]
    assert difference(net, given, rows()) < 1e-5
    normalized = model(layers.BatchNormalization(gamma_initializer="zeros", beta_initializer="ones"), layers.Dense(3))
    assert difference(fc.from_keras(normalized), normalized, rows()) < 1e-6


@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16", "bfloat16", "float16"])
def test_types(policy):
    given = model(layers.Dense(4, activation="tanh", dtype=policy), layers.Dense(2, dtype=policy))
    net = fc.from_keras(given)
    assert net.dtype == (np.float64 if policy == "float64" else np.float32)
    assert np.abs(net.predict(rows()) - given.predict(rows(), verbose=0)).max() < (1e-6 if policy == "float64" else 0.1)


def joined(combine):
    given = keras.Input((5,))
    return keras.Model(given, combine(given))


def residual(given):
    return layers.Add()([layers.Dense(5)(given), given])


def shared():
    layer = layers.Dense(5)
    return model(layer, layers.ReLU(), layer)


class Own(layers.Layer):
    def call(self, x):
        return x


class OwnModel(keras.Model):
    def call(self, x):
        return x


def nan():
    given = model(layers.Dense(2))
    given.layers[0].kernel.assign(np.full((5, 2), np.nan))
    return given


dense = layers.Dense
REFUSED = {
    "convolution": (lambda: model(layers.Reshape((5, 1)), layers.Conv1D(2, 3)), r"Reshape 'reshape.*' is none of the"),
    "embedding": (lambda: model(layers.Embedding(5, 3)), r"Embedding 'embedding.*' is none of the layers"),
    "sum": (lambda: joined(residual), r"model: add.* takes what 2 layers give: expected a chain"),
    "shared": (shared, r"Dense 'dense.*' stands in the model twice"),
    "alpha": (lambda: model(dense(3), layers.ELU(alpha=-1)), r"is ELU, whose alpha is -1.*: expected a number from 0"),
    "bounded": (lambda: model(dense(3), layers.ReLU(max_value=5)), r"is ReLU with max_value=5"),
    "prelu": (lambda: model(dense(3), layers.PReLU()), r"PReLU 'p_re_lu.*' is none of the layers"),
    "own function": (lambda: model(dense(3, activation=lambda x: x)), r"has the activation <lambda>"),
    "own layer": (lambda: model(Own()), r"Own 'own.*' computes what is not known"),
    "own model": (OwnModel, r"model: OwnModel is a model whose call is its own"),
    "not built": (lambda: keras.Sequential([dense(3)]), r"has no weights yet"),
    "norm": (lambda: model(dense(3, activation="relu"), layers.BatchNormalization()), r"normalises what is not the"),
    "rms": (lambda: model(dense(3), layers.RMSNormalization()), r"RMSNormalization 'rms_.*' is none of the layers"),
    "axis": (
        lambda: keras.Sequential([keras.Input((5, 2)), layers.LayerNormalization(axis=[1, 2])]),
        r"normalises axis",
    ),
    "first": (lambda: model(layers.ReLU(), layers.Dense(3)), r"'re_lu.*' is an activation before the first layer"),
    "axes": (
        lambda: keras.Sequential([keras.Input((4, 2)), dense(3)]),
        r"takes inputs of shape \(4, 2\): expected rows",
    ),
    "nan": (nan, r"Dense 'dense.*' has a W with infinite or NaN numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    make, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        fc.from_keras(make())


def test_what_is_no_model():
    for given, words in ((keras.Sequential, "the class Sequential"), (3, "a int"), (dense(3), "a Dense")):
        with pytest.raises(TypeError, match=words):
            fc.from_keras(given)
