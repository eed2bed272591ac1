"""Other libraries beside which fcnet is tested.

Their tests carry the marker ``interop`` and run with ``--interop`` only, where a missing library is a failure.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

REASON = "runs with --interop"
wanted = "FCNET_TESTS_INTEROP" in os.environ  # conftest.py sets it by the command line, also for worker processes


class Interop(str):
    """The name of a case that needs another library: the tests that get it as a parameter carry the marker."""

    __slots__ = ()


def interop(cases: dict[str, Any]) -> dict[str, Any]:
    """These cases, as ones that need another library."""
    return {Interop(name): case for name, case in cases.items()}


def library(name: str) -> Any:
    """Another library, for a test that carries the marker; at the top of a file, for all of its tests."""
    if not wanted:
        assert "PYTEST_CURRENT_TEST" not in os.environ, f"a test that needs {name} carries the marker interop"
        pytest.skip(REASON, allow_module_level=True)
    return importlib.import_module(name)
