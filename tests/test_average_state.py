"""What lies beneath an average goes on from fit to fit, in copies and files, and ends where it should."""

from __future__ import annotations

import copy
import pickle
import signal
import time

import numpy as np
import pytest

import fcnet as fc
from fcnet._native import Trainer
from fcnet._saving import safetensors
from fcnet._training import batch_source

from averages import BATCHES, X, Y, assert_same_bits, beneath, bits_beneath, network
from bounds import flat
from damage import assert_file_is_refused, assert_state_is_refused

WAYS = {
    "itself": lambda net, folder: net,
    "file": lambda net, folder: (net.save(folder / "net.safetensors"), fc.load(folder / "net.safetensors"))[1],
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
}


@pytest.mark.parametrize("averaging", [fc.EMA(0.99), fc.SWA(start=0)], ids=["ema", "swa"])
@pytest.mark.parametrize("optimizer", [fc.SGD(0.05), fc.Adam(0.01)], ids=["sgd", "adam"])
@pytest.mark.parametrize(("batch", "sizes"), BATCHES)
@pytest.mark.parametrize("way", WAYS)
def test_two_fits_are_one_longer_fit(averaging, optimizer, batch, sizes, way, steps, dtype, tmp_path):
    once, first = network(sizes, dtype), network(sizes, dtype)
    options = {"batch_size": batch, "optimizer": optimizer, "averaging": averaging}
    once.fit(X, Y, epochs=4, **options)
    first.fit(X, Y, epochs=2, **options)
    second = WAYS[way](first, tmp_path)
    if second is not first:
        first.fit(X, Y, epochs=1, **options)  # a state of its own
    second.fit(X, Y, epochs=2, **options)
    assert_same_bits(once, second)
    assert bits_beneath(once) == bits_beneath(second)


