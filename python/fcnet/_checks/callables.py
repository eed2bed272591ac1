"""Whether a function of the user can be called as it will be."""

from __future__ import annotations

import inspect
from collections.abc import Callable


def check_call(function: Callable[..., object], arguments: int, message: str) -> None:
    """TypeError where it cannot be called with so many."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # there is none, of some that are built in
        return
    try:
        signature.bind(*[None] * arguments)
    except TypeError as error:
        raise TypeError(f"{message}, but calling it so is an error: {error}") from None
