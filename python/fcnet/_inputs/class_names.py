"""Class labels of a network's outputs, text or other, stored in the form of ``feature_names``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import arrays, feature_names, objects, strips, tables
from fcnet._inputs.feature_names import Name, variable
from fcnet.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss

_OF_TEXT = frozenset({str, np.str_, float, type(None)})  # types of text labels in a list, and of missing ones
_NO_CLASS = ("",)  # different from every stored name
_LISTED = 10  # names in a message at most


def listing(classes: Sequence[Name]) -> str:
    """List the names for a message, only the first ones if there are many."""
    more = f" and {len(classes) - _LISTED} more" if len(classes) > _LISTED else ""
    return ", ".join(map(feature_names.shown, classes[:_LISTED])) + more


def _of_objects(values: Any, name: str) -> NDArray[Any] | None:
    """Convert a list of text or a pandas column of objects, in strips for Ctrl-C; None for anything else."""
    is_column = hasattr(values, "iloc") and values.ndim == 1 and values.dtype.kind == "O"
    is_list = isinstance(values, list | tuple) and len(values) > 0 and isinstance(values[0], str)
    if not is_column and not is_list:
        return None
    array = np.empty(len(values), object)
    for first, filled in strips.of(array):
        part = (values.iloc if is_column else values)[first : first + len(filled)]
        if is_column:
            part = arrays.plain(part, name)
        if part.dtype.kind != "O" if is_column else not set(map(type, part)) <= _OF_TEXT:
            return None
        filled[:] = part
    return array


def _plain(values: Any, name: str) -> NDArray[Any]:
    """Convert labels to an array whose ``tolist`` returns them, unlike NumPy's for mixed lists and dates."""
    array = _of_objects(values, name)
    if array is not None:
        return array
    array = arrays.plain(values, name)
    if array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] in ("ns", "ps", "fs", "as"):
        return array.astype("M8[us]")
    return np.array(values, object) if array.dtype.kind == "U" and isinstance(values, list | tuple) else array


def _values(labels: Iterable[Any]) -> list[Any]:
    """Return labels as Python values; pandas' timestamps become the datetimes that they equal."""
    values = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    if isinstance(labels, np.ndarray) and labels.dtype.kind != "O":
        return values
    return [
        value.to_pydatetime() if hasattr(value, "to_pydatetime") and value.tzinfo is None and value == value else value
        for value in values
    ]


def number(loss: Loss, outputs: int) -> int | None:
    """Return the number of classes for a loss and a number of outputs; None if it is not a classification."""
    if isinstance(loss, BinaryCrossEntropy) or (isinstance(loss, Custom) and outputs == 1):
        return 2 if outputs == 1 else None
    return outputs if isinstance(loss, CrossEntropy | Custom) else None


def given(classes: object) -> tuple[Name, ...] | None:
    """Check the argument ``classes`` of a network, and return it in the stored form.

    Raises
    ------
    TypeError : classes is not a sequence of hashable values.
    ValueError : a class is missing.
    """
    if classes is None:
        return None
    is_no_list = isinstance(classes, str | bytes) or getattr(classes, "ndim", 1) != 1 or hasattr(classes, "columns")
    if is_no_list or not isinstance(classes, Iterable) or isinstance(classes, dict | set):
        what = feature_names.cut(" ".join(repr(classes).split()))
        raise TypeError(f"classes is {what}: expected a list like ['no', 'yes'], in the order of the outputs")
    values = _values(_plain(classes, "classes") if hasattr(classes, "dtype") else classes)
    for i, value in enumerate(values):
        if objects.is_missing(value):
            raise ValueError(f"classes[{i}] is {value!r}: expected a name for every class")
    kept = feature_names.all_kept(values)
    if kept is None:
        raise TypeError(f"classes is {classes!r}: expected text, numbers or other hashable labels")
    return kept


