"""Learning-rate range test: the loss of steps whose learning rate rises from very small to too large (Smith 2017)."""

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
_NO_RATE = 1e-30  # too small to change a weight
_SMALL_FALL = 0.02  # as a fraction of the loss
_TOO_HIGH = 4  # the test ends where the loss is so many times the lowest one


@public
@dataclass(frozen=True, eq=False, repr=False)
class LearningRates:
    """The result of ``Network.find_learning_rate``.

    Attributes
    ----------
    rates : array (steps,)
        The learning rates, ascending; fewer where the loss exploded.
    losses : array (steps,)
        Loss of the batch, just before the step with this learning rate.
    smoothed : array (steps,)
        The losses, smoothed by a moving average. To remove the differences between batches, the loss of the initial
        network on the same batches is subtracted first, and its mean is added.
    suggestion : float
        The learning rate at which the smoothed loss falls fastest; NaN if it never falls.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def __repr__(self) -> str:
        """Show the suggestion and the range of the test."""
        tested = f"{len(self.rates)} rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        return f"LearningRates(suggestion={self.suggestion:.3g}, {tested})"

    @classmethod
    def of(cls, rates: NDArray[np.float64], losses: NDArray[np.float64], before: NDArray[np.float64]) -> LearningRates:
        """Smooth the losses and find the suggestion; ``before`` are the losses of the same batches without training."""
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
        """Plot the test with ``fcnet.plot.learning_rates``.

        Returns
        -------
        matplotlib.figure.Figure
            Its ``get_label()`` describes the figure in words.

        Raises
        ------
        ImportError : matplotlib is not installed.
        """
        from fcnet import plot

        return plot.learning_rates(self)


@dataclass(frozen=True)
class ExponentialRamp(Schedule):
    """Learning rates that rise exponentially from ``lowest`` to ``highest``."""

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


class LossRecorder(Callback):
    """Record the loss of every step; end the fit after ``steps``, or once the loss is ``limit`` times the lowest."""

    def __init__(self, steps: int, samples: int, batch_size: int, limit: float) -> None:
        self.losses: list[float] = []
        self._limit = limit
        self._steps, self._samples, self._batch = steps, samples, batch_size
        self._done, self._total = 0, 0.0
        self._average, self._lowest = 0.0, math.inf

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Reset the mean, which is that of an epoch."""
        self._done, self._total = 0, 0.0

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Compute the loss of the step from the epoch's mean so far."""
        done = min(self._samples, (batch + 1) * self._batch)
        total = logs["loss"] * done
        loss = (total - self._total) / (done - self._done)
        self._done, self._total = done, total
        if not math.isfinite(loss):
            raise StopTraining
        self.losses.append(loss)
        self._average = 0.9 * self._average + 0.1 * loss
        average = self._average / (1 - 0.9 ** len(self.losses))  # as Adam's averages, which start at 0 too
        self._lowest = min(self._lowest, average)
        if len(self.losses) == self._steps or average > self._limit * self._lowest:
            raise StopTraining


def lr_range_test(
    state: TrainState, dataset: Dataset, ramp: ExponentialRamp, batch_size: int, optimizer: Optimizer
) -> LearningRates:
    """Train a copy of the network with a rising learning rate, and return the losses.

    Warns
    -----
    RuntimeWarning : the loss hardly falls at any learning rate.

    Raises
    ------
    DivergenceError : the loss before the second step is already infinite or NaN.
    """
    dataset.warn_of_lost_digits(state.architecture)

    def losses(ramp: ExponentialRamp, limit: float = math.inf) -> list[float]:
        recorder = LossRecorder(ramp.steps, len(dataset), batch_size * optimizer.accumulate, limit)
        copy = state.copy()
        unit = replace(optimizer, learning_rate=1.0)
        options = FitOptions.of(copy, ramp.steps, unit, schedule=ramp, progress=False)
        accumulate = optimizer.accumulate
        source = InMemory(copy.architecture, dataset, batch_size, accumulate, shuffle=True, drop_last=False)
        data = FitData(source, None, dataset.features, dataset.classes)
        with suppress(DivergenceError):
            fit(copy, data, options, Callbacks([recorder], None))
        return recorder.losses

    rising = losses(ramp, _TOO_HIGH)
    if len(rising) < 2:
        lowest = replace(optimizer, learning_rate=ramp.lowest)
        raise DivergenceError.of("the first step", math.nan, lowest, state.architecture)
    rates = ramp.factors(0, len(rising), ramp.steps, 1)
    before = np.array(losses(replace(ramp, lowest=_NO_RATE, highest=2 * _NO_RATE))[: len(rising)])
    result = LearningRates.of(rates, np.array(rising), before)
    fall = float(result.smoothed[0] - result.smoothed.min())
    if not fall > _SMALL_FALL * abs(before.mean()):
        text = f"the loss hardly falls at any learning rate, by {fall:.2g} of {before.mean():.3g}: the network may be "
        console.warn(text + "trained already, or its inputs may need scaling", RuntimeWarning)
    return result
