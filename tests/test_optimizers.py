"""Every optimizer trains as its oracle does, on every path of a step, and refuses what is out of range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

from bounds import flat, max_error
from walks import walk

# Each beside the oracle that does the same.
OPTIMIZERS = {
    "sgd": (fc.SGD(0.05), lambda: reference.sgd(0.05)),
    "momentum": (fc.SGD(0.02, momentum=0.9), lambda: reference.sgd(0.02, momentum=0.9)),
    "nesterov": (
        fc.SGD(0.02, momentum=0.8, nesterov=True),
        lambda: reference.sgd(0.02, momentum=0.8, nesterov=True),
    ),
    "adam": (fc.Adam(0.01), lambda: reference.adam(0.01)),
    "adam-betas": (
        fc.Adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3),
        lambda: reference.adam(0.02, beta1=0.5, beta2=0.9, epsilon=1e-3),
    ),
    "adam-epsilon-hat": (
        fc.Adam(0.02, epsilon=1e-9, epsilon_hat=1e-4),
        lambda: reference.adam(0.02, epsilon=1e-9, epsilon_hat=1e-4),
    ),
    "nadam": (fc.NAdam(0.01, beta1=0.8), lambda: reference.nadam(0.01, beta1=0.8)),
    "rmsprop": (fc.RMSprop(0.003), lambda: reference.rmsprop(0.003)),
    "rmsprop-momentum": (
        fc.RMSprop(0.002, rho=0.95, momentum=0.8, epsilon=1e-4),
        lambda: reference.rmsprop(0.002, rho=0.95, momentum=0.8, epsilon=1e-4),
    ),
    "adagrad": (fc.Adagrad(0.02), lambda: reference.adagrad(0.02)),
    "lion": (fc.Lion(0.003, beta1=0.8, beta2=0.95), lambda: reference.lion(0.003, beta1=0.8, beta2=0.95)),
    "adamw": (fc.AdamW(0.01, weight_decay=0.3), lambda: reference.adam(0.01, weight_decay=0.3)),
    "sgd-decay": (fc.SGD(0.05, weight_decay=0.2), lambda: reference.sgd(0.05, weight_decay=0.2)),
    "lion-decay": (fc.Lion(0.003, weight_decay=0.5), lambda: reference.lion(0.003, weight_decay=0.5)),
    "sgd-decay-biases": (
        fc.SGD(0.05, weight_decay=0.2, l2=0.1, decay_biases=True),
        lambda: reference.regularized(
            reference.sgd(0.05, weight_decay=0.2, decay_biases=True), l2=0.1, decay_biases=True
        ),
    ),
    "adamw-decay-biases": (
        fc.AdamW(0.01, weight_decay=0.3, decay_biases=True),
        lambda: reference.adam(0.01, weight_decay=0.3, decay_biases=True),
    ),
    "lion-decay-biases": (
        fc.Lion(0.003, weight_decay=0.5, decay_biases=True),
        lambda: reference.lion(0.003, weight_decay=0.5, decay_biases=True),
    ),
    "sgd-l2": (fc.SGD(0.05, l2=0.1), lambda: reference.regularized(reference.sgd(0.05), l2=0.1)),
    "adam-l2": (fc.Adam(0.01, l2=0.03), lambda: reference.regularized(reference.adam(0.01), l2=0.03)),
    "momentum-clip-value": (
        fc.SGD(0.02, momentum=0.9, clip_value=0.01),
        lambda: reference.regularized(reference.sgd(0.02, momentum=0.9), clip_value=0.01),
    ),
    "nesterov-clip-norm": (
        fc.SGD(0.02, momentum=0.9, nesterov=True, clip_norm=0.3),
        lambda: reference.regularized(reference.sgd(0.02, momentum=0.9, nesterov=True), clip_norm=0.3),
    ),
    "adam-clip-norm-l2": (
        fc.Adam(0.01, clip_norm=0.2, l2=0.1),
        lambda: reference.regularized(reference.adam(0.01), clip_norm=0.2, l2=0.1),
    ),
}


def problem_and_network(loss, n, batch):
    rng = np.random.default_rng([n, batch])
    x = rng.standard_normal((n, 5))
    y = rng.integers(0, 3, n) if loss == "cross_entropy" else rng.standard_normal((n, 3))
    return x, y, fc.Network([5, 33, 3], loss=loss, seed=1, dtype="float64")


@cache
def trained_by_the_oracle(name, loss, n, batch):
    (x, y, net), oracle = problem_and_network(loss, n, batch), OPTIMIZERS[name][1]()
    layers = [(layer.W.copy(), layer.B.copy()) for layer in net.layers]
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], oracle, loss=loss)
    return layers


@pytest.mark.parametrize("name", OPTIMIZERS)
@walk(
    "loss, n, batch",
    [
        *(("cross_entropy", n, batch) for n, batch in ((7, 1), (50, 10), (3000, 2500))),
        *(("rmse", n, batch) for n, batch in ((7, 1), (60, 33), (3000, 2500))),
    ],
)
def test_training_equals_the_oracles(name, loss, n, batch, steps, isa):
    x, y, net = problem_and_network(loss, n, batch)
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[name][0])
    layers = trained_by_the_oracle(name, loss, n, batch)
    # some 20 steps; Adam divides by square roots of sums of squares, which loses a few digits where gradients are tiny
    assert max_error(flat((layer.W, layer.B) for layer in net.layers), flat(layers)) <= 1e-11


@walk("options", [{}, {"clip_norm": 0.1}, {"clip_value": 0.01}])
@walk("weighted", [False, True])
@pytest.mark.parametrize("batch", [1, 8, 64])
def test_l2_sum_is_l2_divided_by_what_the_samples_of_a_step_weigh(batch, weighted, options, steps, isa):
    (x, y), weight = rows(n=64), 2.0 if weighted else 1.0
    nets = [fc.Network([5, 40, 3], seed=1, dtype="float64") for _ in range(2)]
    given = {"sample_weight": np.full(64, weight)} if weighted else {}
    for net, penalty in zip(nets, ({"l2_sum": 0.5}, {"l2": 0.5 / (batch * weight)}), strict=True):
        net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.Adam(0.01, **penalty, **options), **given)
    for got, expected in zip(*map(weights, nets), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("too", [False, True])
def test_weight_decay_spares_the_biases_unless_asked(too):
    x, y = np.zeros((8, 4)), np.zeros(8, int)
    net = fc.Network([4, 3], seed=0, dtype="float64")
    net.layers[0].B = np.array([50.0, 0.0, 0.0])  # certain and right: the gradient is 0 but for rounding
    before = net.layers[0].W
    optimizer = fc.AdamW(0.1, weight_decay=0.5, epsilon=1.0, decay_biases=too)
    net.fit(x, y, epochs=1, batch_size=8, optimizer=optimizer)
    np.testing.assert_allclose(net.layers[0].W, 0.95 * before, rtol=1e-14)
    np.testing.assert_allclose(net.layers[0].B, [47.5 if too else 50, 0, 0], atol=1e-13)


def rows(n=70, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 5)), rng.integers(0, 3, n)


def weights(net):
    return [array.copy() for array in flat((layer.W, layer.B) for layer in net.layers)]


@pytest.mark.parametrize("hidden", [[], [40, 33]])
def test_a_step_is_shortened_to_the_norm(hidden, steps, dtype, isa, threads):
    x, y = rows()
    net = fc.Network([5, *hidden, 3], seed=1, dtype=dtype)
    before, gradient = weights(net), flat(net.gradients(x, y))
    norm = np.sqrt(sum((g.astype(np.longdouble) ** 2).sum() for g in gradient))
    for clip_norm, length in ((norm / 4, norm / 4), (norm * 2, norm)):
        net.fit(x, y, epochs=1, batch_size=70, shuffle=False, optimizer=fc.SGD(1.0, clip_norm=clip_norm))
        moved = [new - old for new, old in zip(weights(net), before, strict=True)]
        for step, g in zip(moved, gradient, strict=True):
            # each weight loses half an ulp of itself, the gradient some of its own
            np.testing.assert_allclose(step, -g * dtype(length / norm), rtol=0, atol=8 * np.finfo(dtype).eps)
        for layer, (w, b) in zip(net.layers, zip(before[::2], before[1::2], strict=True), strict=True):
            layer.W, layer.B = w, b


def test_a_norm_that_is_not_reached_changes_no_bit(steps, dtype, isa, threads):
    x, y = rows()
    nets = [fc.Network([5, 40, 3], seed=1, dtype=dtype) for _ in range(2)]
    for net, options in zip(nets, ({}, {"clip_norm": 1e9}), strict=True):
        net.fit(x, y, epochs=2, batch_size=7, optimizer=fc.Adam(0.01, **options))
    for one, other in zip(*map(weights, nets), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("options", [{"clip_value": 1.0}, {"clip_norm": 1.0}], ids=lambda o: next(iter(o)))
def test_clipping_hides_no_divergence(options):
    net = fc.Network([1, 1], loss="mse", seed=1, dtype="float64")
    with pytest.raises(fc.DivergenceError):
        net.fit([[1e200]], [[0.0]], epochs=3, optimizer=fc.SGD(0.1, **options))


def test_the_loss_that_is_reported_is_that_of_the_data():
    x, y = rows()
    net = fc.Network([5, 8, 3], seed=1, dtype="float64")
    expected = net.evaluate(x, y)["loss"]
    loss = net.fit(x, y, epochs=1, batch_size=70, optimizer=fc.SGD(0.1, l2=10.0)).loss[0]
    np.testing.assert_allclose(loss, expected, rtol=1e-14)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}], ids=["plain", "clip_norm"])
@pytest.mark.parametrize("loss", ["cross_entropy", "rmse"])
def test_accumulated_batches_are_one_large_batch(options, loss, dtype):
    x, y = rows(n=70)  # at the end of an epoch 70 - 2 * 32 samples are left
    y = y if loss == "cross_entropy" else np.eye(3)[y]
    small, large = (fc.Network([5, 40, 3], loss=loss, seed=1, dtype=dtype) for _ in range(2))
    one = small.fit(x, y, epochs=2, batch_size=8, optimizer=fc.Adam(0.01, accumulate=4, **options))
    other = large.fit(x, y, epochs=2, batch_size=32, optimizer=fc.Adam(0.01, **options))
    for got, expected in zip(weights(small), weights(large), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert one.loss == other.loss


def test_options_stand_in_the_text_where_they_are_on():
    assert repr(fc.SGD(0.1)) == "SGD(learning_rate=0.1, momentum=0.0, nesterov=False)"
    text = "Lion(learning_rate=0.0001, beta1=0.9, beta2=0.99, clip_norm=1.0, accumulate=2, weight_decay=0.1)"
    assert repr(fc.Lion(weight_decay=0.1, accumulate=2, clip_norm=1)) == text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.SGD(0), ValueError, "learning_rate is 0: expected a positive, finite number"),
        (lambda: fc.SGD(np.inf), ValueError, "learning_rate is inf: expected a positive, finite number"),
        (lambda: fc.SGD("fast"), TypeError, "learning_rate is 'fast': expected a number"),
        (lambda: fc.SGD(None), TypeError, "learning_rate is None: expected a number"),
        (lambda: fc.SGD(True), TypeError, "learning_rate is True: expected a number"),
        (lambda: fc.SGD(0.1, momentum=1), ValueError, "momentum is 1: expected 0 <= momentum < 1"),
        (
            lambda: fc.SGD(0.1, nesterov=True),
            ValueError,
            "nesterov is True, but momentum is 0: expected",
        ),
        (lambda: fc.SGD(0.1, 0.9, 1), TypeError, "nesterov is 1: expected True or False"),
        (lambda: fc.Adam(beta1=-0.1), ValueError, "beta1 is -0.1: expected 0 <= beta1 < 1"),
        (lambda: fc.Adam(beta2=1.0), ValueError, "beta2 is 1.0: expected 0 <= beta2 < 1"),
        (lambda: fc.Adam(epsilon=0), ValueError, "epsilon is 0: expected a positive, finite number"),
        (lambda: fc.Adam(np.nan), ValueError, "learning_rate is nan: expected a positive, finite number"),
        (
            lambda: fc.SGD(0.1, weight_decay=np.inf),
            ValueError,
            "weight_decay is inf: expected a finite number",
        ),
        (lambda: fc.SGD(0.1, l2=-0.1), ValueError, "l2 is -0.1: expected a finite number, at least 0"),
        (lambda: fc.SGD(0.1, l2_sum=-1), ValueError, "l2_sum is -1: expected a finite number, at least 0"),
        (lambda: fc.Adam(epsilon_hat=-1), ValueError, "epsilon_hat is -1: expected a finite number, at least 0"),
        (lambda: fc.SGD(0.1, decay_biases=1), TypeError, "decay_biases is 1"),
        (lambda: fc.SGD(0.1, l2=None), TypeError, "l2 is None: expected a number"),
        (lambda: fc.SGD(0.1, clip_value=0), ValueError, "clip_value is 0: expected a positive number, or None"),
        (lambda: fc.Lion(clip_norm=np.nan), ValueError, "clip_norm is nan: expected a positive number, or None"),
        (lambda: fc.Adam(clip_norm=1, clip_value=1), ValueError, "both clip_value and clip_norm are given"),
        (lambda: fc.Adam(accumulate=0), ValueError, "accumulate is 0: expected"),
        (lambda: fc.Adam(accumulate=1.5), TypeError, "accumulate is 1.5: expected"),
        (lambda: fc.NAdam(beta1=1), ValueError, "beta1 is 1: expected 0 <= beta1 < 1"),
        (lambda: fc.RMSprop(rho=1.5), ValueError, "rho is 1.5: expected 0 <= rho < 1"),
        (lambda: fc.RMSprop(momentum=-1), ValueError, "momentum is -1: expected 0 <= momentum < 1"),
        (lambda: fc.Adagrad(epsilon=-1), ValueError, "epsilon is -1: expected a positive, finite number"),
        (lambda: fc.Lion(beta2="a"), TypeError, "beta2 is 'a': expected a number"),
        (lambda: fc.AdamW(weight_decay=-1), ValueError, "weight_decay is -1: expected a finite number, at least 0"),
    ],
)
def test_a_hyperparameter_out_of_range_is_refused(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_numpy_numbers_are_numbers():
    assert fc.Adam(np.float32(0.5)) == fc.Adam(0.5)


def test_fields_of_a_users_subclass_do_not_reach_the_core():
    @dataclass(frozen=True, repr=False)
    class Named(fc.Adam):
        momentum: float = 0.5  # a hyperparameter of the core, but none of Adam's
        start: float = 7.0
        name: str = "mine"

    assert Named()._native() == fc.Adam()._native()
    x, y = np.ones((4, 2)), [0, 1, 0, 1]
    one, other = (fc.Network([2, 2], seed=0) for _ in range(2))
    one.fit(x, y, optimizer=Named())
    other.fit(x, y, optimizer=fc.Adam())
    assert (one.layers[0].W == other.layers[0].W).all()


def test_an_optimizer_that_is_none_of_fcnets_is_refused():
    @dataclass(frozen=True, repr=False)
    class Mine(fc.optimizers.Optimizer):
        pass

    net = fc.Network([2, 2])
    for given in (Mine(0.1), fc.SGD, 0.1, None, {"name": "adam"}):
        for take in (net.fit, net.train_on_batch, net.find_learning_rate):
            with pytest.raises(TypeError, match=r"optimizer is (?s:.*): expected one like fcnet.SGD"):
                take([[1, 2]], [0], optimizer=given)


@pytest.mark.parametrize("kind", [fc.SGD, fc.Adam, fc.AdamW, fc.NAdam, fc.RMSprop, fc.Adagrad, fc.Lion])
def test_an_optimizer_by_name_is_the_one_with_its_usual_options(kind):
    x = np.random.default_rng(0).standard_normal((40, 2))
    y = (x[:, 0] > 0).astype(int)
    named, made = (fc.Network([2, 2], seed=0) for _ in range(2))
    for net, optimizer in ((named, kind.__name__.lower()), (named, kind.__name__), (made, kind()), (made, kind())):
        net.fit(x, y, epochs=2, optimizer=optimizer)
        net.train_on_batch(x, y, optimizer=optimizer)
    assert (named.layers[0].W == made.layers[0].W).all()
    by_name, by_kind = (made.find_learning_rate(x, y, steps=20, optimizer=o) for o in (kind.__name__.lower(), kind()))
    assert (by_name.losses == by_kind.losses).all()


@pytest.mark.parametrize(
    ("name", "meant"), [("adan", "adam"), ("rms_prop", "rmsprop"), ("ada grad", "adagrad"), ("SGDM", "sgd")]
)
def test_an_unknown_name_of_an_optimizer_says_what_was_probably_meant(name, meant):
    net = fc.Network([2, 2])
    for take in (net.fit, net.train_on_batch, net.find_learning_rate):
        with pytest.raises(ValueError, match=f"optimizer is {name!r}: .*; did you mean {meant!r}"):
            take([[1, 2]], [0], optimizer=name)
