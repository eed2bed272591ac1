"""A fit that goes on with initial_epoch knows what its rules knew: it comes to what one without a break does."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet._saving import network_file, safetensors

from damage import assert_file_is_refused

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((120, 4)).astype(np.float32), RNG.integers(0, 3, 120)  # nothing to learn but by heart
VALIDATION = RNG.standard_normal((60, 4)).astype(np.float32), RNG.integers(0, 3, 60)
PLATEAU = fc.schedules.ReduceOnPlateau(0.5, 2)
STOPPING = fc.EarlyStopping(patience=6)
RULES = {
    "plateau": {"schedule": PLATEAU},
    "stopping": {"early_stopping": STOPPING},
    "both, by a metric": {
        "schedule": fc.schedules.ReduceOnPlateau(0.5, 2, monitor="val_f1_macro"),
        "early_stopping": fc.EarlyStopping(8, monitor="val_f1_macro", min_delta=0.01),
        "metrics": ["f1_macro"],
    },
    "without the best weights": {"early_stopping": fc.EarlyStopping(6, restore_best=False)},
    "an average": {"early_stopping": STOPPING, "averaging": fc.EMA(0.9)},
}


def network():
    return fc.Network([4, fc.Dense(32, dropout=0.1), 3], seed=2)


def options(rules):
    return {"batch_size": 16, "optimizer": fc.Adam(0.03), "validation_data": VALIDATION, **rules}


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


class CutOff(fc.Callback):
    """As Ctrl-C does, once an epoch has ended."""

    def __init__(self, epoch):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs):
        if epoch == self._epoch:
            raise KeyboardInterrupt


def cut_off(net, after, rules, first=0):
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=30, initial_epoch=first, callbacks=[CutOff(after - 1)], **options(rules))


def saved(net, folder):
    net.save(folder / "net")
    return fc.load(folder / "net")


WAYS = {
    "same": lambda net, folder: net,
    "file": saved,
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
}


def assert_goes_on(net, whole, done, rules):
    history = net.fit(X, Y, epochs=30, initial_epoch=done, **options(rules))
    assert history.epochs == whole.history.epochs[done:]
    for name in ("loss", "val_loss", "learning_rate"):
        assert history[name] == whole.history[name][done:]
    assert history.best_epoch == whole.history.best_epoch
    assert history.stopped_early == whole.history.stopped_early
    assert parameters(net) == parameters(whole)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("after", [1, 4, 7])
def test_rules_that_look_at_the_history_go_on(way, rules, after, tmp_path):
    whole, net = network(), network()
    whole.fit(X, Y, epochs=30, **options(rules))
    assert len(whole.history) > 7
    cut_off(net, after, rules)
    assert_goes_on(WAYS[way](net, tmp_path), whole, after, rules)


def test_they_go_on_from_every_checkpoint_and_over_several_breaks(tmp_path):
    rules, whole, net = RULES["stopping"] | RULES["plateau"], network(), network()
    checkpoint = fc.Checkpoint(tmp_path / "net-{epoch}")
    history = whole.fit(X, Y, epochs=30, callbacks=[checkpoint], **options(rules))
    assert history.best_epoch < history.epochs[-1]
    for done in history.epochs[1:-1]:
        assert_goes_on(fc.load(tmp_path / f"net-{done}"), whole, done, rules)
    cut_off(net, 3, rules)
    net = saved(net, tmp_path)
    cut_off(net, 5, rules, first=3)
    assert_goes_on(saved(net, tmp_path), whole, 5, rules)


def test_the_history_in_a_file_counts_the_epochs_of_the_fit_without_those_of_earlier_fits(tmp_path):
    rules, whole, net = RULES["stopping"] | RULES["plateau"], network(), network()
    for one in (whole, net):
        one.fit(X, Y, epochs=3, **options({}))
    whole.fit(X, Y, epochs=30, **options(rules))
    assert len(whole.history) > 5
    done = 0
    for after in (3 + 2, 3 + 5):
        cut_off(net, after, rules, first=done)
        net = saved(net, tmp_path)
        done = len(net.history)
        assert (net.epochs_trained, done) == (after, after - 3)
    assert_goes_on(net, whole, done, rules)


def test_a_fit_that_begins_or_whose_past_is_unknown_begins_anew():
    rules = {"schedule": fc.schedules.ReduceOnPlateau(0.5, 1, monitor="loss", min_delta=1e9)}  # never better
    net = network()
    assert net.fit(X, Y, epochs=3, **options(rules)).learning_rate == [0.03, 0.03, 0.015]
    assert net.fit(X, Y, epochs=2, **options(rules)).learning_rate == [0.03, 0.03]
    assert net.fit(X, Y, epochs=7, initial_epoch=6, **options(rules)).learning_rate == [0.03]  # the last fit had two
    assert net.history.earlier == {}


def test_where_nobody_kept_the_best_weights_early_stopping_begins_anew():
    net, other = network(), network()
    history = net.fit(X, Y, epochs=8, **options({}))
    best = int(np.argmin(history.val_loss))
    assert best < 7
    rule = fc.EarlyStopping(1, min_delta=1e9)
    assert net.fit(X, Y, epochs=30, initial_epoch=8, **options({"early_stopping": rule})).epochs == [8, 9]
    assert net.history.best_epoch == 8
    other.fit(X, Y, epochs=best + 1, **options({}))  # those that it goes on from are the best
    before, rule = parameters(other), fc.EarlyStopping(1)
    assert other.fit(X, Y, epochs=30, initial_epoch=best + 1, **options({"early_stopping": rule})).epochs == [best + 1]
    assert other.history.best_epoch == best
    assert parameters(other) == before


def test_only_what_is_better_than_before_the_break_is_kept(tmp_path):
    rules, whole, net = {}, network(), network()
    every = {"monitor": "val_loss", "every": 2}
    whole.fit(X, Y, epochs=12, callbacks=[fc.Checkpoint(tmp_path / "whole", **every)], **options(rules))
    best = fc.load(tmp_path / "whole").epochs_trained
    net.fit(X, Y, epochs=best + 1, callbacks=[fc.Checkpoint(tmp_path / "best", **every)], **options(rules))
    assert best + 1 < 12
    again = saved(net, tmp_path)
    again.fit(
        X, Y, epochs=12, initial_epoch=best + 1, callbacks=[fc.Checkpoint(tmp_path / "best", **every)], **options(rules)
    )
    assert fc.load(tmp_path / "best").epochs_trained == best


def test_a_file_has_the_history_but_for_seconds(tmp_path):
    net = network()
    history = net.fit(X, Y, epochs=30, metrics={'odd "name"\n\ud800': lambda y, p: 0.5}, **options(RULES["stopping"]))
    again = saved(net, tmp_path).history
    assert again.to_dict() == history.to_dict() | {"seconds": []}
    assert (again.best_epoch, again.stopped_early) == (history.best_epoch, True)
    fresh = saved(network(), tmp_path).history
    assert fresh == fc.Network([4, 3]).history


def test_the_best_weights_are_in_a_file_only_where_they_are_others(tmp_path):
    net = network()
    cut_off(net, 7, RULES["stopping"])
    net.save(tmp_path / "net")
    assert {name for name in safetensors.read(tmp_path / "net")[0] if name.startswith("best")} == {
        f"best.{i}.{part}" for i in (0, 1) for part in "WB"
    }
    net.fit(X, Y, epochs=30, initial_epoch=7, **options(RULES["stopping"]))
    net.save(tmp_path / "net")
    assert not [name for name in safetensors.read(tmp_path / "net")[0] if name.startswith("best")]


def test_files_and_pickles_without_a_history_are_read():
    net = fc.load(Path(__file__).parent / "golden/version-2.safetensors")
    assert len(net.history) == 0
    state = net.__getstate__()
    del state["best"]
    old = fc.Network.__new__(fc.Network)
    old.__setstate__(state)
    assert old.epochs_trained == net.epochs_trained


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"names": "epochs"}, "its history has the names 'epochs'"),
        ({"names": ["epochs", "loss"]}, "expected float64, epochs and 2 rows"),
        ({"names": ["epochs", "loss", "accuracy", "val_loss", "val_accuracy", "os"]}, "the names epochs, .*os"),
        ({"names": ["loss", "epochs", "accuracy", "val_loss", "val_accuracy", "val_x"]}, "expected float64"),
        ({"names": ["epochs", "loss", "accuracy", "val_loss", "val_loss", "val_x"]}, "has the names epochs"),
        ({"best_epoch": -1}, "best epochs -1 and"),
        ({"best_epoch": "0"}, "best epochs '0' and"),
        ({"best": 7}, "and 7: expected one below 7"),
        ({"best": None}, "arrays are not those of"),
        ({"stopped_early": 1}, "stopped_early 1"),
        ({"more": 1}, "not given by names"),
    ],
)
def test_a_damaged_history_is_refused(changes, match, tmp_path, monkeypatch):
    net = network()
    cut_off(net, 7, RULES["stopping"])
    assert_file_is_refused(net, tmp_path / "net", "history", changes, match, monkeypatch)


@pytest.mark.parametrize("epochs", [[1, 2, 3], [0, 1, 1], [0.5, 1.5, 2.5], [-1, 0, 1], [np.nan] * 3, [np.inf] * 3])
def test_epochs_that_cannot_be_are_refused(epochs, tmp_path):
    net = network()
    cut_off(net, 3, {})
    state = net.__getstate__()
    state["history"]["epochs"] = epochs
    network_file.save(state, tmp_path / "net")
    with pytest.raises(ValueError, match="its history has the epochs"):
        fc.load(tmp_path / "net")


@pytest.mark.parametrize("best", [3, (-1, None), (0, []), (0, [()]), (0, [(np.ones(3),)] * 2)])
def test_damaged_best_weights_are_refused(best):
    net = network()
    with pytest.raises((TypeError, ValueError), match=r"."):
        fc.Network.__new__(fc.Network).__setstate__(net.__getstate__() | {"best": best})
