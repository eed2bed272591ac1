"""Schedules of weight decay, dropout and label smoothing: every step has the values that they say."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet import schedules as s

from bounds import flat, max_error
from layer_checks import layers_of
from walks import walk

DECAY, DROPOUT, SMOOTHING = s.OneCycle(0.4), s.FlatCosine(), s.CosLog(2)
SCHEDULES = {"decay_schedule": DECAY, "dropout_schedule": DROPOUT, "smoothing_schedule": SMOOTHING}


def problem(n=70, kind="labels"):
    rng = np.random.default_rng(n)
    y = {
        "labels": rng.integers(0, 3, n),
        "probabilities": rng.dirichlet(np.ones(3), n),
        "answers": rng.integers(0, 2, (n, 3)),
    }
    return rng.standard_normal((n, 5)), y[kind]


def network(kind="labels", dtype="float64", wide=1):
    smoothed = fc.losses.BinaryCrossEntropy if kind == "answers" else fc.losses.CrossEntropy
    hidden = fc.Dense(33 * wide, "tanh", dropout=0.3), fc.Dense(18 * wide, "gelu", dropout=0.2)
    return fc.Network([5, *hidden, 3], loss=smoothed(label_smoothing=0.2), seed=3, dtype=dtype)


@cache  # the same for every path and instruction set
def oracle_parameters(kind, n, batch, epochs):
    (x, y), net = problem(n, kind), network(kind)
    layers, oracle = layers_of(net), reference.adam(0.01)
    per_epoch = -(-n // batch)
    total = epochs * per_epoch
    decay, dropout, smoothing = (each.factors(0, total, total, per_epoch) for each in (DECAY, DROPOUT, SMOOTHING))
    step = 0
    for epoch in range(epochs):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            places = np.arange(begin, begin + len(rows))
            masks = [
                reference.dropout_mask(net.seed, epoch, i, places, width, rate * dropout[step])
                for i, (width, rate) in enumerate(((33, 0.3), (18, 0.2)))
            ]
            _, gradients = reference.backward(
                layers, x[rows], y[rows], loss=net._state.architecture.loss.name, activation=["tanh", "gelu"],
                masks=masks, parameter=0.2 * smoothing[step],
            )  # fmt: skip
            for w, _ in layers:
                w *= 1 - 0.01 * 0.5 * decay[step]
            oracle(layers, gradients)
            step += 1
    return flat(layers)


@pytest.mark.parametrize("kind", ["labels", "probabilities", "answers"])
@walk("n, batch", [(20, 1), (70, 32), (150, 64), (4200, 4100)])
def test_all_of_them_train_as_their_oracle(kind, n, batch, steps, isa):
    (x, y), net, epochs = problem(n, kind), network(kind), 3
    net.fit(x, y, epochs=epochs, batch_size=batch, optimizer=fc.AdamW(0.01, weight_decay=0.5), **SCHEDULES)
    assert max_error(flat(layers_of(net)), oracle_parameters(kind, n, batch, epochs)) <= 1e-11


@pytest.mark.parametrize(("sizes", "batch"), [((3, 4, 2), 1), ((3, 40, 2), 4), ((3, 40, 2), 64), ((3, 40, 2), 100)])
@pytest.mark.parametrize("make", [fc.SGD, fc.AdamW], ids=lambda make: make.__name__)
@pytest.mark.parametrize("factors", [False, True], ids=["plain", "factors"])
@pytest.mark.usefixtures("isa", "threads")
def test_every_step_takes_its_decay_to_the_bit(sizes, batch, make, factors, dtype, steps):
    rng = np.random.default_rng(0)
    n = min(130, 40 * batch)
    x, y = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    options = {"decay_factor": (2, 0.5)} if factors else {}
    nets = [fc.Network([3, *[fc.Dense(m, **options) for m in sizes[1:]]], seed=1, dtype=dtype) for _ in range(2)]
    schedule = s.Cosine(warm_up=0.2)
    given = {"epochs": 2, "batch_size": batch, "shuffle": False}
    nets[0].fit(x, y, **given, optimizer=make(0.1, weight_decay=0.5, l2=0.1), decay_schedule=schedule)
    per_epoch = -(-len(x) // batch)
    for step, factor in enumerate(schedule.factors(0, 2 * per_epoch, 2 * per_epoch, per_epoch)):
        rows = slice(step % per_epoch * batch, (step % per_epoch + 1) * batch)
        optimizer = make(0.1, weight_decay=0.5 * factor, l2=0.1)
        nets[1].fit(x[rows], y[rows], epochs=1, batch_size=batch, shuffle=False, optimizer=optimizer)
    assert pickle.dumps(layers_of(nets[0])) == pickle.dumps(layers_of(nets[1]))


@pytest.mark.parametrize("batch", [1, 32])
def test_factors_of_1_change_no_bit(batch, dtype, steps, isa):
    x, y = problem()
    nets = [network(dtype=dtype), network(dtype=dtype)]
    for net, given in zip(nets, ({}, dict.fromkeys(SCHEDULES, s.Constant())), strict=True):
        net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.AdamW(), **given)
    assert pickle.dumps(layers_of(nets[0])) == pickle.dumps(layers_of(nets[1]))


@pytest.mark.parametrize("kind", ["labels", "probabilities", "answers"])
def test_the_same_bits_with_any_threads_and_from_batches(kind, dtype, steps):
    x, y = problem(200, kind)
    bits, options = set(), {"optimizer": fc.AdamW(), "schedule": s.Cosine(), **SCHEDULES}
    batches = [(x[i : i + 48], y[i : i + 48]) for i in range(0, 200, 48)]
    for threads in (1, 2, 3):
        with fc.threads(threads):
            for data in ((x, y), (batches,)):
                net = network(kind, dtype, wide=6)  # enough work for all of the threads, which share panels
                net.fit(*data, epochs=10, batch_size=48, shuffle=False, **options)
                bits.add(pickle.dumps(layers_of(net)))
    assert len(bits) == 1


def test_threads_that_share_a_panel_smooth_their_own_samples_only():
    """Of 112 samples each of two threads has 56, one and three quarters of a panel."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((224, 5)), rng.integers(0, 2, (224, 300))
    bits = set()
    for _ in range(20):
        with fc.threads(2):
            loss = fc.losses.BinaryCrossEntropy(label_smoothing=0.2)
            net = fc.Network([5, 64, 300], loss=loss, seed=3, dtype="float64")
            net.fit(x, y, epochs=20, batch_size=112, smoothing_schedule=s.Cosine())
        bits.add(net.parameters.tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("done", [1, 3])
def test_a_fit_goes_on_where_it_was_interrupted(done, tmp_path):
    x, y = problem()
    options = {"epochs": 5, "optimizer": fc.AdamW(), "schedule": s.CosLog(), **SCHEDULES}
    whole, net = network(), network()
    whole.fit(x, y, **options)

    def stop(epoch, logs):
        if epoch == done - 1:
            raise KeyboardInterrupt

    checkpoint = fc.Checkpoint(tmp_path / "net-{epoch}")
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, **options, callbacks=[checkpoint, stop])
    for again in (net, fc.load(tmp_path / f"net-{done}")):
        again.fit(x, y, **options, initial_epoch=done)
        assert pickle.dumps(layers_of(again)) == pickle.dumps(layers_of(whole))


