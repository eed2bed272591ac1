"""Tables and their columns, of pandas, Polars, Arrow and what looks like them.

None of them is imported here, but for pyarrow where somebody brings a stream of Arrow's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.feature_names import Name, all_kept
from fcnet.optional import optional

_REAL = frozenset("fiub")


def is_stream(x: object) -> bool:
    """Whether x is one of Arrow's, such as its readers: rows to come, perhaps only once."""
    return hasattr(x, "__arrow_c_stream__") and not hasattr(x, "__array__")


def in_memory(x: Any, name: str) -> Any:
    """The same; a stream of Arrow's as a table of pyarrow.

    Parameters
    ----------
    x : object
    name : str
        What messages call it.

    Returns
    -------
    object

    Raises
    ------
    TypeError : the stream is none of a table.
    ImportError : pyarrow is missing.
    """
    if not is_stream(x):
        return x
    try:
        return optional("pyarrow", "arrow", f"{name}, a {type(x).__name__},").table(x)
    except ValueError as error:
        raise TypeError(f"{name} is a {type(x).__name__}: expected a stream of a table's rows ({error})") from None


def _labels(x: object) -> list[Any] | None:
    """What a table calls its columns; None where x is no table."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__array__"):
        return None
    # An Arrow table's `columns` are the columns themselves; an attribute of pandas may be a column of that name.
    if hasattr(x, "iloc"):
        labels: Any = getattr(x, "columns", None)
        return None if labels is None else list(labels.tolist() if hasattr(labels, "tolist") else labels)
    for attribute in ("column_names", "columns"):
        labels = getattr(x, attribute, None)
        if hasattr(labels, "__iter__"):
            return list(labels)
    if hasattr(x, "__dataframe__"):
        return list(x.__dataframe__().column_names())
    return None


def column_names(x: object) -> tuple[Name, ...] | None:
    """The names of a table's columns, as ``feature_names`` keeps them.

    Parameters
    ----------
    x : object

    Returns
    -------
    tuple of str, int, float, None or tuple; or None
        None where x is no table.
    """
    labels = _labels(x)
    return all_kept(labels) if labels else None


def _array_of_column(column: Any) -> NDArray[Any]:
    """A column as an array; what is missing in it is NaN."""
    array = np.asarray(column)
    if array.dtype.kind != "O":
        return array
    if getattr(getattr(column, "dtype", None), "kind", "O") in _REAL:  # a type of pandas' own, with pandas.NA in it
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    if all(value is None or value is True or value is False for value in array):  # booleans of Polars or Arrow
        return array.astype(float)
    return array


def _columns(x: Any) -> list[Any] | None:
    if hasattr(x, "iloc"):
        return [column for _, column in x.items()]
    if hasattr(x, "get_columns"):
        return list(x.get_columns())
    return list(x.columns) if hasattr(getattr(x, "column_names", None), "__iter__") else None


def _has_one_type(x: Any) -> bool:
    """Whether a table of pandas holds plain numbers only, so that NumPy may see it whole, perhaps without a copy."""
    if not hasattr(x, "iloc"):
        return False
    kinds = {dtype.kind if isinstance(dtype, np.dtype) else "O" for dtype in set(x.dtypes)}
    return kinds <= {"f", "i", "u"} or kinds == {"b"}


def as_array(x: Any, name: str) -> NDArray[Any] | None:
    """A table or a column as an array, with NaN for what is missing.

    Parameters
    ----------
    x : object
    name : str
        What messages call it.

    Returns
    -------
    array, or None
        (n, columns) or (n,); None where x is neither.

    Raises
    ------
    TypeError : a column of a table is not numeric, or the table is one that NumPy cannot read.
    """
    if not hasattr(x, "__array__") and (hasattr(type(x), "columns") or hasattr(x, "__dataframe__")):
        raise TypeError(f"{name} is a {type(x).__name__}: expected a table in memory, see its methods, like collect()")
    labels = _labels(x)
    if labels is None:
        return _array_of_column(x) if hasattr(x, "isna") or hasattr(x, "null_count") else None
    given = None if _has_one_type(x) else _columns(x)
    if given is None:
        return np.asarray(x)
    columns = []
    for label, column in zip(labels, given, strict=True):
        array = _array_of_column(column)
        if array.dtype.kind not in _REAL:
            kind = getattr(column, "dtype", getattr(column, "type", array.dtype))
            raise TypeError(
                f"{name} has the column {label!r} of dtype {kind}: expected numbers, encode it or leave it out"
            )
        columns.append(array)
    return np.stack(columns, axis=1) if columns else np.empty((len(x), 0))
