"""Schedules: frozen dataclasses with a formula for the factor on the learning rate, or another value, in every step."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fcnet import _native
from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import POSITIVE, Range, check_numbers, whole_number
from fcnet.metrics.monitor import Mode, Monitoring


class HistoryColumns(Protocol):
    """The columns of a history, a number for each epoch, by name."""

    def __getitem__(self, name: str, /) -> Sequence[float]: ...


class Schedule:
    """Base class of the schedules: a formula for the factor on the learning rate, or another value, in each step.

    To write a custom schedule, subclass it with a method ``_factors(step, total, per_epoch)`` that returns an array of
    factors. ``step`` is an array of step numbers of the fit, counted from 0; ``total`` and ``per_epoch`` are the number
    of steps of the fit and of an epoch. The attributes of a custom schedule may have any names and are not checked.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {}  # of the checked attributes

    def __post_init__(self) -> None:
        check_numbers(self, self._ranges)

    def factors(self, first: int, count: int, total: int, per_epoch: int) -> NDArray[np.float64]:
        """Return the factors in the steps ``first .. first + count - 1``.

        Parameters
        ----------
        first : int
            The first step, counted from 0 over the fit.
        count : int
        total : int
            Number of steps of the whole fit.
        per_epoch : int
            Number of steps of an epoch.

        Returns
        -------
        array (count,)
        """
        return self._factors(np.arange(first, first + count, dtype=np.float64), total, per_epoch)

    def of_epoch(self, number: int, epochs: int, per_epoch: int, history: HistoryColumns) -> NDArray[np.float64]:
        """Return the factors for the steps of the fit's epoch ``number``, counted from 0.

        Parameters
        ----------
        number, epochs : int
        per_epoch : int
            Number of steps of an epoch.
        history : mapping from a column's name to its values in the epochs before
            For schedules that depend on the training so far.

        Returns
        -------
        array (per_epoch,)
        """
        return self.factors(number * per_epoch, per_epoch, epochs * per_epoch, per_epoch)

    def check_monitored(self, columns: Collection[str], owner: str) -> None:
        """Raise ValueError if the schedule monitors a column that the history of a fit lacks.

        ``owner`` is the name of the argument in the message.
        """

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        raise NotImplementedError


def checked_factors(
    schedule: Schedule, number: int, epochs: int, per_epoch: int, history: HistoryColumns, name: str = "schedule"
) -> NDArray[np.float64]:
    """Return the factors of a schedule for an epoch, checked, because user code may compute them.

    ``name`` is that of the argument in messages.

    Raises
    ------
    TypeError, ValueError : the factors are not finite numbers of at least 0, one for each step.
    Exception : what the schedule raises, with a note that names the schedule.
    """
    try:
        given = np.asarray(schedule.of_epoch(number, epochs, per_epoch, history))
    except Exception as error:
        error.add_note(f"in the {name} {schedule!r} for the {per_epoch} steps of epoch {number} of {epochs}")
        raise
    whose = f"the factors of {name} {schedule!r}"
    if given.dtype.kind not in "fiu":
        raise TypeError(f"{whose} have dtype {given.dtype}: expected real numbers")
    if given.shape != (per_epoch,):
        raise ValueError(f"{whose} have shape {given.shape}: expected ({per_epoch},), one for each step")
    if not (np.isfinite(given) & (given >= 0)).all():
        step = int(np.flatnonzero(~(np.isfinite(given) & (given >= 0)))[0])
        raise ValueError(f"{whose} contain {given[step]} for step {step}: expected finite numbers, at least 0")
    return given.astype(np.float64)


__all__ = [
    "Constant",
    "CosLog",
    "Cosine",
    "ExponentialDecay",
    "FlatCosine",
    "InverseScaling",
    "OneCycle",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
]

_BELOW_1: Range = ("0 < factor < 1", lambda value: 0 < value < 1)
_EPOCHS: Range = ("a number of epochs above 0", lambda value: 0 < value < math.inf)
_WARM_UP: Range = ("a share, 0 <= warm_up < 1", lambda value: 0 <= value < 1)
_FLOOR: Range = ("0 <= floor <= 1", lambda value: 0 <= value <= 1)


def _above_0(name: str) -> Range:
    return f"0 < {name} <= 1", lambda value: 0 < value <= 1


# Power, logarithm and sine of our own: those of NumPy depend on the processor, and a schedule is the same everywhere.


def _power(base: NDArray[Any] | float, exponent: NDArray[Any] | float) -> NDArray[np.float64]:
    """Return ``base ** exponent`` for base > 0."""
    logarithm = _native.log(np.atleast_1d(np.asarray(base, np.float64)))
    power: NDArray[np.float64] = _native.exp(exponent * logarithm)
    return power