def test_validation_has_the_label_smoothing_of_the_loss():
    x, y = problem()
    net = network()
    history = net.fit(x, y, epochs=2, validation_data=(x, y), smoothing_schedule=SMOOTHING)
    assert history.val_loss[-1] == net.evaluate(x, y)["loss"]
    assert net.loss == fc.losses.CrossEntropy(label_smoothing=0.2)


def test_a_schedule_that_follows_the_history_may_change_the_dropout():
    x, y = problem()
    plateau = s.ReduceOnPlateau(0.5, 1, monitor="loss", min_delta=1e9)  # never better
    nets = [network(), network()]
    nets[0].fit(x, y, epochs=3, batch_size=70, dropout_schedule=plateau)

    @dataclass(frozen=True)
    class Same(s.Schedule):
        def _factors(self, step, total, per_epoch):
            return np.array([1, 1, 0.5])[step.astype(int)]

    nets[1].fit(x, y, epochs=3, batch_size=70, dropout_schedule=Same())
    assert pickle.dumps(layers_of(nets[0])) == pickle.dumps(layers_of(nets[1]))


@dataclass(frozen=True)
class Rising(s.Schedule):
    most: float

    def _factors(self, step, total, per_epoch):
        return np.linspace(0, self.most, len(step))


PLAIN = fc.Network([5, 4, 3], seed=0)


@pytest.mark.parametrize(
    ("net", "options", "error", "message"),
    [
        (PLAIN, {"dropout_schedule": DROPOUT}, ValueError, "dropout_schedule is given, but there is no dropout"),
        (PLAIN, {"smoothing_schedule": SMOOTHING}, ValueError, "smoothing_schedule is given, but there is no label"),
        (PLAIN, {"decay_schedule": DECAY}, ValueError, "decay_schedule is given, but there is no weight decay"),
        (PLAIN, {"decay_schedule": DECAY, "optimizer": fc.Adam()}, ValueError, "there is no weight decay"),
        (network(), {"decay_schedule": "cosine"}, TypeError, "decay_schedule is 'cosine': expected one like"),
        (network(), {"dropout_schedule": 0.5}, TypeError, "dropout_schedule is 0.5: expected one like"),
        (network(), {"smoothing_schedule": s.Cosine}, TypeError, "smoothing_schedule is <class"),
        (network(), {"dropout_schedule": s.ReduceOnPlateau()}, ValueError, "dropout_schedule monitors val_loss"),
        (
            network(),
            {"dropout_schedule": Rising(4)},
            ValueError,
            "dropout_schedule Rising(most=4) leads to a dropout of 1.2 in step 2: expected below 1",
        ),
        (
            network(),
            {"smoothing_schedule": Rising(10)},
            ValueError,
            "smoothing_schedule Rising(most=10) leads to a label smoothing of 1 in step 1: expected below 1",
        ),
        (
            network(),
            {"dropout_schedule": Rising(-1)},
            ValueError,
            "factors of dropout_schedule Rising(most=-1) contain -0.5",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_trained(net, options, error, message):
    x, y = problem()
    before = pickle.dumps(layers_of(net))
    with pytest.raises(error, match=re.escape(message)):
        net.fit(x, y, **options)
    assert pickle.dumps(layers_of(net)) == before


def test_an_iterable_without_length_needs_the_steps_of_an_epoch():
    x, y = problem()

    class Endless:
        def __iter__(self):
            while True:
                yield x, y

    with pytest.raises(ValueError, match="dropout_schedule needs the number of batches of an epoch, but x has no len"):
        network().fit(Endless(), dropout_schedule=DROPOUT)
    network().fit(Endless(), dropout_schedule=DROPOUT, steps_per_epoch=2, epochs=2)


def test_a_trainer_that_was_not_told_refuses_values_by_step():
    net = fc.Network([2, 2], seed=0)
    trainer = fc._native.Trainer(
        net._state.model, np.zeros((5, 2), "f4"), np.zeros(5, "i4"), 2, False, "sgd", {"learning_rate": 1.0}
    )
    with pytest.raises(ValueError, match="decay, dropout and smoothing by step: expected by_step"):
        trainer.run_epoch(0, decay=np.ones(3))
