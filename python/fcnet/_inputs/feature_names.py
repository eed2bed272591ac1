"""Column names: the names of a network's inputs, from the first table that it was fitted on.

A name is stored as a plain value, so that files, pickles and comparisons need no other library. Text, integers, finite
floats and None are stored as they are, any other name as a tuple of its kind and its parts, like ``("tuple", "a", 1)``,
``("bool", 1)`` or ``("timestamp", "2026-11-30T00:00:00", None)``.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from fcnet._checks.optional_imports import optional

Name = str | int | float | None | tuple[Any, ...]

_LISTED = 5  # names in a message at most
_PLAIN = frozenset({str, int, type(None)})
_ZONE = re.compile(r"[\w+:/-]{1,64}")  # such as Europe/Berlin or UTC+01:00, which pandas can parse


def _pandas() -> Any:
    return optional("pandas", "a column name of a pandas type")


# For each kind of name, the types of its parts and how to restore it.
_KINDS: dict[str, tuple[tuple[type, ...] | None, Callable[..., Hashable]]] = {
    "bool": ((int,), bool),
    "float": ((str,), float),  # NaN and infinity
    "bytes": ((str,), bytes.fromhex),
    "date": ((str,), datetime.date.fromisoformat),
    "datetime": ((str,), datetime.datetime.fromisoformat),
    "timestamp": (
        (str, object),
        lambda text, zone: _pandas().Timestamp(text) if zone is None else _pandas().Timestamp(text).tz_convert(zone),
    ),
    "timedelta": ((str,), lambda text: _pandas().Timedelta(text)),
    "period": ((int, str), lambda ordinal, frequency: _pandas().Period(ordinal=ordinal, freq=frequency)),
    "interval": ((object, object, str), lambda *ends: _pandas().Interval(*map(restored, ends[:2]), closed=ends[2])),
    "NaT": ((), lambda: _pandas().NaT),
    "NA": ((), lambda: _pandas().NA),
    "tuple": (None, lambda *entries: tuple(map(restored, entries))),
    "object": ((object,), lambda name: name),
}


def _of_pandas(name: Any) -> Name:
    """Return the stored form of a name of a pandas type, or of a type that only a pickle can hold."""
    if type(name).__module__.partition(".")[0] != "pandas":
        return ("object", name)
    match type(name).__name__:
        case "Timestamp" if name.tzinfo is None or _ZONE.fullmatch(str(name.tzinfo)):
            return ("timestamp", name.isoformat(), None if name.tzinfo is None else str(name.tzinfo))
        case "Timedelta":
            return ("timedelta", name.isoformat())
        case "Period":
            return ("period", name.ordinal, name.freqstr)
        case "Interval":
            return ("interval", kept(name.left), kept(name.right), name.closed)
        case "NaTType":
            return ("NaT",)
        case "NAType":
            return ("NA",)
    return ("object", name)


def kept(name: Any) -> Name:
    """Return the stored form of a name; TypeError if it is not hashable, and so not a name.

    An integer and the float equal to it are the same name; True and 1 are not.
    """
    if type(name) in _PLAIN:
        return name  # type: ignore[no-any-return]
    hash(name)
    if isinstance(name, str):
        return str.__str__(name)
    if isinstance(name, bool | np.bool_):
        return ("bool", int(name))
    if isinstance(name, int | np.integer):
        return int(name)
    if isinstance(name, float | np.floating):
        number = float(name)
        return number if math.isfinite(number) else ("float", repr(number))
    if isinstance(name, tuple):
        return ("tuple", *map(kept, name))
    if isinstance(name, bytes):
        return ("bytes", name.hex())
    if type(name) is datetime.date:
        return ("date", name.isoformat())
    if type(name) is datetime.datetime and name.tzinfo is None:
        return ("datetime", name.isoformat())
    return _of_pandas(name)


def all_kept(names: Iterable[Any]) -> tuple[Name, ...] | None:
    """Return the stored forms of names; None if one of them is not hashable, and so not a name."""
    names = tuple(names)
    if set(map(type, names)) <= _PLAIN:
        return names
    try:
        return tuple(map(kept, names))
    except TypeError:
        return None


def restored(name: Name) -> Hashable:
    """Restore a name from its stored form.

    Raises
    ------
    ImportError : the name is of a pandas type, but pandas is not installed.
    ValueError : the stored form is invalid.
    """
    if type(name) is not tuple:
        return name
    try:
        return _KINDS[name[0]][1](*name[1:])
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"feature_names has {name!r}, which is no name: {error}") from None


def variable(name: str) -> str:
    """Return the variable of an argument's name in messages: "x" for "x of batch 3"."""
    return name.split()[0]


def cut(text: str) -> str:
    """Truncate a long text for a message."""
    return text if len(text) <= 80 else f"{text[:80]}..."


