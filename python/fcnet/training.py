"""The epochs of a fit: native training, validation, history, divergence."""

from __future__ import annotations

import math
from time import perf_counter

from fcnet._native import Model, Snapshot, Trainer
from fcnet.early_stopping import EarlyStopping
from fcnet.examples import Examples
from fcnet.history import History
from fcnet.optimizers import Optimizer
from fcnet.progress import Progress
from fcnet.schedule import Schedule
from fcnet.scoring import Scores


class DivergenceError(FloatingPointError):
    """The loss or a weight became infinite or NaN; a ``FloatingPointError``.

    The network keeps the weights of the last epoch that was finite.
    """


def evaluate(model: Model, examples: Examples, classify: bool, scores: Scores) -> dict[str, float]:
    """Mean loss, for classification accuracy, and the other metrics; NaN where there are no samples."""
    loss, correct = model.evaluate(examples.x, examples.y)
    n = len(examples.x)
    result = {"loss": loss if n else float("nan")}
    if classify:
        result["accuracy"] = correct / n if n else float("nan")
    return result | scores.of(examples.y, lambda: model.predict(examples.x))


def figures_of(classify: bool, validation: Examples | None, scores: Scores) -> list[str]:
    """What the history of such a fit has of every epoch."""
    measured = ["loss", "accuracy"] if classify else ["loss"]
    return measured if validation is None else measured + [f"val_{name}" for name in (*measured, *scores)]


def open_trainer(model: Model, train: Examples, batch_size: int, optimizer: Optimizer, shuffle: bool) -> Trainer:
    """Begin a fit; RuntimeError where the model is being fitted already."""
    return Trainer(model, train.x, train.y, batch_size, shuffle, *optimizer._native())


class Best:
    """The best epoch of a fit so far, and its weights; nothing without early stopping."""

    def __init__(self, rule: EarlyStopping | None, trainer: Trainer, history: History) -> None:
        self._rule, self._trainer, self._history = rule, trainer, history
        self._figure: float | None = None
        self._weights: Snapshot | None = None

    def is_long_ago(self) -> bool:
        """Look at the epoch that has just ended; whether the fit should end with it."""
        if self._rule is None:
            return False
        history = self._history
        figure = history[self._rule.monitor][-1]
        if self._rule.is_better(figure, self._figure):
            self._figure, history.best_epoch = figure, history.epochs[-1]
            if self._rule.restore_best:
                self._weights = self._trainer.snapshot()
        since = history.epochs[0] - 1 if history.best_epoch is None else history.best_epoch
        history.stopped_early = history.epochs[-1] - since >= self._rule.patience
        return history.stopped_early

    def restore(self) -> None:
        """Go back to its weights."""
        if self._weights is not None:
            self._trainer.restore(self._weights)


def run_epochs(
    model: Model,
    trainer: Trainer,
    *,
    samples: int,
    batch_size: int,
    first_epoch: int,
    epochs: int,
    optimizer: Optimizer,
    classify: bool,
    validation: Examples | None,
    scores: Scores,
    progress: bool | None,
    history: History,
    schedule: Schedule | None,
    early_stopping: EarlyStopping | None,
) -> None:
    """Train for some epochs, appending to ``history`` as they end.

    An epoch whose weights are kept is recorded, also where an interrupt comes before its validation has ended: what
    was not measured is then NaN.

    Raises
    ------
    DivergenceError : the loss or a weight is no longer finite.
    KeyboardInterrupt : Ctrl-C; the model has the weights of the last finished step.
    """

    def record(seconds: float, figures: dict[str, float]) -> None:
        finished = trainer.finished()
        if finished is None or finished[0] in history.epochs[-1:]:
            return
        epoch, loss, correct = finished
        history.epochs.append(epoch)
        history.loss.append(loss)
        history.seconds.append(seconds)
        if classify:
            history.accuracy.append(correct / samples)
        if validation is not None:
            history.val_loss.append(figures.get("loss", math.nan))
            if classify:
                history.val_accuracy.append(figures.get("accuracy", math.nan))
            for name in scores:
                history.metrics.setdefault(f"val_{name}", []).append(figures.get(name, math.nan))

    best = Best(early_stopping, trainer, history)
    per_epoch = -(-samples // batch_size)
    try:
        with Progress(progress, epochs, samples) as bar:
            for epoch in range(first_epoch, first_epoch + epochs):
                rates = None
                if schedule is not None:
                    first = (epoch - first_epoch) * per_epoch
                    rates = optimizer.learning_rate * schedule.factors(first, per_epoch, epochs * per_epoch, per_epoch)
                start = perf_counter()
                loss, _, diverged = trainer.run_epoch(epoch, bar.callback, rates)
                seconds = perf_counter() - start
                if diverged:
                    raise DivergenceError(
                        f"the training diverged in epoch {epoch} (loss {loss}) with {optimizer}: use a lower "
                        f"learning rate, or smaller inputs; the network keeps its last good weights"
                    )
                bar.end_epoch(loss, epoch - first_epoch + 1)
                record(seconds, {} if validation is None else evaluate(model, validation, classify, scores))
                if best.is_long_ago():
                    break
        best.restore()
    except DivergenceError:
        best.restore()
        raise
    finally:
        record(math.nan, {})
