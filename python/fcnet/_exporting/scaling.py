"""Whether offset and scale of ``scale (x - offset)`` keep their meaning in the type of an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console

Array = NDArray[Any]

OTHER_UNITS = "x in units of another size, and net.adapt(x) again"
NEARER_0 = "a round number subtracted from x, and net.adapt(x) again"
_MOST = 1e-3  # that a rounded offset may change of a scaled input, whose deviation is about 1


def check_scaling(
    offset: Array, scale: Array, names: Sequence[object] | None, dtype: np.dtype[Any], expected: str
) -> None:
    """Check that a type holds offset and scale; ``names`` are those of the inputs, ``expected`` ends the message.

    Raises
    ------
    ValueError : an offset or a scale becomes infinite, or a scale that is not 0 becomes 0, as subnormal numbers do.
    """
    for name, values in (("offset", offset), ("scale", scale)):
        large = np.abs(values) > np.finfo(dtype).max
        small = (values != 0) & (np.abs(values) < np.finfo(dtype).smallest_normal) & (name == "scale")
        if large.any() or small.any():
            i = int((large | small).argmax())
            becomes = "infinite" if large.flat[i] else "0"
            of = _of(i, values, names)
            raise ValueError(f"{name}{of} is {values.flat[i]:g}, which is {becomes} in {dtype}: expected {expected}")


def warn_of_offset(
    offset: Array, scale: Array, names: Sequence[object] | None, dtype: np.dtype[Any], expected: str
) -> None:
    """Give a warning if an offset, rounded to a type, changes a scaled input visibly; arguments as above."""
    rounded = offset.astype(dtype).astype(float)
    change = np.abs(offset - rounded) * np.abs(scale)
    if change.max() > _MOST:
        i = int(change.argmax())
        given, becomes = (float(np.broadcast_to(values, change.shape).flat[i]) for values in (offset, rounded))
        console.warn(
            f"offset{_of(i, change, names)} is {given!r}, and {becomes!r} in {dtype}, which changes scaled inputs by "
            f"{change.flat[i]:.2g}: expected {expected}"
        )


def _of(i: int, values: Array, names: Sequence[object] | None) -> str:
    if not values.ndim:
        return ""
    return f"[{i}]" if names is None else f"[{i}] of feature {names[i]!r}"
