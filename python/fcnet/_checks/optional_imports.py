"""Packages that fcnet can do without until somebody asks for what they are for."""

from __future__ import annotations

import importlib
from typing import Any

# Names on the package index that are not those of the modules.
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def optional(module: str, purpose: str) -> Any:
    """Import such a module.

    Parameters
    ----------
    module : str
    purpose : str
        What it is needed for, in words.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is missing. The message says how to install it: as a package of its own, which works however fcnet
        was installed, while an extra of fcnet needs its sources.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        package = _DISTRIBUTIONS.get(name, name)
        raise ImportError(f"{purpose} needs {package}: pip install {package}") from None
