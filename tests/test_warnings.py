"""Every warning is about the line of the user's that led to it, however deep in fcnet it is raised."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from interop import library

pytestmark = pytest.mark.once

X = np.random.default_rng(0).normal(size=(12, 2))
Y = np.arange(12) % 2


def network(**options):
    return fc.Network([2, 4, 2], seed=0, **options)


def an_offset_that_float32_loses():
    network().fit(X + 1e9, Y, epochs=1)


def targets_that_float32_loses():
    fc.Network([2, 4, 1], loss="mse", seed=0).fit(X, X[:, 0] / 1e3 + 1, epochs=0)
    fc.Network([2, 4, 1], loss="mse", seed=0).fit(X, X[:, 0] + 1e9, epochs=0)


def a_last_step_of_one_sample():
    fc.Network([2, fc.Dense(4, normalization="batch"), 2], seed=0).fit(X, Y, epochs=1, batch_size=11)


def a_batch_of_one_sample():
    net = fc.Network([2, fc.Dense(4, normalization="batch"), 2], seed=0)
    net.fit([(X, Y), (X[:1], Y[:1])], epochs=1)


def a_validation_that_weighs_nothing():
    network().fit(X, Y, epochs=1, validation_data=(X, Y, np.zeros(12)))


def a_figure_that_is_nan():
    rule = fc.EarlyStopping(monitor="val_nothing", mode="max")
    metrics = {"nothing": lambda y_true, output: np.nan}
    network().fit(X, Y, epochs=1, validation_data=(X, Y), metrics=metrics, early_stopping=rule)


def a_generator_that_ends_early():
    network().fit(((X, Y) for _ in range(3)), epochs=2, steps_per_epoch=2)


def a_loss_that_hardly_falls():
    net = network()
    net.layers[0].W, net.layers[1].W = np.zeros((2, 4)), np.zeros((4, 2))
    net.find_learning_rate(X, Y, steps=10)


def an_estimator_that_has_not_converged():
    library("sklearn")
    from fcnet.sklearn import MLPClassifier

    MLPClassifier(4, max_iter=1, random_state=0).fit(X, Y)


CASES = [
    an_offset_that_float32_loses,
    targets_that_float32_loses,
    a_last_step_of_one_sample,
    a_batch_of_one_sample,
    a_validation_that_weighs_nothing,
    a_figure_that_is_nan,
    a_generator_that_ends_early,
    a_loss_that_hardly_falls,
    pytest.param(an_estimator_that_has_not_converged, marks=pytest.mark.interop),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_warning_names_the_line_that_led_to_it(case):
    with pytest.warns(Warning, match=".") as seen:
        case()
    assert [one.filename for one in seen] == [__file__]
    lines = range(case.__code__.co_firstlineno, case.__code__.co_firstlineno + 8)
    assert seen[0].lineno in lines
