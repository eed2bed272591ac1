"""The optimizer state goes on from fit to fit, in copies and files, and begins anew where it should."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

import fcnet as fc
from fcnet._saving import network_file, safetensors

from damage import assert_file_is_refused, assert_state_is_refused
from optimizers import OPTIMIZERS, every_optimizer

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((70, 5)), rng.integers(0, 3, 70)


def network(dtype="float64", sizes=(5, 40, 3)):
    return fc.Network(list(sizes), seed=4, dtype=dtype)


def assert_same_bits(one, other):
    for a, b in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(a.W, b.W)
        np.testing.assert_array_equal(a.B, b.B)


def state(net):
    return net.__getstate__()["optimizer_state"]


@every_optimizer
@pytest.mark.parametrize(("batch", "sizes"), [(3, (5, 3)), (5, (5, 40, 3)), (32, (5, 40, 3))])
def test_two_fits_are_one_longer_fit(optimizer, batch, sizes, steps, dtype):
    once, twice = network(dtype, sizes), network(dtype, sizes)
    once.fit(X, Y, epochs=4, batch_size=batch, optimizer=optimizer)
    for _ in range(2):
        twice.fit(X, Y, epochs=2, batch_size=batch, optimizer=optimizer)
    assert_same_bits(once, twice)


WAYS = {
    "file": lambda net, folder: (net.save(folder / "net.safetensors"), fc.load(folder / "net.safetensors"))[1],
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
}


@every_optimizer
@pytest.mark.parametrize("way", WAYS)
def test_it_goes_on_in_a_copy(optimizer, way, dtype, tmp_path):
    once, first = network(dtype), network(dtype)
    once.fit(X, Y, epochs=4, optimizer=optimizer)
    first.fit(X, Y, epochs=2, optimizer=optimizer)
    second = WAYS[way](first, tmp_path)
    first.fit(X, Y, epochs=1, optimizer=optimizer)  # a state of its own
    second.fit(X, Y, epochs=2, optimizer=optimizer)
    assert_same_bits(once, second)


def test_the_learning_rate_may_differ():
    @dataclass(frozen=True)
    class Halves(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            return 0.5 ** (step // per_epoch)

    once, twice = network(), network()
    once.fit(X, Y, epochs=2, optimizer=fc.Adam(0.02), schedule=Halves())
    twice.fit(X, Y, epochs=1, optimizer=fc.Adam(0.02))
    twice.fit(X, Y, epochs=1, optimizer=fc.AdamW(0.01, weight_decay=0))
    assert_same_bits(once, twice)


@pytest.mark.parametrize("other", ["momentum", "rmsprop", "rmsprop-momentum", "nadam", "lion", "adagrad"])
def test_another_kind_begins_anew(other):
    fresh, used = network(), network()
    used.fit(X, Y, epochs=1, optimizer=fc.Adam(0.01))
    for layer, of_used in zip(fresh.layers, used.layers, strict=True):
        layer.W, layer.B = of_used.W, of_used.B
    for net in (fresh, used):
        net.fit(X, Y, epochs=1, shuffle=False, optimizer=OPTIMIZERS[other])
    assert_same_bits(fresh, used)


def test_plain_descent_remembers_nothing():
    net = network()
    assert state(net) is None
    net.fit(X, Y, epochs=1, optimizer=fc.SGD(0.1))
    assert state(net) is None


def test_momentum_means_the_same_to_nesterov():
    net = network()
    net.fit(X, Y, epochs=1, optimizer=fc.SGD(0.1, momentum=0.9))
    assert state(net)[0] == "momentum"
    before = state(net)
    net.fit(X, Y, epochs=0, optimizer=fc.SGD(0.1, momentum=0.9, nesterov=True))
    assert str(state(net)) == str(before)
    net.fit(X, Y, epochs=1, optimizer=fc.SGD(0.1, momentum=0.9, nesterov=True))
    assert state(net)[0] == "nesterov"
    assert state(net)[1][0] == pytest.approx(0.9**6)  # three steps an epoch


def test_setting_weights_and_an_epoch_that_never_began_change_nothing():
    net = network()
    net.fit(X, Y, epochs=1, optimizer=fc.Adam(0.01))
    before = pickle.dumps(state(net))
    net.layers[0].W = np.ones((5, 40))
    net.fit(X, Y, epochs=0, optimizer=fc.Lion())

    @dataclass(frozen=True)
    class Fails(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            raise KeyError("no factors")

    with pytest.raises(KeyError, match="no factors"):
        net.fit(X, Y, epochs=1, optimizer=fc.Lion(), schedule=Fails())
    assert pickle.dumps(state(net)) == before


def test_it_begins_anew_after_a_divergence():
    net = network()
    net.fit(X, Y, epochs=1, optimizer=fc.Adam(0.01))
    with pytest.raises(fc.DivergenceError):
        net.fit(X, Y, epochs=2, optimizer=fc.Adam(1e308))
    assert state(net) is None


def test_it_begins_anew_at_the_best_weights_unless_they_are_the_last():
    net = network()
    rule = fc.EarlyStopping(monitor="loss", patience=1)
    net.fit(X, Y, epochs=2, optimizer=fc.Adam(0.01), early_stopping=replace(rule, patience=2))
    assert net.history.best_epoch == 1
    assert state(net) is not None
    net.fit(X, Y, epochs=30, optimizer=fc.Adam(5.0), early_stopping=rule)
    assert net.history.best_epoch != net.history.epochs[-1]
    assert state(net) is None


def test_a_fit_that_was_interrupted_goes_on():
    net = network()
    optimizer = fc.Adam(0.01)

    @dataclass(frozen=True)
    class Interrupts(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            if step[0] > 0:
                raise KeyboardInterrupt
            return np.ones_like(step)

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=2, optimizer=optimizer, schedule=Interrupts())
    net.fit(X, Y, epochs=1, optimizer=optimizer)
    whole = network()
    whole.fit(X, Y, epochs=2, optimizer=optimizer)
    assert_same_bits(net, whole)


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda name, powers, slots: ("hinge", powers, slots), "optimizer is 'hinge'"),
        (lambda name, powers, slots: (name, powers[:2], slots), "powers are not 3"),
        (lambda name, powers, slots: (name, [np.nan, 1, 1], slots), "powers are not between 0 and 1"),
        (lambda name, powers, slots: (name, powers, slots[:1]), "slots are not as many as those of 'adam'"),
        (lambda name, powers, slots: (name, powers, [slots[0], slots[1][:1]]), "one entry for each layer"),
        (lambda name, powers, slots: (name, powers, [slots[0], slots[1][::-1]]), "W has shape"),
    ],
)
def test_a_damaged_state_is_an_error(damage, match):
    net = network()
    net.fit(X, Y, epochs=1, optimizer=fc.Adam(0.01))
    assert_state_is_refused(net, {"optimizer_state": damage(*state(net))}, match)


@pytest.mark.parametrize(
    ("name", "slot"),
    [("adam", 1), ("adamw", 1), ("nadam", 1), ("rmsprop", 0), ("rmsprop-momentum", 0), ("adagrad", 0)],
)
def test_squares_below_0_are_refused_and_other_numbers_not(name, slot, tmp_path):
    net = network()
    net.fit(X, Y, epochs=1, optimizer=OPTIMIZERS[name])
    kind, powers, slots = state(net)
    for i, layers in enumerate(slots):
        layers[0][1][:] = -1.0  # B
        network_file.save(net.__getstate__() | {"optimizer_state": (kind, powers, slots)}, tmp_path / "net")
        if i == slot:
            with pytest.raises(ValueError, match=f"slot {slot} of '{kind}' is negative: expected sums or means of squ"):
                fc.load(tmp_path / "net")
            assert_state_is_refused(net, {"optimizer_state": (kind, powers, slots)}, "is negative")
        else:
            assert (state(fc.load(tmp_path / "net"))[2][i][0][1] == -1).all()
        layers[0][1][:] = 0.0


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "os.system"}, "optimizer is 'os.system'"),
        ({"name": None}, "the name None"),
        ({"slots": 1}, "its arrays are not those of"),
        ({"slots": 3}, "3 slots: expected at most 2"),
        ({"slots": True}, "True slots"),
        ({"powers": [0.5]}, "powers are not 3"),
        ({"powers": [0.5, 2.0, 1.0]}, "powers are not between 0 and 1"),
        ({"powers": ["1", 1.0, 1.0]}, "the powers"),
        ({"more": 1}, "not given by name, powers, slots"),
    ],
)
def test_a_file_with_a_damaged_state_is_refused(changes, match, tmp_path, monkeypatch):
    net = network()
    net.fit(X, Y, epochs=1, optimizer=fc.Adam(0.01))
    assert_file_is_refused(net, tmp_path / "net", "optimizer", changes, match, monkeypatch)


def test_a_file_of_a_network_that_was_never_fitted_has_no_state(tmp_path):
    net = network()
    net.save(tmp_path / "net")
    assert not [name for name in safetensors.read(tmp_path / "net")[0] if name.startswith("optimizer")]
    assert fc.load(tmp_path / "net")._state.model.state()[1] is None
