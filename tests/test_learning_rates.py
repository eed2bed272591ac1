"""The range test: what it measures, suggests, and leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet._training.learning_rate_search import LearningRates

pytestmark = pytest.mark.once

DIGITS = fc.datasets.load_digits()
X, Y = (DIGITS.x_train[:600] / 16).astype(np.float32), DIGITS.y_train[:600]


@pytest.mark.parametrize("batch", [7, 32, 600])
def test_losses_are_those_of_single_steps_with_rising_rates(batch):
    net, same = (fc.Network([64, 16, 10], seed=0) for _ in range(2))
    found = net.find_learning_rate(X, Y, lowest=1e-3, highest=0.5, steps=120, batch_size=batch)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) == 120
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 0.5, 120), rtol=1e-12)
    steps = -(-600 // batch)
    for step, (rate, loss) in enumerate(zip(found.rates, found.losses, strict=True)):
        order = fc._native._testing.permutation(0, step // steps, 600)[step % steps * batch :][:batch]
        np.testing.assert_allclose(
            same.train_on_batch(X[order], Y[order], optimizer=fc.SGD(rate))["loss"], loss, rtol=1e-3
        )


@pytest.mark.parametrize("optimizer", [fc.SGD(), fc.SGD(momentum=0.9), fc.Adam()], ids=repr)
def test_the_suggestion_trains(optimizer):
    net = fc.Network([64, 32, 10], seed=0)
    found = net.find_learning_rate(X, Y, optimizer=optimizer)
    assert found.rates[0] < found.suggestion < found.rates[found.smoothed.argmin()]
    chosen = type(optimizer)(**(vars(optimizer) | {"learning_rate": found.suggestion}))
    net.fit(X, Y, epochs=15, optimizer=chosen)
    assert net.evaluate(DIGITS.x_test / 16, DIGITS.y_test)["accuracy"] > 0.85


@pytest.mark.filterwarnings("ignore:the loss hardly falls")
@pytest.mark.parametrize("batch", [7, 32])
@pytest.mark.parametrize("optimizer", [fc.SGD(), fc.Adam()], ids=lambda each: type(each).__name__)
def test_of_a_trained_network_the_noise_of_its_batches_is_not_taken_for_a_fall(optimizer, batch):
    net = fc.Network([64, 32, 10], seed=0)
    net.fit(X, Y, epochs=30)
    found = net.find_learning_rate(X, Y, optimizer=optimizer, batch_size=batch)
    assert found.suggestion > 1e-4  # by noise it was 1e-6
    before = net.evaluate(X, Y)["loss"]
    net.fit(X, Y, epochs=2, batch_size=batch, optimizer=type(optimizer)(found.suggestion))
    assert net.evaluate(X, Y)["loss"] < before


def test_where_the_loss_falls_at_no_rate_a_warning_says_so():
    net = fc.Network([2, 1], loss="mse", seed=0)
    x = np.random.default_rng(0).standard_normal((64, 2))
    y = net.predict(x)  # nothing is left to learn
    with pytest.warns(RuntimeWarning, match="the loss hardly falls at any learning rate, by .*trained already"):
        found = net.find_learning_rate(x, y)
    assert np.isnan(found.suggestion)


def test_it_ends_where_the_loss_explodes_and_leaves_the_network():
    net, same = (fc.Network([64, 32, 10], seed=0) for _ in range(2))
    for each in (net, same):
        each.fit(X, Y, epochs=1)
        each.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    before, history = net.predict(X), net.history
    found = net.find_learning_rate(X, Y, highest=1e6)
    assert found.rates[-1] < 1e4
    assert np.isfinite(found.losses).all()
    assert net.history is history
    assert net.epochs_trained == 1
    assert (net.predict(X) == before).all()
    for each in (net, same):
        each.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    assert (net.predict(X) == same.predict(X)).all()


def test_the_suggestion_is_where_the_loss_falls_fastest():
    rates = np.geomspace(1e-4, 1, 41)
    losses = np.interp(np.arange(41), [0, 10, 14, 30, 40], [3, 3, 1, 0.5, 9])
    found = LearningRates.of(rates, losses, np.zeros(41))
    assert rates[10] <= found.suggestion <= rates[14]
    assert np.isnan(LearningRates.of(rates, np.arange(41.0), np.zeros(41)).suggestion)
    assert (LearningRates.of(rates, np.ones(41), np.ones(41)).smoothed == 1).all()


def test_a_regression_has_a_learning_rate_too():
    x = np.linspace(-1, 1, 200)[:, None]
    found = fc.Network([1, 8, 1], loss="mse", seed=0).find_learning_rate(x, 3 * x)
    assert 1e-4 < found.suggestion < 10


def test_rates_that_are_all_too_high_are_an_error():
    net = fc.Network([1, 1], loss="mse", seed=0)
    with pytest.raises(fc.DivergenceError, match=r"diverged in the first step .* SGD\(learning_rate=1e\+30"):
        net.find_learning_rate(np.ones((9, 1)), np.full(9, 5.0), lowest=1e30, highest=1e38, batch_size=3)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"lowest": 0}, ValueError, "lowest is 0: expected a positive"),
        ({"highest": "1"}, TypeError, "highest is '1'"),
        ({"lowest": 1, "highest": 1}, ValueError, "expected lowest < highest"),
        ({"steps": 1}, ValueError, "steps is 1: expected at least 2"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"optimizer": "adan"}, ValueError, "optimizer is 'adan': .*; did you mean 'adam'"),
    ],
)
def test_what_is_wrong_is_named(options, error, match):
    with pytest.raises(error, match=match):
        fc.Network([64, 10]).find_learning_rate(X, Y, **options)
