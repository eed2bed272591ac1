"""Offsets of ``scale (x - offset)``, from what another library's network subtracts behind a scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_LARGEST = 1e30  # what is larger stays behind the scale, as what a scale of 0 hides does


def before_scale(subtracted: Vector, scale: Vector) -> tuple[Vector, Vector | None]:
    """Return the offset that subtracts these numbers, and those that none does, None where there are none.

    The second are 0 but where the scale is 0 or the offset would be too large: they go into the first B.
    """
    with np.errstate(all="ignore"):
        offset = subtracted / scale
    fits = np.isfinite(offset) & (np.abs(offset) < _LARGEST)
    return np.where(fits, offset, 0), None if fits.all() else np.where(fits, 0, subtracted)
