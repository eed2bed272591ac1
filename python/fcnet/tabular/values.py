"""The values of one column: numbers, truths or text, with gaps, from the column types of every library.

pandas, Polars and Arrow are recognised by their methods, not imported. Equal columns of different libraries give equal
values.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import objects, strips, tables, tensors
from fcnet._inputs.feature_names import cut

_FEW = 1 << 10  # rows
_TRUTHS = (bool, np.bool_)
_NUMBERS = (Real, Decimal, np.bool_)
_DAY = 'numpy.timedelta64(1, "D")'
_OF_DATES = f'subtract a date, such as (day - numpy.datetime64("2020-01-01")) / {_DAY}, or take year, month and weekday'
_OF_DURATIONS = f"divide by a unit, such as {_DAY}"
_OF_BYTES = "decode it to text, such as by numpy.strings.decode"
_OF_OTHERS = "convert it to numbers or text, or drop it"


class UnreadableError(Exception):
    """A column cannot be read; the text is the end of a message, after the column's name."""


@dataclass(eq=False, slots=True)
class Values:
    """The values of a column of n rows.

    Attributes
    ----------
    sort : {"numbers", "truths", "text"}
        A column of gaps alone has numbers.
    array : array (n,)
        Numbers: real, gaps are NaN. Truths: bool, or 0, 1 and NaN for gaps. Text: the place in ``texts``, -1 for gaps.
    texts : list of str
        The distinct texts.
    is_category : bool
        Whether the column's type is that of categories.
    """

    sort: Literal["numbers", "truths", "text"]
    array: NDArray[Any]
    texts: Sequence[str] = ()
    is_category: bool = False

    def gaps(self) -> NDArray[np.bool_]:
        """Return which rows have a gap."""
        return self.array < 0 if self.sort == "text" else np.isnan(self.array)

    def are_gaps(self) -> bool:
        """Whether there is nothing but gaps."""
        return bool(self.gaps().all())

    def differ_in_most_rows(self) -> bool:
        """Whether they are text that differs in most rows, such as names, identifiers or dates."""
        return self.sort == "text" and len(self.texts) > max(2, np.count_nonzero(~self.gaps()) / 2)


def values_of(column: Any) -> Values:
    """Read a column.

    Parameters
    ----------
    column : array (n,), or column of a table

    Returns
    -------
    Values

    Raises
    ------
    UnreadableError : it holds dates, bytes or other objects, or a mixture of text and numbers.
    """
    if type(column) is np.ndarray:
        return _of_array(column)
    kind = getattr(column, "dtype", None)
    if isinstance(kind, np.dtype):
        return _of_array(np.asarray(column))
    if hasattr(column, "codes") and hasattr(column, "categories"):
        return _of_categories(np.asarray(column.codes), column.categories)
    if getattr(kind, "kind", "O") in "fiub" and hasattr(column, "to_numpy"):
        return _of_nullable(column, kind)
    if getattr(kind, "storage", None) == "pyarrow" or hasattr(kind, "pyarrow_dtype"):  # of pandas, kept by Arrow
        return _of_arrow(column.__arrow_array__())
    return _of_arrow(column) if hasattr(column, "to_pylist") else _of_array(_in_strips(column))


def _of_arrow(column: Any) -> Values:
    """Read a column of Arrow."""
    values = tables.decoded(column)
    if len(values) > _FEW and str(values.type) in ("string", "large_string"):
        found = _of_arrow_texts(values)
    elif str(values.type) in ("string", "large_string"):
        found = _of_objects(values.to_pylist())
    else:
        found = _of_array(_in_strips(values))
    return found if values is column else Values(found.sort, found.array, found.texts, True)


def _of_arrow_texts(column: Any) -> Values:
    """Read text by Arrow's dictionary encoding, which takes a fifth of the time of Python's objects."""
    encoded = column.dictionary_encode()
    chunks = encoded.unify_dictionaries().chunks if hasattr(encoded, "chunks") else [encoded]
    codes = [np.asarray(chunk.indices.fill_null(-1)) for chunk in chunks]
    array = np.concatenate([np.empty(0, np.int32), *codes])
    texts = chunks[0].dictionary.to_pylist() if chunks else []
    return Values("text", array, texts) if texts else _of_objects([None] * len(array))


def _in_strips(column: Any) -> NDArray[Any]:
    """Convert a column to an array, in strips for Ctrl-C."""
    if len(column) <= _FEW:
        return np.asarray(column)
    parts = (column[rows] for rows in strips.ranges(len(column), 1, objects=True))
    return strips.joined(len(column), map(np.asarray, parts))


def _of_nullable(column: Any, kind: Any) -> Values:
    """Read numbers or truths of a type of pandas that may have missing values."""
    array = np.asarray(column)
    if array.dtype.kind == "O":
        array = np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    found = _of_array(array)
    return Values("truths", found.array) if kind.kind == "b" and found.sort == "numbers" else found


