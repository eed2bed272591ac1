"""DataFrames of pandas that hold numbers, converted as a whole.

pandas keeps the columns in blocks, which are internal to it. If they are not as expected, the frame is converted by its
public methods, which take 10 µs for each nullable column.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import strips

REAL = frozenset("fiub")

_Array = NDArray[Any]
_VALUES, _DTYPE = map(attrgetter, ("values", "dtype"))
_PLACES = attrgetter("_mgr_locs.as_array")
_FEW_BLOCKS = 16  # of one type, which are copied one by one
_FEW_COLUMNS = 4  # with a block each, which are copied one by one
_FEW_NUMBERS = 1 << 14  # in a frame whose blocks are copied and masks are read together


def unique(kinds: list[Any]) -> list[Any]:
    """Return the types of columns without most duplicates, by identity, because hashing a type is slow."""
    if kinds and kinds.count(kinds[0]) == len(kinds):  # by identity too
        return kinds[:1]
    return list(dict(zip(map(id, kinds), kinds, strict=True)).values())


def types(x: Any) -> list[Any]:
    """Return the types of the columns of a DataFrame, each at least once."""
    blocks: Any = getattr(getattr(x, "_mgr", None), "blocks", None)  # faster than dtypes, a Series
    try:
        return [block.dtype for block in blocks]
    except (AttributeError, TypeError):
        return unique(x.dtypes.tolist())


def _concatenated(parts: list[_Array], n: int) -> _Array:
    """Return the rows of arrays of one type, each (rows, n) or (n,), as one array (rows, n)."""
    try:
        return np.frombuffer(b"".join(parts), parts[0].dtype).reshape(-1, n)  # type: ignore[arg-type]
    except TypeError:  # an array is not contiguous; np.concatenate takes three times as long
        return np.concatenate([part.reshape(-1, n) for part in parts])


def _copy_together(blocks: list[Any], data: list[_Array], dtypes: list[Any], kinds: set[Any], to: _Array) -> None:
    """Copy many small blocks, those of one type at a time."""
    for kind in kinds:
        if len(kinds) > 1:
            chosen = [dtype == kind for dtype in dtypes]
            some, places = list(compress(data, chosen)), list(map(_PLACES, compress(blocks, chosen)))
        else:
            some, places = data, list(map(_PLACES, blocks))
        to[_concatenated(places, 1)[:, 0]] = _concatenated(some, to.shape[1])


def _copy_one_by_one(blocks: list[Any], data: list[_Array], to: _Array) -> None:
    for block, part in zip(blocks, data, strict=True):
        where = block.mgr_locs.indexer
        if to.size <= _FEW_NUMBERS:
            to[where] = part
        else:
            for rows in strips.ranges(to.shape[1], len(part) if part.ndim == 2 else 1):
                to[where, rows] = part[..., rows]


def _of_columns(manager: Any, data: list[_Array], kinds: set[Any], kind: Any, n: int) -> _Array | None:
    """Return the columns (columns, n) of a small frame with a block for each column; None for other frames.

    Their types are the same, or there is only one row.
    """
    numbers: Any = getattr(manager, "blknos", None)  # of the block of each column
    if numbers is None or manager.blklocs.any():
        return None
    one_by_one = None if len(kinds) == 1 else np.array([part.item() for part in data], kind)
    rows: _Array = _concatenated(data, n) if one_by_one is None else one_by_one[:, None]
    return rows.take(np.asarray(numbers), axis=0)


def _gaps(masks: list[_Array], n: int, is_small: bool) -> list[int]:
    """Return which masks have a missing number."""
    if not is_small:
        return [i for i, mask in enumerate(masks) if mask.any()]
    with suppress(TypeError):  # a mask is not contiguous
        flags = b"".join(masks)  # type: ignore[arg-type]
        if flags == bytes(len(flags)):
            return []
    return np.flatnonzero(_concatenated(masks, n).any(axis=1)).tolist()


def _parts(values: list[Any]) -> tuple[list[_Array], list[Any], Sequence[int], list[_Array]]:
    """Return the numbers of blocks and their types, which blocks are nullable, and the masks of these.

    Raises
    ------
    AttributeError : a block is neither an array nor nullable.
    """
    if type(values[0]) is type(values[-1]) is np.ndarray:  # so may be all
        dtypes = list(map(_DTYPE, values))
        if all(isinstance(kind, np.dtype) for kind in set(dtypes)):
            return values, dtypes, (), []
    elif type(values[0]) is not np.ndarray:
        with suppress(AttributeError):  # an array
            data, masks = [part._data for part in values], [part._mask for part in values]
            return data, list(map(_DTYPE, data)), range(len(values)), masks
    nullable = [i for i, part in enumerate(values) if type(part) is not np.ndarray]
    data = values.copy()
    for i in nullable:
        data[i] = values[i]._data
    return data, list(map(_DTYPE, data)), nullable, [values[i]._mask for i in nullable]


def _of_blocks(x: Any) -> _Array | None:
    """Convert a DataFrame by its blocks, each of an array (columns, rows) or of one nullable column.

    Returns
    -------
    array (rows, columns), or None
        A view if there is only one block, of an array. None if there are blocks of another kind.
    """
    try:
        blocks = x._mgr.blocks
        data, dtypes, nullable, masks = _parts(list(map(_VALUES, blocks)))
        kinds = set(dtypes)
    except (AttributeError, IndexError, TypeError):
        return None
    if any(kind.kind not in REAL for kind in kinds):
        return None
    if len(blocks) == 1 and not masks:
        return np.asarray(x.to_numpy())
    n, columns = x.shape
    is_small = 0 < columns * n <= _FEW_NUMBERS
    gaps = _gaps(masks, n, is_small) if masks else []
    kind = np.result_type(*kinds)
    result = None
    if is_small and len(blocks) == columns > _FEW_COLUMNS and (len(kinds) == 1 or n == 1):
        result = _of_columns(x._mgr, data, kinds, kind, n)
    if gaps and kind.kind != "f":
        kind = np.dtype(float)
        result = None if result is None else result.astype(kind)
    if result is None:
        result = np.empty((columns, n), kind)
        if is_small and len(blocks) > _FEW_BLOCKS * len(kinds):
            _copy_together(blocks, data, dtypes, kinds, result)
        else:
            _copy_one_by_one(blocks, data, result)
    for i in gaps:
        column = blocks[nullable[i]].mgr_locs.as_array[0]
        for first, part in strips.of(masks[i]):
            result[column, first : first + len(part)][part] = np.nan
    return result.T


def _by_methods(x: Any) -> _Array | None:
    """Convert a DataFrame by its methods; None if a column does not hold real numbers."""
    kinds = types(x)
    numbers = [kind if isinstance(kind, np.dtype) else getattr(kind, "numpy_dtype", None) for kind in kinds]
    if not numbers or not all(kind is not None and kind.kind in REAL for kind in numbers):
        return None
    together = np.result_type(*numbers)
    parts = [x.iloc[rows] for rows in strips.ranges(*x.shape)] or [x]
    try:
        return strips.joined(len(x), (np.asarray(part.to_numpy(dtype=together)) for part in parts))
    except (TypeError, ValueError):  # missing values among integers or booleans
        return strips.joined(len(x), (np.asarray(part.to_numpy(dtype=float, na_value=np.nan)) for part in parts))


def converted(x: Any) -> _Array | None:
    """Convert a DataFrame of real numbers, perhaps without a copy; None if a column holds something else.

    The type is the common type of the columns. Missing values become NaN.
    """
    whole = _of_blocks(x)
    return _by_methods(x) if whole is None else whole
