"""Early stopping: end a fit once the figure that is watched no longer gets better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from fcnet import arrays
from fcnet.hyperparameters import check_numbers

Monitor = Literal["val_loss", "val_accuracy", "loss", "accuracy"]


@dataclass(frozen=True)
class EarlyStopping:
    """End the fit when the best figure is ``patience`` epochs old, and go back to the weights that gave it.

    Parameters
    ----------
    patience : int >= 1, default 10
        Epochs without improvement before the fit ends.
    min_delta : float >= 0, default 0
        By how much a figure must be better to count.
    monitor : {"val_loss", "val_accuracy", "loss", "accuracy"}, default "val_loss"
        A loss should fall, an accuracy rise.
    restore_best : bool, default True
        Leave the network with the weights of the best epoch, also where the epochs end first or the training diverges.
        They take the memory of one more set of weights, and no time.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> EarlyStopping(patience=3)
    EarlyStopping(patience=3, min_delta=0.0, monitor='val_loss', restore_best=True)
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: Monitor = "val_loss"
    restore_best: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "patience", arrays.whole_number(self.patience, "patience", 1))
        check_numbers(self, {"min_delta": ("a finite number, at least 0", lambda value: 0 <= value < math.inf)})
        if self.monitor not in get_args(Monitor):
            raise ValueError(f"monitor is {self.monitor!r}: expected 'val_loss', 'val_accuracy', 'loss' or 'accuracy'")
        object.__setattr__(self, "restore_best", arrays.flag(self.restore_best, "restore_best"))

    def check(self, *, validates: bool, classifies: bool) -> None:
        """ValueError where a fit without validation or classes has no such figure."""
        if self.monitor.startswith("val_") and not validates:
            raise ValueError(f"early_stopping watches {self.monitor}: expected validation_data or validation_split")
        if self.monitor.endswith("accuracy") and not classifies:
            raise ValueError(
                f"early_stopping watches {self.monitor}: expected a loss, as the network does not classify"
            )

    def is_better(self, figure: float, best: float | None) -> bool:
        """Whether ``figure`` improves on ``best`` (None: there is none yet) by more than ``min_delta``."""
        if best is None:
            return not math.isnan(figure)
        sign = 1 if self.monitor.endswith("accuracy") else -1
        return sign * (figure - best) > self.min_delta
