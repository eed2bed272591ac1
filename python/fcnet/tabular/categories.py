"""Categories of a column: the distinct values, sorted, and their codes 1, 2, ...; 0 is missing or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.tabular.values import Values

_EXACT = 2**53  # up to which float64 holds every whole number


class MismatchError(Exception):
    """A column holds text instead of numbers, or the other way round; the text is the end of a message."""


def distinct(values: Values) -> tuple[Any, ...]:
    """Return the categories of a column: its distinct values, sorted, as Python's str, bool, int or float.

    Spaces around text do not count, and text of spaces alone is no category. Truths have both categories, even if one
    does not occur. Whole numbers are int, with and without gaps alike.
    """
    if values.sort == "text":
        return tuple(sorted({text.strip() for text in values.texts if not text.isspace()}))
    if values.sort == "truths":
        return (False, True)
    found = np.unique(values.array[~values.gaps()])
    if found.dtype.kind == "f" and (found == np.rint(found)).all() and (np.abs(found) <= _EXACT).all():
        found = found.astype(np.int64)
    return tuple(found.tolist())


class Coder:
    """Gives values their codes among categories.

    Text that is no category has the code of that which differs from it by spaces around it alone; older files may have
    categories with such spaces.
    """

    def __init__(self, categories: Sequence[Any]) -> None:
        self._expected = "text" if categories and isinstance(categories[0], str) else "numbers"
        self._count = len(categories)
        if self._expected == "text":
            coded = [(text, code) for code, text in enumerate(categories, 1)]
            self._codes = {text.strip(): code for text, code in coded if text.strip()} | dict(coded)
        else:
            self._sorted = _numbers(categories)

    def codes(self, values: Values) -> NDArray[np.int32]:
        """Return the codes of a column (n,).

        Raises
        ------
        MismatchError : the column holds text and the categories are numbers, or the other way round.
        """
        found = "text" if values.sort == "text" else "numbers"
        if self._count == 0 or (found != self._expected and values.are_gaps()):
            return np.zeros(len(values.array), np.int32)
        if found != self._expected:
            raise MismatchError(f"of {found}: expected {self._expected}, as in the fit")
        if found == "text":
            codes = [self._codes.get(text) or self._codes.get(text.strip(), 0) for text in values.texts]
            return np.array([*codes, 0], np.int32).take(values.array)  # -1, a gap, is the last one
        place = np.searchsorted(self._sorted, values.array)
        np.minimum(place, self._count - 1, out=place)
        return np.where(self._sorted[place] == values.array, place + 1, 0).astype(np.int32)


def _numbers(categories: Sequence[Any]) -> NDArray[Any]:
    """Return categories that are numbers or truths as an array, of whole numbers if they fit."""
    if all(isinstance(category, int) for category in categories):
        for kind in (np.int64, np.uint64):
            limits = np.iinfo(kind)
            if not categories or (categories[0] >= limits.min and categories[-1] <= limits.max):
                return np.array(categories, kind)
    return np.array(categories, np.float64)
