"""Weights of samples that are all 0, very small or very large."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fcnet as fc
from fcnet._training.dataset import train_validation_split

from bounds import max_error
from interop import library
from walks import walk

pytestmark = pytest.mark.once

N, K, M = 40, 4, 3
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, K)), np.arange(N) % M
WEIGHTS = RNG.uniform(0.5, 2, N)
ZEROS = np.zeros(N)


def network(**options):
    return fc.Network([K, 6, M], seed=0, **options)


NOTHING_TO_LEARN = {
    "sample_weight": lambda net: net.fit(X, Y, sample_weight=ZEROS),
    "class_weight": lambda net: net.fit(X, Y, class_weight={0: 0, 1: 0, 2: 0}),
    "class_weight of the only class": lambda net: net.fit(X, Y * 0, class_weight={0: 0}),
    "class_weight of all that weigh": lambda net: net.fit(X, Y, class_weight={1: 0}, sample_weight=Y == 1),
    "one answer": lambda net: fc.Network([K, 1], loss="binary_cross_entropy").fit(X, Y > 1, class_weight={0: 0, 1: 0}),
    "probabilities": lambda net: net.fit(X, np.eye(M)[Y] * 0.5 + 0.5 / M, class_weight=[0, 0, 0]),
    "a function": lambda net: fc.Network([K, 1], loss=squares).fit(X, Y, sample_weight=ZEROS),
    "what is left to train on": lambda net: net.fit(X, Y, sample_weight=held_back(), validation_split=0.25),
    "batches": lambda net: net.fit([(X, Y, ZEROS)] * 3),
    "class_weight of batches": lambda net: net.fit([(X, Y)] * 3, class_weight=[0, 0, 0]),
    "evaluate": lambda net: net.evaluate(X, Y, sample_weight=ZEROS),
    "evaluate batches": lambda net: net.evaluate([(X, Y, ZEROS)] * 3),
    "gradients": lambda net: net.gradients(X, Y, sample_weight=ZEROS),
    "train_on_batch": lambda net: net.train_on_batch(X, Y, sample_weight=ZEROS),
}


def squares(output, target, weights):
    return (weights * (output - target)[:, 0] ** 2).sum(), 2 * weights[:, None] * (output - target)


def held_back():
    """Weights above 0 only of the samples that a quarter's validation_split holds back."""
    weights = np.zeros(N)
    weights[train_validation_split(N, 0.25, 0, Y)[1]] = 1
    return weights


@pytest.mark.parametrize("what", NOTHING_TO_LEARN)
def test_where_nothing_weighs_anything_there_is_an_error(what):
    net = network()
    name = "class_weight" if what in ("one answer", "probabilities") or "class_weight" in what else "sample_weight"
    with pytest.raises(ValueError, match=rf"\b{name}\b.* is 0 for all samples.*: expected some weights above 0"):
        NOTHING_TO_LEARN[what](net)
    assert net.predict(X).tobytes() == network().predict(X).tobytes()
    assert net.epochs_trained == 0


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", squares], ids=["cross-entropy", "mse", "a function"])
@pytest.mark.parametrize("by", ["validation_data", "validation_split"])
def test_a_validation_that_weighs_nothing_is_nan_with_a_warning_and_never_the_best(by, loss):
    net = fc.Network([K, 6, M] if loss == "cross_entropy" else [K, 6, 1], loss=loss, seed=0)
    given = {"validation_data": (X, Y, ZEROS)} if by == "validation_data" else {"validation_split": 0.25}
    labels = Y if loss == "cross_entropy" else None
    weights = np.ones(N)
    weights[train_validation_split(N, 0.25, 0, labels)[1]] = 0
    metrics = ["f1_macro"] if loss == "cross_entropy" else {"error": "mae"}
    rule = fc.EarlyStopping(3)
    with pytest.warns(RuntimeWarning) as warned:
        history = net.fit(X, Y, epochs=9, sample_weight=weights, metrics=metrics, early_stopping=rule, **given)
    assert any(f"{by}" in str(each.message) and " 0 for all samples" in str(each.message) for each in warned)
    assert np.isnan(history.val_loss).all()
    assert np.isnan(history[f"val_{next(iter(metrics))}"]).all()
    assert len(history) == 3
    assert history.best_epoch is None


