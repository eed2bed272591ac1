"""Rounding error bounds: gamma_n = n u / (1 - n u), u the unit roundoff (Higham 2002, sections 3.1 and 3.5)."""

from __future__ import annotations

import numpy as np


def unit_roundoff(dtype) -> float:
    return float(np.finfo(dtype).eps) / 2


def gamma(n: int, dtype) -> float:
    u = unit_roundoff(dtype)
    return n * u / (1 - n * u)


def underflow(n: int, dtype) -> float:
    """What n operations may lose below the smallest normal number."""
    return n * float(np.finfo(dtype).smallest_subnormal)


def exact_type(dtype):
    """A type in which sums of products of ``dtype`` are as good as exact: float64, or 80-bit longdouble."""
    return np.float64 if np.dtype(dtype) == np.float32 else np.longdouble


def spacing(value, dtype):
    """One ulp of ``dtype`` at ``value``."""
    most = np.finfo(dtype).max
    size = np.minimum(np.abs(value).astype(dtype), np.nextafter(most, 0 * most))  # whose spacing is that of the largest
    return np.spacing(size).astype(exact_type(dtype))


def flat(pairs) -> list[np.ndarray]:
    """W and B of every layer in one list."""
    return [array for pair in pairs for array in pair]


def max_error(got, expected) -> float:
    """The largest difference in any array, in units of the largest entry of the expected one (at least 1)."""
    pairs = zip(got, expected, strict=True)
    return max(np.abs(g - e).max(initial=0) / np.abs(e).max(initial=1) for g, e in pairs)
