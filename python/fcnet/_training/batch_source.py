"""Where the steps of an epoch come from: samples in memory, or an iterable of batches."""

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
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._native import Model, Trainer
from fcnet._training.averaging import Averaging
from fcnet._training.batch_statistics import refuse_one_sample, warn_of_one_sample
from fcnet._training.batches import CheckedBatches
from fcnet._training.callbacks import StopTraining
from fcnet._training.dataset import ClassWeight, Dataset
from fcnet.optimizers import Optimizer

# Takes step, samples done, their mean loss, how many are right; in the epoch so far, the step counted from 0. Called
# after every step, or some ten times a second.
OnStepEnd = Callable[[int, int, float, int], None]
OnStepBegin = Callable[[int], None]  # takes the step that begins; only where OnStepEnd is called after every one
Rates = NDArray[Any]


def open_trainer(
    model: Model,
    data: tuple[NDArray[Any] | SparseRows, Any, NDArray[Any] | None],
    batch_size: int,
    optimizer: Optimizer,
    trainable: list[bool],
    averaging: Averaging | None,
    *,
    shuffle: bool = False,
    used: int = 0,
    exponent: int = 0,
    rows: NDArray[Any] | None = None,
) -> Trainer:
    """Begin to train on x, y and weights, as ``Dataset.of_loss`` gives them, or on some of their rows.

    ``exponent``: of the weights' scale.

    Raises
    ------
    RuntimeError : the model is being fitted already.
    """
    x, y, weights = data
    average = averaging._native() if averaging is not None else ("none", 0.0)
    name, hyper = optimizer._native()
    hyper["l2_sum"] = math.ldexp(hyper["l2_sum"], -exponent)  # it is divided by what the samples weigh
    return Trainer(model, x, y, batch_size, shuffle, name, hyper, used, weights, trainable, *average, rows)


def refuse_scaled(batch: Dataset, optimizer: Optimizer, name: str) -> None:
    """ValueError where one batch's weights had to be scaled, and the optimizer looks at what samples weigh."""
    if batch.exponent and optimizer.l2_sum:
        raise ValueError(f"{name} has very small or large numbers, and the optimizer l2_sum: expected weights near 1")


class Epoch(NamedTuple):
    """What an epoch came to, each sample measured just before its step."""

    number: int
    loss: float
    correct: int
    samples: int


