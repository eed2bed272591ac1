"""How a network sees y: class numbers as they are, numbers standardised by the training rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import POSITIVE, Range, number, share, whole_number
from fcnet.losses import MSE, BinaryCrossEntropy, CrossEntropy, Loss
from fcnet.tabular.metrics import Metric

Score = Callable[[NDArray[Any], NDArray[Any]], float]
_RANGES: dict[str, Range] = {
    "mean": ("a finite number", math.isfinite),
    "std": POSITIVE,
    "low": ("a number below infinity", lambda value: value < math.inf),
    "high": ("a number above -infinity", lambda value: value > -math.inf),
}


@dataclass(frozen=True)
class Classes:
    """Class numbers, for a network with an output for each class.

    The output for a class that is the only one is trained towards 1, and its probability is 1 from the start.
    """

    outputs: int
    label_smoothing: float

    def __post_init__(self) -> None:
        whole_number(self.outputs, "outputs", 1)
        number(self.label_smoothing, "label_smoothing", share("label_smoothing"))

    @property
    def loss(self) -> Loss:
        """Cross-entropy; binary where there is one class, because softmax of one output does not depend on anything."""
        if self.outputs == 1:
            return BinaryCrossEntropy()
        return CrossEntropy(label_smoothing=self.label_smoothing)

    def of(self, y: NDArray[Any], dtype: np.dtype[Any], name: str = "y") -> NDArray[Any]:
        """Return y, or 1 for each row where there is one class."""
        return np.ones_like(y) if self.outputs == 1 else y

    def back(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probabilities in float64, with a sum of 1 to its last digits."""
        numbers = outputs.astype(np.float64)
        numbers /= numbers.sum(axis=1, keepdims=True)
        return numbers

    def slope(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the derivative of ``back``."""
        return np.full(outputs.shape, float(self.outputs > 1))

    def score(self, metric: Metric) -> Score | None:
        """Return the metric; the accuracy chooses the same epoch as the error does."""
        return None if self.outputs == 1 or metric.name in ("error", "accuracy") else metric.of


@dataclass(frozen=True)
class Numbers:
    """Numbers, standardised: ``(y - mean) / std`` of the training rows, and perhaps clipped to their range.

    Attributes
    ----------
    mean, std, low, high : tuple of float, one for each output
        low and high are infinite without clipping.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, range_ in _RANGES.items():
            values = tuple(number(value, name, range_) for value in getattr(self, name))
            if len(values) != len(self.mean):
                raise ValueError(f"{name} has {len(values)} numbers: expected {len(self.mean)}, as mean has")
            object.__setattr__(self, name, values)
        for low, high in zip(self.low, self.high, strict=True):
            if low > high:
                raise ValueError(f"low is {low!r} and high is {high!r}: expected low <= high")

    @classmethod
    def learn(cls, y: NDArray[np.float64], clip: bool) -> Numbers:
        """Learn from the training rows (n, outputs); ValueError if their mean or standard deviation overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = y.mean(axis=0), y.std(axis=0)
        for column in np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(std)):
            largest, where = np.abs(y[:, column]).max(), f" in column {column}" if y.shape[1] > 1 else ""
            what = f"y has numbers up to {largest:g}{where}, a mean of {mean[column]:g} and a std of {std[column]:g}"
            raise ValueError(f"{what}: expected a finite mean and std, divide y by a constant")
        low, high = (y.min(axis=0), y.max(axis=0)) if clip else (np.full(y.shape[1], b) for b in (-np.inf, np.inf))
        columns = mean, np.where(std > 0, std, 1.0), low, high
        return cls(*(tuple(column.tolist()) for column in columns))

    @property
    def outputs(self) -> int:
        """One for each column of y."""
        return len(self.mean)

    @property
    def loss(self) -> Loss:
        """Mean squared error."""
        return MSE()

    def of(self, y: NDArray[Any], dtype: np.dtype[Any], name: str = "y") -> NDArray[Any]:
        """Return standardised numbers; ValueError, which names y, if one overflows."""
        with np.errstate(over="ignore"):
            found: NDArray[Any] = ((y - self.mean) / self.std).astype(dtype)
        for row, column in np.argwhere(~np.isfinite(found)):
            mean, std = self.mean[column], self.std[column]
            what = f"{name} has {y[row, column]:g}, but the training rows a mean of {mean:g} and a std of {std:g}"
            raise ValueError(f"{what}: expected a number whose distance, in units of std, is finite in {dtype.name}")
        return found

    def back(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return numbers like those of y."""
        numbers: NDArray[np.float64] = np.clip(outputs * np.array(self.std) + self.mean, self.low, self.high)
        return numbers

    def slope(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the derivative of ``back``, which is 0 where numbers are clipped."""
        numbers = outputs * np.array(self.std) + self.mean
        return np.where((numbers > self.low) & (numbers < self.high), self.std, 0.0)

    def score(self, metric: Metric) -> Score | None:
        """Return the metric of numbers like those of y."""
        return lambda y, outputs: metric.of(y * np.array(self.std) + self.mean, self.back(outputs))


Targets = Classes | Numbers
