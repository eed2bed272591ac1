"""Tables and their columns, of pandas, Polars, Arrow and what looks like them.

None of them is imported here, but for pyarrow where somebody brings a stream of Arrow's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet._inputs import objects
from fcnet._inputs.feature_names import Name, all_kept, cut, kept, shown, variable

_REAL = frozenset("fiub")
_POLARS_REAL = {
    "Boolean",
    "Float32",
    "Float64",
    *(f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)),
}


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
        return optional("pyarrow", f"{name}, a {type(x).__name__},").table(x)
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
    numbers = objects.numbers(array)  # booleans of Polars or Arrow with nulls, decimals
    return array if numbers is None else numbers


def _columns(x: Any) -> list[Any] | None:
    if hasattr(x, "iloc"):
        return [column for _, column in x.items()]
    if hasattr(x, "get_columns"):
        return list(x.get_columns())
    return list(x.columns) if hasattr(getattr(x, "column_names", None), "__iter__") else None


def _unique(types: list[Any]) -> list[Any]:
    """The types of columns without most repetitions, found by identity: to hash a type takes long."""
    return list(dict(zip(map(id, types), types, strict=True)).values())


def _types(x: Any) -> list[Any]:
    """The types of the columns of a frame of pandas, each at least once."""
    blocks: Any = getattr(getattr(x, "_mgr", None), "blocks", None)  # pandas' own: dtypes is a Series, which takes long
    try:
        return [block.dtype for block in blocks]
    except (AttributeError, TypeError):
        return _unique(x.dtypes.tolist())


def _of_blocks(x: Any) -> NDArray[Any] | None:
    """A frame of pandas by its own blocks, perhaps without a copy; None where not every column is of real numbers.

    The type is the one that the columns' arrays, put side by side, would have.
    """
    types = _types(x)
    numbers = [kind if isinstance(kind, np.dtype) else getattr(kind, "numpy_dtype", None) for kind in types]
    if not numbers or not all(kind is not None and kind.kind in _REAL for kind in numbers):
        return None
    try:
        return np.asarray(x.to_numpy(dtype=np.result_type(*numbers)))
    except (TypeError, ValueError):  # something is missing among whole numbers or booleans
        return np.asarray(x.to_numpy(dtype=float, na_value=np.nan))


def _of_polars(x: Any) -> NDArray[Any] | None:
    """A table of Polars, whose common type of real numbers is NumPy's; None where it cannot be read whole."""
    if any(str(kind) not in _POLARS_REAL for kind in _unique(x.dtypes)):
        return None
    array = np.asarray(x.to_numpy())
    return array if array.dtype.kind in _REAL else None


def _of_arrow(x: Any) -> NDArray[Any] | None:
    """A table or batch of Arrow, whose tensors hold real numbers only; None where it cannot be read whole."""
    batches = [x] if hasattr(x, "to_tensor") else x.to_batches()
    if len(batches) > 1:
        batches = x.combine_chunks().to_batches()
    if not batches or not hasattr(batches[0], "to_tensor"):
        return None
    for null_to_nan in (False, True):
        with suppress(TypeError, NotImplementedError):
            array = np.asarray(batches[0].to_tensor(null_to_nan=null_to_nan).to_numpy())
            # Arrow may take whole numbers of several types for ones of a type that cannot hold them all
            return array if array.dtype.kind == "f" or len(set(x.schema.types)) == 1 else None
    return None


def _at_once(x: Any) -> NDArray[Any] | None:
    """A table that its own library makes an array of, with the numbers that its columns have; else None."""
    if hasattr(x, "iloc"):
        return _of_blocks(x) if x.ndim == 2 else None
    if hasattr(x, "get_columns"):
        return _of_polars(x)
    return _of_arrow(x) if hasattr(x, "to_batches") or hasattr(x, "to_tensor") else None


def _of_sparse(x: Any) -> Any:
    """A frame of pandas all of whose columns are sparse numbers, as a sparse array of SciPy; None for another one."""
    types = _types(x)
    numbers = [getattr(kind, "subtype", np.dtype("O")) for kind in types]
    zeros = all(getattr(kind, "fill_value", None) == 0 for kind in types)
    if not types or not zeros or any(kind.kind not in _REAL for kind in numbers):
        return None
    together = np.result_type(*numbers)
    x = x.astype(type(types[0])(together, together.type(0).item())) if len(set(numbers)) > 1 else x
    with suppress(ImportError):  # without SciPy it is made dense
        return x.sparse.to_coo()
    return None


def of_frame(x: Any) -> Any:
    """A frame of pandas as an array, or as a sparse array of SciPy where all of its columns are sparse.

    Parameters
    ----------
    x : object

    Returns
    -------
    array, sparse array or object
        x itself where it is no such frame, or where its columns have to be looked at one by one.
    """
    if not hasattr(x, "iloc") or x.ndim != 2:
        return x
    rows = _of_blocks(x)
    rows = _of_sparse(x) if rows is None else rows
    return x if rows is None else rows


def _not_numbers(name: str, label: Name, kind: object, column: NDArray[Any], is_frame: bool) -> str:
    """What is wrong with a column, and what may be done about it."""
    odd = next(objects.others(column), None) if column.dtype.kind == "O" else None
    what = f" of dtype {kind}" + (f", with {cut(repr(odd[1]))} in row {odd[0][0]}" if odd else "")
    advice = "encode it or leave it out"
    if is_frame and objects.are_texts_of_numbers(column):
        advice = f"see {variable(name)}.astype({{{shown(label)}: float}})"
    return f"{name} has the column {shown(label)}{what}: expected numbers, {advice}"


def only_column(x: Any) -> Any:
    """The column of a table that has but one; whatever else x is, as it is."""
    columns = _columns(x) if _labels(x) is not None else None
    return columns[0] if columns is not None and len(columns) == 1 else x


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
    if isinstance(x, np.ndarray):
        return None
    whole = _at_once(x)
    if whole is not None:
        return whole
    labels = _labels(x)
    if labels is None:
        return _array_of_column(x) if hasattr(x, "isna") or hasattr(x, "null_count") else None
    given = _columns(x)
    if given is None:
        return np.asarray(x)
    columns = []
    for label, column in zip(labels, given, strict=True):
        array = _array_of_column(column)
        if array.dtype.kind not in _REAL:
            kind = getattr(column, "dtype", getattr(column, "type", array.dtype))
            raise TypeError(_not_numbers(name, kept(label), kind, array, hasattr(x, "iloc")))
        columns.append(array)
    return np.stack(columns, axis=1) if columns else np.empty((len(x), 0))