def _of_categories(codes: NDArray[Any], categories: Any) -> Values:
    """Read the codes of a categorical column of pandas; only categories that occur count."""
    present, places = np.unique(codes, return_inverse=True)
    if present.size and present[0] < 0:
        present, places = present[1:], places - 1
    distinct = _of_objects(np.asarray(categories.take(present), object).tolist(), are_rows=False)
    has_gaps = bool((places < 0).any())
    if distinct.sort == "text":
        array = np.append(distinct.array, -1)[places]  # -1 is the last one
    elif has_gaps:
        array = np.append(distinct.array.astype(np.float64), np.nan)[places]
    else:
        array = distinct.array[places]
    return Values(distinct.sort, array, distinct.texts, True)


def _of_array(array: NDArray[Any]) -> Values:
    """Read an array (n,)."""
    if array.ndim != 1:
        raise UnreadableError(f"of arrays of shape {array.shape[1:]}: expected numbers or text, {_OF_OTHERS}")
    match array.dtype.kind:
        case "f" | "i" | "u":
            return Values("numbers", array if array.itemsize <= 8 else array.astype(np.float64))
        case "V" if array.dtype == tensors.BFLOAT16 or array.dtype.name == "bfloat16":
            return Values("numbers", tensors.widened(tensors.as_bfloat16(array)))
        case "b":
            return Values("truths", array)
        case "U":
            return _of_texts(array.tolist())
        case "O":
            return _of_objects(array.tolist())
        case "T":
            return _of_objects(array.astype(object).tolist())
        case "M":
            raise UnreadableError(f"of dates ({array.dtype}): expected numbers or categories, {_OF_DATES}")
        case "m":
            raise UnreadableError(f"of durations ({array.dtype}): expected numbers or categories, {_OF_DURATIONS}")
        case "S":
            raise UnreadableError(f"of bytes ({array.dtype}): expected numbers or text, {_OF_BYTES}")
    raise UnreadableError(f"of dtype {array.dtype}: expected numbers or text, {_OF_OTHERS}")


def _refused(value: Any, where: str) -> UnreadableError:
    """Return the error for an object that is neither a number nor text."""
    what, advice = f"{cut(repr(value))}, a {type(value).__name__}", _OF_OTHERS
    if isinstance(value, datetime.date | np.datetime64) or type(value).__name__ == "Period":
        advice = _OF_DATES
    elif isinstance(value, datetime.timedelta | np.timedelta64):
        advice = _OF_DURATIONS
    elif isinstance(value, bytes):
        advice = _OF_BYTES
    elif type(value).__name__ == "Interval":
        advice = "convert it to text, such as by astype(str)"
    return UnreadableError(f"with {what}{where}: expected numbers, text or truths, {advice}")


def _is_null(type_: type) -> bool:
    return type_ is type(None) or type_.__name__ == "NAType"


def _of_objects(values: list[Any], are_rows: bool = True) -> Values:
    """Read Python objects, of rows or the categories of a type: texts, truths or numbers, with gaps."""
    types = set(map(type, values))
    if types == {str}:
        return _of_texts(values)
    if types == {bool}:
        return Values("truths", np.array(values))
    if types <= {int, float} and types:
        plain = np.array(values)
        if plain.dtype.kind in "iu" or (plain.dtype.kind == "f" and float in types):
            return Values("numbers", plain)
    odd = {type_ for type_ in types if not issubclass(type_, (str, *_NUMBERS)) and not _is_null(type_)}
    if odd:  # such as NaT
        values = values.copy()
        for row, value in enumerate(values):
            if type(value) in odd:
                if not objects.is_missing(value):
                    raise _refused(value, f", in row {row}" if are_rows else "")
                values[row] = None
        types = types - odd | {type(None)}
    known = {type_ for type_ in types if not _is_null(type_)}
    texts = {type_ for type_ in known if issubclass(type_, str)}
    if texts:
        if known > texts:
            _refuse_numbers(values, known - texts)
        return _of_texts(values)
    array = np.empty(len(values), object)
    array[:] = values
    numbers = objects.numbers(array)
    assert numbers is not None
    truths = {type_ for type_ in known if issubclass(type_, _TRUTHS)}
    are_truths = bool(truths) and all(objects.is_missing(value) for value in values if type(value) in known - truths)
    found = _of_array(numbers)
    return Values("truths", found.array) if are_truths else found


def _refuse_numbers(values: list[Any], types: set[type]) -> None:
    """Refuse numbers among texts, unless they are NaN."""
    for row, value in enumerate(values):
        if type(value) in types and not objects.is_missing(value):
            at = next(i for i, text in enumerate(values) if isinstance(text, str))
            both = f"text, such as {cut(repr(values[at]))} in row {at}, and numbers, such as {value!r} in row {row}"
            raise UnreadableError(f"with {both}: expected either, convert it to text or to numbers")


def _of_texts(values: list[Any]) -> Values:
    """Read texts; all else is gaps."""
    places: dict[Any, int] = {}
    texts: list[str] = []
    array = np.empty(len(values), np.int32)
    for rows in strips.ranges(len(values), 1, objects=True):
        part = values[rows]
        for value in dict.fromkeys(part):
            if value not in places:
                is_text = isinstance(value, str)
                places[value] = len(texts) if is_text else -1
                if is_text:
                    texts.append(str.__str__(value))
        array[rows] = np.fromiter(map(places.__getitem__, part), np.int32, len(part))
    return Values("text", array, texts)