class BatchSource(ABC):
    """The samples of a fit, and the native trainer that they go to.

    Attributes
    ----------
    trainer : Trainer
    x : array or SparseRows
        All samples, or those of the last batch.
    samples, steps : int or None
        Of an epoch; None: not known beforehand.
    """

    trainer: Trainer
    x: NDArray[Any] | SparseRows
    samples: int | None
    steps: int | None

    @abstractmethod
    def open(self, model: Model, optimizer: Optimizer, trainable: list[bool], averaging: Averaging | None) -> None:
        """Make the trainer; RuntimeError where the model is being fitted already."""

    @abstractmethod
    def run(
        self,
        epoch: int,
        rates: Rates | None,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """Train for an epoch; what it came to, and the batch in which it diverged, if it did.

        average : whether it is one of those that are averaged, where any are.
        """

    def finished(self) -> Epoch | None:
        """The last epoch that ended, all of whose steps are in the model; also where an interrupt hid its end."""
        finished = self.trainer.finished()
        return finished and Epoch(*finished)


class InMemory(BatchSource):
    """Samples in memory: an epoch is one native call. ValueError where no batch would be left."""

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
        self._batch, self._shuffle = min(batch_size * accumulate, n), shuffle  # of a step
        self._data, self._exponent, self.x = train.of_loss(architecture), train.exponent, train.x
        self._rows = train.rows
        self.samples = n - n % batch_size if drop_last else n
        self.steps = -(-self.samples // self._batch)

    def open(self, model: Model, optimizer: Optimizer, trainable: list[bool], averaging: Averaging | None) -> None:
        """A trainer of all samples; ValueError where batch normalisation would see one of them a step."""
        refuse_one_sample(self._architecture, trainable, self._batch, "every step")
        last = self.samples % self._batch
        warn_of_one_sample(
            self._architecture, trainable, last, "the last step of an epoch", "drop_last=True leaves it out"
        )
        self.trainer = open_trainer(
            model,
            self._data,
            self._batch,
            optimizer,
            trainable,
            averaging,
            shuffle=self._shuffle,
            used=self.samples,
            exponent=self._exponent,
            rows=self._rows,
        )

    def run(
        self,
        epoch: int,
        rates: Rates | None,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """One native call."""
        weighted = self._data[2] is not None

        def progress(done: int, loss: float, correct: int) -> None:
            steps = -(-done // self._batch)
            if on_end is not None and done:  # else somebody looks in the middle of the first step
                on_end(steps - 1, done, loss, correct)
            begins = math.isfinite(loss) or (weighted and math.isnan(loss))  # NaN: no sample so far weighs anything
            if on_begin is not None and 0 < steps < self.steps and begins:
                on_begin(steps)

        if on_begin is not None:
            on_begin(0)
        loss, correct, diverged, done = self.trainer.run_epoch(
            epoch, on_end and progress, rates, every_step, average=average
        )
        return Epoch(epoch, loss, correct, done), -(-done // self._batch) - 1 if diverged else None


class Batches(BatchSource):
    """An iterable of batches (x, y) or (x, y, weights): a native call for each.

    Parameters
    ----------
    architecture : Architecture
    given : iterable
    epochs : int
    known : tuple, optional
        The columns that tables must have.
    steps_per_epoch : int, optional
        Batches of an epoch; the next one goes on where it ended. By default all that there are.
    class_weight : as for ``Network.fit``, but not "balanced"

    Raises
    ------
    TypeError, ValueError : it is no such iterable, cannot begin again but should, or its first batch is not as for fit.
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
            raise ValueError(f"class_weight is {class_weight!r}, but x is batches: expected the weights of the classes")
        self._batches = CheckedBatches(architecture, given, known, learn=learn)
        if self._batches.ends and epochs > 1 and steps_per_epoch is None:
            raise ValueError(
                f"x is a {type(given).__name__}, which ends after one epoch, and epochs is {epochs}: expected "
                f"epochs=1, steps_per_epoch, or an iterable that can begin again, such as a list"
            )
        self._architecture = replace(architecture, classes=self._batches.first.classes)
        self._class_weight = class_weight
        self.first = self._weighted(self._batches.first)
        self._going_on: Iterator[Dataset] = iter(())
        self._begun, self._taken = False, 0  # batches taken, over all epochs
        self.samples = None
        self.steps = steps_per_epoch
        self._all = steps_per_epoch is None
        if self._all and isinstance(given, Sized):
            self.steps = len(given)

    def _weighted(self, batch: Dataset) -> Dataset:
        return batch.class_weighted(self._architecture, self._class_weight)

    def open(self, model: Model, optimizer: Optimizer, trainable: list[bool], averaging: Averaging | None) -> None:
        """A trainer of the first batch; ValueError where batch normalisation would see one sample of it."""
        first, self._optimizer = self.first, optimizer
        refuse_one_sample(self._architecture, trainable, len(first.x), "batch 0 of x")
        self._trainable, self._warned = trainable, False
        self.trainer = open_trainer(
            model, first.of_loss(self._architecture), len(first.x), optimizer, trainable, averaging
        )

    def _of_epoch(self) -> Iterator[Dataset]:
        """The batches of the next epoch; StopTraining where they end before ``steps_per_epoch``."""
        if self._all:
            yield from self._batches
            return
        for _ in range(cast(int, self.steps)):
            batch = next(self._going_on, None)
            if batch is None and not (self._batches.ends and self._begun):
                self._going_on, self._begun = iter(self._batches), True
                batch = next(self._going_on, None)
            if batch is None:
                text = f"x has no more batches than {self._taken}: the fit ends before its epochs of {self.steps} steps"
                console.warn(text, RuntimeWarning)
                raise StopTraining
            self._taken += 1
            yield batch

    def run(
        self,
        epoch: int,
        rates: Rates | None,
        on_begin: OnStepBegin | None,
        on_end: OnStepEnd | None,
        every_step: bool,
        average: bool,
    ) -> tuple[Epoch, int | None]:
        """A native call for each batch."""
        done, total, weight, right = 0, 0.0, 0.0, 0
        for step, checked in enumerate(self._of_epoch()):
            if rates is not None and step == len(rates):
                raise ValueError(f"x has more batches than its len(), {step}")
            batch = self._weighted(checked)
            refuse_scaled(batch, self._optimizer, f"sample_weight of batch {step}")
            if on_begin is not None:
                on_begin(step)
            if not self._warned:
                name, advice = f"batch {step} of x", "leave it out, or join it to another"
                self._warned = warn_of_one_sample(self._architecture, self._trainable, len(batch.x), name, advice)
            self.x = batch.x
            self.trainer.use(*batch.of_loss(self._architecture))
            rate = None if rates is None else rates[step : step + 1]
            loss, correct, diverged, _ = self.trainer.run_epoch(epoch, rates=rate, whole=False, average=average)
            if diverged:
                return Epoch(epoch, loss, right, done), step
            done, right = done + len(batch.x), right + correct
            if batch.weight:
                total, weight = total + batch.weight * loss, weight + batch.weight
            if on_end is not None:
                on_end(step, done, total / weight if weight else math.nan, right)
        if not weight:
            what = "sample_weight" if self._class_weight is None else "class_weight, or sample_weight,"
            raise ValueError(f"{what} of every batch of x has nothing but 0: expected some weight")
        ended = Epoch(epoch, total / weight, right, done)
        self.trainer.finish(*ended, average)
        return ended, None
