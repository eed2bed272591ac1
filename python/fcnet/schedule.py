"""What every schedule is; those there are stand in ``fcnet.schedules``, which is imported when somebody asks for it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fcnet.hyperparameters import Range, check_numbers

_RANGES: dict[str, Range] = {
    "factor": ("0 < factor < 1", lambda value: 0 < value < 1),
    "every": ("a number of epochs above 0", lambda value: 0 < value < math.inf),
    "warm_up": ("a share, 0 <= warm_up < 1", lambda value: 0 <= value < 1),
    "floor": ("0 <= floor <= 1", lambda value: 0 <= value <= 1),
    "power": ("a positive, finite number", lambda value: 0 < value < math.inf),
    "start": ("0 < start <= 1", lambda value: 0 < value <= 1),
    "end": ("0 < end <= 1", lambda value: 0 < value <= 1),
    "lowest": ("a positive, finite learning rate", lambda value: 0 < value < math.inf),
    "highest": ("a positive, finite learning rate", lambda value: 0 < value < math.inf),
}


class Figures(Protocol):
    """Figures of the epochs by their names: a history."""

    def __getitem__(self, name: str, /) -> Sequence[float]: ...


class Schedule:
    """A frozen dataclass of numbers, which are checked, and a formula for the factors.

    A schedule of your own is a subclass with a method ``_factors(step, total, per_epoch)``: of an array of steps of the
    fit, counted from 0, its number of steps and those of an epoch it makes an array of factors.
    """

    def __post_init__(self) -> None:
        check_numbers(self, _RANGES)

    def factors(self, first: int, count: int, total: int, per_epoch: int) -> NDArray[np.float64]:
        """What multiplies the learning rate in the steps ``first .. first + count - 1``.

        Parameters
        ----------
        first : int
            Step of the fit, counted from 0.
        count : int
        total : int
            Steps of the whole fit.
        per_epoch : int
            Steps of an epoch.

        Returns
        -------
        array (count,)
        """
        return self._factors(np.arange(first, first + count, dtype=np.float64), total, per_epoch)

    def of_epoch(self, number: int, epochs: int, per_epoch: int, history: Figures) -> NDArray[np.float64]:
        """The factors of the epoch that is the fit's ``number``-th, from 0.

        Parameters
        ----------
        number, epochs : int
        per_epoch : int
            Steps of an epoch.
        history : name -> figures of the epochs before
            For those that look at it.

        Returns
        -------
        array (per_epoch,)
        """
        return self.factors(number * per_epoch, per_epoch, epochs * per_epoch, per_epoch)

    def check_figures(self, figures: Collection[str], owner: str) -> None:
        """ValueError where it looks at a figure that a fit has not; the message calls it ``owner``."""

    def _factors(self, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[Any]:
        raise NotImplementedError


def checked_factors(
    schedule: Schedule, number: int, epochs: int, per_epoch: int, history: Figures
) -> NDArray[np.float64]:
    """Its factors of an epoch, which a user's code may have made.

    Raises
    ------
    TypeError, ValueError : they are not finite numbers of at least 0, one for each step.
    Exception : what the schedule raises, with a note that names it.
    """
    try:
        given = np.asarray(schedule.of_epoch(number, epochs, per_epoch, history))
    except Exception as error:
        error.add_note(f"in the schedule {schedule!r} for the {per_epoch} steps of epoch {number} of {epochs}")
        raise
    whose = f"the factors of schedule {schedule!r}"
    if given.dtype.kind not in "fiu":
        raise TypeError(f"{whose} have dtype {given.dtype}: expected real numbers")
    if given.shape != (per_epoch,):
        raise ValueError(f"{whose} have shape {given.shape}: expected ({per_epoch},), one for each step")
    if not (np.isfinite(given) & (given >= 0)).all():
        step = int(np.flatnonzero(~(np.isfinite(given) & (given >= 0)))[0])
        raise ValueError(f"{whose} contain {given[step]} for step {step}: expected finite numbers, at least 0")
    return given.astype(np.float64)
