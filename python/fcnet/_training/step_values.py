"""The values of schedules for every step of an epoch: learning rates, and factors of decay, dropout and smoothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcnet._model.architecture import Architecture
from fcnet.losses import BinaryCrossEntropy, CrossEntropy
from fcnet.optimizers import Optimizer
from fcnet.schedules import HistoryColumns, Schedule, checked_factors

# The arguments of ``Network.fit``.
ARGUMENTS = "schedule", "decay_schedule", "dropout_schedule", "smoothing_schedule"
Schedules = Mapping[str, Schedule]  # those that are given, by their argument
Values = NDArray[Any] | None  # a number for each step of an epoch; None: nothing changes


class StepValues(NamedTuple):
    """The learning rate of each step of an epoch, and factors on other values."""

    rates: Values = None
    decay: Values = None
    dropout: Values = None
    smoothing: Values = None

    @property
    def steps(self) -> int | None:
        """The number of steps; None if no value changes."""
        return next((len(values) for values in self if values is not None), None)

    def of_step(self, step: int) -> StepValues:
        """Return the values of a single step."""
        return StepValues(*(None if values is None else values[step : step + 1] for values in self))


def checked_schedules(given: Mapping[str, object], architecture: Architecture, optimizer: Optimizer) -> Schedules:
    """Check the schedules that ``Network.fit`` is given, by their arguments.

    Raises
    ------
    TypeError : one is not a schedule.
    ValueError : there is nothing that it would change.
    """
    schedules: dict[str, Schedule] = {}
    for name, schedule in given.items():
        if not isinstance(schedule, Schedule | None):
            expected = "one like fcnet.schedules.Cosine(), or your own subclass of fcnet.schedules.Schedule"
            raise TypeError(f"{name} is {schedule!r}: expected {expected}")
        if schedule is not None:
            schedules[name] = schedule
    for name, value, expected in (
        ("decay_schedule", getattr(optimizer, "weight_decay", 0.0), "an optimizer like fcnet.AdamW(weight_decay=0.02)"),
        ("dropout_schedule", _largest_dropout(architecture), "a layer like fcnet.Dense(256, dropout=0.1)"),
        ("smoothing_schedule", _smoothing(architecture), "loss=fcnet.losses.CrossEntropy(label_smoothing=0.1)"),
    ):
        if name in schedules and not value:
            what = {"decay": "weight decay", "dropout": "dropout", "smoothing": "label smoothing"}[name.split("_")[0]]
            raise ValueError(f"{name} is given, but there is no {what}: expected {expected}, or no {name}")
    return schedules


def values_of(
    schedules: Schedules,
    architecture: Architecture,
    optimizer: Optimizer,
    number: int,
    epochs: int,
    steps: int,
    history: HistoryColumns,
) -> StepValues:
    """Return the values for the steps of the fit's epoch ``number``, counted from 0.

    Raises
    ------
    TypeError, ValueError : a schedule's factors are not as they must be.
    Exception : what a schedule raises.
    """
    factors = {name: checked_factors(each, number, epochs, steps, history, name) for name, each in schedules.items()}
    for name, what, value in (
        ("dropout_schedule", "a dropout", _largest_dropout(architecture)),
        ("smoothing_schedule", "a label smoothing", _smoothing(architecture)),
    ):
        if name in factors and not (value * factors[name] < 1).all():
            step = int(np.flatnonzero(~(value * factors[name] < 1))[0])
            found = value * factors[name][step]
            raise ValueError(
                f"{name} {schedules[name]!r} leads to {what} of {found:g} in step {step}: expected below 1"
            )
    rates = factors.get("schedule")
    return StepValues(
        None if rates is None else optimizer.learning_rate * rates, *(factors.get(name) for name in ARGUMENTS[1:])
    )


def _largest_dropout(architecture: Architecture) -> float:
    return max(spec.dropout for spec in architecture.specs)


def _smoothing(architecture: Architecture) -> float:
    loss = architecture.loss
    return loss.label_smoothing if isinstance(loss, CrossEntropy | BinaryCrossEntropy) else 0.0