def checked(kept: tuple[Name, ...] | None, loss: Loss, outputs: int) -> tuple[Name, ...] | None:
    """Check that stored classes match a loss and a number of outputs.

    Raises
    ------
    ValueError : there is not one name for each class, or a name occurs twice.
    """
    if kept is None:
        return None
    expected = number(loss, outputs)
    if expected is None:
        what = "multi-label" if isinstance(loss, BinaryCrossEntropy) else f"values for loss {loss.name!r}"
        raise ValueError(f"classes is given, but the {outputs} outputs are {what}: expected None")
    if len(kept) != expected:
        names = listing(kept)
        raise ValueError(f"there are {len(kept)} classes, {names}: expected {expected} for {outputs} outputs")
    twice = next((name for i, name in enumerate(kept) if name in kept[:i]), None) if len(set(kept)) < expected else None
    if twice is not None:
        raise ValueError(f"classes has {feature_names.shown(twice)} twice: expected a different name for every class")
    return kept


def known(kept: object) -> tuple[Name, ...] | None:
    """Check classes from a file or a pickle.

    Raises
    ------
    ValueError : the classes are neither None nor names.
    """
    if kept is None:
        return None
    try:
        return feature_names.checked(kept, len(kept) if isinstance(kept, list | tuple) else -1)
    except ValueError:
        raise ValueError("classes has an entry that is no name") from None


def _of_text(array: NDArray[Any], name: str) -> tuple[Name, ...] | None:
    """Return the classes in text labels, sorted; None if some label is neither text nor missing."""
    types: set[Any] = set()
    for _, part in strips.of(array):
        types.update(map(type, part.tolist()))
    are_text = [issubclass(type_, str) for type_ in types]  # including numpy.str_
    if not any(are_text):
        return None
    if all(are_text):
        found: set[str] = set()
        for _, part in strips.of(array):
            found.update(map(str.__str__, part.tolist()))
        return tuple(sorted(found))
    for row, value in enumerate(array):
        if objects.is_missing(value):
            raise ValueError(
                f"{name} is {value!r} in row {row}: expected a label for every sample; drop rows without a label"
            )
    return None


