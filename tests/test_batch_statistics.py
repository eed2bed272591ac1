"""Batch normalisation refuses steps of one sample, whose variance is 0; so are layers that put out a constant."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

X = np.random.default_rng(0).standard_normal((9, 3))
Y = np.arange(9) % 2
ONE = r"has one sample, for which batch normalisation of layers\[0\] always gives 0"
LAST = r"has one sample: batch normalisation of layers\[0\] gives 0 for it"


def network(kind="batch"):
    return fc.Network([3, fc.Dense(4, normalization=kind), 2], seed=0)


def pairs(*sizes):
    ends = np.cumsum(sizes)
    return [(X[end - size : end], Y[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def state(net):
    return [(part.tobytes()) for layer in net.layers for part in (layer.W, layer.B)] + [net.epochs_trained]


REFUSED = {
    "fit": lambda net: net.fit(X, Y, batch_size=1),
    "fit of one row": lambda net: net.fit(X[:1], Y[:1]),
    "fit of one row beside the held-back ones": lambda net: net.fit(X[:4], Y[:4], validation_split=0.75),
    "train_on_batch": lambda net: net.train_on_batch(X[:1], Y[:1]),
    "batches": lambda net: net.fit(pairs(1, 1, 1), epochs=1),
    "find_learning_rate": lambda net: net.find_learning_rate(X, Y, batch_size=1),
    "explain": lambda net: net.explain(X[:1], Y[:1]),
    "diagnose": lambda net: net.diagnose(X[:1], Y[:1]),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_steps_of_one_sample_are_refused(call):
    net = network()
    before = state(net)
    with pytest.raises(ValueError, match=ONE):
        call(net)
    assert state(net) == before


WARNED = {
    "fit": lambda net: net.fit(X, Y, batch_size=4, epochs=3),
    "accumulated": lambda net: net.fit(X, Y, batch_size=2, epochs=3, optimizer=fc.SGD(0.1, accumulate=4)),
    "batches": lambda net: net.fit(pairs(4, 1, 4), epochs=3),
}


@pytest.mark.parametrize("call", WARNED.values(), ids=WARNED.keys())
def test_one_step_of_one_sample_is_named_once_a_fit(call):
    with pytest.warns(UserWarning, match=LAST) as warned:
        call(network())
    assert [each.filename for each in warned] == [__file__]


SILENT = {
    "layer normalisation": lambda: network("layer").fit(X, Y, batch_size=1, epochs=1),
    "no normalisation": lambda: network(None).fit(X, Y, batch_size=1, epochs=1),
    "drop_last": lambda: network().fit(X, Y, batch_size=4, epochs=1, drop_last=True),
    "one batch of all": lambda: network().fit(X, Y, batch_size=100, epochs=1),
    "accumulated": lambda: network().fit(X, Y, batch_size=1, epochs=1, optimizer=fc.SGD(0.1, accumulate=3)),
    "prediction": lambda: network().predict(X[:1]),
    "evaluation": lambda: network().evaluate(X[:1], Y[:1]),
}


@pytest.mark.parametrize("call", SILENT.values(), ids=SILENT.keys())
def test_all_else_says_nothing(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call()


def test_a_frozen_layer_takes_any_step():
    net = network()
    net.layers[0].freeze()
    net.fit(X, Y, batch_size=1, epochs=1)
    net.train_on_batch(X[:1], Y[:1])


def test_a_last_step_of_one_sample_leaves_the_running_statistics():
    one, other = network(), network()
    with pytest.warns(UserWarning, match=LAST):
        one.fit(X, Y, batch_size=8, epochs=1, shuffle=False)
    other.fit(X[:8], Y[:8], batch_size=8, epochs=1, shuffle=False)
    for part in ("mean", "variance"):
        np.testing.assert_array_equal(getattr(one.layers[0], part), getattr(other.layers[0], part))
    np.testing.assert_array_equal(one.layers[0].W, other.layers[0].W)  # nothing comes back through what is always 0


def test_a_diagnosis_names_batch_normalisation_that_learnt_nothing():
    net = network()
    assert "running statistics were never updated" not in str(net.diagnose(X, Y).advice)
    net.fit(X, Y, epochs=1)
    assert "running statistics were never updated" not in str(net.diagnose(X, Y).advice)
    net.layers[0].mean, net.layers[0].variance = np.zeros(4), np.ones(4)
    assert "train layers[0] with batches of more than one sample" in str(net.diagnose(X, Y).advice[0])


CONSTANT = {
    "softmax at the end": (
        [3, 4, 1],
        r"sizes\[2\] is 1, and softmax of one output is always 1: expected loss='binary_cr",
    ),
    "softmax in between": ([3, fc.Dense(1, "softmax"), 2], r"sizes\[1\] is 1, and softmax of one unit is always 1"),
    "layer normalisation": (
        [3, fc.Dense(1, "tanh", normalization="layer"), 2],
        r"sizes\[1\] is 1, and layer normalisation of one unit is always 0",
    ),
}


@pytest.mark.parametrize(("sizes", "match"), CONSTANT.values(), ids=CONSTANT.keys())
def test_layers_that_are_constant_are_refused(sizes, match):
    with pytest.raises(ValueError, match=match):
        fc.Network(sizes)


def test_one_unit_is_right_elsewhere():
    fc.Network([3, 1, 2])
    fc.Network([3, fc.Dense(1, normalization="batch"), 2])
    fc.Network([3, 4, 1], loss="mse")
    fc.Network([3, 4, 1], loss="binary_cross_entropy")


def test_a_constant_layer_of_an_older_file_is_read_and_named_by_a_diagnosis():
    net = fc.Network([3, fc.Dense(2, "softmax"), 2], seed=0)
    old = net.__getstate__()
    old["sizes"] = [3, 1, 2]
    old["parameters"] = [(np.ones((3, 1)), np.zeros(1)), (np.ones((1, 2)), np.zeros(2))]
    again = fc.Network.__new__(fc.Network)
    again.__setstate__(old)
    assert "give layers[0] more units or another activation" in str(again.diagnose(X, Y).advice)
