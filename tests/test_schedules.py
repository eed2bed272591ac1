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
    (s.Constant(), np.ones(40)),
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
    (s.FlatCosine(), np.where(STEPS <= 20, 1, (1 + np.cos(2 * np.pi * (STEPS / 40 - 0.5))) / 2)),
    (s.CosLog(), (1 - np.cos(2 * np.pi * np.log2(1 + 15 * STEPS / 40))) / 2),
    (s.CosLog(1), (1 - np.cos(2 * np.pi * np.log2(1 + STEPS / 40))) / 2),
]


@pytest.mark.parametrize(("schedule", "expected"), FORMULAS, ids=lambda v: repr(v) if isinstance(v, s.Schedule) else "")
def test_formulas(schedule, expected):
    np.testing.assert_allclose(schedule.factors(0, 40, 40, 8), expected, rtol=0, atol=1e-14)
    by_epochs = [schedule.factors(first, 8, 40, 8) for first in range(0, 40, 8)]
    assert (np.concatenate(by_epochs) == schedule.factors(0, 40, 40, 8)).all()


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="longdouble is float64 here")
@pytest.mark.parametrize("total", [1, 2, 15, 997, 256 * 63])
@pytest.mark.parametrize("cycles", [1, 4, 7])
def test_realmlps_schedules_are_their_formulas_to_the_last_digits(cycles, total):
    t = np.arange(total).astype(np.longdouble) / total
    turn = 2 * np.longdouble("3.14159265358979323846264338327950288")
    expected = (1 - np.cos(turn * np.log2(1 + (2**cycles - 1) * t))) / 2
    assert abs(s.CosLog(cycles).factors(0, total, total, total) - expected).max() <= 1e-15
    expected = np.where(t <= 0.5, 1, (1 + np.cos(turn * (t - 0.5))) / 2)
    assert abs(s.FlatCosine().factors(0, total, total, total) - expected).max() <= 1e-15


def test_cycles_end_at_0():
    assert s.CosLog().factors(0, 15, 15, 1)[[0, 1, 3, 7]].tolist() == [0, 0, 0, 0]
    assert s.CosLog(1).factors(0, 1, 1, 1).tolist() == [0]


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in FORMULAS], ids=repr)
def test_one_step_alone(schedule):
    assert np.isfinite(schedule.factors(0, 1, 1, 1)).all()


@pytest.mark.parametrize(("sizes", "batch"), [((3, 4, 2), 1), ((3, 40, 2), 4), ((3, 40, 2), 64), ((3, 40, 2), 100)])
@pytest.mark.usefixtures("isa", "threads")
def test_every_step_takes_its_rate(sizes, batch, dtype, steps):
    rng = np.random.default_rng(0)
    n = min(130, 40 * batch)
    x, y = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
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
def test_a_factor_is_one_on_the_optimizers_rate(optimizer, batch):
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
        (lambda: s.CosLog(0), ValueError, "cycles is 0: expected from 1 to 30"),
        (lambda: s.CosLog(2.5), TypeError, "cycles is 2.5: expected a whole number"),
        (lambda: s.ReduceOnPlateau(factor=2), ValueError, "factor is 2"),
        (lambda: s.ReduceOnPlateau(patience=0), ValueError, "patience is 0"),
        (
            lambda: s.ReduceOnPlateau(monitor="val_cost"),
            ValueError,
            "monitor is 'val_cost', whose direction is unknown",
        ),
        (lambda: s.ReduceOnPlateau(mode="up"), ValueError, "mode is 'up': expected 'auto', 'min' or 'max'"),
        (
            lambda: fc.Network([2, 2]).fit([[1, 2]], [0], schedule=s.ReduceOnPlateau()),
            ValueError,
            "schedule monitors val_loss: expected validation_data",
        ),
        (lambda: fc.Network([2, 2]).fit([[1, 2]], [0], schedule="cosine"), TypeError, "schedule is 'cosine'"),
    ],
)
def test_what_is_wrong_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("rule", "figures", "factor"),
    [
        (s.ReduceOnPlateau(0.5, 2), [], 1),
        (s.ReduceOnPlateau(0.5, 2), [3, 2, 1, 1], 1),
        (s.ReduceOnPlateau(0.5, 2), [3, 2, 1, 1, 1], 0.5),
        (s.ReduceOnPlateau(0.5, 2), [3, 2, 1, 1, 1, 1], 0.5),  # counted anew
        (s.ReduceOnPlateau(0.5, 2), [3, 2, 1, 1, 1, 1, 1], 0.25),
        (s.ReduceOnPlateau(0.5, 2), [3, 2, 1, 1, 1, 0.5, 2], 0.5),
        (s.ReduceOnPlateau(0.5, 2, floor=0.3), [1] * 9, 0.3),
        (s.ReduceOnPlateau(0.5, 1, min_delta=0.2), [1, 0.9], 0.5),
        (s.ReduceOnPlateau(0.5, 1, monitor="val_accuracy"), [0.1, 0.2, 0.3], 1),
        (s.ReduceOnPlateau(0.5, 1, monitor="val_accuracy", mode="min"), [0.1, 0.2, 0.3], 0.25),
        (s.ReduceOnPlateau(0.5, 2), [np.nan] * 2, 0.5),
    ],
)
def test_a_plateau_lowers_the_rate(rule, figures, factor):
    assert (rule.of_epoch(len(figures), 20, 3, {rule.monitor: figures}) == np.full(3, factor)).all()


