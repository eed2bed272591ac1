"""A figure of the history that a rule watches, and whether it gets better."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal, get_args

from fcnet._checks import console
from fcnet._checks.numbers import check_numbers
from fcnet._checks.suggestions import meant

Mode = Literal["auto", "min", "max"]


class Monitoring:
    """The part of a rule that says which figure it watches."""

    monitor: str
    mode: Mode
    min_delta: float

    def check_rule(self) -> None:
        """TypeError or ValueError where the attributes make no sense."""
        check_numbers(self, {"min_delta": ("a finite number, at least 0", lambda value: 0 <= value < math.inf)})
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor is {self.monitor!r}: expected the name of a figure like 'val_loss'")
        if not isinstance(self.mode, str) or self.mode not in get_args(Mode):
            raise ValueError(f"mode is {self.mode!r}: expected 'auto', 'min' or 'max'")
        if self.mode == "auto" and higher_is_better(self.monitor) is None:
            hint = meant(self.monitor, [*FIGURES, *(f"val_{figure}" for figure in FIGURES)])
            text = f"monitor is {self.monitor!r}, whose direction is unknown: expected mode='min' or 'max'{hint}"
            raise ValueError(text)

    def check_figures(self, figures: Collection[str], owner: str) -> None:
        """ValueError where a fit has no such figure; the message calls the rule ``owner``."""
        if self.monitor not in figures:
            validates = any(name.startswith("val_") for name in figures)
            missing = self.monitor.startswith("val_") and not validates
            known = f"one of {', '.join(figures)}{meant(self.monitor, figures)}"
            advice = "validation_data or validation_split" if missing else known
            raise ValueError(f"{owner} watches {self.monitor}: expected {advice}")

    def warn_of_nan(self, figures: Sequence[float], epoch: int, owner: str) -> None:
        """RuntimeWarning where the last figure, of that epoch, is the first that is NaN, so that a fit gives one."""
        if math.isnan(figures[-1]) and not any(map(math.isnan, figures[:-1])):
            text = f"{owner} watches {self.monitor}, which is NaN in epoch {epoch}: no improvement"
            console.warn(text, RuntimeWarning)

    def is_better(self, figure: float, best: float | None) -> bool:
        """Whether ``figure``, no NaN, improves on ``best`` (None: there is none yet) by more than ``min_delta``."""
        if best is None:
            return not math.isnan(figure)
        rises = self.mode == "max" or (self.mode == "auto" and higher_is_better(self.monitor))
        return (figure - best if rises else best - figure) > self.min_delta


# By name: whether higher is better. Functions of fcnet.metrics, which is imported when somebody asks for one.
OF_CLASSES = {"accuracy": True, "top_k_accuracy": True, "log_loss": False, "roc_auc": True} | {
    name + average: True for name in ("precision", "recall", "f1") for average in ("", "_macro", "_micro", "_weighted")
}


OF_VALUES = {"mse": False, "rmse": False, "mae": False, "r2": True}


FIGURES = OF_CLASSES | OF_VALUES | {"loss": False}


def higher_is_better(figure: str) -> bool | None:
    """Of a figure in a history, such as "val_f1"; None where its name does not tell."""
    return FIGURES.get(figure.removeprefix("val_"))
