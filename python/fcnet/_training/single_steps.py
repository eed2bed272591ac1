"""Single steps, on a batch or with gradients that the user has computed, with a native trainer that stays open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet._checks.numbers import AT_LEAST_0, number
from fcnet._inputs import arrays
from fcnet._model.architecture import Architecture
from fcnet._native import Trainer
from fcnet._training.averaging import EMA
from fcnet._training.batch_source import open_trainer, refuse_scaled
from fcnet._training.batch_statistics import refuse_one_sample
from fcnet._training.dataset import MOST_EPOCHS, Data, Dataset
from fcnet._training.divergence import DivergenceError, grown
from fcnet._training.fit_arguments import check_averaging, refuse_accumulation
from fcnet._training.train_state import OpenStep, TrainState
from fcnet.gradients import Gradients
from fcnet.losses import Custom
from fcnet.optimizers import Optimizer, OptimizerName, optimizer_of


def train_on_batch(
    state: TrainState,
    x: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    outputs: ArrayLike | None,
    optimizer: Optimizer | OptimizerName,
    learning_rate: float | None,
    averaging: EMA | None,
) -> dict[str, float]:
    """Train for one step, as ``Network.train_on_batch`` documents it.

    Raises
    ------
    Exception : what ``Network.train_on_batch`` raises.
    """
    opened = state.open_step
    if opened is not None and opened.takes_plain and sample_weight is None:
        done = _plain_step(state, opened, x, y, outputs, optimizer, learning_rate, averaging)
        if done is not None:
            return done
    batch = state.dataset(x, y, sample_weight, outputs=outputs).not_empty("x").check_weights("sample_weight")
    return train_step(state, batch, optimizer, learning_rate, averaging)


def _plain_step(
    state: TrainState, opened: OpenStep, x: Any, y: Any, outputs: Any, optimizer: Any, rate: Any, averaging: Any
) -> dict[str, float] | None:
    """Train for one step that continues the last one, on arrays that need no conversion; None if it is another step.

    The native trainer looks at the arrays, and does nothing unless all is as it should be.
    """
    chosen = opened.optimizer
    if optimizer is not opened.given:
        if not _differ_in_rate_only(optimizer, chosen):
            return None
        chosen = optimizer
    if rate is None:
        rate = chosen.learning_rate
    elif type(rate) is not float or not 0 <= rate < np.inf:
        return None
    if averaging is not opened.averaging or opened.trainable != state.trainable:
        return None
    # In one statement, within which threads do not take turns; and until the step is done: a failed step leaves none.
    taken, state.open_step = state.open_step, None
    if taken is not opened:  # another thread has taken it since
        state.open_step = taken
        return None
    step = state.model.steps + 1
    done = opened.trainer.step(x, y, outputs, rate, MOST_EPOCHS - step % 2**31)
    if done is None:
        state.open_step = opened
        return None
    loss, correct, diverged = done
    if diverged:
        batch = state.dataset(x, y, outputs=outputs)
        raise _divergence(state, batch.of_loss(state.architecture), loss, chosen, rate, outputs is not None)
    state.open_step = opened
    return {"loss": loss, "accuracy": correct / len(x)} if opened.classifies else {"loss": loss}


def train_step(
    state: TrainState,
    batch: Dataset,
    given: Optimizer | OptimizerName,
    learning_rate: float | None = None,
    averaging: EMA | None = None,
) -> dict[str, float]:
    """Train for one step on a batch that is checked.

    Raises
    ------
    Exception : what ``Network.train_on_batch`` raises.
    """
    optimizer, rate = _optimizer(given, learning_rate, averaging)
    refuse_scaled(batch, optimizer, "sample_weight")
    architecture, model, trainable = state.architecture, state.model, state.trainable
    data = batch.of_loss(architecture)
    refuse_one_sample(architecture, trainable, len(batch.x), "x")
    if not state.steps:  # of the first batch only, as in fit
        batch.warn_of_lost_digits(architecture)
    last, state.open_step = state.open_step, None  # as above
    continues = last is not None and _continues(last, optimizer, trainable, averaging)
    if last is not None and continues:
        trainer = last.trainer
    elif batch.outputs is None:
        trainer = open_trainer(model, data, len(batch.x), optimizer, trainable, averaging)
    else:
        trainer = open_trainer(model, _any_sample(architecture), 1, optimizer, trainable, averaging)
    try:
        if continues:
            trainer.open()  # in here, as an interrupt may come on its return
        loss, correct, diverged = _run_step(state, trainer, batch, data, rate)
        if not diverged:
            state.open_step = _open_step(state.architecture, optimizer, trainable, averaging, trainer, given)
    finally:
        trainer.close()
    if diverged:
        raise _divergence(state, data, loss, optimizer, rate, batch.outputs is not None)
    return {"loss": loss} | ({"accuracy": correct / len(batch.x)} if architecture.classifies else {})


def _run_step(state: TrainState, trainer: Trainer, batch: Dataset, data: Data, rate: float) -> tuple[float, int, bool]:
    """Run a trainer that is open for a step; the network then knows the names in the batch that it was trained on."""
    trainer.use(*data, batch.outputs)
    step = state.steps + 1
    dropout_epoch = MOST_EPOCHS - step % 2**31  # dropout is drawn by the epoch's number
    try:
        loss, correct, diverged, _ = trainer.run_epoch(dropout_epoch, rates=rate, whole=False, single=True)
    finally:
        if state.steps == step:  # else no weights were published
            state.feature_names = batch.features
            if batch.classes is not state.architecture.classes:
                state.architecture = replace(state.architecture, classes=batch.classes)
    return loss, correct, diverged


def apply_gradients(
    state: TrainState,
    gradients: Any,
    given: Optimizer | OptimizerName,
    learning_rate: float | None,
    averaging: EMA | None,
) -> None:
    """Apply gradients in one step, as ``Network.apply_gradients`` documents it.

    Raises
    ------
    Exception : what ``Network.apply_gradients`` raises.
    """
    architecture, trainable = state.architecture, state.trainable
    layers = gradients._given if isinstance(gradients, Gradients) else gradients
    optimizer, rate = _optimizer(given, learning_rate, averaging)
    if optimizer.l2_sum:
        raise ValueError("optimizer has l2_sum, which depends on the number of samples: expected l2")
    opened, state.open_step = state.open_step, None  # as for a step on samples
    try:
        if opened is None or not _continues(opened, optimizer, trainable, averaging):
            layers = _checked_gradients(architecture, layers)
            trainer = open_trainer(state.model, _any_sample(architecture), 1, optimizer, trainable, averaging)
            trainer.close()
            opened = _open_step(architecture, optimizer, trainable, averaging, trainer, given)
        finite = opened.trainer.apply(layers, rate)
        if finite is None:
            layers = _checked_gradients(architecture, layers)
            finite = opened.trainer.apply(layers, rate)
    except (TypeError, ValueError):
        state.open_step = opened
        raise
    if finite:
        state.open_step = opened
        return
    where = _not_finite(layers)
    if where:
        state.open_step = opened
        raise DivergenceError(f"{where}: expected finite numbers; the network is as before")
    raise DivergenceError(
        f"these gradients make a weight infinite or NaN with {optimizer}: use a lower learning rate, or clip_norm; the "
        "network keeps its last good weights"
    )


def _optimizer(
    given: Optimizer | OptimizerName, learning_rate: float | None, averaging: EMA | None
) -> tuple[Optimizer, float]:
    """Return the optimizer and the learning rate of a single step.

    Raises
    ------
    TypeError, ValueError : an argument is not for single steps.
    """
    optimizer = optimizer_of(given)
    refuse_accumulation(optimizer, "single steps")
    check_averaging(averaging, EMA)
    if learning_rate is None:
        return optimizer, optimizer.learning_rate
    return optimizer, number(learning_rate, "learning_rate", AT_LEAST_0)


def _differ_in_rate_only(one: object, other: Optimizer) -> bool:
    return type(one) is type(other) and vars(one) | {"learning_rate": other.learning_rate} == vars(other)


def _continues(opened: OpenStep, optimizer: Optimizer, trainable: list[bool], averaging: EMA | None) -> bool:
    """Whether the trainer of the last step serves another one, whose learning rate may differ."""
    alike = optimizer is opened.optimizer or _differ_in_rate_only(optimizer, opened.optimizer)
    return alike and opened.trainable == trainable and opened.averaging == averaging


def _open_step(
    architecture: Architecture,
    optimizer: Optimizer,
    trainable: list[bool],
    averaging: EMA | None,
    trainer: Trainer,
    given: object,
) -> OpenStep:
    plain = architecture.classes is None and not isinstance(architecture.loss, Custom)  # y has no names for classes
    return OpenStep(optimizer, trainable, averaging, trainer, given, plain, architecture.classifies)


def _any_sample(architecture: Architecture) -> Data:
    """Return one sample to open a trainer with, which then gets others, or gradients."""
    dtype, loss, outputs = architecture.dtype, architecture.loss, architecture.sizes[-1]
    zeros: Any = np.zeros((1, outputs), dtype)
    if isinstance(loss, Custom):
        zeros = loss.of_rows(zeros, None)
    return np.zeros((1, architecture.inputs), dtype), zeros, None


def _divergence(
    state: TrainState, data: Data, loss: float, optimizer: Optimizer, rate: float, of_outputs: bool
) -> DivergenceError:
    if rate != optimizer.learning_rate:
        optimizer = replace(optimizer, learning_rate=rate)
    large = grown(state.model, state.architecture, data, optimizer, rate, state.trainable, repeat=not of_outputs)
    return DivergenceError.of("this step", loss, optimizer, state.architecture, large)


def _checked_gradients(architecture: Architecture, given: Any) -> Any:
    """Return gradients as the native trainer takes them: a flat array, or a list of tuples of arrays.

    Raises
    ------
    TypeError, ValueError : they are not gradients of this network.
    """
    dtype = architecture.dtype
    is_layers = isinstance(given, list | tuple) and all(isinstance(parts, list | tuple) for parts in given)
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], float):
        raise TypeError(
            "gradients is a pair: expected its first part; clip_by_norm returns the gradients and their norm"
        )
    if not is_layers:
        return arrays.parameter(given, (architecture.number_of_parameters,), dtype, "gradients")
    owners = len(architecture.specs) + (architecture.columns is not None)
    if len(given) != owners:
        and_columns = "" if architecture.columns is None else ", of which the last is that of the columns"
        raise ValueError(f"gradients are of {len(given)} layers: expected {owners}{and_columns}")
    checked = []
    for i, (spec, parts) in enumerate(zip(architecture.specs, given, strict=False)):
        names = spec.trained_parts
        if len(parts) != len(names):
            expected = ", ".join(f"d{name}" for name in names)
            raise ValueError(f"gradients[{i}] has {len(parts)} arrays: expected {expected}")
        shapes = [architecture.shape_of(i, name) for name in names]
        checked.append(
            tuple(
                arrays.parameter(part, shape, dtype, f"gradients[{i}][{j}]")
                for j, (part, shape) in enumerate(zip(parts, shapes, strict=True))
            )
        )
    if architecture.columns is not None:
        checked.append(architecture.columns_parts(given[-1], f"{{}} of gradients[{owners - 1}]"))
    return checked


def _not_finite(checked: Any) -> str:
    """Say where the first number is that is infinite or NaN, or return ""."""
    named = [("gradients", checked)]
    if isinstance(checked, list):
        named = [(f"gradients[{i}][{j}]", part) for i, parts in enumerate(checked) for j, part in enumerate(parts)]
    for name, array in named:
        at = np.argwhere(~np.isfinite(array))
        if len(at):
            return f"{name} contains {array[tuple(at[0])]} at {at[0].tolist()}"
    return ""
