"""What y a loss takes, what weights samples may have, and what is wrong with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import arrays, tensors
from fcnet.arrays import Array
from fcnet.feature_names import variable
from fcnet.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss, Poisson
from fcnet.targets import labels, targets

_USUAL = 40  # weights between 2**-40 and 2**40 are taken as they are


def for_loss(y: ArrayLike, n: int, outputs: int, loss: Loss, dtype: np.dtype[Any], name: str = "y") -> Array:
    """Labels (n,) of int32, or targets (n, outputs) of the network's type; for a custom loss n rows of anything.

    Parameters
    ----------
    y : array-like
    n, outputs : int
    loss : Loss
    dtype : the network's
    name : str
        What messages call it.

    Returns
    -------
    array

    Raises
    ------
    TypeError, ValueError : y is not what the loss takes.
    """
    if isinstance(loss, Custom):
        array = arrays.plain(y, name)
        if array.ndim == 0 or len(array) != n:
            raise ValueError(f"{name} has shape {array.shape}: expected ({n}, ...), a row for each sample")
        # beside outputs (n, 1), numbers (n,) would be broadcast to (n, n)
        return array[:, None] if outputs == 1 and array.ndim == 1 and array.dtype.kind in "fiub" else array
    if isinstance(loss, CrossEntropy):
        soft = _probabilities(y, n, outputs, dtype, name)
        return labels(y, n, outputs, name) if soft is None else smoothed(soft, loss.label_smoothing, outputs)
    each = max(1, len(loss.quantiles))  # outputs for every target
    values = targets(y, n, outputs // each, dtype, name)
    if each > 1:
        return np.repeat(values, each, axis=1)
    if isinstance(loss, BinaryCrossEntropy):
        signs = f", see np.asarray({variable(name)}) > 0" if _all_are(values, -1, 1) else ""
        _refuse(values, lambda part: (part < 0) | (part > 1), f"0 <= y <= 1{signs}", name)
        return smoothed(values, loss.label_smoothing, 2)
    if isinstance(loss, Poisson):
        _refuse(values, lambda part: part < 0, "counts, at least 0", name)
    return values


def weights(given: ArrayLike, n: int, dtype: np.dtype[Any], name: str) -> tuple[Array, int]:
    """Weights (n,) as ``dtype``, scaled where they are very small or large, and the exponent of their scale.

    Parameters
    ----------
    given : array-like of numbers >= 0
    n : int
    dtype : the network's
    name : str
        What messages call them.

    Returns
    -------
    array (n,), int
        As ``scaled`` gives them.

    Raises
    ------
    TypeError, ValueError : they are not that.
    """
    array = arrays.plain(given, name)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}: expected ({n},), a number for each sample")
    column = targets(array, n, 1, np.dtype(np.float64), name)[:, 0]
    if (column < 0).any():
        raise ValueError(f"{name} has a negative number: expected weights of at least 0")
    with np.errstate(over="ignore"):
        total = column.sum()
    if not np.isfinite(total):
        raise ValueError(f"{name} adds up to more than float64 can hold: expected smaller weights")
    return scaled(column, dtype, name)


def scaled(weights: Array, dtype: np.dtype[Any], name: str) -> tuple[Array, int]:
    """Weights as ``dtype``, and e where they are ``2**-e`` times those given: 0 unless some are very small or large.

    A mean does not change with the scale of its weights, but sums and products of extreme ones would underflow or
    overflow. A power of two changes no digit of them.

    Raises
    ------
    ValueError : they span more than the type can hold.
    """
    parts = (part[part > 0] for _, part in arrays.strips(weights))
    extremes = [(part.min(), part.max()) for part in parts if part.size]
    if not extremes:
        return arrays.converted(weights, dtype), 0
    least, most = min(low for low, _ in extremes), max(high for _, high in extremes)
    (_, low), (_, high) = np.frexp(least), np.frexp(most)
    if -_USUAL <= low and high <= _USUAL:
        return arrays.converted(weights, dtype), 0
    if high - low > np.finfo(dtype).maxexp // 5 * 4:
        raise ValueError(
            f"{name} has weights from {least:.3g} to {most:.3g}, too far apart for {dtype}: "
            f"expected 0 in place of the smallest"
        )
    exponent = int(low + high) // 2
    return np.ascontiguousarray(np.ldexp(weights, -exponent), dtype), exponent


def _probabilities(y: ArrayLike, n: int, classes: int, dtype: np.dtype[Any], name: str) -> Array | None:
    """Rows of probabilities of more than one class; None where y is something else."""
    array = tensors.widened(arrays.plain(y, name))
    if array.dtype.kind != "f" or array.shape != (n, classes) or _all_are(array, 0, 1):
        return None
    shares = targets(array, n, classes, dtype, name)
    _refuse(shares, lambda part: part < 0, "probabilities", name)
    for first, part in arrays.strips(shares):
        off = np.flatnonzero(np.abs(part.sum(axis=1, dtype=float) - 1) > 1e-3)
        if off.size:
            total, row, y = part[off[0]].sum(), first + off[0], variable(name)
            advice = f", see np.asarray({y}) / np.sum({y}, axis=1, keepdims=True)" if total > 0 else ""
            message = f"{name} adds up to {total:g} in row {row}: expected labels, or rows that add up to 1{advice}"
            raise ValueError(message)
    return shares


def _all_are(array: Array, one: float, other: float) -> bool:
    """Whether every number is one of two."""
    return all(bool(((part == one) | (part == other)).all()) for _, part in arrays.strips(array))


def smoothed(targets: Array, share: float, classes: int) -> Array:
    """``(1 - share) y + share / classes``."""
    if share == 0:
        return targets
    result = np.empty_like(targets)
    for first, part in arrays.strips(targets):
        result[first : first + len(part)] = (1 - share) * part + share / classes
    return result


def unsmoothed(targets: Array, share: float, classes: int) -> NDArray[np.float64]:
    """The y that ``smoothed`` made them of."""
    given: NDArray[np.float64] = np.clip((targets.astype(np.float64) - share / classes) / (1 - share), 0, 1)
    return given


def _refuse(targets: Array, is_wrong: Callable[[Array], NDArray[np.bool_]], expected: str, name: str) -> None:
    for first, part in arrays.strips(targets):
        wrong = np.argwhere(is_wrong(part))
        if len(wrong):
            row, column = wrong[0]
            where = f"row {first + row}, column {column}"
            raise ValueError(f"{name} contains {part[row, column]} in {where}: expected {expected}")
