"""Fits that take their steps from elsewhere: iterables of batches, single steps, epochs without their rest."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet import schedules

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((100, 4)).astype(np.float32), RNG.integers(0, 3, 100)
OPTIMIZERS = [fc.SGD(0.1), fc.SGD(0.1, momentum=0.9), fc.Adam(0.01), fc.AdamW(0.01)]
SIZES = [7, 40, 100]  # rows, panels, one step


def network(**options):
    return fc.Network([4, 16, 3], seed=2, **options)


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


def cut(size):
    return [(X[first : first + size], Y[first : first + size]) for first in range(0, 100, size)]


class Loader:
    """Begins anew with every iteration, and does not know how long it is."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return ([x, y] for x, y in self.batches)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("size", SIZES)
def test_batches_train_as_the_same_rows_in_memory(size, optimizer, dtype, steps):
    options = {"epochs": 3, "optimizer": optimizer, "validation_data": (X, Y)}
    expected, nets = network(dtype=dtype), [network(dtype=dtype) for _ in range(2)]
    history = expected.fit(X, Y, batch_size=size, shuffle=False, **options)
    for net, given in zip(nets, (cut(size), Loader(cut(size))), strict=True):
        got = net.fit(given, **options)
        assert parameters(net) == parameters(expected)
        assert (got.epochs, got.accuracy) == (history.epochs, history.accuracy)
        assert (got.val_loss, got.val_accuracy) == (history.val_loss, history.val_accuracy)
        np.testing.assert_allclose(got.loss, history.loss, rtol=1e-14)
        assert net.epochs_trained == 3


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_batches_may_be_of_any_size_and_grow(optimizer, steps):
    sizes = [3, 1, 50, 4, 42]  # from rows to panels
    ends = np.cumsum(sizes)
    batches = [(X[end - size : end], Y[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    net, same = network(), network()
    net.fit(batches, epochs=2, optimizer=optimizer)
    for x, y in batches * 2:
        same.train_on_batch(x, y, optimizer=optimizer)
    assert parameters(net) == parameters(same)
    if optimizer == fc.SGD(0.1):  # no state: fits of one step do the same
        fits = network()
        for x, y in batches * 2:
            fits.fit(x, y, epochs=1, batch_size=len(x), shuffle=False)
        assert parameters(net) == parameters(fits)


def test_steps_have_the_same_bits_whatever_the_threads_at_the_time(steps):
    """Also where a step is large enough to go in chunks, after one that was not."""
    x, y = RNG.standard_normal((5000, 4)).astype(np.float32), RNG.integers(0, 3, 5000)
    net, same, fits = network(), network(), network()
    for i, n in enumerate([10, 5000, 3000, 40, 5000]):
        options = {"optimizer": fc.SGD(0.1)}
        with fc.threads(1 + i % 2):
            net.train_on_batch(x[:n], y[:n], **options)
        same.train_on_batch(x[:n], y[:n], **options)
        fits.fit(x[:n], y[:n], epochs=1, batch_size=n, shuffle=False, **options)
    assert parameters(net) == parameters(same) == parameters(fits)


def test_a_generator_is_gone_through_once():
    net, same = network(), network()
    net.fit((batch for batch in cut(40)), epochs=1)
    same.fit(cut(40), epochs=1)
    assert parameters(net) == parameters(same)
    with pytest.raises(
        ValueError, match="x is a generator, which ends after one epoch, and epochs is 10: expected epoch"
    ):
        net.fit(batch for batch in cut(40))
    empty = iter(cut(40)[:0])
    with pytest.raises(ValueError, match="x has no batches: expected pairs"):
        net.fit(empty, epochs=1)
    assert net.epochs_trained == 1


def test_schedules_callbacks_and_early_stopping_work_with_batches():
    net, same, seen = network(), network(), []

    class Steps(fc.Callback):
        def on_batch_end(self, batch, logs):
            seen.append((batch, logs["accuracy"]))

    options = {
        "epochs": 6,
        "schedule": schedules.Cosine(warm_up=0.3),
        "validation_data": (X[:30], Y[:30]),
        "metrics": ["f1"],
        "early_stopping": fc.EarlyStopping(2, monitor="val_f1"),
        "callbacks": [Steps()],
    }
    history = net.fit(cut(30), **options)
    from_batches, seen = seen, []
    expected = same.fit(X, Y, batch_size=30, shuffle=False, **options)
    assert parameters(net) == parameters(same)
    assert history.val_f1 == expected.val_f1
    assert from_batches == seen
    with pytest.raises(ValueError, match=r"x has no len\(\)"):
        net.fit(Loader(cut(30)), schedule=schedules.Cosine())


def test_what_an_iterable_raises_arrives_and_finished_steps_stay():
    error, net, same = LookupError("mine"), network(), network()

    def batches():
        yield from cut(40)[:2]
        raise error

    with pytest.raises(LookupError) as caught:
        net.fit(batches(), epochs=1)
    assert caught.value is error
    assert (net.epochs_trained, len(net.history)) == (0, 0)
    for x, y in cut(40)[:2]:
        same.train_on_batch(x, y)
    assert parameters(net) == parameters(same)
    net.fit(X, Y, epochs=1)


@pytest.mark.parametrize(
    ("x", "options", "error", "match"),
    [
        (X, {}, TypeError, "y is missing: expected a label or target for each row of x"),
        (X, {"validation_split": 0.1}, TypeError, "y is missing: expected a label"),
        (X[:, :2].tolist(), {}, TypeError, "y is missing, and batch 0 of x is a list"),
        (iter([(X, Y)]), {"y": Y}, TypeError, "x is a list_iterator, and y is given too: expected arrays, or"),
        (3, {}, TypeError, "x is 3, and y is missing"),
        ([(X, Y, Y, Y)], {}, TypeError, "batch 0 of x is a tuple"),
        ([(X, Y), (X[:, :3], Y)], {}, ValueError, "x of batch 1 has 3 features"),
        ([(X, Y), (X, Y + 3)], {}, ValueError, "y of batch 1 contains the label"),
        ([(X, Y), (X[:0], Y[:0])], {}, ValueError, "x of batch 1 has shape .*at least one sample"),
        (
            [(X, Y)],
            {"validation_split": 0.1},
            ValueError,
            "sample_weight are not for an iterable of batches: expected y, or none of these",
        ),
        (
            [(X, Y)],
            {"drop_last": True},
            ValueError,
            "sample_weight are not for an iterable of batches: expected y, or none of these",
        ),
        ([(X, Y)], {"metrics": ["f1"]}, ValueError, "metrics are computed on validation data"),
    ],
)
def test_batches_that_are_none_are_named(x, options, error, match):
    with pytest.raises(error, match=match):
        network().fit(x, **options)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("size", SIZES)
def test_single_steps_train_as_a_fit(size, optimizer, dtype, steps):
    net, same = network(dtype=dtype), network(dtype=dtype)
    for _ in range(2):
        figures = [net.train_on_batch(x, y, optimizer=optimizer) for x, y in cut(size)]
    history = same.fit(X, Y, epochs=2, batch_size=size, shuffle=False, optimizer=optimizer)
    assert parameters(net) == parameters(same)
    weights = [len(y) / 100 for _, y in cut(size)]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(np.dot([each[name] for each in figures], weights), history[name][-1], rtol=1e-14)
    assert (net.epochs_trained, len(net.history)) == (0, 0)


def test_single_steps_go_on_from_the_optimizer_state():
    momentum, batch = fc.SGD(0.1, momentum=0.9), cut(50)[0]

    def after(between):
        net = network()
        net.train_on_batch(*batch, optimizer=momentum)
        net = between(net) or net
        net.train_on_batch(*batch, optimizer=momentum)
        return parameters(net)

    goes_on = after(lambda net: None)
    for between in (
        lambda net: net.predict(X) is None,
        lambda net: net.fit(X, Y, epochs=0, optimizer=momentum) and None,
        copy.deepcopy,
        lambda net: pickle.loads(pickle.dumps(net)),
    ):
        assert after(between) == goes_on
    assert after(lambda net: net.train_on_batch(*batch, optimizer=fc.SGD(1e-30)) and None) != goes_on


def test_weights_that_are_set_between_single_steps_count():
    net, same = network(), network()
    net.train_on_batch(X, Y)
    net.layers[0].W = np.zeros((4, 16))
    net.layers[1].B = np.ones(3)
    for i in range(2):
        same.layers[i].W, same.layers[i].B = net.layers[i].W, net.layers[i].B
    net.train_on_batch(X, Y)
    same.train_on_batch(X, Y)
    assert parameters(net) == parameters(same)


def test_a_diverging_step_leaves_the_network_and_the_next_begins_anew():
    net, same = network(), network()
    for each in (net, same):
        each.train_on_batch(X, Y, optimizer=fc.Adam(0.1))
    before = parameters(net)
    with pytest.raises(fc.DivergenceError, match="diverged in this step"):
        net.train_on_batch(np.full((4, 4), 3e38, np.float32), Y[:4], optimizer=fc.SGD(1e38))
    assert parameters(net) == before
    assert np.isfinite(net.train_on_batch(X, Y, optimizer=fc.SGD(0.1))["loss"])


def test_bad_single_steps_change_nothing():
    net = network()
    before = parameters(net)
    for x, y, options, match in (
        (X[:0], [], {}, "at least one sample"),
        (X[:, :2], Y, {}, "x has 2 features"),
        (X, Y[:3], {}, "y has shape"),
    ):
        with pytest.raises(ValueError, match=match):
            net.train_on_batch(x, y, **options)
    with pytest.raises(ValueError, match="optimizer is 'adan'"):
        net.train_on_batch(X, Y, optimizer="adan")
    assert parameters(net) == before


@pytest.mark.parametrize("size", [3, 7, 40, 100])
def test_drop_last_leaves_out_what_does_not_fill_a_batch(size, threads):
    net, same, seen = network(), network(), []

    class Steps(fc.Callback):
        def on_batch_end(self, batch, logs):
            seen.append(batch)

    whole = 100 - 100 % size
    options = {"epochs": 2, "batch_size": size, "shuffle": False, "optimizer": fc.Adam(0.01)}
    history = net.fit(X, Y, drop_last=True, callbacks=[Steps()], schedule=schedules.Cosine(), **options)
    expected = same.fit(X[:whole], Y[:whole], schedule=schedules.Cosine(), **options)
    assert parameters(net) == parameters(same)
    assert (history.loss, history.accuracy) == (expected.loss, expected.accuracy)
    assert seen == [*range(whole // size)] * 2


def test_drop_last_leaves_out_a_short_batch_and_no_batches_of_a_step_of_fewer(threads):
    """Of 100 samples 14 batches of 7 are left: three steps of four batches, and one of two."""
    net, same, steps = network(), network(), []

    class Steps(fc.Callback):
        def on_batch_end(self, batch, logs):
            steps.append(batch)

    options = {"epochs": 2, "batch_size": 7, "shuffle": False, "optimizer": fc.Adam(0.01, accumulate=4)}
    net.fit(X, Y, drop_last=True, callbacks=[Steps()], **options)
    same.fit(X[:98], Y[:98], **options)
    assert parameters(net) == parameters(same)
    assert steps == [0, 1, 2, 3] * 2
    net.fit(X[:20], Y[:20], batch_size=7, drop_last=True, optimizer=fc.Adam(accumulate=4))  # not even one whole step


def test_drop_last_leaves_out_others_in_every_epoch():
    """Of two samples a step one trains; over the epochs both do."""
    x, y = np.eye(2, dtype=np.float32)[:, :2], np.array([0, 1])
    net = fc.Network([2, 2], seed=0)
    start = net.layers[0].W
    net.fit(np.repeat(x, [2, 1], axis=0), y[[0, 0, 1]], epochs=20, batch_size=2, drop_last=True)
    assert (net.layers[0].W != start).any(axis=1).all()


def test_drop_last_needs_a_whole_batch():
    with pytest.raises(ValueError, match="drop_last leaves no batch: x has 100 samples, batch_size is 101"):
        network().fit(X, Y, batch_size=101, drop_last=True)
    with pytest.raises(TypeError, match="drop_last is 1: expected True or False"):
        network().fit(X, Y, drop_last=1)


@pytest.mark.parametrize("size", SIZES)
def test_weights_and_dropout_of_batches_are_those_of_the_whole(size):
    weights = RNG.random(100).astype(np.float32)
    layers = [4, fc.Dense(33, dropout=0.4), 3]
    whole, cut_up = (fc.Network(layers, seed=1) for _ in range(2))
    whole.fit(X, Y, batch_size=size, epochs=2, shuffle=False, sample_weight=weights)
    rows = [slice(i, i + size) for i in range(0, 100, size)]
    cut_up.fit([(X[r], Y[r], weights[r]) for r in rows], epochs=2)
    assert parameters(whole) == parameters(cut_up)
