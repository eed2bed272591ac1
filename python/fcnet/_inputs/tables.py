"""Tables and their columns: pandas, Polars, Arrow and similar libraries.

None of them is imported here, except pyarrow for Arrow streams.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet._inputs import frames, objects, strips
from fcnet._inputs.feature_names import Name, all_kept, cut, kept, shown, variable

_POLARS_REAL = {
    "Boolean",
    "Float32",
    "Float64",
    *(f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)),
}


def is_stream(x: object) -> bool:
    """Whether x is an Arrow stream, such as a reader, whose rows may be read only once."""
    return hasattr(x, "__arrow_c_stream__") and not hasattr(x, "__array__")


def in_memory(x: Any, name: str) -> Any:
    """Read an Arrow stream into a pyarrow table; return other objects unchanged.

    Parameters
    ----------
    x : object
    name : str
        Name of the argument in messages.

    Returns
    -------
    object

    Raises
    ------
    TypeError : the stream does not hold a table.
    ImportError : pyarrow is not installed.
    """
    if not is_stream(x):
        return x
    try:
        return optional("pyarrow", f"{name}, a {type(x).__name__},").table(x)
    except ValueError as error:
        raise TypeError(f"{name} is a {type(x).__name__}: expected a stream of a table's rows ({error})") from None


def _labels(x: object) -> list[Any] | None:
    """Return the column names of a table; None if x is not a table."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__array__"):
        return None
    # `columns` of an Arrow table are the columns themselves; an attribute of a pandas frame may be a column.
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


def _texts(x: object) -> tuple[str, ...] | None:
    """Return the column names of a pandas frame if they are text kept by Arrow, as is usual: faster than ``tolist``."""
    labels: Any = getattr(x, "columns", None) if hasattr(x, "iloc") else None
    if getattr(getattr(labels, "dtype", None), "storage", None) != "pyarrow":
        return None
    texts = labels.array.__arrow_array__()
    return None if texts.null_count else tuple(texts.to_pylist())


def column_names(x: object) -> tuple[Name, ...] | None:
    """Return the column names of a table, in the form of ``feature_names``.

    Parameters
    ----------
    x : object

    Returns
    -------
    tuple of str, int, float, None or tuple; or None
        None if x is not a table.
    """
    texts = _texts(x)
    if texts:
        return texts
    labels = _labels(x)
    return all_kept(labels) if labels else None


def index_names(values: object) -> tuple[Name, ...] | None:
    """Return the labels of a pandas Series, such as the means of columns; None if they only number its values.

    Parameters
    ----------
    values : object

    Returns
    -------
    tuple of str, int, float, None or tuple; or None
    """
    if not hasattr(values, "iloc") or getattr(values, "ndim", 0) != 1:
        return None
    labels = all_kept(values.index)  # type: ignore[attr-defined]
    return None if labels == tuple(range(len(labels or ()))) else labels


def decoded(column: Any) -> Any:
    """Return an Arrow column of a dictionary's codes as the values; return other columns unchanged.

    NumPy would get some value of the dictionary for nulls.
    """
    kind: Any = getattr(column, "type", None)
    return column.cast(kind.value_type) if hasattr(kind, "index_type") else column


def _array_of_column(column: Any) -> NDArray[Any]:
    """Return a column as an array; missing values become NaN."""
    if hasattr(column, "iloc") and not isinstance(getattr(column, "dtype", None), np.dtype):
        parts = [column.iloc[rows] for rows in strips.ranges(len(column), 1, objects=True)] or [column]
        return strips.joined(len(column), map(_array_of_part, parts))
    return _array_of_part(column)


def _array_of_part(column: Any) -> NDArray[Any]:
    array = np.asarray(decoded(column))
    if array.dtype.kind != "O":
        return array
    if getattr(getattr(column, "dtype", None), "kind", "O") in frames.REAL:  # a nullable type of pandas
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    numbers = objects.numbers(array)  # booleans of Polars or Arrow with nulls, decimals
    return array if numbers is None else numbers


def columns_of(x: Any) -> list[Any] | None:
    """Return the columns of a table; None if it can only be converted as a whole."""
    if hasattr(x, "iloc"):
        return [column for _, column in x.items()]
    if hasattr(x, "get_columns"):
        return list(x.get_columns())
    return list(x.columns) if hasattr(getattr(x, "column_names", None), "__iter__") else None


def _of_polars(x: Any) -> NDArray[Any] | None:
    """Convert a Polars table, whose common type of real numbers is NumPy's; None if it is not possible at once."""
    if any(str(kind) not in _POLARS_REAL for kind in frames.unique(x.dtypes)):
        return None
    array = np.asarray(x.to_numpy())
    return array if array.dtype.kind in frames.REAL else None


