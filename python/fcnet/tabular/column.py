"""``Column``: what a fit has learnt of a column, and its form in files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal, get_args

from fcnet._checks.public import public_in
from fcnet._inputs import feature_names
from fcnet._inputs.feature_names import Name, shown
from fcnet.tabular.sizes import LARGEST

Kind = Literal["number", "binary", "category"]

_MOST_ROWS = 2**62


@public_in("fcnet.tabular")
@dataclass(frozen=True)
class Column:
    """What a fit has learnt of a column.

    Attributes
    ----------
    name : str, int, float, None or tuple
        Of the column, in the form of ``feature_names``; in an array, its place.
    kind : {"number", "binary", "category"}
        "binary" has two categories.
    categories : tuple of str, bool, int or float
        Sorted. Their codes are 1, 2, ...; 0 is missing or unknown.
    counts : tuple of int
        Number of training rows of each category.
    gaps : int
        Number of training rows without a value.
    median, factor : float
        Of a number: ``z = factor (x - median)``, see ``median_and_factor``. The factor of a constant column is 0.
    quantiles : tuple of float
        Of a number whose encoding is "normal", see ``normal_quantiles``; empty for a constant column.
    edges : tuple of float
        Of the bins of a number, see ``quantile_edges``; empty for a constant column.
    """

    name: Name
    kind: Kind
    categories: tuple[Any, ...] = ()
    counts: tuple[int, ...] = ()
    gaps: int = 0
    median: float = 0.0
    factor: float = 0.0
    quantiles: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def has_gaps(self) -> bool:
        """Whether training rows have gaps."""
        return self.gaps > 0

    def to_plain(self) -> dict[str, Any]:
        """Return what ``from_plain`` restores, in types of JSON.

        Raises
        ------
        TypeError : the name has a type that only a pickle can hold.
        """
        if not _is_plain(self.name):
            raise TypeError(
                f"the column {shown(self.name)} has a name that a file cannot hold: expected text, numbers, dates and "
                f"times, or tuples of these; rename the column, or see pickle"
            )
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: list(value) if type(value) is tuple else value for key, value in plain.items()}

    @classmethod
    def from_plain(cls, plain: object) -> Column:
        """Restore and check what ``to_plain`` returned, perhaps by way of JSON.

        Raises
        ------
        ValueError : it is damaged.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(plain, dict) or set(plain) != set(names):
            raise ValueError(f"a column is not given by {', '.join(names)}")
        if any(not isinstance(plain[key], list) for key in ("categories", "counts", "quantiles", "edges")):
            raise ValueError("the categories, counts, quantiles and edges of a column are not lists")
        try:
            kept = feature_names.checked([plain["name"]], 1)
        except (RecursionError, ValueError):
            raise ValueError("the name of a column is no name") from None
        assert kept is not None
        lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
        column = cls(**(plain | lists | {"name": kept[0]}))
        fault = _fault(column)
        if fault is not None:
            raise ValueError(f"the column {shown(column.name)} has damaged {fault}")
        return column


def _is_plain(name: Name) -> bool:
    """Whether JSON can hold a name: "object" stands for a type that only a pickle can hold."""
    return type(name) is not tuple or (name[0] != "object" and all(map(_is_plain, name[1:])))


def _are_categories(values: Sequence[Any]) -> bool:
    """Whether values can be the categories of a column: texts, both truths, or numbers, in order."""
    types = set(map(type, values))
    if types == {bool}:
        return values == (False, True)
    if not types <= {str} and not types <= {int, float}:
        return False
    sizes = [abs(value) for value in values] if str not in types else []
    if not all(size <= (LARGEST if type(size) is float else 2**64) for size in sizes):  # not NaN either
        return False
    return all(a < b for a, b in pairwise(values))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ROWS


def _is_float(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


def _fault(column: Column) -> str | None:
    """Return what is wrong with a column from a file, in words; None if nothing is."""
    count, numbers = len(column.categories), (column.median, column.factor)
    if not isinstance(column.kind, str) or column.kind not in get_args(Kind):
        return "kind"
    fits = {"number": count == 0, "binary": count == 2, "category": count != 2}[column.kind]
    if not fits or not _are_categories(column.categories):
        return "categories"
    if len(column.counts) != count or not all(map(_is_count, (*column.counts, column.gaps))):
        return "counts"
    if not all(map(_is_float, (*numbers, *column.quantiles, *column.edges))):
        return "numbers"
    if column.kind != "number":
        return None if (*numbers, *column.quantiles, *column.edges) == (0, 0) else "numbers"
    if abs(column.median) > LARGEST or column.factor < 0:
        return "numbers"
    quantiles, edges = column.quantiles, column.edges
    if quantiles and (sorted(quantiles) != list(quantiles) or quantiles[0] == quantiles[-1]):
        return "quantiles"
    if len(edges) == 1 or any(a >= b for a, b in pairwise(edges)):
        return "edges"
    return None
