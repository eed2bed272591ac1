"""Checks that user functions accept the arguments of their calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable


def check_call(function: Callable[..., object], arguments: int, message: str) -> None:
    """Raise TypeError if the function cannot be called with so many arguments."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions have no signature
        return
    try:
        signature.bind(*[None] * arguments)
    except TypeError as error:
        raise TypeError(f"{message}, but calling it so is an error: {error}") from None