@pytest.mark.parametrize("size", [1, 5, 16, 40])
@pytest.mark.usefixtures("threads")
def test_a_batch_in_memory_that_weighs_nothing_changes_nothing_and_counts_for_nothing(size):
    weights = np.where(np.arange(N) < size, 0.0, WEIGHTS) if size < N else WEIGHTS
    nets = network(), network()
    heard = []

    class Hear(fc.Callback):
        def on_batch_begin(self, batch, logs):
            heard.append(batch)

        def on_batch_end(self, batch, logs):
            heard.append(logs["loss"])

    history = nets[0].fit(X, Y, sample_weight=weights, batch_size=size, epochs=1, shuffle=False, callbacks=[Hear()])
    losses = [
        nets[1].train_on_batch(X[i : i + size], Y[i : i + size], sample_weight=weights[i : i + size])["loss"]
        for i in range(0 if size == N else size, N, size)
    ]
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()
    totals = [weights[i : i + size].sum() for i in range(0 if size == N else size, N, size)]
    assert history.loss[0] == pytest.approx(np.average(losses, weights=totals), rel=1e-5)
    assert heard[::2] == list(range(-(-N // size)))
    assert math.isnan(heard[1]) == (size < N)


def test_an_iterables_batch_that_weighs_nothing_is_no_loss_of_0():
    batches = [(X[:9], Y[:9], ZEROS[:9]), (X[9:], Y[9:], WEIGHTS[9:])]
    nets = network(), network()
    history = nets[0].fit(batches, epochs=1)
    assert history.loss[0] == nets[1].train_on_batch(*batches[1][:2], sample_weight=WEIGHTS[9:])["loss"]
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()


EXPONENTS = [-120, -60, 60, 120]


@walk("exponent", EXPONENTS)
@walk("size", [1, 7, 40])
@pytest.mark.parametrize(
    "optimizer", [fc.SGD(0.1), fc.Adam(), fc.SGD(0.1, l2=0.01), fc.SGD(0.1, clip_norm=0.1)], ids=repr
)
def test_the_scale_of_weights_does_not_matter(optimizer, size, exponent, dtype):
    nets = network(dtype=dtype), network(dtype=dtype)
    scales = 1.0, 2.0**exponent if dtype == np.float32 else 2.0 ** (8 * exponent)
    histories = [
        net.fit(
            X,
            Y,
            sample_weight=s * WEIGHTS,
            validation_data=(X, Y, s * WEIGHTS),
            batch_size=size,
            epochs=2,
            optimizer=optimizer,
            metrics=["f1_macro"],
        )
        for net, s in zip(nets, scales, strict=True)
    ]
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()
    for name in ("loss", "val_loss", "val_f1_macro"):
        assert histories[0][name] == histories[1][name]
    one, other = (net.gradients(X, Y, sample_weight=s * WEIGHTS) for net, s in zip(nets, scales, strict=True))
    assert all((a == b).all() for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True))
    one, other = (net.evaluate(X, Y, sample_weight=s * WEIGHTS) for net, s in zip(nets, scales, strict=True))
    assert one == other
    steps = [
        [net.train_on_batch(X, Y, sample_weight=s * WEIGHTS, optimizer=optimizer) for _ in range(2)]
        for net, s in zip(nets, scales, strict=True)
    ]
    assert steps[0] == steps[1]
    for net, s in zip(nets, scales, strict=True):
        net.fit([(X[:9], Y[:9], s * WEIGHTS[:9]), (X[9:], Y[9:], s * WEIGHTS[9:])], epochs=2, optimizer=optimizer)
    assert nets[0].history.loss == nets[1].history.loss
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_l2_sum_goes_by_what_the_samples_weigh(exponent):
    nets = network(), network()
    for net, s in zip(nets, (1.0, 2.0**exponent), strict=True):
        net.fit(X, Y, sample_weight=s * WEIGHTS, optimizer=fc.SGD(0.1, l2_sum=s * 0.5), epochs=3)
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()
    for take in (
        lambda o: network().train_on_batch(X, Y, sample_weight=2.0**exponent * WEIGHTS, optimizer=o),
        lambda o: network().fit([(X, Y, 2.0**exponent * WEIGHTS)], optimizer=o),
    ):
        with pytest.raises(
            ValueError, match="sample_weight.* has very small or large numbers, and the optimizer has l2_sum"
        ):
            take(fc.SGD(0.1, l2_sum=0.5))


@pytest.mark.parametrize(
    ("of_sample", "of_class"), [(1e-38, 1e38), (1e38, 1e-38), (1e-30, 1e-30), (1e30, 1e30), (1, 1e-38)]
)
def test_products_of_weights_neither_vanish_nor_overflow(of_sample, of_class):
    nets = network(), network()
    classes = np.array([1.0, 2.0, 0.5])
    nets[0].fit(X, Y, sample_weight=WEIGHTS, class_weight=classes, epochs=3)
    nets[1].fit(X, Y, sample_weight=of_sample * WEIGHTS, class_weight=of_class * classes, epochs=3)
    assert max_error(nets[1].predict(X), nets[0].predict(X)) < 1e-5


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ([1e-38, 1e38], "sample_weight has weights from 1e-38 to 1e.38, too far apart for float32"),
        ([1e308, 1e308], "sample_weight adds up to more than float64 can hold"),
        ([1, np.inf], "sample_weight contains inf in row 1"),
    ],
)
def test_weights_that_cannot_be_held_are_named(weights, match):
    with pytest.raises(ValueError, match=match):
        fc.Network([1, 2]).fit([[1], [2]], [0, 1], sample_weight=weights)


