"""The metric that early stopping, checkpoints and schedules monitor, and whether it improves."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal, get_args

from fcnet._checks import console
from fcnet._checks.numbers import check_numbers
from fcnet._checks.suggestions import meant

Mode = Literal["auto", "min", "max"]


class Monitoring:
    """Base class of rules that monitor a column of the history."""

    monitor: str
    mode: Mode
    min_delta: float

    def check_rule(self) -> None:
        """Raise TypeError or ValueError if an attribute is invalid."""
        check_numbers(self, {"min_delta": ("a finite number, at least 0", lambda value: 0 <= value < math.inf)})
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor is {self.monitor!r}: expected the name of a metric like 'val_loss'")
        if not isinstance(self.mode, str) or self.mode not in get_args(Mode):
            raise ValueError(f"mode is {self.mode!r}: expected 'auto', 'min' or 'max'")
        if self.mode == "auto" and higher_is_better(self.monitor) is None:
            hint = meant(self.monitor, [*KNOWN, *(f"val_{name}" for name in KNOWN)])
            text = f"monitor is {self.monitor!r}, whose direction is unknown: expected mode='min' or 'max'{hint}"
            raise ValueError(text)

    def check_monitored(self, columns: Collection[str], owner: str) -> None:
        """Raise ValueError if the history of a fit lacks the monitored column; ``owner`` is the rule's argument."""
        if self.monitor not in columns:
            validates = any(name.startswith("val_") for name in columns)
            missing = self.monitor.startswith("val_") and not validates
            metric = self.monitor.removeprefix("val_")
            named = self.monitor != metric and metric in KNOWN and metric not in ("loss", "accuracy")
            hint = f", or name it in metrics=[{metric!r}]" if named else meant(self.monitor, columns)
            advice = "validation_data or validation_split" if missing else f"one of {', '.join(columns)}{hint}"
            raise ValueError(f"{owner} monitors {self.monitor}: expected {advice}")

    def warn_of_nan(self, values: Sequence[float], epoch: int, owner: str) -> None:
        """Give a RuntimeWarning if the last value, that of the epoch, is NaN for the first time in a fit."""
        if math.isnan(values[-1]) and not any(map(math.isnan, values[:-1])):
            text = f"{owner} monitors {self.monitor}, which is NaN in epoch {epoch}: no improvement"
            console.warn(text, RuntimeWarning)

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether ``value`` improves on ``best`` (None: none so far) by more than ``min_delta``; NaN never does."""
        if best is None:
            return not math.isnan(value)
        rises = self.mode == "max" or (self.mode == "auto" and higher_is_better(self.monitor))
        return (value - best if rises else best - value) > self.min_delta


# Whether a higher value is better, by the name of the metric. fcnet.metrics itself is imported only when needed.
OF_CLASSES = {"accuracy": True, "top_k_accuracy": True, "log_loss": False, "roc_auc": True} | {
    name + average: True for name in ("precision", "recall", "f1") for average in ("", "_macro", "_micro", "_weighted")
}


OF_VALUES = {"mse": False, "rmse": False, "mae": False, "r2": True}


KNOWN = OF_CLASSES | OF_VALUES | {"loss": False}


def higher_is_better(column: str) -> bool | None:
    """Whether a higher value of a history's column, such as "val_f1", is better; None for an unknown name."""
    return KNOWN.get(column.removeprefix("val_"))
