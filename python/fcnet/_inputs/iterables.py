"""Distinguishes an iterable of batches from an array-like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

# Attributes of arrays, tensors, tables and sparse arrays, of which iterables of batches have none.
_OF_ARRAYS = (
    "__array_interface__",
    "__dlpack__",
    "__dataframe__",
    "__arrow_c_stream__",
    "shape",
    "toarray",
)
_NO_BATCHES = (Sequence, Mapping, Set)


def is_batches(x: object) -> bool:
    """Whether x is an iterator, or an iterable other than an array, tensor, table, list, tuple, text, dict or set.

    An object with ``__len__`` and ``__getitem__``, such as a Keras ``Sequence``, counts as an iterable.
    """
    if hasattr(x, "__array__") or isinstance(x, _NO_BATCHES) or any(hasattr(x, name) for name in _OF_ARRAYS):
        return False
    return isinstance(x, Iterable) or (hasattr(x, "__len__") and hasattr(x, "__getitem__"))


def is_list_of_batches(x: object) -> bool:
    """Whether x is a list or tuple whose first entry is a batch (x, y)."""
    return isinstance(x, list | tuple) and len(x) > 0 and inputs_of(x[0]) is not x[0]


class BatchesGivenError(TypeError):
    """An iterable of batches was given where rows are expected."""


def inputs_of(batch: Any) -> Any:
    """Return the x of a batch: the batch itself, or the first entry of a tuple (x, y)."""
    if isinstance(batch, tuple | list) and 1 <= len(batch) <= 3:
        first = batch[0]
        whole = np.asarray(first, object) if isinstance(first, list | tuple) else first
        if len(getattr(whole, "shape", ())) == 2:
            return first
    return batch
