"""A range test: the loss of steps whose learning rate rises from very small to too large (Smith 2017)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fcnet import _native
from fcnet._checks import console
from fcnet._checks.numbers import Range
from fcnet._checks.public import public
from fcnet._training.batch_source import InMemory
from fcnet._training.callbacks import Callback, Callbacks, Logs, StopTraining
from fcnet._training.dataset import Dataset
from fcnet._training.divergence import DivergenceError
from fcnet._training.fit import fit
from fcnet._training.fit_arguments import FitData, FitOptions
from fcnet._training.train_state import TrainState
from fcnet.optimizers import Optimizer
from fcnet.schedules import Schedule

_RATE: Range = ("a positive, finite learning rate", lambda value: 0 < value < math.inf)
_NO_RATE = 1e-30  # changes no weight
_SMALL_FALL = 0.02  # share of the loss
_TOO_HIGH = 4  # times the lowest loss so far: from there on it only gets worse


@public
@dataclass(frozen=True, eq=False, repr=False)
class LearningRates:
    """What ``Network.find_learning_rate`` found.

    Attributes
    ----------
    rates : array (steps,)
        Rising; they end early where the loss explodes.
    losses : array (steps,)
        Of the batch, just before the step with this rate.
    smoothed : array (steps,)
        The losses without what differs from batch to batch, each averaged with its neighbours: what the network as it
        was loses on the same batches is subtracted, and its mean added.
    suggestion : float
        The rate at which the smoothed loss falls fastest; NaN where it never falls.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def __repr__(self) -> str:
        """The suggestion, and what was tried."""
        lr_range_test = f"{len(self.rates)} rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        return f"LearningRates(suggestion={self.suggestion:.3g}, {lr_range_test})"

    @classmethod
    def of(cls, rates: NDArray[np.float64], losses: NDArray[np.float64], before: NDArray[np.float64]) -> LearningRates:
        """From the steps that were made; ``before``: the losses of the same batches without training."""
        half = max(len(losses) // 10, 1)
        window = np.convolve(np.ones(half + 1), np.ones(half + 1))  # a triangle
        gains = losses - before
        total, weights = (np.convolve(np.pad(a, half), window, "valid") for a in (gains, np.ones(len(losses))))
        smoothed = total / weights + before.mean()
        falling = int(smoothed.argmin()) + 1
        suggestion = math.nan
        if falling > 1:
            slopes = np.diff(smoothed[:falling]) / np.diff(np.log(rates[:falling]))
            suggestion = float(rates[slopes.argmin()])
        return cls(rates, losses, smoothed, suggestion)

    def plot(self) -> Any:
        """Draw ``fcnet.plot.learning_rates``.

        Returns
        -------
        matplotlib.figure.Figure
            Its ``get_label()`` says in words what it shows.

        Raises
        ------
        ImportError : matplotlib is missing.
        """
        from fcnet import plot

        return plot.learning_rates(self)


@dataclass(frozen=True)
class ExponentialRamp(Schedule):
    """From ``lowest`` to ``highest`` in so many steps, each the same factor above the one before."""

    _ranges: ClassVar[Mapping[str, Range]] = {"lowest": _RATE, "highest": _RATE}
    lowest: float
    highest: float
    steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lowest < self.highest:
            raise ValueError(f"lowest is {self.lowest} and highest {self.highest}: expected lowest < highest")

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        share = np.minimum(step / (self.steps - 1), 1)
        return self.lowest * _native.exp(share * math.log(self.highest / self.lowest))


class Losses(Callback):
    """Keeps the loss of every step of a fit, and ends it after so many, or once it is ``limit`` times the lowest."""

    def __init__(self, steps: int, samples: int, batch_size: int, limit: float) -> None:
        self.all: list[float] = []
        self._limit = limit
        self._steps, self._samples, self._batch = steps, samples, batch_size
        self._done, self._total = 0, 0.0
        self._average, self._lowest = 0.0, math.inf

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Means begin anew."""
        self._done, self._total = 0, 0.0

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Take the loss of the step out of the mean so far."""
        done = min(self._samples, (batch + 1) * self._batch)
        total = logs["loss"] * done
        loss = (total - self._total) / (done - self._done)
        self._done, self._total = done, total
        if not math.isfinite(loss):
            raise StopTraining
        self.all.append(loss)
        self._average = 0.9 * self._average + 0.1 * loss
        average = self._average / (1 - 0.9 ** len(self.all))  # as Adam's averages, which start at 0 too
        self._lowest = min(self._lowest, average)
        if len(self.all) == self._steps or average > self._limit * self._lowest:
            raise StopTraining


def lr_range_test(
    state: TrainState, dataset: Dataset, ramp: ExponentialRamp, batch_size: int, optimizer: Optimizer
) -> LearningRates:
    """The losses of a copy of the network that is trained with rising rates.

    Warns
    -----
    RuntimeWarning : the loss hardly falls at any rate.

    Raises
    ------
    DivergenceError : not even the loss before the second step is finite.
    """
    dataset.warn_of_lost_digits(state.architecture)

    def losses(ramp: ExponentialRamp, limit: float = math.inf) -> list[float]:
        heard, learner = Losses(ramp.steps, len(dataset), batch_size * optimizer.accumulate, limit), state.copy()
        unit = replace(optimizer, learning_rate=1.0)
        options = FitOptions.of(learner, ramp.steps, unit, schedule=ramp, progress=False)
        accumulate = optimizer.accumulate
        source = InMemory(learner.architecture, dataset, batch_size, accumulate, shuffle=True, drop_last=False)
        data = FitData(source, None, dataset.features, dataset.classes)
        with suppress(DivergenceError):
            fit(learner, data, options, Callbacks([heard], None))
        return heard.all

    rising = losses(ramp, _TOO_HIGH)
    if len(rising) < 2:
        lowest = replace(optimizer, learning_rate=ramp.lowest)
        raise DivergenceError.of("the first step", math.nan, lowest, state.architecture.classifies)
    rates = ramp.factors(0, len(rising), ramp.steps, 1)
    before = np.array(losses(replace(ramp, lowest=_NO_RATE, highest=2 * _NO_RATE))[: len(rising)])
    found = LearningRates.of(rates, np.array(rising), before)
    fall = float(found.smoothed[0] - found.smoothed.min())
    if not fall > _SMALL_FALL * abs(before.mean()):
        text = f"the loss hardly falls at any learning rate, by {fall:.2g} of {before.mean():.3g}: the network may be "
        console.warn(text + "trained already, or its inputs may need scaling", RuntimeWarning)
    return found
