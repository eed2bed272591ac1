"""Schedules: their formulas, and that every step of a fit takes the rate that they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import fcnet as fc
from fcnet import schedules as s

STEPS = np.arange(40.0)
EPOCH = STEPS // 8
FORMULAS = [
    (s.StepDecay(2, 0.1), 0.1 ** (EPOCH // 2)),
    (s.ExponentialDecay(0.5), 0.5 ** (STEPS / 8)),
    (s.InverseScaling(0.25), 1 / (STEPS + 1) ** 0.25),
    (s.Cosine(), (1 + np.cos(np.pi * STEPS / 40)) / 2),
    (
        s.Cosine(warm_up=0.25, floor=0.1),
        np.where(STEPS < 10, (STEPS + 1) / 10, 0.1 + 0.9 * (1 + np.cos(np.pi * (STEPS - 10) / 30)) / 2),
    ),
    (
        s.OneCycle(warm_up=1 / 3, start=0.2, end=0.01),
        np.where(
            STEPS < 13,
            0.2 + 0.8 * (1 - np.cos(np.pi * STEPS / 13)) / 2,
            0.01 + 0.99 * (1 + np.cos(np.pi * (STEPS - 13) / 26)) / 2,
        ),
    ),
    (s.OneCycle(warm_up=0), 0.0001 + 0.9999 * (1 + np.cos(np.pi * STEPS / 39)) / 2),
]


@pytest.mark.parametrize(("schedule", "expected"), FORMULAS, ids=lambda v: repr(v) if isinstance(v, s.Schedule) else "")
def test_formulas(schedule, expected):
    np.testing.assert_allclose(schedule.factors(0, 40, 40, 8), expected, rtol=0, atol=1e-14)
    by_epochs = [schedule.factors(first, 8, 40, 8) for first in range(0, 40, 8)]
    assert (np.concatenate(by_epochs) == schedule.factors(0, 40, 40, 8)).all()


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in FORMULAS], ids=repr)
def test_one_step_alone(schedule):
    assert np.isfinite(schedule.factors(0, 1, 1, 1)).all()


@pytest.mark.parametrize(("sizes", "batch"), [((3, 4, 2), 1), ((3, 40, 2), 4), ((3, 40, 2), 64), ((3, 40, 2), 100)])
@pytest.mark.usefixtures("isa", "threads")
def test_every_step_takes_its_rate(sizes, batch, dtype, steps):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((210, 3)), rng.integers(0, 2, 210)
    schedule = s.Cosine(warm_up=0.2, floor=0.1)
    one, other = (fc.Network(sizes, seed=1, dtype=dtype) for _ in range(2))
    one.fit(x, y, epochs=2, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.3), schedule=schedule)
    per_epoch = -(-len(x) // batch)
    factors = schedule.factors(0, 2 * per_epoch, 2 * per_epoch, per_epoch)
    for step, factor in enumerate(factors):
        rows = slice(step % per_epoch * batch, (step % per_epoch + 1) * batch)
        other.fit(x[rows], y[rows], epochs=1, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.3 * factor))
    for a, b in zip(one.layers, other.layers, strict=True):
        assert (a.W == b.W).all()
        assert (a.B == b.B).all()


@dataclass(frozen=True)
class Half(s.Schedule):
    def _factors(self, step, total, per_epoch):
        return np.full_like(step, 0.5)


@pytest.mark.parametrize("batch", [5, 70])
@pytest.mark.parametrize(
    "optimizer",
    [fc.SGD(0.25, momentum=0.5), fc.Adam(0.25), fc.AdamW(0.25, weight_decay=0.5)],
    ids=lambda o: type(o).__name__,
)
def test_a_factor_is_one_on_the_optimisers_rate(optimizer, batch):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((210, 3)), rng.integers(0, 2, 210)
    one, other = (fc.Network([3, 40, 2], seed=1) for _ in range(2))
    one.fit(x, y, epochs=3, batch_size=batch, optimizer=optimizer, schedule=Half())
    half = type(optimizer)(**(vars(optimizer) | {"learning_rate": 0.125}))
    other.fit(x, y, epochs=3, batch_size=batch, optimizer=half)
    assert (one.predict(x) == other.predict(x)).all()


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: s.StepDecay(0), ValueError, "every is 0: expected a number of epochs above 0"),
        (lambda: s.StepDecay(factor=1), ValueError, "factor is 1: expected 0 < factor < 1"),
        (lambda: s.ExponentialDecay("1"), TypeError, "factor is '1': expected a number"),
        (lambda: s.InverseScaling(-1), ValueError, "power is -1"),
        (lambda: s.Cosine(warm_up=1), ValueError, "warm_up is 1: expected a share"),
        (lambda: s.Cosine(floor=True), TypeError, "floor is True"),
        (lambda: s.OneCycle(end=0), ValueError, "end is 0"),
        (lambda: fc.Network([2, 2]).fit([[1, 2]], [0], schedule="cosine"), TypeError, "schedule is 'cosine'"),
    ],
)
def test_what_is_wrong_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_rates_of_another_number_of_steps_are_refused():
    net = fc.Network([2, 2], seed=0)
    trainer = fc._native.Trainer(
        net._model, np.zeros((5, 2), "f4"), np.zeros(5, "i4"), 2, False, "sgd", {"learning_rate": 1.0}
    )
    with pytest.raises(ValueError, match=r"rates has shape \(2,\): expected \(3,\)"):
        trainer.run_epoch(0, None, np.ones(2))
    trainer.run_epoch(0, None, np.ones(3))
