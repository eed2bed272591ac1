"""Early stopping: end a fit once the figure that is watched no longer gets better."""

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
    """End the fit when the best figure is ``patience`` epochs old, and go back to the weights that gave it.

    Parameters
    ----------
    patience : int >= 1, default 10
        Epochs without improvement before the fit ends.
    min_delta : float >= 0, default 0
        By how much a figure must be better to count.
    monitor : str, default "val_loss"
        A figure of the history: "loss", "accuracy", "val_loss", "val_accuracy", or ``"val_"`` and the name of one of
        the fit's ``metrics``. NaN is no improvement on any figure; the first of a fit gives a RuntimeWarning.
    restore_best : bool, default True
        Leave the network with the weights of the best epoch, also where the epochs end first or the training diverges.
        They take the memory of one more set of weights, and no time.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the figure should fall or rise; "auto" knows it of losses and of the metrics of ``fcnet.metrics``.
    start_from_epoch : int >= 0, default 0
        Epochs of the fit to let pass before the figure is watched: they count neither as best nor as epochs without
        improvement, as in Keras. A fit whose epochs all pass so gives a RuntimeWarning.

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


Kept = tuple[int, Snapshot] | None


class Best:
    """The best epoch of a fit so far, and its weights; nothing without early stopping.

    Attributes
    ----------
    kept : (int, Snapshot) or None
        Number and weights of the best epoch, where the rule restores them.
    """

    def __init__(self, rule: EarlyStopping | None, history: History, kept: Kept = None) -> None:
        self.rule, self.kept, self._history = rule, kept, history
        self._figure: float | None = None
        self._since = -1  # when the rule began to wait
        self._first = 0  # epoch whose figure is watched

    def begin(self, trainer: Trainer, epoch: int, initial_epoch: int) -> None:
        """Before a fit's first epoch: go on from what is known of ``history.earlier``, unless its best weights are not.

        ``kept`` is that of the fit before; ``initial_epoch`` epochs of this one are done.
        """
        former, self.kept, self._since = self.kept, None, epoch - 1
        if self.rule is not None:
            self._first = epoch - initial_epoch + self.rule.start_from_epoch
        if self.rule is None or self.rule.monitor not in (earlier := self._history.earlier):
            return
        figure, best = None, None
        for number, value in zip(map(int, earlier["epochs"]), earlier[self.rule.monitor], strict=True):
            if number >= self._first and self.rule.is_better(value, figure):
                figure, best = value, number
        if best is not None and self.rule.restore_best:
            if former is not None and former[0] == best:
                self.kept = former
            elif best == epoch - 1:
                self.kept = best, trainer.snapshot()
            else:
                return
        self._figure, self._history.best_epoch = figure, best
        self._since = min(self._first, epoch) - 1 if best is None else best

    def should_stop(self, trainer: Trainer) -> bool:
        """Look at the epoch that has just ended; whether the fit should end with it."""
        if self.rule is None:
            return False
        history, epoch = self._history, self._history.epochs[-1]
        if epoch < self._first:
            self._since = epoch
            return False
        figure = history[self.rule.monitor][-1]
        if self.rule.is_better(figure, self._figure):
            self._figure, self._since, history.best_epoch = figure, epoch, epoch
            if self.rule.restore_best:
                self.kept = epoch, trainer.snapshot()
        history.stopped_early = epoch - self._since >= self.rule.patience
        return history.stopped_early

    def restore(self, trainer: Trainer) -> None:
        """Go back to its weights."""
        if self.kept is not None:
            trainer.restore(self.kept[1])
