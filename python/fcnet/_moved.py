"""Module names of version 0.1, which old pickles and skops files refer to, and their current names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_NOW = {
    "architecture": "_model.summary",
    "averaging": "_training.averaging",
    "callbacks": "_training.callbacks",
    "checkpoint": "_saving.checkpoint",
    "dense": "_model.dense",
    "early_stopping": "_training.early_stopping",
    "explanation.comparison": "explanation.numbers.comparison",
    "explanation.diagnosis": "explanation.numbers.diagnosis",
    "explanation.figures": "explanation.numbers.figures",
    "explanation.gradient_check": "explanation.numbers.gradient_check",
    "explanation.homework": "explanation.numbers.answer_check",
    "history": "_training.history",
    "learning_rates": "_training.learning_rate_search",
    "normalization": "_model.normalization",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "training": "_training.divergence",
}


class Finder:  # no subclass of importlib.abc's classes, which take longer to import than fcnet
    """Imports a module by its old name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old name, or None for other names."""
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == "fcnet" and name in _NOW else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python create a module, which ``exec_module`` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the module by the one of the current name."""
        name = module.__name__
        sys.modules[name] = importlib.import_module(f"fcnet.{_NOW[name.removeprefix('fcnet.')]}")
