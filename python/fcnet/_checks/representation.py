"""The repr of dataclasses whose options are many."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def shown(owner: Any) -> str:
    """Return the repr of a dataclass; keyword-only fields come last, and only where they differ from their defaults."""
    given = [f for f in fields(owner) if not f.kw_only or getattr(owner, f.name) != f.default]
    given.sort(key=lambda f: bool(f.kw_only))
    return f"{type(owner).__name__}({', '.join(f'{f.name}={getattr(owner, f.name)!r}' for f in given)})"
