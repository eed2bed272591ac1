"""The epochs of a fit: native training, validation, history, divergence."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from fcnet._native import Model, Trainer
from fcnet.history import History
from fcnet.optimizers import SGD
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


def run_epochs(
    model: Model,
    train: Examples,
    *,
    first_epoch: int,
    epochs: int,
    batch_size: int,
    optimizer: SGD,
    shuffle: bool,
    classify: bool,
    validation: Examples | None,
    progress: bool | None,
    history: History,
) -> None:
    """Train for some epochs, appending to ``history`` as they end.

    Raises
    ------
    DivergenceError : the loss or a weight is no longer finite.
    KeyboardInterrupt : Ctrl-C; the model has the weights of the last finished step.
    RuntimeError : the model is being fitted already.
    """
    hyper = {"learning_rate": optimizer.learning_rate}
    trainer = Trainer(model, train.x, train.y, batch_size, shuffle, "sgd", hyper)
    n = len(train.x)
    try:
        with Progress(progress, epochs, n) as bar:
            for epoch in range(first_epoch, first_epoch + epochs):
                start = perf_counter()
                loss, correct, diverged = trainer.run_epoch(epoch, bar.callback)
                seconds = perf_counter() - start
                if diverged:
                    raise DivergenceError(
                        f"the training diverged in epoch {epoch} (loss {loss}) with {optimizer}: use a lower "
                        f"learning rate; the network keeps its weights from before that epoch"
                    )
                bar.end_epoch(loss, epoch - first_epoch + 1)
                history.epochs.append(epoch)
                history.loss.append(loss)
                history.seconds.append(seconds)
                if classify:
                    history.accuracy.append(correct / n)
                if validation is not None:
                    figures = evaluate(model, validation, classify)
                    history.val_loss.append(figures["loss"])
                    if classify:
                        history.val_accuracy.append(figures["accuracy"])
    finally:
        trainer.close()
