"""Public classes that are defined in private modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def public_in(module: str) -> Callable[[_Class], _Class]:
    """Decorator that makes a class one of a public module: pickles and tracebacks use the name that users import."""

    def renamed(cls: _Class) -> _Class:
        cls.__module__ = module
        return cls

    return renamed


public = public_in("fcnet")
