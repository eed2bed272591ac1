"""What every schedule is; those there are stand in ``fcnet.schedules``, which is imported when somebody asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fcnet.hyperparameters import Range, check_numbers


class Figures(Protocol):
    """Figures of the epochs by their names: a history."""

    def __getitem__(self, name: str, /) -> Sequence[float]: ...


class Schedule:
    """A formula for the factors on the learning rate, by the step of a fit; the built-in ones are frozen dataclasses.

    A schedule of your own is a subclass with a method ``_factors(step, total, per_epoch)``: of an array of steps of the
    fit, counted from 0, its number of steps and those of an epoch it makes an array of factors. Its attributes are its
    own: call them what you like, and check them yourself.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {}  # of the attributes that are checked

    def __post_init__(self) -> None:
        check_numbers(self, self._ranges)

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