class InterruptedAtTheEnd:
    """A trainer whose ``finish`` Ctrl-C comes into."""

    def __init__(self, *args, **options):
        self._trainer = Trainer(*args, **options)

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def finish(self, *ended):
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        self._trainer.finish(*ended)
        time.sleep(1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_an_epoch_of_batches_whose_mean_is_interrupted_counts_and_is_in_it(monkeypatch):
    wide = 4000, 4000, 2  # for the weights to take longer into the mean than the 10 ms after which Ctrl-C is looked for
    once = network(wide)
    net = copy.deepcopy(once)
    batches, options = [(np.ones((8, 4000)), np.arange(8) % 2)] * 2, {"averaging": fc.SWA(start=0)}
    once.fit(batches, epochs=1, **options)
    monkeypatch.setattr(batch_source, "Trainer", InterruptedAtTheEnd)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with fc.threads(1), pytest.raises(KeyboardInterrupt):
            net.fit(batches, epochs=3, **options)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (net.epochs_trained, net.history.epochs, net.history.loss) == (1, [0], once.history.loss)
    assert_same_bits(once, net)
    assert bits_beneath(once) == bits_beneath(net)


@pytest.mark.parametrize("averaging", [fc.EMA(0.99), fc.SWA(start=2), fc.SWA(0.5)], ids=repr)
@pytest.mark.parametrize("batch_size", [4, 32])
def test_a_checkpoint_goes_on_to_the_same_bits(averaging, batch_size, tmp_path):
    def made():
        return fc.Network([5, fc.Dense(33, "gelu", dropout=0.3), 20, 3], seed=4)

    options = {"batch_size": batch_size, "optimizer": fc.Adam(0.01), "averaging": averaging}
    whole = made()
    whole.fit(X, Y, epochs=7, callbacks=[fc.Checkpoint(tmp_path / "net-{epoch}")], **options)
    for done in (1, 3, 6):
        again = fc.load(tmp_path / f"net-{done}")
        again.fit(X, Y, epochs=7, initial_epoch=done, **options)
        assert_same_bits(whole, again)
    assert_same_bits(whole, fc.load(tmp_path / "net-7"))


@pytest.mark.parametrize("averaging", [fc.EMA(0.9), fc.SWA(start=0)], ids=["ema", "swa"])
@pytest.mark.parametrize("other", [None, fc.EMA(0.9), fc.SWA(start=0)], ids=["none", "ema", "swa"])
def test_another_fit_begins_at_what_is_published(averaging, other):
    if type(other) is type(averaging):
        return
    used, fresh = network(), network()
    used.fit(X, Y, epochs=2, averaging=averaging)
    for layer, of_used in zip(fresh.layers, used.layers, strict=True):
        layer.W, layer.B = of_used.W, of_used.B
    for net in (used, fresh):
        net.fit(X, Y, epochs=2, shuffle=False, averaging=other)
    assert_same_bits(used, fresh)


@pytest.mark.parametrize("what", ["W", "B"])
def test_setting_weights_begins_there(what):
    net = network()
    net.fit(X, Y, epochs=2, averaging=fc.EMA())
    assert beneath(net) is not None
    net.fit(X, Y, epochs=0)
    assert beneath(net) is not None
    setattr(net.layers[0], what, getattr(net.layers[0], what))
    assert beneath(net) is None


def test_the_decay_may_differ():
    net = network()
    net.fit(X, Y, epochs=1, averaging=fc.EMA(0.9))
    net.fit(X, Y, epochs=1, averaging=fc.EMA(0.99))
    assert beneath(net)[:2] == ("ema", 6)


def test_whoever_reads_what_lies_beneath_keeps_it():
    net = network()
    net.fit(X, Y, epochs=1, averaging=fc.EMA())
    state = beneath(net)
    weights = [array.copy() for array in flat(state[2])]
    net.fit(X, Y, epochs=1, averaging=fc.EMA())
    for kept, array in zip(weights, flat(state[2]), strict=True):
        np.testing.assert_array_equal(kept, array)


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda name, count, layers: ("mean", count, layers), "averaging is 'mean'"),
        (lambda name, count, layers: ("none", count, layers), "expected 'ema' or 'swa'"),
        (lambda name, count, layers: (name, 0.0, layers), "count of an average"),
        (lambda name, count, layers: (name, np.nan, layers), "count of an average"),
        (lambda name, count, layers: (name, 1.5, layers), "count of an average"),
        (lambda name, count, layers: (name, count, layers[:1]), "parameters of 1 layers"),
        (lambda name, count, layers: (name, count, layers[::-1]), r"W of layers\[0\] has shape"),
    ],
)
def test_a_damaged_state_is_an_error(damage, match):
    net = network()
    net.fit(X, Y, epochs=1, averaging=fc.EMA())
    assert_state_is_refused(net, {"average_state": damage(*beneath(net))}, match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "os.system"}, "averaging is 'os.system'"),
        ({"name": None}, "the name None"),
        ({"name": ""}, "its arrays are not those of"),
        ({"count": 0.0}, "count of an average"),
        ({"count": 1e300}, "count of an average"),
        ({"count": "1"}, "the count '1'"),
        ({"more": 1}, "not given by name, count"),
    ],
)
def test_a_file_with_a_damaged_state_is_refused(changes, match, tmp_path, monkeypatch):
    net = network()
    net.fit(X, Y, epochs=1, averaging=fc.EMA())
    assert_file_is_refused(net, tmp_path / "net", "average", changes, match, monkeypatch)


@pytest.mark.parametrize(
    ("part", "wrong", "match"),
    [(1, [1, 1, 1], "the layer has no bias"), (4, [1, -1, 1], r"variance of layers\[0\] has a negative number")],
)
def test_what_lies_beneath_is_checked_as_parameters_are(part, wrong, match):
    net = fc.Network([2, fc.Dense(3, bias=False, normalization="batch"), 2], seed=0)
    net.fit([[0, 1], [1, 0]], [0, 1], epochs=1, averaging=fc.EMA())
    kind, count, (first, *others) = beneath(net)
    first = [np.float32(wrong) if i == part else array for i, array in enumerate(first)]
    damaged = net.__getstate__() | {"average_state": (kind, count, [first, *others])}
    with pytest.raises(ValueError, match=match):
        fc.Network.__new__(fc.Network).__setstate__(damaged)


def test_a_file_without_an_average_has_none(tmp_path):
    net = network()
    net.fit(X, Y, epochs=1)
    net.save(tmp_path / "net")
    assert not [name for name in safetensors.read(tmp_path / "net")[0] if name.startswith("average")]
    assert beneath(fc.load(tmp_path / "net")) is None
