"""Public classes that stand in private modules."""

from __future__ import annotations

from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def public(cls: _Class) -> _Class:
    """The class, as one of ``fcnet``: pickles and tracebacks call it by the name that users import."""
    cls.__module__ = "fcnet"
    return cls
