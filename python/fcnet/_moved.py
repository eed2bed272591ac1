"""Modules that had other names in version 0.1, by which pickles and skops files still ask for their classes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_NOW = {
    "averaging": "_training.averaging",
    "callbacks": "_training.callbacks",
    "checkpoint": "_saving.checkpoint",
    "dense": "_model.dense",
    "early_stopping": "_training.early_stopping",
    "explanation.diagnosis": "explanation.numbers.diagnosis",
    "explanation.figures": "explanation.numbers.figures",
    "explanation.gradient_check": "explanation.numbers.gradient_check",
    "explanation.homework": "explanation.numbers.answer_check",
    "history": "_training.history",
    "learning_rates": "_training.learning_rate_search",
    "loading": "network",
    "normalization": "_model.normalization",
    "optimizer": "optimizers",
    "schedule": "schedules",
    "training": "_training.divergence",
}


class Finder(MetaPathFinder, Loader):
    """Finds them where they are now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of such a name; None for others."""
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == "fcnet" and name in _NOW else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that is there now in its place."""
        name = module.__name__
        sys.modules[name] = importlib.import_module(f"fcnet.{_NOW[name.removeprefix('fcnet.')]}")