def _sine(x: NDArray[Any]) -> NDArray[Any]:
    """Return sin x for ``|x| <= pi / 2``."""
    term, sine = x, x
    for k in range(3, 25, 2):
        term = term * (x * x) / -(k * (k - 1))
        sine = sine + term
    return sine


def _fall(t: NDArray[Any]) -> NDArray[Any]:
    """Half a cosine from 1 at t = 0 to 0 at 1: ``(1 + cos(pi t)) / 2 = (1 - sin x) / 2``, ``x = pi (t - 1/2)``."""
    sine = _sine(np.pi * (np.clip(t, 0, 1) - 0.5))
    fall: NDArray[np.float64] = np.maximum((1 - sine) / 2, 0)  # rounding leads below
    return fall


@suggesting
@dataclass(frozen=True)
class Constant(Schedule):
    """Constant learning rate: the factor is 1 in every step, as without a schedule.

    Examples
    --------
    >>> Constant().factors(0, 3, total=3, per_epoch=1)
    array([1., 1., 1.])
    """

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return np.ones_like(step)


@suggesting
@dataclass(frozen=True)
class StepDecay(Schedule):
    """Step decay: the factor is ``factor ** floor(epoch / every)``.

    Parameters
    ----------
    every : float > 0, default 10
        Epochs.
    factor : float in (0, 1), default 0.5

    Raises
    ------
    TypeError, ValueError : an argument is not a number, or out of range.

    Examples
    --------
    >>> StepDecay(every=2, factor=0.1).factors(0, 4, total=4, per_epoch=1)
    array([1. , 1. , 0.1, 0.1])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"every": _EPOCHS, "factor": _BELOW_1}
    every: float = 10
    factor: float = 0.5

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return _power(self.factor, np.floor(step // per_epoch / self.every))


@suggesting
@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Exponential decay in every step: the factor is ``factor ** epoch``, where epoch is a fraction within epochs.

    Parameters
    ----------
    factor : float in (0, 1), default 0.95
        The decay over one epoch.

    Raises
    ------
    TypeError, ValueError : factor is not a number, or out of range.

    Examples
    --------
    >>> ExponentialDecay(0.25).factors(0, 3, total=3, per_epoch=2)
    array([1.  , 0.5 , 0.25])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"factor": _BELOW_1}
    factor: float = 0.95

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return _power(self.factor, step / per_epoch)


@suggesting
@dataclass(frozen=True)
class InverseScaling(Schedule):
    """Inverse scaling: the factor is ``1 / (step + 1) ** power``, with steps counted from 0.

    Parameters
    ----------
    power : float > 0, default 0.5

    Raises
    ------
    TypeError, ValueError : power is not a number, or out of range.

    Examples
    --------
    >>> InverseScaling(1).factors(0, 4, total=4, per_epoch=1)
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"power": POSITIVE}
    power: float = 0.5

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return _power(step + 1, -self.power)


@suggesting
@dataclass(frozen=True)
class Cosine(Schedule):
    """Cosine annealing: a linear warm-up, then half a cosine from 1 to ``floor`` (Loshchilov and Hutter 2017, eq. 5).

    Parameters
    ----------
    warm_up : float in [0, 1), default 0
        Fraction of the fit's steps for the warm-up.
    floor : float in [0, 1], default 0

    Raises
    ------
    TypeError, ValueError : an argument is not a number, or out of range.

    Examples
    --------
    >>> Cosine(warm_up=0.4).factors(0, 5, total=5, per_epoch=1).round(2)
    array([0.5 , 1.  , 1.  , 0.75, 0.25])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"warm_up": _WARM_UP, "floor": _FLOOR}
    warm_up: float = 0
    floor: float = 0

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        warm = self.warm_up * total
        done = (step - warm) / (total - warm)
        falling = self.floor + (1 - self.floor) * _fall(done)
        return np.where(step < warm, np.minimum((step + 1) / max(warm, 1), 1), falling)


@suggesting
@dataclass(frozen=True)
class OneCycle(Schedule):
    """One-cycle schedule: up from ``start`` to 1, then down to ``end``, along half cosines (Smith and Topin 2018).

    Parameters
    ----------
    warm_up : float in [0, 1), default 0.3
        Fraction of the fit's steps on the way up.
    start, end : float in (0, 1], default 0.04 and 0.0001

    Raises
    ------
    TypeError, ValueError : an argument is not a number, or out of range.

    Examples
    --------
    >>> OneCycle(warm_up=0.5, start=0.1, end=0.5).factors(0, 5, total=5, per_epoch=1).round(2)
    array([0.1 , 0.55, 1.  , 0.75, 0.5 ])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"warm_up": _WARM_UP, "start": _above_0("start"), "end": _above_0("end")}
    warm_up: float = 0.3
    start: float = 0.04
    end: float = 0.0001

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        last = max(total - 1, 1)
        top = self.warm_up * last
        up = 1 - (1 - self.start) * _fall(step / max(top, 1))
        down = self.end + (1 - self.end) * _fall((step - top) / (last - top))
        return np.where(step < top, up, down)


