"""The arguments of ``Network.fit``, checked: options, training data and validation data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

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
from fcnet._training.progress import ProgressMode, checked_progress
from fcnet._training.step_values import ARGUMENTS, Schedules, checked_schedules
from fcnet._training.train_state import TrainState
from fcnet.optimizers import Optimizer, OptimizerName, optimizer_of
from fcnet.schedules import Schedule


def check_averaging(averaging: object, kind: type[Averaging] = Averaging) -> None:
    """Raise TypeError if the argument is neither None nor a weight average of the given class."""
    if averaging is not None and not isinstance(averaging, kind):
        what = "fcnet.EMA(...)" if kind is EMA else "fcnet.EMA(...) or fcnet.SWA(...)"
        raise TypeError(f"averaging is {averaging!r}: expected {what}")


def refuse_accumulation(optimizer: Optimizer, what: str) -> None:
    """Raise ValueError if an optimizer accumulates the gradients of several batches."""
    if optimizer.accumulate > 1:
        raise ValueError(f"optimizer has accumulate={optimizer.accumulate}: expected 1 for {what}")


@dataclass(frozen=True)
class FitOptions:
    """The options of a fit, checked."""

    epochs: int
    initial_epoch: int
    optimizer: Optimizer
    schedules: Schedules
    early_stopping: EarlyStopping | None
    averaging: Averaging | None
    averaged_from: int  # first epoch of the average
    metric_set: MetricSet
    progress: ProgressMode

    @classmethod
    def of(
        cls,
        state: TrainState,
        epochs: int,
        optimizer: Optimizer | OptimizerName,
        *,
        initial_epoch: int = 0,
        schedule: Schedule | None = None,
        decay_schedule: Schedule | None = None,
        dropout_schedule: Schedule | None = None,
        smoothing_schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        averaging: Averaging | None = None,
        metrics: Metrics | None = None,
        progress: ProgressMode = None,
    ) -> FitOptions:
        """Check the options of ``Network.fit``.

        Raises
        ------
        TypeError, ValueError : an argument is not as ``Network.fit`` documents it.
        """
        epochs = whole_number(epochs, "epochs", 0, MOST_EPOCHS - state.model.epochs)
        hint = "; it counts the epochs of the interrupted fit, without those of earlier fits"
        initial_epoch = whole_number(initial_epoch, "initial_epoch", 0, epochs, hint)
        optimizer, progress = optimizer_of(optimizer), checked_progress(progress)
        given = dict(zip(ARGUMENTS, (schedule, decay_schedule, dropout_schedule, smoothing_schedule), strict=True))
        schedules = checked_schedules(given, state.architecture, optimizer)
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        check_averaging(averaging)
        return cls(
            epochs=epochs,
            initial_epoch=initial_epoch,
            optimizer=optimizer,
            schedules=schedules,
            early_stopping=early_stopping,
            averaging=averaging,
            averaged_from=0 if averaging is None else averaging._begins(epochs),
            metric_set=MetricSet(metrics, state.architecture),
            progress=progress,
        )

    @property
    def by_step(self) -> bool:
        """Whether more than the learning rate changes from step to step."""
        return bool(self.schedules.keys() - {"schedule"})

    @property
    def epochs_left(self) -> int:
        """The number of epochs that the fit has yet to train."""
        return self.epochs - self.initial_epoch


@dataclass(frozen=True)
class FitData:
    """The training and validation data of a fit, with their column names and classes."""

    source: BatchSource
    validation: Dataset | CheckedBatches | None
    feature_names: tuple[Name, ...] | None
    classes: tuple[Name, ...] | None


def _warn_of_zero_weights(validation: object, given: object) -> None:
    """Give a RuntimeWarning if all validation samples have weight 0."""
    if isinstance(validation, Dataset) and validation.weighs_nothing:
        name = "validation_data[2]" if given is not None else "sample_weight in the validation part of validation_split"
        console.warn(f"{name} is 0 for all samples: val_loss and weighted metrics are NaN", RuntimeWarning)


def _with_validation(
    state: TrainState, options: FitOptions, data: Dataset, validation_data: Any, share: float
) -> tuple[Dataset, Dataset | CheckedBatches | None]:
    """Return the training data and the validation data, by ``Network.fit``'s validation_data and checked split."""
    named = replace(state.architecture, classes=data.classes)
    batches = validation_batches(named, validation_data, data.features, options.epochs_left)
    if batches is None:
        return data.with_validation(state.architecture, validation_data, share)
    if share:
        raise ValueError("validation_data and validation_split are given: expected one of them")
    return data, batches


def _batches_to_fit(
    state: TrainState,
    options: FitOptions,
    x: Iterable[tuple[ArrayLike, ...]],
    *,
    steps_per_epoch: int | None,
    class_weight: ClassWeight | None,
    validation_data: Any,
    unused: bool,
) -> FitData:
    """Check an iterable of batches; ``unused`` tells whether arguments are given that apply to arrays only.

    Raises
    ------
    TypeError, ValueError : an argument is not as ``Network.fit`` documents it.
    """
    if hasattr(x, "shape"):
        raise TypeError(Y_IS_MISSING)
    if unused:
        what = "validation_split, drop_last and sample_weight"
        raise ValueError(f"y is missing, and {what} are not for an iterable of batches: expected y, or none of these")
    refuse_accumulation(options.optimizer, "batches")
    architecture, left, learn = state.architecture, options.epochs_left, not state.is_trained
    source = Batches(architecture, x, left, state.feature_names, steps_per_epoch, class_weight, learn=learn)
    first, validation = _with_validation(state, options, source.first, validation_data, 0)
    first.warn_of_lost_digits(architecture)
    _warn_of_zero_weights(validation, validation_data)
    return FitData(source, validation, first.features, first.classes)


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
    """Check the data of ``Network.fit``, arrays or an iterable of batches.

    Raises
    ------
    TypeError, ValueError : an argument is not as ``Network.fit`` documents it.
    """
    batch_size = whole_number(batch_size, "batch_size", 1)
    shuffle, drop_last = flag(shuffle, "shuffle"), flag(drop_last, "drop_last")
    validation_split = checked_share(validation_split)
    if steps_per_epoch is not None:
        steps_per_epoch = whole_number(steps_per_epoch, "steps_per_epoch", 1)
        if y is not None:
            raise ValueError(
                "steps_per_epoch is given, but with arrays x and y an epoch has all rows, batch_size per step: "
                "expected an iterable of batches (x, y) as x, and no y, or no steps_per_epoch"
            )
    if y is None:
        return _batches_to_fit(
            state,
            options,
            x,
            steps_per_epoch=steps_per_epoch,
            class_weight=class_weight,
            validation_data=validation_data,
            unused=bool(validation_split or drop_last or sample_weight is not None),
        )
    if isinstance(x, Iterator) and not tables.is_stream(x):
        raise TypeError(
            f"x is a {type(x).__name__}, and y is given too: expected arrays, or an iterable x of batches (x, y)"
        )
    architecture = state.architecture
    given = state.dataset(x, y, sample_weight).not_empty("x").check_weights("sample_weight")
    train, validation = _with_validation(state, options, given, validation_data, validation_split)
    train = train.class_weighted(architecture, class_weight)
    train.check_weights("class_weight", " of the training data")
    accumulate = options.optimizer.accumulate
    source = InMemory(architecture, train, batch_size, accumulate, shuffle=shuffle, drop_last=drop_last)
    train.warn_of_lost_digits(architecture)
    _warn_of_zero_weights(validation, validation_data)
    return FitData(source, validation, train.features, train.classes)