def labels(
    y: ArrayLike, classes: tuple[Name, ...] | None, loss: Loss, outputs: int, name: str, *, learn: bool
) -> tuple[ArrayLike, tuple[Name, ...] | None]:
    """Return y with class indices in place of class names, and the classes.

    Parameters
    ----------
    y : as for fit
    classes : tuple of stored names, or None
        If they are not known, text labels define the classes, sorted, and other labels are unchanged.
    loss : Loss
    outputs : int
    name : str
        Name of y in messages.
    learn : bool
        Whether text labels may define the classes.

    Returns
    -------
    y, classes
        y is unchanged if it has no class names: numbers without known classes, one-hot rows, or probabilities.

    Raises
    ------
    TypeError : y is text, but the classes are not known and text may not define them.
    ValueError : a label is unknown or missing, y has fewer or more classes than the network, or a table has a column
        for each class in another order.
    """
    if number(loss, outputs) is None or (classes is None and isinstance(loss, Custom)):
        return y, classes
    if classes is None and type(y) is np.ndarray and y.dtype.kind in "fiub":  # a fast path for single steps
        return y, None
    columns = tables.column_names(y)
    if classes is not None and columns is not None and columns != classes and set(columns) == set(classes):
        raise ValueError(
            f"{name} has a column for each class in another order: expected {listing(classes)}, use "
            f"{variable(name)}[list(net.classes)]"
        )
    array = _plain(tables.only_column(y), name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or (classes is None and array.dtype.kind not in "USTO"):
        return y, classes
    if classes is None:
        found = _of_text(array, name)
        if found is None:
            return y, None
        if not learn:
            numbers = f"np.unique({variable(name)}, return_inverse=True)[1]"
            advice = f"use {numbers}, or fcnet.Network(..., classes=[...]) for a new one"
            raise TypeError(f"{name} is text, but the network was fitted on integer labels: expected these, {advice}")
        expected = number(loss, outputs)
        if len(found) != expected:
            raise ValueError(
                f"{name} has {len(found)} classes, {listing(found)}, but the network has {expected}: "
                f"expected all of them, or fcnet.Network(..., classes=[...])"
            )
        classes = found
    return _numbers(array, classes, name), classes


def _numbers(array: NDArray[Any], classes: tuple[Name, ...], name: str) -> NDArray[np.int64]:
    """Return the class index of each label."""
    index = {known: i for i, known in enumerate(classes)}
    numbers = np.empty(len(array), np.int64)
    for first, part in strips.of(array):
        values = _values(part)
        kept = feature_names.all_kept(values)
        if kept is None:  # some label is not hashable, and so unknown
            found = [index.get((feature_names.all_kept([value]) or (_NO_CLASS,))[0], -1) for value in values]
        else:
            found = [index.get(label, -1) for label in kept]
        numbers[first : first + len(part)] = found
        unknown = np.flatnonzero(numbers[first : first + len(part)] < 0)
        if unknown.size:
            at = int(unknown[0])
            label, row = feature_names.cut(repr(values[at])), first + at
            raise ValueError(
                f"{name} contains the label {label} in row {row}: expected one of the classes {listing(classes)}"
            )
    return numbers


def of_text(labels: ArrayLike, name: str) -> tuple[Name, ...] | None:
    """Return the classes in text labels, sorted; None for other labels; ValueError if a label is missing."""
    array = _plain(tables.only_column(labels), name)
    return _of_text(array, name) if array.ndim == 1 and array.dtype.kind in "USTO" else None


def numbered(labels: ArrayLike, names: Sequence[Any], name: str) -> ArrayLike:
    """Convert text labels to their indices among ``names``; return other labels unchanged.

    Raises
    ------
    ValueError : a label is unknown or missing; ``name`` is the argument in the message.
    """
    if of_text(labels, name) is None:
        return labels
    return _numbers(_plain(tables.only_column(labels), name), feature_names.all_kept(names) or (), name)


def by_number(given: Mapping[Any, Any], classes: tuple[Name, ...] | None, count: int, name: str) -> dict[int, Any]:
    """Convert a mapping by class, or by class name if the classes have names, to one by class index.

    Raises
    ------
    ValueError : a class is unknown; ``name`` is the argument in the message.
    """
    known: Sequence[Any] = range(count) if classes is None else classes
    numbers = {}
    for label, value in given.items():
        found = (feature_names.all_kept([label]) or (label,))[0] if classes is not None else label
        if found not in known:
            expected = f"0 <= class < {count}" if classes is None else f"one of {listing(classes)}"
            raise ValueError(f"{name} has the unknown class {label!r}: expected {expected}")
        numbers[known.index(found)] = value
    return numbers


def most_likely(predict: Callable[[Any], NDArray[Any]], x: Any, name: str, outputs: int) -> NDArray[np.int64]:
    """Return the class index of each row, predicted in chunks, as the probabilities may not fit in memory.

    ``name`` is that of x in messages.

    Raises
    ------
    ValueError : a probability is NaN.
    """
    found = np.empty(len(x), np.int64)
    step = arrays.rows_at_once(outputs)
    for first in range(0, len(x), step):
        p = predict(x[first : first + step])
        undefined = np.isnan(p).any(axis=1)
        if undefined.any():
            row = first + int(np.flatnonzero(undefined)[0])
            raise ValueError(f"the output for row {row} of {name} is NaN: it has no class")
        found[first : first + step] = p[:, 0] > 0.5 if outputs == 1 else p.argmax(axis=1)
    return found


def restored(classes: tuple[Name, ...]) -> tuple[Any, ...]:
    """Return the classes as the user gave them."""
    return tuple(map(feature_names.restored, classes))


def array_of(classes: tuple[Name, ...]) -> NDArray[Any]:
    """Return the classes as an array of their common type, or else of objects."""
    values = restored(classes)
    if len(set(map(type, values))) == 1 and isinstance(values[0], str | bytes | bool | int | float):
        return np.array(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array