def test_a_fit_takes_the_rates_of_a_plateau_and_says_them():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)), rng.integers(0, 2, 60)
    rule = s.ReduceOnPlateau(0.5, 1, monitor="loss", min_delta=1e9)  # never better
    one, other = (fc.Network([3, 4, 2], seed=1) for _ in range(2))
    history = one.fit(x, y, epochs=4, batch_size=8, shuffle=False, optimizer=fc.SGD(0.3), schedule=rule)
    assert history.learning_rate == [0.3, 0.3, 0.15, 0.075]
    for rate in history.learning_rate:
        other.fit(x, y, epochs=1, batch_size=8, shuffle=False, optimizer=fc.SGD(rate))
    assert (one.predict(x) == other.predict(x)).all()
    rule = s.ReduceOnPlateau(0.5, 1, monitor="val_f1", min_delta=2)
    history = one.fit(x, y, epochs=3, validation_split=0.2, metrics=["f1"], schedule=rule)
    assert history.learning_rate == [0.1, 0.1, 0.05]
    cosine = other.fit(x, y, epochs=2, batch_size=8, schedule=s.Cosine())
    assert cosine.learning_rate == [0.1 * s.Cosine().factors(step, 1, 16, 8)[0] for step in (7, 15)]


@pytest.mark.parametrize(
    ("factors", "error", "match"),
    [
        (lambda step: step[1:], ValueError, r"schedule Mine\(\) have shape \(1,\): expected \(2,\), one for each step"),
        (lambda step: 0.5, ValueError, r"schedule Mine\(\) have shape \(\): expected \(2,\)"),
        (lambda step: ["a"] * 2, TypeError, r"schedule Mine\(\) have dtype <U1: expected real numbers"),
        (lambda step: None, TypeError, r"schedule Mine\(\) have dtype object: expected real numbers"),
        (lambda step: 1 / (step - 1), ValueError, r"contain -1.0 for step 0: expected finite numbers, at least 0"),
        (lambda step: step + np.nan, ValueError, r"contain nan for step 0"),
        (lambda step: {}["rate"], KeyError, "rate"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_schedule_of_ones_own_that_is_wrong_is_named(factors, error, match):
    @dataclass(frozen=True, repr=False)
    class Mine(s.Schedule):
        def _factors(self, step, total, per_epoch):
            return factors(step)

        def __repr__(self):
            return "Mine()"

    net = fc.Network([2, 2], seed=0)
    before = net.predict(np.eye(2))
    with pytest.raises(error, match=match) as caught:
        net.fit(np.eye(2), [0, 1], batch_size=1, schedule=Mine())
    assert (net.predict(np.eye(2)) == before).all()
    if error is KeyError:
        assert caught.value.__notes__ == ["in the schedule Mine() for the 2 steps of epoch 0 of 10"]


def test_rates_of_another_number_of_steps_are_refused():
    net = fc.Network([2, 2], seed=0)
    trainer = fc._native.Trainer(
        net._state.model, np.zeros((5, 2), "f4"), np.zeros(5, "i4"), 2, False, "sgd", {"learning_rate": 1.0}
    )
    with pytest.raises(ValueError, match=r"rates has shape \(2,\): expected \(3,\)"):
        trainer.run_epoch(0, None, np.ones(2))
    trainer.run_epoch(0, None, np.ones(3))


@pytest.mark.parametrize("name", ["factor", "every", "warm_up", "floor", "power", "start", "end", "lowest", "highest"])
@pytest.mark.parametrize("value", [2.0, -1.0, "two", None, (1, 2)])
def test_attributes_of_a_users_schedule_are_its_own(name, value):
    def factors(self, step, total, per_epoch):
        seen.append(getattr(self, name))
        return np.ones_like(step)

    seen = []
    made = dataclass(frozen=True)(type("Mine", (s.Schedule,), {"__annotations__": {name: object}, "_factors": factors}))
    fc.Network([2, 2], seed=0).fit(np.ones((4, 2)), [0, 1, 0, 1], epochs=1, schedule=made(value))
    assert seen == [value]


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        (s.StepDecay, {"every": 0}),
        (s.StepDecay, {"every": np.inf}),
        (s.StepDecay, {"factor": 1}),
        (s.ExponentialDecay, {"factor": 0}),
        (s.InverseScaling, {"power": 0}),
        (s.Cosine, {"warm_up": 1}),
        (s.Cosine, {"floor": 1.1}),
        (s.OneCycle, {"warm_up": -0.1}),
        (s.OneCycle, {"start": 0}),
        (s.OneCycle, {"end": 1.1}),
        (s.ReduceOnPlateau, {"factor": 1}),
        (s.ReduceOnPlateau, {"floor": -0.1}),
        (s.ReduceOnPlateau, {"min_delta": -1}),
    ],
    ids=repr,
)
def test_the_ranges_of_the_built_in_schedules(schedule, wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=f"{name} is .*: expected "):
        schedule(**wrong)
    with pytest.raises(TypeError, match=f"{name} is 'x'"):
        schedule(**{name: "x"})
