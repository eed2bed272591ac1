"""The arguments of ``Network.fit``, checked: how to fit, and what to fit and to validate on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from numpy.typing import ArrayLike

from fcnet._checks import console
from fcnet._checks.numbers import flag, whole_number
from fcnet._inputs import tables
from fcnet._inputs.feature_names import Name
from fcnet._training.averaging import EMA, Averaging
from fcnet._training.batch_source import Batches, BatchSource, InMemory
from fcnet._training.batches import Y_IS_MISSING, CheckedBatches, validation_batches
from fcnet._training.dataset import MOST_EPOCHS, ClassWeight, Dataset, checked_share
from fcnet._training.early_stopping import EarlyStopping
from fcnet._training.evaluation import Metrics, MetricSet
from fcnet._training.progress import Wanted, checked
from fcnet._training.train_state import TrainState
from fcnet.optimizers import Optimizer, OptimizerName, optimizer_of
from fcnet.schedules import Schedule


def check_averaging(averaging: object, kind: type[Averaging] = Averaging) -> None:
    """TypeError where it is neither one of that kind nor None."""
    if averaging is not None and not isinstance(averaging, kind):
        what = "fcnet.EMA(...)" if kind is EMA else "fcnet.EMA(...) or fcnet.SWA(...)"
        raise TypeError(f"averaging is {averaging!r}: expected {what}")


def refuse_accumulation(optimizer: Optimizer, what: str) -> None:
    """ValueError where an optimizer accumulates the gradients of several batches."""
    if optimizer.accumulate > 1:
        raise ValueError(f"optimizer has accumulate={optimizer.accumulate}: expected 1 for {what}")


@dataclass(frozen=True)
class FitOptions:
    """How to fit."""

    epochs: int
    initial_epoch: int
    optimizer: Optimizer
    schedule: Schedule | None
    early_stopping: EarlyStopping | None
    averaging: Averaging | None
    metric_set: MetricSet
    progress: Wanted

    @classmethod
    def of(
        cls,
        state: TrainState,
        epochs: int,
        optimizer: Optimizer | OptimizerName,
        *,
        initial_epoch: int = 0,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        averaging: Averaging | None = None,
        metrics: Metrics | None = None,
        progress: Wanted = None,
    ) -> FitOptions:
        """From what a user gives.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network.fit`` expects.
        """
        epochs = whole_number(epochs, "epochs", 0, MOST_EPOCHS - state.model.epochs)
        initial_epoch = whole_number(initial_epoch, "initial_epoch", 0, epochs)
        optimizer, progress = optimizer_of(optimizer), checked(progress)
        if not isinstance(schedule, Schedule | None):
            raise TypeError(f"schedule is {schedule!r}: expected one like fcnet.schedules.Cosine()")
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        check_averaging(averaging)
        if averaging is not None:
            averaging._begins(epochs)
        metric_set = MetricSet(metrics, state.architecture)
        return cls(epochs, initial_epoch, optimizer, schedule, early_stopping, averaging, metric_set, progress)

    @property
    def epochs_left(self) -> int:
        """Those that the fit is to train."""
        return self.epochs - self.initial_epoch


@dataclass(frozen=True)
class FitData:
    """What to fit and to validate on, and the names of columns and classes that it has."""

    source: BatchSource
    validation: Dataset | CheckedBatches | None
    feature_names: tuple[Name, ...] | None
    classes: tuple[Name, ...] | None


def _refuse_weightless_validation(validation: object, given: object) -> None:
    """A RuntimeWarning where no sample to validate on has a weight."""
    if isinstance(validation, Dataset) and validation.weighs_nothing:
        held = "validation_data[2]" if given is not None else "sample_weight held back by validation_split"
        console.warn(f"{held} has nothing but 0: val_loss and weighted metrics are NaN", RuntimeWarning)


def batches_to_fit(
    state: TrainState,
    options: FitOptions,
    x: Iterable[tuple[ArrayLike, ...]],
    *,
    steps_per_epoch: int | None,
    class_weight: ClassWeight | None,
    validation_data: Any,
    unused: bool,
) -> FitData:
    """An iterable of batches; ``unused``: whether arguments are given that are for arrays alone.

    Raises
    ------
    TypeError, ValueError : an argument is not what ``Network.fit`` expects.
    """
    if hasattr(x, "shape"):
        raise TypeError(Y_IS_MISSING)
    if unused:
        what = "validation_split, drop_last and sample_weight"
        raise ValueError(f"y is missing, and batches do not go with {what}: expected y, or none of these")
    refuse_accumulation(options.optimizer, "batches")
    architecture, left, learn = state.architecture, options.epochs_left, not state.is_trained
    source = Batches(architecture, x, left, state.feature_names, steps_per_epoch, class_weight, learn=learn)
    first = source.first
    named = replace(architecture, classes=first.classes)
    validation: Dataset | CheckedBatches | None
    validation = validation_batches(named, validation_data, first.features, left)
    if validation is None:
        _, validation = first.with_validation(architecture, validation_data, 0)
    first.warn_of_lost_digits(architecture)
    _refuse_weightless_validation(validation, validation_data)
    return FitData(source, validation, first.features, first.classes)


def arrays_to_fit(
    state: TrainState,
    options: FitOptions,
    x: ArrayLike,
    y: ArrayLike,
    *,
    batch_size: int,
    shuffle: bool,
    drop_last: bool,
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight | None,
    validation_data: Any,
    validation_split: float,
) -> FitData:
    """Samples in memory.

    Raises
    ------
    TypeError, ValueError : an argument is not what ``Network.fit`` expects.
    """
    if isinstance(x, Iterator) and not tables.is_stream(x):
        raise TypeError(f"x is a {type(x).__name__}, and y is given too: expected x of batches (x, y), or arrays")
    architecture = state.architecture
    train = state.dataset(x, y, sample_weight).not_empty("x").weighing("sample_weight")
    features, classes = train.features, train.classes
    named = replace(architecture, classes=classes)
    validation: Dataset | CheckedBatches | None
    validation = validation_batches(named, validation_data, features, options.epochs_left)
    if validation is None:
        train, validation = train.with_validation(architecture, validation_data, validation_split)
    elif validation_split:
        raise ValueError("validation_data and validation_split are given: expected one of them")
    train = train.class_weighted(architecture, class_weight)
    train.weighing("class_weight", " for the samples that are trained on")
    accumulate = options.optimizer.accumulate
    source = InMemory(architecture, train, batch_size, accumulate, shuffle=shuffle, drop_last=drop_last)
    train.warn_of_lost_digits(architecture)
    _refuse_weightless_validation(validation, validation_data)
    return FitData(source, validation, features, classes)


def data_to_fit(
    state: TrainState,
    options: FitOptions,
    x: Any,
    y: ArrayLike | None,
    *,
    batch_size: int,
    shuffle: bool,
    drop_last: bool,
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight | None,
    steps_per_epoch: int | None,
    validation_data: Any,
    validation_split: float,
) -> FitData:
    """What ``Network.fit`` is given, arrays or batches.

    Raises
    ------
    TypeError, ValueError : an argument is not what ``Network.fit`` expects.
    """
    batch_size = whole_number(batch_size, "batch_size", 1)
    shuffle, drop_last = flag(shuffle, "shuffle"), flag(drop_last, "drop_last")
    validation_split = checked_share(validation_split)
    if steps_per_epoch is not None:
        steps_per_epoch = whole_number(steps_per_epoch, "steps_per_epoch", 1)
        if y is not None:
            raise ValueError(
                "steps_per_epoch is given, but an epoch of x and y goes through all rows, batch_size at a time: "
                "expected an iterable of batches (x, y) in place of x, and no y, or no steps_per_epoch"
            )
    if y is None:
        return batches_to_fit(
            state,
            options,
            x,
            steps_per_epoch=steps_per_epoch,
            class_weight=class_weight,
            validation_data=validation_data,
            unused=bool(validation_split or drop_last or sample_weight is not None),
        )
    return arrays_to_fit(
        state,
        options,
        cast(ArrayLike, x),
        y,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=drop_last,
        sample_weight=sample_weight,
        class_weight=class_weight,
        validation_data=validation_data,
        validation_split=validation_split,
    )