@pytest.mark.parametrize("given", [[1, 2, 0.5], (1, 2, 0.5), np.array([1, 2, 0.5]), {0: 1, 1: 2, 2: 0.5}], ids=repr)
def test_class_weights_may_be_one_for_each_class(given):
    nets = network(), network()
    nets[0].fit(X, Y, class_weight=given)
    nets[1].fit(X, Y, sample_weight=np.array([1, 2, 0.5])[Y])
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()


@pytest.mark.interop
def test_class_weights_of_a_series_go_by_its_index():
    pandas = library("pandas")
    nets = network(), network()
    nets[0].fit(X, Y, class_weight=pandas.Series([0.5, 1, 2], index=[2, 0, 1]))
    nets[1].fit(X, Y, class_weight={0: 1, 1: 2, 2: 0.5})
    assert nets[0].predict(X).tobytes() == nets[1].predict(X).tobytes()


@pytest.mark.parametrize(
    "given", ["balance", 1, [1, 2], [1, 2, -1], [1, 2, np.nan], ["a", "b", "c"], {0, 1, 2}, {3: 1}], ids=repr
)
def test_other_class_weights_are_named(given):
    with pytest.raises((TypeError, ValueError), match="class_weight"):
        network().fit(X, Y, class_weight=given)


@pytest.mark.interop
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_estimators_of_samples_that_weigh_nothing(kind, solver, method):
    sklearn = library("fcnet.sklearn")
    if (solver, method) == ("lbfgs", "partial_fit"):
        pytest.skip("lbfgs has no partial_fit")
    classes = {"classes": [0, 1, 2]} if (kind, method) == ("MLPClassifier", "partial_fit") else {}
    net = getattr(sklearn, kind)(hidden_layer_sizes=(4,), solver=solver, random_state=0)
    match = (
        "sample_weight is 0 for all samples|Sample weights must contain at least one non-zero number"  # scikit-learn's
    )
    with pytest.raises(ValueError, match=match):
        getattr(net, method)(X, Y, sample_weight=ZEROS, **classes)


@pytest.mark.interop
@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_early_stopping_of_estimators_needs_samples_that_weigh_something(kind, scoring):
    sklearn = library("fcnet.sklearn")
    x, y = np.repeat(X, 2, axis=0), np.repeat(Y, 2)
    net = getattr(sklearn, kind)(hidden_layer_sizes=(4,), early_stopping=True, scoring=scoring, random_state=0)
    with pytest.raises(ValueError, match="sample_weight is 0 for all samples in the validation set of early stopping"):
        net.fit(x, y, sample_weight=np.r_[np.ones(1), np.zeros(2 * N - 1)])
