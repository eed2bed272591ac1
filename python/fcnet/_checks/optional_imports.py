"""Imports of optional packages."""

from __future__ import annotations

import importlib
from typing import Any

# Names of packages that differ from those of their modules.
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def optional(module: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
    purpose : str
        What the module is needed for, in words.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If the package is not installed. The message says how to install the package itself, which works however
        fcnet was installed; an extra of fcnet would need its sources.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        package = _DISTRIBUTIONS.get(name, name)
        raise ImportError(f"{purpose} needs {package}: pip install {package}") from None
