"""Holding samples back for validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import _native

_DRAW = 2**32 - 1  # the "epoch" of this draw, which no fit reaches


def hold_back(n: int, fraction: float, seed: int, labels: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw which of n samples to train on and which to hold back; always the same ones for a seed.

    Parameters
    ----------
    n : int
    fraction : float in (0, 1)
        To hold back; at least one sample, and not all.
    seed : int
    labels : array (n,), optional
        Hold back this fraction of every class, rounded.

    Returns
    -------
    array, array
        Ascending numbers of the samples.

    Raises
    ------
    ValueError : no sample would be held back, or all.
    """
    order = _native.permutation(seed, _DRAW, n)
    groups = [order] if labels is None else [order[labels[order] == label] for label in np.unique(labels)]
    held = np.sort(np.concatenate([group[: round(fraction * len(group))] for group in groups]))
    if not 0 < len(held) < n:
        raise ValueError(f"validation_split is {fraction}: it holds back {len(held)} of {n} samples")
    return np.setdiff1d(np.arange(n), held), held
