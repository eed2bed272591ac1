"""Splits of the rows of a table into rows for training and for validation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


class Split(NamedTuple):
    """Numbers of the rows that train a network, and of those that choose its best epoch."""

    train: Rows
    validation: Rows


def _alone(classes: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows are the only ones of their class."""
    alone: NDArray[np.bool_] = np.bincount(classes)[classes] == 1
    return alone


def most_folds(n: int, classes: NDArray[Any] | None) -> int:
    """Return into how many folds n rows can be divided: the number of those that are not alone in their class."""
    return n if classes is None else n - int(_alone(classes).sum())


def _spread(n: int, classes: NDArray[Any] | None, random: np.random.Generator) -> tuple[Rows, Rows]:
    """Return the rows in random order, sorted by class; and those that always train, the only ones of their class."""
    order = random.permutation(n)
    if classes is None:
        return order, order[:0]
    alone = _alone(classes)
    order = order[np.argsort(classes[order], kind="stable")]
    return order[~alone[order]], np.flatnonzero(alone)


def held_back(n: int, share: float, classes: NDArray[Any] | None, random: np.random.Generator) -> Split:
    """Hold back a share of n rows for validation, rounded down, at random and from every class alike.

    Parameters
    ----------
    n : int
    share : float in (0, 1)
    classes : array (n,) of int, optional
        A class that has one row only is never held back.
    random : Generator

    Returns
    -------
    Split
        Both in ascending order.
    """
    order, alone = _spread(n, classes, random)
    steps = np.floor(np.arange(len(order) + 1) * share + 1e-9)  # of rows held back so far
    back = np.diff(steps) > 0
    return Split(np.sort(np.concatenate([order[~back], alone])), np.sort(order[back]))


def folds(n: int, k: int, classes: NDArray[Any] | None, random: np.random.Generator) -> list[Split]:
    """Return k splits, in which every row but those that are alone in their class is held back once.

    Parameters
    ----------
    n : int
    k : int in [2, most_folds(n, classes)]
    classes : array (n,) of int, optional
        The rows of a class are dealt out to the folds in turns.
    random : Generator

    Returns
    -------
    list of Split
    """
    order, alone = _spread(n, classes, random)
    fold = np.arange(len(order)) % k
    return [Split(np.sort(np.concatenate([order[fold != i], alone])), np.sort(order[fold == i])) for i in range(k)]