def _of_arrow(x: Any) -> NDArray[Any] | None:
    """Convert an Arrow table or batch, whose tensors hold real numbers only; None if it is not possible at once."""
    batches = [x] if hasattr(x, "to_tensor") else x.to_batches()
    if len(batches) > 1:
        batches = x.combine_chunks().to_batches()
    if not batches or not hasattr(batches[0], "to_tensor"):
        return None
    for null_to_nan in (False, True):
        with suppress(TypeError, NotImplementedError):
            array = np.asarray(batches[0].to_tensor(null_to_nan=null_to_nan).to_numpy())
            # Arrow may convert integers of several types to a type that cannot hold them all
            return array if array.dtype.kind == "f" or len(set(x.schema.types)) == 1 else None
    return None


def _at_once(x: Any) -> NDArray[Any] | None:
    """Convert a table by a method of its library that keeps the numbers; None if there is none."""
    if hasattr(x, "iloc"):
        return frames.converted(x) if x.ndim == 2 else None
    if hasattr(x, "get_columns"):
        return _of_polars(x)
    return _of_arrow(x) if hasattr(x, "to_batches") or hasattr(x, "to_tensor") else None


def _of_sparse(x: Any) -> Any:
    """Convert a pandas DataFrame of sparse numbers to a sparse array of SciPy; None for other frames."""
    types = frames.types(x)
    numbers = [getattr(kind, "subtype", np.dtype("O")) for kind in types]
    zeros = all(getattr(kind, "fill_value", None) == 0 for kind in types)
    if not types or not zeros or any(kind.kind not in frames.REAL for kind in numbers):
        return None
    together = np.result_type(*numbers)
    x = x.astype(type(types[0])(together, together.type(0).item())) if len(set(numbers)) > 1 else x
    with suppress(ImportError):  # without SciPy, it becomes dense
        return x.sparse.to_coo()
    return None


def of_frame(x: Any) -> Any:
    """Convert a pandas DataFrame to an array, or to a sparse array of SciPy if all of its columns are sparse.

    Parameters
    ----------
    x : object

    Returns
    -------
    array, sparse array or object
        x itself if it is not a DataFrame, or if its columns have to be converted one by one.
    """
    if not hasattr(x, "iloc") or x.ndim != 2:
        return x
    rows = frames.converted(x)
    rows = _of_sparse(x) if rows is None else rows
    return x if rows is None else rows


def _not_numbers(name: str, label: Name, kind: object, column: NDArray[Any], is_frame: bool) -> str:
    """Return the message for a column that does not hold numbers, with advice."""
    odd = next(objects.others(column), None) if column.dtype.kind == "O" else None
    what = f" of dtype {kind}" + (f", with {cut(repr(odd[1]))} in row {odd[0][0]}" if odd else "")
    advice = "encode it or drop it"
    if is_frame and objects.are_texts_of_numbers(column):
        advice = f"use {variable(name)}.astype({{{shown(label)}: float}})"
    return f"{name} has the column {shown(label)}{what}: expected numbers, {advice}"


def only_column(x: Any) -> Any:
    """Return the column of a table with a single column; return other objects unchanged."""
    columns = columns_of(x) if _labels(x) is not None else None
    return columns[0] if columns is not None and len(columns) == 1 else x


def as_array(x: Any, name: str) -> NDArray[Any] | None:
    """Convert a table or a column to an array; missing values become NaN.

    Parameters
    ----------
    x : object
    name : str
        Name of the argument in messages.

    Returns
    -------
    array, or None
        (n, columns) or (n,); None if x is neither a table nor a column.

    Raises
    ------
    TypeError : a column of a table is not numeric, or NumPy cannot read the table.
    """
    if not hasattr(x, "__array__") and (hasattr(type(x), "columns") or hasattr(x, "__dataframe__")):
        raise TypeError(f"{name} is a {type(x).__name__}: expected a table in memory, see its methods, like collect()")
    if isinstance(x, np.ndarray):
        return None
    whole = _at_once(x)
    if whole is not None:
        return whole
    labels = _labels(x)
    if labels is None:
        return _array_of_column(x) if hasattr(x, "isna") or hasattr(x, "null_count") else None
    given = columns_of(x)
    if given is None:
        return np.asarray(x)
    columns = []
    for label, column in zip(labels, given, strict=True):
        array = _array_of_column(column)
        if array.dtype.kind not in frames.REAL:
            kind = getattr(column, "dtype", getattr(column, "type", array.dtype))
            raise TypeError(_not_numbers(name, kept(label), kind, array, hasattr(x, "iloc")))
        columns.append(array)
    return strips.stacked(columns) if columns else np.empty((len(x), 0))
