"""E2: whatever raises while a network is fitted, at whichever call: it arrives unchanged, the last step stands, and the
next fit works."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from test_callbacks import Recorder, X, Y, network, parameters
from test_custom_loss import squared

from walks import walk

pytestmark = pytest.mark.once

CALLS = range(50)


@cache
def stepped(loss, batch):
    """A network that is not disturbed, and its parameters after every step so far."""
    net = network() if loss is None else fc.Network([4, 16, 4], loss=loss, seed=2)
    return net, [parameters(net)]


def after(steps, loss=None, batch=5):
    """The parameters after so many steps over the rows in order."""
    net, seen = stepped(loss, batch)
    while len(seen) <= steps:
        first = (len(seen) - 1) * batch % len(X)
        rows = slice(first, first + batch)
        net.train_on_batch(X[rows], (Y if loss is None else X)[rows])
        seen.append(parameters(net))
    return seen[steps]


def raised_in(net, error, name, *data, **options):
    """Fits, which must raise this very object, out of the function of that name; and then fits again."""
    with pytest.raises(LookupError) as caught:
        net.fit(*data, shuffle=False, **options)
    assert caught.value is error
    assert caught.traceback[-1].name == name
    left = parameters(net)
    net.fit(X, Y if net.loss == "cross_entropy" else X, epochs=1)
    return left


@walk("at", CALLS)
@pytest.mark.parametrize("batch", [5, 25])
def test_a_callback(at, batch, steps):
    error, net = LookupError("mine"), network()
    heard = Recorder(at, error)
    left = raised_in(net, error, "_call", X, Y, epochs=9, batch_size=batch, callbacks=[heard])
    events = [event for event, _, _ in heard.calls]
    assert len(events) == at + 1
    assert left == after(events.count("batch_end"), batch=batch)


def test_the_epochs_that_count_are_those_that_ended():
    for at in CALLS:
        net, heard = network(), Recorder(at, LookupError())
        with pytest.raises(LookupError):
            net.fit(X, Y, epochs=9, batch_size=25, callbacks=[heard])
        ended = sum(event == "batch_end" and number == 3 for event, number, _ in heard.calls)
        assert net.epochs_trained == len(net.history) == ended


class FailsAt:
    """Counts its calls, and raises in the one numbered ``at``."""

    def __init__(self, at):
        self.at, self.calls, self.error = at, 0, LookupError("mine")

    def count(self):
        self.calls += 1
        if self.calls - 1 == self.at:
            raise self.error


@walk("at", CALLS)
def test_a_loss(at, steps):
    fails = FailsAt(at)

    def loss(output, target):
        fails.count()
        return squared(output, target)

    net = fc.Network([4, 16, 4], loss=loss, seed=2)
    left = raised_in(net, fails.error, "count", X, X, epochs=9, batch_size=5)
    assert left == after(at, squared)


@walk("at", CALLS)
def test_a_source_of_batches(at):
    fails = FailsAt(at)

    def batches():
        for step in range(60):
            fails.count()
            rows = slice(step * 5 % 100, step * 5 % 100 + 5)
            yield X[rows], Y[rows]

    net = network()
    left = raised_in(net, fails.error, "count", batches(), epochs=1)
    assert left == after(at)


@walk("at", CALLS)
def test_a_metric(at):
    fails = FailsAt(at)

    def metric(y_true, output):
        fails.count()
        return 0.0

    net, validation = network(), (X, Y)
    left = raised_in(net, fails.error, "count", X, Y, epochs=60, batch_size=5, validation_data=validation,
                     metrics=[metric])  # fmt: skip
    assert left == after(20 * at)  # the first call is before the first step
    assert fails.error.__notes__[0].startswith("in the metric 'metric'")


def test_what_a_finalizer_raises_disturbs_nothing(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda given: seen.append(type(given.exc_value)))

    class Doomed:
        def __del__(self):
            raise LookupError

    net, same = network(), network()
    history = net.fit(X, Y, epochs=3, callbacks=[lambda epoch, logs: Doomed() and None])
    same.fit(X, Y, epochs=3)
    assert seen == [LookupError] * 3
    assert parameters(net) == parameters(same)
    assert np.isfinite(history.loss).all()