@suggesting
@dataclass(frozen=True)
class FlatCosine(Schedule):
    """Flat, then falling: 1 in the first half of the fit, then half a cosine from 1 to 0 (RealMLP's flat_cos).

    The factor is ``(1 + cos(2 pi (t - 1/2))) / 2`` for the share ``t = step / total > 1/2`` of the fit's steps
    (Holzmueller et al. 2024).

    Examples
    --------
    >>> FlatCosine().factors(0, 8, total=8, per_epoch=1).round(2)
    array([1.  , 1.  , 1.  , 1.  , 1.  , 0.85, 0.5 , 0.15])
    """

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return np.where(2 * step <= total, 1.0, _fall((2 * step - total) / total))


@suggesting
@dataclass(frozen=True)
class CosLog(Schedule):
    """Cosine cycles that double in length: several rises from 0 to 1 and falls to 0 (RealMLP's coslog4).

    The factor is ``(1 - cos(2 pi log2(1 + (2**cycles - 1) t))) / 2`` for the share ``t = step / total`` of the fit's
    steps (Holzmueller et al. 2024). The first step has the factor 0. Weights settle at the end of each cycle, the last
    of which takes half of the fit, so that several epochs are candidates for early stopping to restore.

    Parameters
    ----------
    cycles : int in [1, 30], default 4

    Raises
    ------
    TypeError, ValueError : cycles is not a whole number, or out of range.

    Examples
    --------
    >>> CosLog(2).factors(0, 6, total=6, per_epoch=1).round(2)
    array([0.  , 0.93, 0.  , 0.72, 0.93, 0.32])
    """

    cycles: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycles", whole_number(self.cycles, "cycles", 1, 30))

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        # The sum is exact; whole cycles are taken off before the logarithm, which so keeps its last digits.
        length = total + (2**self.cycles - 1) * step
        _, whole = np.frexp(length / total * math.sqrt(0.5))
        part = _native.log(length / np.ldexp(float(total), whole)) / math.log(2)  # of a cycle, at most a half
        return _sine(np.pi * part) ** 2


@suggesting
@dataclass(frozen=True)
class ReduceOnPlateau(Monitoring, Schedule):
    """Multiply by ``factor`` whenever the monitored metric has not improved for ``patience`` epochs.

    Parameters
    ----------
    factor : float in (0, 1), default 0.1
    patience : int >= 1, default 5
        Epochs without improvement before a reduction; the count restarts after each reduction.
    monitor : str, default "val_loss"
    min_delta : float >= 0, default 0
    mode : {"auto", "min", "max"}
        As for ``EarlyStopping``, like monitor and min_delta.
    floor : float in [0, 1], default 0
        Minimum of the factor, that is, of the learning rate as a fraction of the optimizer's.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> rule = ReduceOnPlateau(factor=0.5, patience=2)
    >>> rule.of_epoch(5, epochs=9, per_epoch=1, history={"val_loss": [1.0, 0.9, 0.9, 0.9, 0.9]})
    array([0.5])
    """

    _ranges: ClassVar[Mapping[str, Range]] = {"factor": _BELOW_1, "floor": _FLOOR}
    factor: float = 0.1
    patience: int = 5
    monitor: str = "val_loss"
    min_delta: float = 0.0
    mode: Mode = "auto"
    floor: float = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "patience", whole_number(self.patience, "patience", 1))
        self.check_rule()

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        return np.ones_like(step)

    def of_epoch(self, number: int, epochs: int, per_epoch: int, history: HistoryColumns) -> NDArray[np.float64]:
        """Return the same factor for all steps of the epoch, from the monitored values of the epochs before."""
        best, waited, factor = None, 0, 1.0
        for value in history[self.monitor]:
            if self.is_better(value, best):
                best, waited = value, 0
            elif (waited := waited + 1) == self.patience:
                factor, waited = max(factor * self.factor, self.floor), 0
        return np.full(per_epoch, factor)
