"""Where single steps and batches meet weights, dropout, accumulation and each other."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet._training import single_steps

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((100, 4)).astype(np.float32), RNG.integers(0, 3, 100)


def network(**options):
    return fc.Network([4, 16, 3], seed=2, **options)


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


def test_a_step_inside_a_step_is_refused_and_the_network_stays_taken():
    refused = []

    def loss(output, target):
        for attempt in (
            lambda: net.train_on_batch(X, np.zeros((100, 3))),
            lambda: setattr(net.layers[0], "B", np.ones(16)),
        ):
            with pytest.raises(RuntimeError, match="being fitted"):
                attempt()
            refused.append(None)
        return float((output**2).mean()), 2 * output / output.size

    net = network(loss=loss)
    net.train_on_batch(X, np.zeros((100, 3)))
    assert len(refused) == 2


def test_dropout_differs_from_step_to_step_whatever_the_optimizer():
    net = fc.Network([4, fc.Dense(64, dropout=0.5), 3], seed=0)
    for layer in net.layers:
        layer.freeze()
    constant = {net.train_on_batch(X, Y, optimizer=fc.SGD(0.1))["loss"] for _ in range(5)}
    changing = {net.train_on_batch(X, Y, optimizer=fc.SGD(0.1 / (1 + i)))["loss"] for i in range(5)}
    assert len(constant | changing) == 10


@pytest.mark.parametrize("custom", [False, True])
def test_the_loss_of_batches_is_weighted_as_in_memory(custom):
    def squares(output, target, weights):
        share = (weights / weights.sum() / output.shape[1])[:, None]
        return float((share * (output - target) ** 2).sum()), 2 * share * (output - target)

    weights, targets = RNG.random(100) * np.arange(100), RNG.random((100, 3))
    options = {"loss": squares if custom else "mse"}
    whole, cut_up = network(**options), network(**options)
    whole.fit(X, targets, batch_size=30, epochs=2, shuffle=False, sample_weight=weights)
    rows = [slice(i, i + 30) for i in range(0, 100, 30)]
    cut_up.fit([(X[r], targets[r], weights[r]) for r in rows], epochs=2)
    assert cut_up.history.loss == pytest.approx(whole.history.loss, rel=1e-6)
    assert parameters(whole) == parameters(cut_up)


def test_a_batch_may_weigh_nothing_and_accumulation_is_for_fits():
    net = network()
    net.fit([(X, Y, np.zeros(100)), (X, Y)], epochs=1)
    with pytest.raises(ValueError, match="accumulate=4: expected 1 for single steps"):
        net.train_on_batch(X, Y, optimizer=fc.SGD(0.1, accumulate=4))


@pytest.mark.parametrize("way", ["pickle", "copy", "file"])
def test_steps_with_dropout_go_on_where_they_were(way, tmp_path):
    def again(net):
        if way == "file":
            net.save(tmp_path / "net")
            return fc.load(tmp_path / "net")
        return copy.deepcopy(net) if way == "copy" else pickle.loads(pickle.dumps(net))

    whole = fc.Network([4, fc.Dense(16, dropout=0.5), 3], seed=2)
    parts = fc.Network([4, fc.Dense(16, dropout=0.5), 3], seed=2)
    for step in range(6):
        whole.train_on_batch(X, Y, optimizer=fc.Adam())
        parts = again(parts) if step == 3 else parts
        parts.train_on_batch(X, Y, optimizer=fc.Adam())
    assert parameters(parts) == parameters(whole)
    with pytest.raises(ValueError, match="trained"):
        again(parts).adapt(X)


def with_value(array, value):
    changed = array.copy()
    changed[-1:, ...] = value
    return changed


FAULTS = {
    "NaN in x": (with_value(X, np.nan), Y, "x contains nan in row 99"),
    "infinity in x": (with_value(X, np.inf), Y, "x contains inf in row 99"),
    "beyond float32": (with_value(X.astype(float), 1e39), Y, "x contains 1e\\+39 in row 99"),
    "another width": (X[:, :3].copy(), Y, "x has 3 features"),
    "one row": (X[0], Y[:1], "x has shape"),
    "no rows": (X[:0], Y[:0], "at least one sample"),
    "complex numbers": (X.astype(complex), Y, "x has dtype complex128"),
    "dates": (X.astype("M8[s]"), Y, "x has dtype datetime64"),
    "fewer labels": (X, Y[:-1], "y has shape"),
    "a label too large": (X, with_value(Y, 3), "y contains the label 3 in row 99"),
    "a label below 0": (X, with_value(Y.astype(np.int8), -1), "y contains the label -1 in row 99"),
    "a label between": (X, with_value(Y.astype(float), 0.5), "y"),
    "NaN in y": (X, with_value(Y.astype(float), np.nan), "y"),
    "text after numbers": (X, Y.astype(str), "y"),
    "objects": (X, with_value(Y.astype(object), None), "y"),
    "dates in y": (X, Y.astype("M8[s]"), "y"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_on_plain_arrays_checks_all_that_a_fit_does(fault):
    x, y, message = FAULTS[fault]
    net, errors = network(), []
    net.train_on_batch(X, Y)
    before = parameters(net)
    for train in (net.train_on_batch, net.fit):
        with pytest.raises((TypeError, ValueError), match=message) as caught:
            train(x, y)
        errors.append((type(caught.value), str(caught.value)))
    assert errors[0] == errors[1]
    assert parameters(net) == before


@pytest.mark.parametrize("attempt", ["a step", "close"])
def test_a_second_user_of_an_open_trainer_leaves_the_running_step_alone(attempt):
    """As where two threads meant to continue the same step."""
    targets, calls = np.zeros((100, 3)), []

    def loss(output, target):
        if calls:
            if attempt == "close":
                opened.trainer.close()
            else:
                net._state.open_step = opened
                with pytest.raises(RuntimeError, match="^this network is being fitted already$"):
                    net.train_on_batch(X, targets, optimizer=fc.Adam())
            with pytest.raises(RuntimeError, match="being fitted"):
                net.parameters = net.parameters
        calls.append(None)
        return float((output**2).mean()), 2 * output / output.size

    net = network(loss=loss)
    net.train_on_batch(X, targets, optimizer=fc.Adam())
    opened = net._state.open_step
    net.train_on_batch(X, targets, optimizer=fc.Adam())
    assert len(calls) == net._state.steps == 2
    assert net.__getstate__()["optimizer_state"] is not None
    net.parameters = net.parameters  # free again


def test_a_step_that_another_thread_has_taken_meanwhile_is_not_continued(monkeypatch):
    net, alone = network(), network()
    for each in (net, alone):
        each.train_on_batch(X, Y, optimizer=fc.Adam())
    taken, same = [], single_steps._differ_in_rate_only

    def differ(one, other):
        if not taken:
            taken.append(net._state.open_step)
            net._state.open_step = None  # as the other thread does
        return same(one, other)

    monkeypatch.setattr(single_steps, "_differ_in_rate_only", differ)
    for each in (net, alone):
        each.train_on_batch(X, Y, optimizer=fc.Adam())
    assert net._state.open_step.trainer is not taken[0].trainer
    assert parameters(net) == parameters(alone)


class Interrupted:
    """A native trainer after whose work an interrupt comes, before Python has what it returns."""

    def __init__(self, trainer):
        self._trainer = trainer

    def __getattr__(self, name):
        work = getattr(self._trainer, name)
        if name not in {"step", "run_epoch", "apply"}:
            return work

        def interrupted(*arguments, **options):
            if work(*arguments, **options) is not None:  # else it did nothing
                raise KeyboardInterrupt

        return interrupted


STEPS = {
    "labels": lambda net: net.train_on_batch(X.tolist(), Y),
    "plain arrays": lambda net: net.train_on_batch(X, Y),
    "gradients": lambda net: net.apply_gradients(net.gradients(X, Y)),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("earlier", [0, 1])
def test_a_step_counts_where_an_interrupt_comes_on_its_return(step, earlier, monkeypatch):
    net, other = network(), network()
    for each in (net, other)[: 2 * earlier]:
        STEPS[step](each)
    STEPS[step](other)
    opened, open_trainer = net._state.open_step, single_steps.open_trainer
    if earlier:
        net._state.open_step = opened._replace(trainer=Interrupted(opened.trainer))
    monkeypatch.setattr(single_steps, "open_trainer", lambda *arguments: Interrupted(open_trainer(*arguments)))
    with pytest.raises(KeyboardInterrupt):
        STEPS[step](net)
    monkeypatch.undo()
    assert parameters(net) == parameters(other)
    assert net._state.steps == earlier + 1
    with pytest.raises(ValueError, match="already trained"):
        net.adapt(X)


def test_the_first_interrupted_step_keeps_the_names_of_what_it_learned(monkeypatch):
    net, open_trainer = network(), single_steps.open_trainer
    monkeypatch.setattr(single_steps, "open_trainer", lambda *arguments: Interrupted(open_trainer(*arguments)))
    with pytest.raises(KeyboardInterrupt):
        net.train_on_batch(X, np.array(["low", "middle", "high"])[Y])
    assert list(net.classes) == ["high", "low", "middle"]


def test_a_step_that_is_interrupted_before_it_is_done_does_not_count():
    def loss(output, target):
        raise KeyboardInterrupt

    net = network(loss=loss)
    before = parameters(net)
    with pytest.raises(KeyboardInterrupt):
        net.train_on_batch(X, np.zeros((100, 3)))
    assert parameters(net) == before
    assert not net._state.steps
    net.adapt(X)
