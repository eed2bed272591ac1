"""DataFrames of pandas that hold numbers, converted as a whole.

pandas keeps the columns in blocks, which are internal to it. If they are not as expected, the frame is converted by its
public methods, which take 10 µs for each nullable column.
"""

from __future__ import annotations

from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs import strips

REAL = frozenset("fiub")

_Array = NDArray[Any]
_VALUES, _DATA, _MASK, _DTYPE = map(attrgetter, ("values", "_data", "_mask", "dtype"))
_PLACES = attrgetter("_mgr_locs.as_array")
_FEW_BLOCKS = 16  # of one type, which are copied one by one
_FEW_MASKS = 4  # which are read one by one
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


def _copy_together(blocks: list[Any], data: list[_Array], dtypes: list[Any], kinds: list[Any], to: _Array) -> None:
    """Copy many small blocks, those of one type at a time."""
    for kind in kinds:
        if len(kinds) > 1:
            chosen = [dtype is kind for dtype in dtypes]
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


def _gaps(blocks: list[Any], masks: list[_Array], n: int, together: bool) -> list[tuple[int, _Array]]:
    """Return the columns of nullable blocks where numbers are missing, with their masks."""
    suspects: Any = range(len(masks))
    if together:
        all_masks = _concatenated(masks, n)
        suspects = np.flatnonzero(all_masks.any(axis=1)) if all_masks.any() else ()
    return [(blocks[i].mgr_locs.as_array[0], masks[i]) for i in suspects if masks[i].any()]


def _of_blocks(x: Any) -> _Array | None:
    """Convert a DataFrame by its blocks, each of an array (columns, rows) or of one nullable column.

    Returns
    -------
    array (rows, columns), or None
        A view if there is only one block, of an array. None if there are blocks of another kind.
    """
    try:
        blocks = x._mgr.blocks
        data, nullable = list(map(_VALUES, blocks)), blocks
        classes = set(map(type, data))
        if classes == {np.ndarray}:
            nullable, masks = [], []
        elif np.ndarray not in classes:
            data, masks = list(map(_DATA, data)), list(map(_MASK, data))
        else:
            are_nullable = [type(values) is not np.ndarray for values in data]
            nullable, masks = list(compress(blocks, are_nullable)), list(map(_MASK, compress(data, are_nullable)))
            data = [values._data if null else values for values, null in zip(data, are_nullable, strict=True)]
        dtypes = list(map(_DTYPE, data))
        kinds = unique(dtypes)
    except (AttributeError, TypeError):
        return None
    if not kinds or any(kind.kind not in REAL for kind in kinds):
        return None
    if len(blocks) == 1 and not nullable:
        return np.asarray(x.to_numpy())
    n, columns = x.shape
    is_small = 0 < columns * n <= _FEW_NUMBERS
    gaps = _gaps(nullable, masks, n, is_small and len(masks) > _FEW_MASKS) if masks else []
    kind = np.result_type(*kinds)
    result = np.empty((columns, n), np.dtype(float) if gaps and kind.kind != "f" else kind)
    if is_small and len(blocks) > _FEW_BLOCKS * len(kinds):
        _copy_together(blocks, data, dtypes, kinds, result)
    else:
        _copy_one_by_one(blocks, data, result)
    for column, mask in gaps:
        for first, part in strips.of(mask):
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
