"""Packages that fcnet can do without until somebody asks for what they are for."""

from __future__ import annotations

import importlib
from typing import Any


def optional(module: str, extra: str, purpose: str) -> Any:
    """Import such a module.

    Parameters
    ----------
    module : str
    extra : str
        Of fcnet, that installs it.
    purpose : str
        What it is needed for, in words.

    Returns
    -------
    module

    Raises
    ------
    ImportError : it is missing; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}: pip install 'fcnet[{extra}]'") from None
