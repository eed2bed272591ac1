"""Steps on arrays that need no conversion are the steps on any others."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fcnet as fc

RNG = np.random.default_rng(0)
X, LABELS, TARGETS = RNG.standard_normal((64, 5)), RNG.integers(0, 3, 64), RNG.random((64, 3))
LOSSES = {
    "cross_entropy": LABELS,
    "smoothed": LABELS,
    "binary_cross_entropy": (TARGETS > 0.5).astype(float),
    "mse": TARGETS,
    "rmse": TARGETS,
    "mae": TARGETS,
    "huber": TARGETS,
    "poisson": TARGETS,
    "quantile": TARGETS,
}


def network(loss="mse", dtype="float32", **options):
    given = fc.losses.CrossEntropy(label_smoothing=0.1) if loss == "smoothed" else loss
    return fc.Network([5, 33, 3], loss=given, seed=2, dtype=np.dtype(dtype).name, **options)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", [1, 8, 33, 64])
@pytest.mark.parametrize("scaled", [False, True])
def test_plain_arrays_and_others_make_the_same_steps(loss, n, scaled, dtype, threads):
    options = {"scale": np.arange(1, 6) / 2, "offset": np.arange(5.0)} if scaled else {}
    x, y = X[:n].astype(dtype), LOSSES[loss][:n]
    y = y if y.ndim == 1 else y.astype(dtype)
    net, other = network(loss, dtype, **options), network(loss, dtype, **options)
    for i in range(4):
        one = net.train_on_batch(x, y, optimizer=fc.Adam(), learning_rate=0.01 / (1 + i))
        two = other.train_on_batch(np.asfortranarray(x)[:, :], y.tolist(), optimizer=fc.Adam(0.01 / (1 + i)))
        assert one == two
    assert np.array_equal(net.parameters, other.parameters)


def test_arrays_of_other_forms_take_turns_with_plain_ones():
    net, other, x, y = network(), network(), X.astype(np.float32), TARGETS.astype(np.float32)
    strided = np.zeros((64, 10), np.float32)[:, ::2]
    strided[:] = x
    for form in (x, x.astype(float), strided, x.view(np.memmap), x, x[:32], x):
        n = len(form)
        one = net.train_on_batch(form, y[:n], optimizer="adam")
        two = other.train_on_batch(x[:n].tolist(), y[:n].tolist(), optimizer="adam")
        assert one == two
    assert np.array_equal(net.parameters, other.parameters)


def test_options_that_change_between_plain_steps_hold():
    net, other, x, y = network(), network(), X.astype(np.float32), TARGETS.astype(np.float32)
    for each, form in ((net, lambda a: a), (other, lambda a: a.tolist())):
        each.train_on_batch(form(x), form(y))
        each.train_on_batch(form(x), form(y), optimizer=fc.SGD(0.01, l2=0.1))
        each.train_on_batch(form(x), form(y), optimizer=fc.SGD(0.02, l2=0.1))
        each.layers[0].freeze()
        each.train_on_batch(form(x), form(y), optimizer=fc.SGD(0.02, l2=0.1))
        each.train_on_batch(form(x), form(y), averaging=fc.EMA(0.9))
        each.train_on_batch(form(x), form(y), averaging=fc.EMA(0.9))
        each.train_on_batch(form(x), form(y), sample_weight=LABELS)
        each.train_on_batch(form(x), form(y))
    assert np.array_equal(net.parameters, other.parameters)


@pytest.mark.parametrize("large", [1e38, np.inf, np.nan])
def test_numbers_that_are_not_finite_after_scaling_are_refused_before_a_weight_changes(large):
    net, x, y = network(scale=100), X.astype(np.float32), TARGETS.astype(np.float32)
    net.train_on_batch(x, y)
    before, x[3, 1] = net.parameters, large
    with pytest.raises(ValueError, match=r"^x contains .* in row 3, column 1"):
        net.train_on_batch(x, y)
    assert np.array_equal(net.parameters, before)
    x[3, 1] = 1e36  # beyond what is certain, and yet fits
    with pytest.raises(fc.DivergenceError):
        net.train_on_batch(x, y)
    assert np.array_equal(net.parameters, before)


def test_one_sample_for_batch_normalization_is_refused_after_a_step():
    net = fc.Network([5, fc.Dense(8, normalization="batch"), 3], loss="mse", seed=0)
    x, y = X.astype(np.float32), TARGETS.astype(np.float32)
    net.train_on_batch(x, y)
    with pytest.raises(ValueError, match="^x has one sample, for which batch normalisation"):
        net.train_on_batch(x[:1], y[:1])


def test_a_changing_learning_rate_keeps_the_trainer():
    net, x, y = network(), X.astype(np.float32), TARGETS.astype(np.float32)
    net.train_on_batch(x, y, optimizer=fc.Adam())
    trainer = net._state.open_step.trainer
    for i in range(1, 4):
        net.train_on_batch(x, y, optimizer=fc.Adam(), learning_rate=0.1 / i)
        net.train_on_batch(x, y, optimizer=fc.Adam(0.1 / i))
        net.apply_gradients(net.gradients(x, y), optimizer=fc.Adam(0.2 / i))
        assert net._state.open_step.trainer is trainer


def test_a_divergence_names_the_rate_of_the_step():
    net, x, y = network(), X.astype(np.float32), TARGETS.astype(np.float32)
    net.train_on_batch(x, y, optimizer=fc.Adam())
    net.parameters = 1e20 * net.parameters
    before = net.parameters
    with pytest.raises(fc.DivergenceError, match=r"with Adam\(learning_rate=0.5,"):
        net.train_on_batch(x, y, optimizer=fc.Adam(), learning_rate=0.5)
    assert np.array_equal(net.parameters, before)


def test_two_threads_do_not_step_at_once():
    x, y = X.astype(np.float32), TARGETS.astype(np.float32)
    net, errors, steps = fc.Network([5, 256, 256, 3], loss="mse", seed=0), [], []

    def train():
        for _ in range(200):
            try:
                net.train_on_batch(x, y)
                steps.append(1)
            except RuntimeError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) + len(steps) == 400
    assert set(errors) <= {"this network is being fitted already"}
    assert steps
    assert np.isfinite(net.parameters).all()


@pytest.mark.parametrize("n", [0, 1, 8, 9, 2049])
def test_predictions_of_plain_arrays_are_those_of_others(n, dtype, threads):
    net = network("cross_entropy", dtype, scale=2, offset=1)
    x = np.resize(X, (n, 5)).astype(dtype)
    expected = net.predict(np.asfortranarray(np.hstack([x, x]))[:, :5])
    assert np.array_equal(net.predict(x), expected)
    assert net.predict(x).dtype == dtype
