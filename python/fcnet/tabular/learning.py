"""What is learnt of one column of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs.feature_names import Name
from fcnet.tabular.categories import Coder, distinct
from fcnet.tabular.column import Column, Kind
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.normal_scale import normal_quantiles, to_normal
from fcnet.tabular.piecewise_linear import apart, quantile_edges
from fcnet.tabular.quantiles import equal_quantiles
from fcnet.tabular.robust_scale import factor_of, smooth_clip
from fcnet.tabular.values import Values

_NARROWEST = 1e-3  # of a bin, relative to all: outside of the outer ones an encoding grows with 1 / width


def training_rows(given: ArrayLike | None, count: int, name: str) -> slice | NDArray[np.intp]:
    """Check the argument ``rows`` of ``ColumnEncoder.fit`` for a table of ``count`` rows.

    Raises
    ------
    ValueError : they are not rows of the table, or there are none.
    """
    if not count:
        raise ValueError(f"{name} has no rows: expected at least one")
    if given is None:
        return slice(None)
    rows = np.asarray(given)
    if rows.dtype == bool:
        if rows.shape != (count,):
            raise ValueError(f"rows is a mask of shape {rows.shape}: expected ({count},), one for each row of {name}")
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not rows.size:
        what = f"has shape {rows.shape} and dtype {rows.dtype}"
        raise ValueError(f"rows {what}: expected whole numbers or a mask, for at least one row of {name}")
    if rows.min() < 0 or rows.max() >= count:
        raise ValueError(f"rows has {rows.min()} to {rows.max()}: expected 0 <= row < {count}")
    return rows.astype(np.intp)


def category_of(name: Name, values: Values, training: slice | NDArray[np.intp]) -> Column:
    """Learn a column of categories: which there are in all rows, and how many of each in the training rows."""
    categories = distinct(values)
    codes = Coder(categories).codes(values)[training]
    gaps, *counts = np.bincount(codes, minlength=len(categories) + 1).tolist()
    kind: Kind = "binary" if len(categories) == 2 else "category"
    return Column(name, kind, categories, tuple(counts), gaps)


def number_of(name: Name, x: NDArray[Any], encoding: Encoding, place: int) -> Column:
    """Learn a column from its numbers in the training rows."""
    ordered = np.sort(x.astype(np.float64))  # NaN last
    known = int(np.searchsorted(ordered, np.nan))
    gaps, ordered = len(ordered) - known, ordered[:known]
    if not known:
        return Column(name, "number", gaps=gaps)
    quarters = equal_quantiles(ordered, 4)
    median, factor = float(quarters[2]), float(factor_of(quarters))
    quantiles = np.empty(0)
    if encoding.numbers == "normal":
        quantiles = normal_quantiles(ordered, encoding.noise, [encoding.seed, place])
    edges = np.empty(0)
    if encoding.bins and factor:
        with np.errstate(over="ignore"):
            z = to_normal(ordered, quantiles) if len(quantiles) else smooth_clip((ordered - median) * factor)
        found = quantile_edges(z, encoding.bins)
        found = apart(found, lambda edge: _NARROWEST * (found[-1] - found[0]))
        edges = found if len(found) > 1 else edges
    return Column(name, "number", (), (), gaps, median, factor, tuple(quantiles.tolist()), tuple(edges.tolist()))
