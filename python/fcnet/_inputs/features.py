"""Checks of x, and its conversion to the form that the native core takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet._inputs import arrays, feature_names, iterables, sparse, tables, tensors
from fcnet._inputs.arrays import Array
from fcnet._inputs.codes import Codes
from fcnet._inputs.feature_names import Name, variable
from fcnet._inputs.finite import Scaling, refuse_unfit
from fcnet._inputs.sparse import SparseRows

# Types that the native core reads without a copy, with any strides.
_NUMBERS = ("f2", "f4", "f8", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_NATIVE = frozenset({*map(np.dtype, _NUMBERS), tensors.BFLOAT16})
_FLOATS = (np.dtype("f4"), np.dtype("f8"))


def _readable(array: Array) -> bool:
    """Whether the native core can read the array without a copy. Broadcast arrays too: copies may not fit in memory."""
    if array.dtype not in _NATIVE or not array.dtype.isnative or not array.flags.aligned:
        return False
    if array.flags.c_contiguous:
        return True
    return all(
        step % array.itemsize == 0 and (step != 0 or n <= 1) for step, n in zip(array.strides, array.shape, strict=True)
    )


def _needs_no_check(x: ArrayLike, inputs: int) -> bool:
    """Whether x is an array that needs no checks or conversion: a fast path for predictions of few rows."""
    if type(x) is not np.ndarray or not (x.dtype is _FLOATS[0] or x.dtype is _FLOATS[1]):
        return False
    return x.flags.c_contiguous and x.flags.aligned and x.shape[1:] == (inputs,)


def _check_features(shape: tuple[int, ...], inputs: int, name: str) -> None:
    if shape[1] != inputs:
        advice = f", use np.transpose({variable(name)})" if shape[0] == inputs else ""
        raise ValueError(
            f"{name} has {shape[1]} features, but the network takes {inputs}: "
            f"expected (n_samples, {inputs}), got {shape}{advice}"
        )


def check_x(
    x: ArrayLike,
    inputs: int,
    dtype: np.dtype[Any],
    *,
    finite: bool,
    known: tuple[Name, ...] | None = None,
    scaling: Scaling | None = None,
    codes: Codes | None = None,
    name: str = "x",
) -> Array | SparseRows:
    """Check x; floats and integers of up to 64 bits are not copied, other types are converted to ``dtype``.

    Parameters
    ----------
    x : array-like, table or sparse array (n, inputs) of real numbers
    inputs : int
    dtype : the network's
    finite : bool
        Refuse NaN, infinity, and numbers too large for the network's dtype.
    known : tuple, optional
        The columns that a table must have, in the form of ``feature_names``.
    scaling : Scaling, optional
        Input scaling of the network; numbers that become infinite by it are refused too.
    codes : Codes, optional
        The columns of x that hold codes of categories, perhaps none, if the network embeds columns: x is not sparse.
    name : str
        Name of the argument in messages.

    Returns
    -------
    array or SparseRows (n, inputs)

    Raises
    ------
    TypeError : x does not hold real numbers, or is a masked array.
    ValueError : x has another shape, other columns, numbers that are not finite, or unknown codes.
    """
    if not finite and codes is None and _needs_no_check(x, inputs):
        return x  # type: ignore[return-value]  # a cast would cost a call
    columns = None
    if type(x) is not np.ndarray:
        if iterables.is_batches(x):
            raise iterables.BatchesGivenError(f"{name} is a {type(x).__name__}: expected an array, a list or a table")
        x = tables.in_memory(x, name)
        columns = tables.column_names(x)
        feature_names.compare(columns, known, name, x)
        x = tables.of_frame(x)
        if sparse.is_sparse(x):
            if codes is not None:
                what = f"{name} is sparse, but the network embeds its columns (fcnet.Columns)"
                raise TypeError(f"{what}: expected a dense array, use {variable(name)}.toarray()")
            rows = sparse.rows(x, dtype, name)
            _check_features(rows.shape, inputs, name)
            if finite:
                rows.refuse_unfit(name, scaling or Scaling(dtype), columns or known)
            return rows
        if iterables.is_list_of_batches(x):
            what = f"{name} is a {type(x).__name__} of batches"
            raise TypeError(f"{what}: expected their rows; predict and predict_classes take iter({variable(name)})")
    array = arrays.plain(x, name)
    if array.dtype.kind != "V" or array.dtype != tensors.BFLOAT16:
        array = arrays.real(array, name)
    if array.ndim != 2:
        one, whole = array.ndim == 1 and len(array), variable(name)
        row, column, images = one == inputs, one and inputs == 1, array.ndim > 2 and array.size == len(array) * inputs
        advice = f", for one sample use np.asarray({whole})[None, :]" if row else ""
        advice = f", for one feature use np.asarray({whole})[:, None]" if column else advice
        advice = f", use np.reshape({whole}, (-1, {inputs}))" if images else advice
        raise ValueError(f"{name} has shape {array.shape}: expected (n_samples, {inputs}){advice}")
    _check_features(array.shape, inputs, name)
    taken = array
    if not _readable(array):  # before the check, so that a copy too large for memory fails at once
        keep = array.dtype in _NATIVE and array.dtype.isnative
        # too large numbers become infinite, and so do predictions; the core subtracts offsets in float64
        wide = dtype if np.can_cast(array.dtype, dtype) else np.dtype(np.float64)
        taken = arrays.converted(array, array.dtype if keep else wide)
    if finite:
        refuse_unfit(array, name, scaling or Scaling(dtype), columns or known)
    if codes is not None:
        codes.check(array, name, columns or known)
    return taken
