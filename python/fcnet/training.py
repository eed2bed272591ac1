"""The epochs of a fit: native training, validation, history, divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from fcnet._native import Model, Trainer
from fcnet.history import History
from fcnet.optimizers import Optimizer
from fcnet.progress import Progress


class DivergenceError(FloatingPointError):
    """The loss or a weight became infinite or NaN. The network keeps the weights of the last epoch that was finite."""


@dataclass(frozen=True)
class Examples:
    """Checked samples and what belongs to them, as the native core takes both."""

    x: NDArray[Any]
    y: NDArray[Any]


def evaluate(model: Model, examples: Examples, classify: bool) -> dict[str, float]:
    """Mean loss and, for classification, accuracy; both NaN where there are no samples."""
    loss, correct = model.evaluate(examples.x, examples.y)
    n = len(examples.x)
    result = {"loss": loss if n else float("nan")}
    if classify:
        result["accuracy"] = correct / n if n else float("nan")
    return result


def open_trainer(model: Model, train: Examples, batch_size: int, optimizer: Optimizer, shuffle: bool) -> Trainer:
    """Begin a fit; RuntimeError where the model is being fitted already."""
    return Trainer(model, train.x, train.y, batch_size, shuffle, *optimizer._native())


def run_epochs(
    model: Model,
    trainer: Trainer,
    *,
    samples: int,
    first_epoch: int,
    epochs: int,
    optimizer: Optimizer,
    classify: bool,
    validation: Examples | None,
    progress: bool | None,
    history: History,
) -> None:
    """Train for some epochs, appending to ``history`` as they end, and close the trainer.

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

    try:
        with Progress(progress, epochs, samples) as bar:
            for epoch in range(first_epoch, first_epoch + epochs):
                start = perf_counter()
                loss, _, diverged = trainer.run_epoch(epoch, bar.callback)
                seconds = perf_counter() - start
                if diverged:
                    raise DivergenceError(
                        f"the training diverged in epoch {epoch} (loss {loss}) with {optimizer}: use a lower "
                        f"learning rate; the network keeps its weights from before that epoch"
                    )
                bar.end_epoch(loss, epoch - first_epoch + 1)
                record(seconds, {} if validation is None else evaluate(model, validation, classify))
    finally:
        record(math.nan, {})
        trainer.close()
