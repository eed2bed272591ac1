"""Prediction intervals by split conformal prediction (Lei et al. 2018)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import Range, number

_COVERAGE: Range = ("a number above 0 and below 1", lambda value: 0 < value < 1)
_ROUNDING = 1e-9  # of (m + 1) coverage


def half_widths(errors: NDArray[np.float64] | None, coverage: float) -> NDArray[np.float64]:
    """Return the errors that are not exceeded by a share ``coverage`` of new rows.

    Parameters
    ----------
    errors : array (m, outputs), or None
        Absolute errors of rows that were not trained on, sorted.
    coverage : float in (0, 1)

    Returns
    -------
    array (outputs,)
        The ``ceil((m + 1) coverage)``-th smallest errors.

    Raises
    ------
    TypeError, ValueError : coverage is not as above; there are no errors, or too few.
    """
    share = number(coverage, "coverage", _COVERAGE)
    if errors is None:
        raise ValueError("the estimator is from a file without errors of validation rows: expected a new fit")
    m = len(errors)
    place = math.ceil((m + 1) * share - _ROUNDING)
    if place > m:
        least = math.ceil(share / (1 - share) - _ROUNDING)
        raise ValueError(
            f"coverage is {coverage!r}, which needs {least} validation rows, but the fit had {m}: "
            f"expected at most {m / (m + 1):.4g}"
        )
    found: NDArray[np.float64] = errors[place - 1]
    return found


def check_errors(errors: NDArray[Any], outputs: int) -> None:
    """Raise ValueError if an array from a file cannot be errors of validation rows."""
    if errors.dtype != np.float64 or errors.ndim != 2 or errors.shape[1] != outputs or not len(errors):
        raise ValueError(f"its errors are {errors.dtype} {errors.shape}: expected float64 (rows, {outputs})")
    if not np.isfinite(errors).all() or (errors < 0).any() or (np.diff(errors, axis=0) < 0).any():
        raise ValueError("its errors are not sorted numbers from 0 on")
