"""Holding samples back for validation."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import _native

MOST_EPOCHS = 2**32 - 1  # of a network; the shuffle that would come after them is the draw here


def checked_share(share: float) -> float:
    """``Network.fit``'s validation_split.

    Raises
    ------
    TypeError, ValueError : it is no number in [0, 1).
    """
    if isinstance(share, bool) or not isinstance(share, Real):
        raise TypeError(f"validation_split is {share!r}: expected a number")
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is {share!r}: expected 0 <= validation_split < 1")
    return float(share)


def hold_back(n: int, fraction: float, seed: int, labels: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw which of n samples to train on and which to hold back; always the same ones for a seed.

    Parameters
    ----------
    n : int
    fraction : float in (0, 1)
        To hold back; at least one sample, and not all.
    seed : int
    labels : array (n,) of int >= 0, optional
        Hold back this fraction of every class, rounded so that the whole is right too.

    Returns
    -------
    array, array
        Ascending numbers of the samples.

    Raises
    ------
    ValueError : no sample would be held back, or all.
    """
    classes = None if labels is None else np.asarray(labels, np.int32)
    kept, held = _native.hold_back(seed, MOST_EPOCHS, n, fraction, classes)
    if not 0 < len(held) < n:
        raise ValueError(f"validation_split is {fraction}: it holds back {len(held)} of {n} samples")
    return kept, held
