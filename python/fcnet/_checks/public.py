"""Public classes that are defined in private modules."""

from __future__ import annotations

from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def public(cls: _Class) -> _Class:
    """Set the module of a class to ``fcnet``, so that pickles and tracebacks use the name that users import."""
    cls.__module__ = "fcnet"
    return cls
