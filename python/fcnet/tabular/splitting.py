"""The arguments ``validation``, ``folds`` and ``repeats`` of an estimator, and the splits of rows that they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import number, whole_number
from fcnet._checks.numbers import share as share_range
from fcnet.tabular.splits import Split, folds, held_back, most_folds

if TYPE_CHECKING:
    from fcnet.tabular.base import TabularEstimator


def folds_of(estimator: TabularEstimator, classes: NDArray[Any] | None, n: int, has_validation: bool) -> int | None:
    """Return into how many folds the n rows are divided; None: into none.

    Parameters
    ----------
    estimator : TabularEstimator
        Whose parameters say so.
    classes : array (n,) of int, or None
    n : int
    has_validation : bool
        Whether validation rows are given.
    """
    given, most = estimator.folds, most_folds(n, classes)
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f"folds is {given!r}: expected a number, 'auto' or None")
        is_default = isinstance(estimator.recipe, str) and estimator.recipe == "auto"
        chosen = has_validation or estimator.validation is not None or estimator.networks is not None
        return min(5, most) if is_default and not chosen and most > 1 else None
    if given is None:
        return None
    for name, is_given in (("X_val", has_validation), ("validation", estimator.validation is not None)):
        if is_given:
            raise ValueError(f"folds is {given!r}, and {name} is given: expected one of them")
    if not most:
        raise ValueError(f"folds is {given!r}, but every row is alone in its class: expected None, X_val and y_val")
    hint = ", as other rows are alone in their class" if most < n else ""
    return whole_number(given, "folds", 2, most, hint)


def splits_of(
    estimator: TabularEstimator,
    classes: NDArray[Any] | None,
    n: int,
    has_validation: bool,
    k: int | None,
    random: np.random.Generator,
) -> list[Split]:
    """Return the rows of each split, in k folds or by a share of the rows.

    Parameters
    ----------
    estimator, classes, n, has_validation : as for folds_of
    k : int or None
        Number of folds.
    random : Generator
    """
    repeats = whole_number(estimator.repeats, "repeats", 1)
    if has_validation:
        return [Split(np.arange(n), np.arange(0))] * repeats
    if n < 2:
        raise ValueError(f"X has {n} sample{'s' * (n != 1)}: expected at least 2, some of which are for validation")
    if k is not None:
        return [split for _ in range(repeats) for split in folds(n, k, classes, random)]
    part = estimator.validation
    part = 0.2 if part is None else number(part, "validation", share_range("validation"))
    splits = [held_back(n, part, classes, random) for _ in range(repeats)]
    if not most_folds(n, classes):
        raise ValueError("every row of y is alone in its class: expected several of a class, or X_val and y_val")
    if not len(splits[0].validation):
        raise ValueError(
            f"validation is {part:g}, which is no row of {n}: expected more rows, a larger share, or X_val and y_val"
        )
    return splits
