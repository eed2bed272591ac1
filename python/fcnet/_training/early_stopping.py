"""Early stopping: end a fit when a monitored metric no longer improves."""

from __future__ import annotations

from dataclasses import dataclass

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public
from fcnet._native import Snapshot, Trainer
from fcnet._training.history import History
from fcnet.metrics.monitor import Mode, Monitoring


@public
@suggesting
@dataclass(frozen=True)
class EarlyStopping(Monitoring):
    """Stop training when a monitored metric has not improved for ``patience`` epochs, and restore the best weights.

    Parameters
    ----------
    patience : int >= 1, default 10
        Number of epochs without improvement before the fit ends.
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

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> EarlyStopping(patience=3, monitor="val_f1")
    EarlyStopping(patience=3, min_delta=0.0, monitor='val_f1', restore_best=True, mode='auto', start_from_epoch=0)
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "val_loss"
    restore_best: bool = True
    mode: Mode = "auto"
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "patience", whole_number(self.patience, "patience", 1))
        object.__setattr__(self, "start_from_epoch", whole_number(self.start_from_epoch, "start_from_epoch", 0))
        self.check_rule()
        object.__setattr__(self, "restore_best", flag(self.restore_best, "restore_best"))


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
        best_value, best = None, None
        for number, value in zip(map(int, earlier["epochs"]), earlier[self.rule.monitor], strict=True):
            if number >= self._first and self.rule.is_better(value, best_value):
                best_value, best = value, number
        if best is not None and self.rule.restore_best:
            if previous is not None and previous[0] == best:
                self.epoch_weights = previous
            elif best == epoch - 1:
                self.epoch_weights = best, trainer.snapshot()
            else:
                return
        self._value, self._history.best_epoch = best_value, best
        self._since = min(self._first, epoch) - 1 if best is None else best

    def should_stop(self, trainer: Trainer) -> bool:
        """Update the best epoch with the one that has just ended; return whether the fit should stop."""
        if self.rule is None:
            return False
        history, epoch = self._history, self._history.epochs[-1]
        if epoch < self._first:
            self._since = epoch
            return False
        value = history[self.rule.monitor][-1]
        if self.rule.is_better(value, self._value):
            self._value, self._since, history.best_epoch = value, epoch, epoch
            if self.rule.restore_best:
                self.epoch_weights = epoch, trainer.snapshot()
        history.stopped_early = epoch - self._since >= self.rule.patience
        return history.stopped_early

    def restore(self, trainer: Trainer) -> None:
        """Restore the weights of the best epoch."""
        if self.epoch_weights is not None:
            trainer.restore(self.epoch_weights[1])
