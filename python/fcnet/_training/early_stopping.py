"""Early stopping: end a fit when a monitored metric no longer improves."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public
from fcnet._checks.representation import shown
from fcnet._native import Snapshot, Trainer
from fcnet._training.history import History
from fcnet.metrics.monitor import Mode, Monitoring


@public
@suggesting
@dataclass(frozen=True, repr=False)
class EarlyStopping(Monitoring):
    """Stop training when a monitored metric has not improved for ``patience`` epochs, and restore the best weights.

    Parameters
    ----------
    patience : int >= 1 or None, default 10
        Number of epochs without improvement before the fit ends. None: it never ends early, the best weights are only
        restored.
    min_delta : float >= 0, default 0
        Minimum change of the metric that counts as an improvement.
    monitor : str, default "val_loss"
        Name of a column of the history: "loss", "accuracy", "val_loss", "val_accuracy", or ``"val_"`` and the name of
        one of the fit's ``metrics``. NaN is never an improvement; the first NaN of a fit gives a RuntimeWarning.
    restore_best : bool, default True
        Restore the weights of the best epoch when the fit ends, also if all epochs were trained or the training
        diverged. This takes the memory of one more set of weights.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower ("min") or higher ("max") values are better; "auto" knows it for losses and ``fcnet.metrics``.
    start_from_epoch : int >= 0, default 0
        Number of epochs of the fit before monitoring starts, as in Keras. These epochs count neither as best nor as
        epochs without improvement. A fit without any epoch after them gives a RuntimeWarning.
    ties : {"first", "last"}, default "first"
        Which of several epochs with the same best value of the metric is the best epoch; the last, as in RealMLP,
        where accuracies on few samples are often equal. An equal value is no improvement: it does not extend the
        patience.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> rule = EarlyStopping(patience=None, monitor="val_accuracy", ties="last")
    >>> rule.mode, rule.restore_best
    ('auto', True)
    """

    patience: int | None = 10
    min_delta: float = 0.0
    monitor: str = "val_loss"
    restore_best: bool = True
    mode: Mode = "auto"
    start_from_epoch: int = 0
    _: KW_ONLY
    ties: Literal["first", "last"] = "first"

    def __post_init__(self) -> None:
        if self.patience is not None:
            object.__setattr__(self, "patience", whole_number(self.patience, "patience", 1))
        object.__setattr__(self, "start_from_epoch", whole_number(self.start_from_epoch, "start_from_epoch", 0))
        self.check_rule()
        object.__setattr__(self, "restore_best", flag(self.restore_best, "restore_best"))
        if not isinstance(self.ties, str) or self.ties not in ("first", "last"):
            raise ValueError(f"ties is {self.ties!r}: expected 'first' or 'last'")

    def __repr__(self) -> str:
        return shown(self)


EpochWeights = tuple[int, Snapshot] | None


class Best:
    """The best epoch of a fit so far, and its weights, for early stopping.

    Attributes
    ----------
    epoch_weights : (int, Snapshot) or None
        Number and weights of the best epoch, if the rule restores them.
    """

    def __init__(self, rule: EarlyStopping | None, history: History, epoch_weights: EpochWeights = None) -> None:
        self.rule, self.epoch_weights, self._history = rule, epoch_weights, history
        self._value: float | None = None
        self._since = -1  # epoch from which on the rule counts epochs without improvement
        self._first = 0  # first epoch that is monitored

    def begin(self, trainer: Trainer, epoch: int, initial_epoch: int) -> None:
        """Start before a fit's first epoch; continue from ``history.earlier``, unless its best weights are not known.

        ``epoch_weights`` are still those of the previous fit; ``initial_epoch`` epochs of this fit are done.
        """
        previous, self.epoch_weights, self._since = self.epoch_weights, None, epoch - 1
        if self.rule is not None:
            self._first = epoch - initial_epoch + self.rule.start_from_epoch
        if self.rule is None or self.rule.monitor not in (earlier := self._history.earlier):
            return
        best_value, best, improved = None, None, min(self._first, epoch) - 1
        for number, value in zip(map(int, earlier["epochs"]), earlier[self.rule.monitor], strict=True):
            if number >= self._first and self.rule.is_better(value, best_value):
                best_value, best, improved = value, number, number
            elif self.rule.ties == "last" and value == best_value:
                best = number
        if best is not None and self.rule.restore_best:
            if previous is not None and previous[0] == best:
                self.epoch_weights = previous
            elif best == epoch - 1:
                self.epoch_weights = best, trainer.snapshot()
            else:
                return
        self._value, self._since, self._history.best_epoch = best_value, improved, best

    def should_stop(self, trainer: Trainer) -> bool:
        """Update the best epoch with the one that has just ended; return whether the fit should stop."""
        if self.rule is None:
            return False
        history, epoch = self._history, self._history.epochs[-1]
        if epoch < self._first:
            self._since = epoch
            return False
        rule, value = self.rule, history[self.rule.monitor][-1]
        is_better = rule.is_better(value, self._value)
        if is_better:
            self._value, self._since = value, epoch
        if is_better or (rule.ties == "last" and value == self._value):
            history.best_epoch = epoch
            if rule.restore_best:
                self.epoch_weights = epoch, trainer.snapshot()
        history.stopped_early = rule.patience is not None and epoch - self._since >= rule.patience
        return history.stopped_early

    def restore(self, trainer: Trainer) -> None:
        """Restore the weights of the best epoch."""
        if self.epoch_weights is not None:
            trainer.restore(self.epoch_weights[1])
