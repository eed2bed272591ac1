"""Averages of the weights are those of their oracles; training does not notice them, all others see them."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, reference

from averages import BATCHES, X, Y, assert_same_bits, beneath, bits_beneath, every_average, network, parameters
from bounds import flat, max_error
from walks import walk


@every_average
@pytest.mark.parametrize(
    ("optimizer", "oracle"),
    [
        (fc.SGD(0.05), lambda: reference.sgd(0.05)),
        (fc.Adam(0.01, clip_norm=0.5), lambda: reference.regularized(reference.adam(0.01), clip_norm=0.5)),
    ],
    ids=["sgd", "adam-clip-norm"],
)
@walk("n, batch", [(7, 1), (50, 10), (60, 33), (5000, 2500)])
def test_averages_equal_the_oracles(averaging, optimizer, oracle, n, batch, steps, isa):
    net = network((5, 33, 3))
    net.fit(np.resize(X, (n, 5)), np.resize(Y, n), epochs=3, batch_size=batch, optimizer=optimizer, averaging=averaging)
    averages, layers = averaged_by_the_oracle(averaging, oracle, n, batch)
    assert max_error(parameters(net), flat(averages)) <= 1e-11
    assert max_error(flat(beneath(net)[2]), flat(layers)) <= 1e-11


@cache
def averaged_by_the_oracle(averaging, oracle, n, batch):
    """The average of the layers, and the layers."""
    x, y = np.resize(X, (n, 5)), np.resize(Y, n)
    net = network((5, 33, 3))
    layers = [(layer.W.copy(), layer.B.copy()) for layer in net.layers]
    is_ema, update = isinstance(averaging, fc.EMA), oracle()
    average = reference.ema(layers, averaging.decay) if is_ema else reference.swa()
    for epoch in range(3):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], update)
            if is_ema:
                averages = average(layers)
        if not is_ema and epoch >= averaging.start:
            averages = average(layers)
    return averages, layers


@every_average
@pytest.mark.parametrize(("batch", "sizes"), BATCHES)
def test_training_itself_does_not_notice(averaging, batch, sizes, steps, dtype):
    plain, averaged = network(sizes, dtype), network(sizes, dtype)
    one = plain.fit(X, Y, epochs=3, batch_size=batch, optimizer=fc.Adam(0.01))
    other = averaged.fit(X, Y, epochs=3, batch_size=batch, optimizer=fc.Adam(0.01), averaging=averaging)
    assert one.loss == other.loss
    for a, b in zip(parameters(plain), flat(beneath(averaged)[2]), strict=True):
        np.testing.assert_array_equal(a, b)


@every_average
@pytest.mark.parametrize(("batch", "sizes"), [*BATCHES, (33, (40, 300, 200, 3))])
def test_any_number_of_threads_gives_the_same_bits(averaging, batch, sizes, steps, dtype):
    x, nets = np.random.default_rng(1).standard_normal((70, sizes[0])), []
    for threads in (1, 2, 3):
        with fc.threads(threads):
            nets.append(network(sizes, dtype))
            nets[-1].fit(x, Y, epochs=3, batch_size=batch, averaging=averaging)
    for net in nets[1:]:
        assert_same_bits(nets[0], net)


def test_a_checkpoint_is_what_was_validated(tmp_path):
    net, validation = network(), (X[:20], Y[:20])
    callbacks = [fc.Checkpoint(tmp_path / "{epoch}")]
    history = net.fit(
        X, Y, epochs=4, optimizer=fc.SGD(0.5), validation_data=validation, averaging=fc.SWA(0.5), callbacks=callbacks
    )
    for epoch, loss in enumerate(history.val_loss, 1):
        assert fc.load(tmp_path / str(epoch)).evaluate(*validation)["loss"] == loss


def test_the_weights_are_published_until_the_first_average():
    raw, averaged, seen = network(), network(), {}
    for net in (raw, averaged):
        seen[net] = []
        averaging = fc.SWA(0.5) if net is averaged else None
        watch = [lambda epoch, logs, net=net: seen[net].append(net.predict(X))]
        net.fit(X, Y, epochs=4, averaging=averaging, callbacks=watch)
    same = [np.array_equal(a, b) for a, b in zip(seen[raw], seen[averaged], strict=True)]
    assert same == [True, True, True, False]  # one epoch is its own mean
    averaged.fit(X, Y, epochs=1, initial_epoch=0, averaging=fc.SWA(0.0))
    assert beneath(averaged)[1] == 3
    averaged.fit(X, Y, epochs=4, averaging=fc.SWA(0.5))  # begins with epochs that are not averaged
    assert beneath(averaged)[1] == 2


def test_a_mean_of_one_epoch_is_that_epoch(dtype):
    raw, averaged = network(dtype=dtype), network(dtype=dtype)
    raw.fit(X, Y, epochs=1)
    averaged.fit(X, Y, epochs=1, averaging=fc.SWA())
    assert_same_bits(raw, averaged)


@every_average
@pytest.mark.parametrize("batch", [5, 32])
def test_batches_that_are_given_train_the_same_bits(averaging, batch):
    memory, given = network(), network()
    memory.fit(X, Y, epochs=3, batch_size=batch, shuffle=False, optimizer=fc.Adam(0.01), averaging=averaging)
    batches = [(X[i : i + batch], Y[i : i + batch]) for i in range(0, 70, batch)]
    given.fit(batches, epochs=3, optimizer=fc.Adam(0.01), averaging=averaging)
    assert_same_bits(memory, given)
    assert bits_beneath(memory) == bits_beneath(given)


def test_single_steps_average_too():
    fitted, stepped = network(), network()
    fitted.fit(X, Y, epochs=2, batch_size=35, shuffle=False, averaging=fc.EMA())
    for i in (0, 35, 0, 35):
        stepped.train_on_batch(X[i : i + 35], Y[i : i + 35], averaging=fc.EMA())
    assert_same_bits(fitted, stepped)
    with pytest.raises(TypeError, match=re.escape("averaging is SWA(start=0.75): expected fcnet.EMA(...)")):
        stepped.train_on_batch(X, Y, averaging=fc.SWA())


@every_average
def test_early_stopping_goes_back_to_the_best_average(averaging):
    net, validation = network(), (X[:20], Y[20:40])
    stop = fc.EarlyStopping(patience=2)
    history = net.fit(
        X,
        Y,
        epochs=60,
        optimizer=fc.Adam(0.02),
        validation_data=validation,
        averaging=averaging,
        early_stopping=stop,
    )
    assert history.best_epoch < history.epochs[-1]
    assert net.evaluate(*validation)["loss"] == min(history.val_loss)
    assert beneath(net) is None


@every_average
@pytest.mark.parametrize("batch", [5, 32])
def test_frozen_layers_keep_their_bits(averaging, batch, dtype, steps):
    net = network((5, 40, 33, 3), dtype)
    net.layers[1].freeze()
    before = net.layers[1].W.copy(), net.layers[1].B.copy()
    net.fit(X, Y, epochs=3, batch_size=batch, averaging=averaging)
    np.testing.assert_array_equal(net.layers[1].W, before[0])
    np.testing.assert_array_equal(net.layers[1].B, before[1])
    assert not np.array_equal(net.layers[0].W, beneath(net)[2][0][0])


@every_average
def test_after_a_divergence_the_last_good_average_is_left(averaging):
    net = network()
    net.fit(X, Y, epochs=2, averaging=averaging)
    before = net.predict(X)
    with pytest.raises(fc.DivergenceError):
        net.fit(X, Y, epochs=2, optimizer=fc.Adam(1e308), averaging=averaging)
    np.testing.assert_array_equal(net.predict(X), before)
    assert beneath(net) is None


@pytest.mark.parametrize("batch", [5, 32])
def test_an_interrupted_epoch_publishes_the_average_of_its_steps(batch, steps):
    class Interrupts(fc.Callback):
        def on_batch_end(self, step, logs):
            if step == 2:
                raise KeyboardInterrupt

    net = network()
    layers = [(layer.W.copy(), layer.B.copy()) for layer in net.layers]
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, batch_size=batch, shuffle=False, averaging=fc.EMA(0.9), callbacks=[Interrupts()])
    average = reference.ema(layers, 0.9)
    for i in range(0, min(3 * batch, 70), batch):
        reference.training_step(layers, X[i : i + batch], Y[i : i + batch], 0.1)
        averages = average(layers)
    assert max_error(parameters(net), flat(averages)) <= 1e-11


def test_a_mean_over_epochs_is_published_while_the_next_epoch_is_cut_off():
    net = network()
    net.fit(X, Y, epochs=2, averaging=fc.SWA(start=0))
    before, state = net.predict(X), bits_beneath(net)

    class Interrupts(fc.Callback):
        def on_batch_end(self, step, logs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=1, averaging=fc.SWA(start=0), callbacks=[Interrupts()])
    np.testing.assert_array_equal(net.predict(X), before)
    assert beneath(net)[1] == 2
    assert bits_beneath(net) != state  # a step on


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.EMA(1), ValueError, "decay is 1: expected 0 < decay < 1"),
        (lambda: fc.EMA(0), ValueError, "decay is 0: expected 0 < decay < 1"),
        (lambda: fc.EMA(np.nan), ValueError, "decay is nan: expected 0 < decay < 1"),
        (lambda: fc.EMA("slow"), TypeError, "decay is 'slow': expected a number"),
        (lambda: fc.SWA(1.0), ValueError, "start is 1.0: expected a fraction of the epochs, 0 <= start < 1"),
        (lambda: fc.SWA(-1), ValueError, "start is -1: expected"),
        (lambda: fc.SWA(-0.5), ValueError, "start is -0.5: expected a fraction"),
        (lambda: fc.SWA(True), TypeError, "start is True: expected"),
        (lambda: fc.SWA(None), TypeError, "start is None: expected"),
        (lambda: network().fit(X, Y, averaging="ema"), TypeError, "averaging is 'ema': expected fcnet.EMA(...)"),
        (lambda: network().fit(X, Y, averaging=fc.EMA), TypeError, "expected fcnet.EMA(...) or fcnet.SWA(...)"),
        (
            lambda: network().fit(X, Y, epochs=5, averaging=fc.SWA(5)),
            ValueError,
            "starts after 5 epochs, but epochs is 5",
        ),
    ],
)
def test_what_is_out_of_range_is_refused(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_numpy_numbers_are_numbers():
    assert fc.EMA(np.float32(0.5)) == fc.EMA(0.5)
    assert repr(fc.SWA(np.int64(3))) == "SWA(start=3)"


def test_native_names_are_checked():
    with pytest.raises(ValueError, match="averaging is 'mean'"):
        _native.Trainer(network()._state.model, X, Y.astype(np.int32), 5, True, "sgd", {}, averaging="mean")
