"""Parameters that a test goes through within one case; cases of their own would be hundreds of rows of one check."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def walk(names: str, values: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As ``pytest.mark.parametrize``, but in one case; a note of its failure says with which values."""
    names, values = names.split(", "), list(values)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def walking(**arguments: Any) -> None:
            skipped = 0
            for value in values:
                of_names = dict(zip(names, value if len(names) > 1 else [value], strict=True))
                try:
                    test(**arguments, **of_names)
                except pytest.skip.Exception:
                    skipped += 1
                    if skipped == len(values):
                        raise
                except BaseException as error:
                    error.add_note("with " + ", ".join(f"{name} {value!r}" for name, value in of_names.items()))
                    raise

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in names]
        walking.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return walking

    return decorate
