"""Batch sources: mini-batches of samples in memory, or an iterable of batches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import replace
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._inputs.feature_names import Name
from fcnet._inputs.iterables import is_batches
from fcnet._model.architecture import Architecture
from fcnet._native import Model, Trainer
from fcnet._training.averaging import Averaging
from fcnet._training.batch_statistics import refuse_one_sample, warn_of_one_sample
from fcnet._training.batches import CheckedBatches
from fcnet._training.callbacks import StopTraining
from fcnet._training.dataset import ClassWeight, Data, Dataset
from fcnet._training.step_values import StepValues
from fcnet.optimizers import Optimizer

# Called with the step, counted from 0, and the number of samples, their mean loss and the number of correct ones in the
# epoch so far; after every step, or about ten times a second.
OnStepEnd = Callable[[int, int, float, int], None]
OnStepBegin = Callable[[int], None]  # called with the step that begins; only if OnStepEnd is called after every step


def open_trainer(
    model: Model,
    data: Data,
    batch_size: int,
    optimizer: Optimizer,
    trainable: list[bool],
    averaging: Averaging | None,
    *,
    shuffle: bool = False,
    used: int = 0,
    exponent: int = 0,
    rows: NDArray[Any] | None = None,
    by_step: bool = False,
) -> Trainer:
    """Open a native trainer on x, y and weights, as ``Dataset.of_loss`` returns them, or on some of their rows.

    ``exponent`` is that of the dataset's weights; ``by_step`` tells whether schedules change more than the learning
    rate.

    Raises
    ------
    RuntimeError : the model is being fitted already.
    """
    x, y, weights = data
    average = averaging._native() if averaging is not None else ("none", 0.0)
    name, hyper = optimizer._native()
    hyper["l2_sum"] = math.ldexp(hyper["l2_sum"], -exponent)  # the core divides it by the total weight
    hyper["by_step"] = float(by_step)
    return Trainer(model, x, y, batch_size, shuffle, name, hyper, used, weights, trainable, *average, rows)


def refuse_scaled(batch: Dataset, optimizer: Optimizer, name: str) -> None:
    """Raise ValueError if the weights of a batch were scaled and the optimizer depends on their total."""
    if batch.exponent and optimizer.l2_sum:
        raise ValueError(
            f"{name} has very small or large numbers, and the optimizer has l2_sum: expected weights near 1"
        )


class Epoch(NamedTuple):
    """The result of an epoch, each sample measured just before its step."""

    number: int
    loss: float
    correct: int
    samples: int


class BatchSource(ABC):
    """The source of a fit's mini-batches, with the native trainer that it feeds.

    Attributes
    ----------
    trainer : Trainer
    data : tuple
        x, y and weights of the samples, or of those of the last batch.
    samples, steps : int or None
        Numbers of an epoch; None if they are not known beforehand.
    """

    trainer: Trainer
    data: Data
    samples: int | None
    steps: int | None

    @abstractmethod
    def open(
        self,
        model: Model,
        optimizer: Optimizer,
        trainable: list[bool],
        averaging: Averaging | None,
        by_step: bool = False,
    ) -> None:
        """Open the trainer; RuntimeError if the model is being fitted already.

        ``by_step`` tells whether the values of ``run`` have more than learning rates.
        """

    @abstractmethod
    def run(
        self,
        epoch: int,
        values: StepValues,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """Train for an epoch; return its result, and the batch in which it diverged, if any.

        ``average`` tells whether the epoch is part of a weight average.
        """

    def finished(self) -> Epoch | None:
        """Return the last completed epoch, also if an interrupt came before ``run`` returned it."""
        finished = self.trainer.finished()
        return finished and Epoch(*finished)


class InMemory(BatchSource):
    """Samples in memory: an epoch is one native call. ValueError if drop_last would leave no batch."""

    samples: int
    steps: int

    def __init__(
        self,
        architecture: Architecture,
        train: Dataset,
        batch_size: int,
        accumulate: int,
        *,
        shuffle: bool,
        drop_last: bool,
    ) -> None:
        n = len(train)
        if drop_last and n < batch_size:
            raise ValueError(f"drop_last leaves no batch: x has {n} samples, batch_size is {batch_size}")
        self._architecture = architecture
        self._batch, self._shuffle = min(batch_size * accumulate, n), shuffle  # samples per step
        self.data, self._exponent = train.of_loss(architecture), train.exponent
        self._rows = train.rows
        self.samples = n - n % batch_size if drop_last else n
        self.steps = -(-self.samples // self._batch)

    def open(
        self,
        model: Model,
        optimizer: Optimizer,
        trainable: list[bool],
        averaging: Averaging | None,
        by_step: bool = False,
    ) -> None:
        """Open a trainer on all samples; ValueError if batch normalisation would have one sample per step."""
        refuse_one_sample(self._architecture, trainable, self._batch, "every step")
        last = self.samples % self._batch
        warn_of_one_sample(
            self._architecture, trainable, last, "the last step of an epoch", "drop_last=True leaves it out"
        )
        self.trainer = open_trainer(
            model,
            self.data,
            self._batch,
            optimizer,
            trainable,
            averaging,
            shuffle=self._shuffle,
            used=self.samples,
            exponent=self._exponent,
            rows=self._rows,
            by_step=by_step,
        )

    def run(
        self,
        epoch: int,
        values: StepValues,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """Train for an epoch in one native call."""
        weighted = self.data[2] is not None

        def progress(done: int, loss: float, correct: int) -> None:
            steps = -(-done // self._batch)
            if on_end is not None and done:  # 0 in the middle of the first step
                on_end(steps - 1, done, loss, correct)
            begins = math.isfinite(loss) or (weighted and math.isnan(loss))  # NaN if all samples so far have weight 0
            if on_begin is not None and 0 < steps < self.steps and begins:
                on_begin(steps)

        if on_begin is not None:
            on_begin(0)
        rates, decay, dropout, smoothing = values
        loss, correct, diverged, done = self.trainer.run_epoch(
            epoch,
            on_end and progress,
            rates,
            every_step,
            average=average,
            decay=decay,
            dropout=dropout,
            smoothing=smoothing,
        )
        return Epoch(epoch, loss, correct, done), -(-done // self._batch) - 1 if diverged else None


class Batches(BatchSource):
    """An iterable of batches (x, y) or (x, y, weights), with a native call for each batch.

    Parameters
    ----------
    architecture : Architecture
    given : iterable
    epochs : int
    known : tuple, optional
        The columns that tables must have.
    steps_per_epoch : int, optional
        Batches per epoch; the next epoch continues where the last one ended. By default, all batches.
    class_weight : as for ``Network.fit``, but not "balanced"

    Raises
    ------
    TypeError, ValueError : the argument is not such an iterable, can be iterated over only once although there are
        several epochs, or its first batch is not as for fit.
    """

    def __init__(
        self,
        architecture: Architecture,
        given: object,
        epochs: int,
        known: tuple[Name, ...] | None,
        steps_per_epoch: int | None = None,
        class_weight: ClassWeight | None = None,
        *,
        learn: bool = False,
    ) -> None:
        if not isinstance(given, Iterable) and not is_batches(given):
            raise TypeError(f"x is {given!r}, and y is missing: expected x and y, or as x a list of batches (x, y)")
        if isinstance(class_weight, str):
            raise ValueError(f"class_weight is {class_weight!r}, but x is batches: expected a weight for each class")
        self._batches = CheckedBatches(architecture, given, known, learn=learn)
        if self._batches.ends and epochs > 1 and steps_per_epoch is None:
            raise ValueError(
                f"x is a {type(given).__name__}, which ends after one epoch, and epochs is {epochs}: expected "
                f"epochs=1, steps_per_epoch, or an iterable that can be iterated over again, such as a list"
            )
        self._architecture = replace(architecture, classes=self._batches.first.classes)
        self._class_weight = class_weight
        self.first = self._weighted(self._batches.first)
        self._iterator: Iterator[Dataset] = iter(())
        self._started, self._count = False, 0  # of batches, over all epochs
        self.samples = None
        self.steps = steps_per_epoch
        self._whole_epochs = steps_per_epoch is None
        if self._whole_epochs and isinstance(given, Sized):
            self.steps = len(given)

    def _weighted(self, batch: Dataset) -> Dataset:
        return batch.class_weighted(self._architecture, self._class_weight)

    def open(
        self,
        model: Model,
        optimizer: Optimizer,
        trainable: list[bool],
        averaging: Averaging | None,
        by_step: bool = False,
    ) -> None:
        """Open a trainer on the first batch; ValueError if it has one sample and the network batch normalisation."""
        first, self._optimizer = self.first, optimizer
        refuse_one_sample(self._architecture, trainable, len(first.x), "batch 0 of x")
        self._trainable, self._warned = trainable, False
        self.trainer = open_trainer(
            model, first.of_loss(self._architecture), len(first.x), optimizer, trainable, averaging, by_step=by_step
        )

    def _of_epoch(self) -> Iterator[Dataset]:
        """Yield the batches of the next epoch; StopTraining if they end before ``steps_per_epoch``."""
        if self._whole_epochs:
            yield from self._batches
            return
        for _ in range(cast(int, self.steps)):
            batch = next(self._iterator, None)
            if batch is None and not (self._batches.ends and self._started):
                self._iterator, self._started = iter(self._batches), True
                batch = next(self._iterator, None)
            if batch is None:
                text = f"x has only {self._count} batches, too few for all epochs of {self.steps} steps"
                console.warn(f"{text}: the fit ends early", RuntimeWarning)
                raise StopTraining
            self._count += 1
            yield batch

    def run(
        self,
        epoch: int,
        values: StepValues,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """Train for an epoch with a native call for each batch."""
        done, total, weight, n_correct = 0, 0.0, 0.0, 0
        for step, checked in enumerate(self._of_epoch()):
            if step == values.steps:
                raise ValueError(f"x has more batches than its len() says, {step}")
            batch = self._weighted(checked)
            refuse_scaled(batch, self._optimizer, f"sample_weight of batch {step}")
            if on_begin is not None:
                on_begin(step)
            if not self._warned:
                name, advice = f"batch {step} of x", "drop this batch, or merge it with another one"
                self._warned = warn_of_one_sample(self._architecture, self._trainable, len(batch.x), name, advice)
            self.data = batch.of_loss(self._architecture)
            self.trainer.use(*self.data)
            rates, decay, dropout, smoothing = values.of_step(step)
            loss, correct, diverged, _ = self.trainer.run_epoch(
                epoch, rates=rates, whole=False, average=average, decay=decay, dropout=dropout, smoothing=smoothing
            )
            if diverged:
                return Epoch(epoch, loss, n_correct, done), step
            done, n_correct = done + len(batch.x), n_correct + correct
            if batch.weight:
                total, weight = total + batch.weight * loss, weight + batch.weight
            if on_end is not None:
                on_end(step, done, total / weight if weight else math.nan, n_correct)
        if not weight:
            what = "sample_weight" if self._class_weight is None else "class_weight or sample_weight"
            raise ValueError(f"{what} is 0 for all samples of every batch of x: expected some weights above 0")
        ended = Epoch(epoch, total / weight, n_correct, done)
        self.trainer.finish(*ended, average)
        return ended, None
