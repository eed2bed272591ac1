"""The argument ``categorical_features``: which columns are categories although they hold numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fcnet._checks.suggestions import meant
from fcnet._inputs import feature_names
from fcnet._inputs.feature_names import Name, cut, shown

_EXPECTED = '"auto", or a list of names or places of columns, or a mask with True or False for each'


def chosen(given: object, names: tuple[Name, ...] | None, count: int) -> frozenset[int]:
    """Return the places of the columns that are given by names, by places or by a mask.

    Whole numbers are names if all of them are names of the table, otherwise places.

    Parameters
    ----------
    given : "auto", None, or list, array or column
    names : tuple of Name, or None
    count : int
        Number of columns.

    Returns
    -------
    frozenset of int

    Raises
    ------
    TypeError : it is something else.
    ValueError : a column does not exist.
    """
    if given is None or (isinstance(given, str) and given == "auto"):
        return frozenset()
    if isinstance(given, str | bytes | dict) or not isinstance(given, Iterable):
        raise TypeError(f"categorical_features is {cut(repr(given))}: expected {_EXPECTED}")
    values: list[Any] = given.tolist() if isinstance(given, np.ndarray) else list(given)
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        if len(values) != count:
            raise ValueError(f"categorical_features is a mask of {len(values)}: expected one for {count} columns")
        return frozenset(np.flatnonzero(values).tolist())
    kept = feature_names.all_kept(values)
    if kept is None:
        raise TypeError(f"categorical_features is {cut(repr(given))}: expected {_EXPECTED}")
    place_of = {name: place for place, name in enumerate(names or ())}
    if all(type(name) is int for name in kept) and not all(name in place_of for name in kept):
        for place in kept:
            if not 0 <= place < count:  # type: ignore[operator]
                raise ValueError(f"categorical_features has the place {place}: expected 0 <= place < {count}")
        return frozenset(kept)  # type: ignore[arg-type]
    for name in kept:
        if name not in place_of:
            texts = [known for known in place_of if isinstance(known, str)]
            what = "names of columns" if names else "places of columns, as the table has no names"
            raise ValueError(f"categorical_features has {shown(name)}: expected {what}{meant(name, texts)}")
    return frozenset(place_of[name] for name in kept)