def shown(name: Name) -> str:
    """Format a name for a message, truncated if it is long."""
    if isinstance(name, str):
        return repr(cut(name))
    try:
        text = repr(restored(name))
    except (ImportError, ValueError):
        text = repr(name)
    return cut(text if text.isprintable() else repr(text))


def _checked(name: Any) -> Name:
    """Check a stored name from a file or a pickle, which may have lists for tuples; ValueError if it is invalid."""
    if type(name) in _PLAIN or (type(name) is float and math.isfinite(name)):
        return name  # type: ignore[no-any-return]
    if not isinstance(name, list | tuple) or not name or not isinstance(name[0], str) or name[0] not in _KINDS:
        raise ValueError
    kind, *entries = name
    types, make = _KINDS[kind]
    if kind in ("tuple", "interval"):
        entries = [*map(_checked, entries[:2]), *(map(_checked, entries[2:]) if kind == "tuple" else entries[2:])]
    if types is not None and (len(entries) != len(types) or not all(map(isinstance, entries, types))):
        raise ValueError
    if kind == "timestamp" and not (
        entries[1] is None or (isinstance(entries[1], str) and _ZONE.fullmatch(entries[1]))
    ):
        raise ValueError
    if kind in ("bool", "float", "bytes", "date", "datetime") and kept(make(*entries)) != (kind, *entries):
        raise ValueError
    hash(tuple(entries))
    return (kind, *entries)


def checked(names: object, inputs: int) -> tuple[Name, ...] | None:
    """Check stored names from a file or a pickle; ValueError unless they are None or one for each input."""
    if names is None:
        return None
    try:
        if isinstance(names, list | tuple) and len(names) == inputs:
            return tuple(map(_checked, names))
    except (TypeError, ValueError):
        pass
    raise ValueError(f"feature_names is not one name for each of {inputs} inputs")


def listing(names: Sequence[Name]) -> str:
    """Return the first names as a message shows them, and how many more there are."""
    shown_names = [shown(name) for name in names[:_LISTED]]
    return ", ".join(shown_names) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _are_unnamed(given: tuple[Name, ...], known: tuple[Name, ...]) -> bool:
    """Whether columns are only numbered from 0, as pandas numbers those of an array, and no known name is an int."""
    numbered = all(type(name) is int and name == i for i, name in enumerate(given))
    return numbered and len(given) == len(known) and int not in map(type, known)


def compare(
    given: tuple[Name, ...] | None,
    known: tuple[Name, ...] | None,
    name: str,
    table: object,
    *,
    advise: bool = True,
) -> None:
    """Compare the columns of a table with those that the network was fitted on.

    They match if either has no names. Columns that are only numbered from 0 count as having no names, unless a known
    name is an integer too.

    Parameters
    ----------
    given, known : tuple of Name, or None
    name : str
        Name of the table in messages.
    table : object
    advise : bool
        Add advice on how to select the known columns by a network's ``feature_names``.

    Raises
    ------
    ValueError : the columns differ; the message says which.
    """
    if given is None or known is None or given == known or _are_unnamed(given, known):
        return
    offered, expected = set(given), set(known)
    missing = [column for column in known if column not in offered]
    extra = [column for column in given if column not in expected]
    differences = [f"lacks the columns {listing(missing)}"] if missing else []
    differences += [f"has the unknown columns {listing(extra)}"] if extra else []
    if not differences and len(given) != len(known):
        differences = [f"has {len(given)} columns, some with the same name, but the network takes {len(known)}"]
    if not differences:
        at = next(i for i, pair in enumerate(zip(given, known, strict=True)) if pair[0] != pair[1])
        differences = [f"has its columns in another order, {listing(given[at : at + 1])} as column {at}"]
        differences[0] += f" instead of {listing(known[at : at + 1])}"
    advice = _advice(given, known, variable(name), table) if advise else ""
    raise ValueError(f"{name} {' and '.join(differences)}: expected those of the first fit, in their order{advice}")


def _advice(given: tuple[Name, ...], known: tuple[Name, ...], name: str, table: object) -> str:
    """Return advice on how to select the known columns; nothing if some are missing."""
    if not set(known) <= set(given):
        same_number = len(given) == len(known)
        return f"; for the same columns under other names use np.asarray({name})" if same_number else ""
    if not hasattr(table, "iloc"):
        method = ".select(list(net.feature_names))" if hasattr(table, "select") else "[list(net.feature_names)]"
    elif len(set(given)) < len(given):
        method = ".loc[:, ~{name}.columns.duplicated()][list(net.feature_names)]"
    elif any(type(column) is tuple and column[0] == "bool" for column in known):  # a list of bools would select rows
        method = ".reindex(columns=list(net.feature_names))"
    else:
        method = "[list(net.feature_names)]"
    return f", use {name}{method.format(name=name)}"
