"""The training loop: epochs with validation, history, callbacks and early stopping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from fcnet._native import Model
from fcnet._training.batch_source import Epoch
from fcnet._training.batches import CheckedBatches
from fcnet._training.callbacks import Callbacks, StopTraining
from fcnet._training.divergence import DivergenceError, grown
from fcnet._training.evaluation import evaluate
from fcnet._training.fit_arguments import FitData, FitOptions
from fcnet._training.progress import Progress
from fcnet._training.step_values import StepValues, values_of
from fcnet._training.train_state import TrainState
from fcnet.metrics.monitor import Monitoring


def _differ(one: Model, other: Model) -> bool:
    """Whether the parameters of two models differ; NaN differs from NaN."""
    layers = zip(one.state()[0], other.state()[0], strict=True)
    return any(not np.array_equal(*parts) for pair in layers for parts in zip(*pair, strict=True))


@dataclass
class Loop:
    """The loop over the epochs of a fit, whose history and best epoch ``state`` already holds."""

    state: TrainState
    data: FitData
    options: FitOptions
    callbacks: Callbacks

    def __post_init__(self) -> None:
        self._first_epoch = self.state.model.epochs
        self._rate = math.nan  # learning rate of the epoch's last step

    def run(self) -> None:
        """Train all epochs, and append each to the history.

        A completed epoch is recorded also if an interrupt comes before its validation has ended; its validation metrics
        are then NaN.

        Raises
        ------
        DivergenceError : the loss or a weight is no longer finite.
        KeyboardInterrupt : Ctrl-C; the model has the weights of the last completed step.
        Exception : what a callback or a metric raises; the model has the weights of the last completed step.
        """
        best, history, options, source = self.state.best, self.state.history, self.options, self.data.source
        best.begin(source.trainer, self._first_epoch, options.initial_epoch)
        try:
            with Progress(options.progress, options.epochs, options.initial_epoch, source.samples) as bar:
                try:
                    self._run_epochs(bar)
                except StopTraining:
                    self._record(math.nan, {})
                    history.stopped_early = True
            best.restore(source.trainer)
            self.callbacks.notify("train_end", logs=history.last())
        except StopTraining:
            pass
        except DivergenceError:
            best.restore(source.trainer)
            raise
        finally:
            self._record(math.nan, {})

    def _run_epochs(self, bar: Progress) -> None:
        history, best, options = self.state.history, self.state.best, self.options
        self.callbacks.notify("train_begin", logs={})
        for number in range(options.initial_epoch, options.epochs):
            epoch = self._first_epoch + number - options.initial_epoch
            self.callbacks.notify("epoch_begin", epoch, logs={})
            start = perf_counter()
            done = self._train(epoch, number, bar) if self.state.is_trained else self._train_first(epoch, number, bar)
            seconds = perf_counter() - start
            self._record(seconds, self._validate(number))
            for owner, rule in (*options.schedules.items(), ("early_stopping", best.rule)):
                if isinstance(rule, Monitoring):
                    rule.warn_of_nan(history[rule.monitor], epoch, owner)
            is_last = best.should_stop(self.data.source.trainer)
            if bar.is_shown or self.callbacks:
                last = history.last()
                bar.end_epoch(epoch, number + 1, done.samples, seconds, last)
                self.callbacks.notify("epoch_end", epoch, logs=last)
            if is_last:
                break

    def _validate(self, number: int) -> dict[str, float]:
        validation, state = self.data.validation, self.state
        if validation is None:
            return {}
        logs = evaluate(state, validation, self.options.metric_set)
        if isinstance(validation, CheckedBatches) and number == self.options.initial_epoch:
            validation.warn_of_zero_weights()
        return logs

    def _train_first(self, epoch: int, number: int, bar: Progress) -> Epoch:
        """Train the first epoch of a network; if it is interrupted after some steps, they count as one step."""
        before = self.state.model.as_now()
        try:
            return self._train(epoch, number, bar)
        except BaseException:
            self.state.steps += self.data.source.finished() is None and _differ(before, self.state.model)
            raise

    def _train(self, epoch: int, number: int, bar: Progress) -> Epoch:
        """Train for one epoch, which is the fit's ``number``-th, counted from 0."""
        source, options, optimizer = self.data.source, self.options, self.options.optimizer
        architecture = self.state.architecture
        values, self._rate = StepValues(), optimizer.learning_rate
        if options.schedules and source.steps is not None:
            history, steps = self.state.history.whole(), source.steps
            values = values_of(options.schedules, architecture, optimizer, number, options.epochs, steps, history)
            self._rate = self._rate if values.rates is None else float(values.rates[-1])
        every_step = self.callbacks.has_listeners("batch_begin", "batch_end")

        def on_begin(step: int) -> None:
            self.callbacks.notify("batch_begin", step, logs={})

        def on_end(step: int, done: int, loss: float, correct: int) -> None:
            logs = {"loss": loss} | ({"accuracy": correct / done} if architecture.classifies else {})
            bar.within_epoch(done, logs)
            if every_step:
                self.callbacks.notify("batch_end", step, logs=logs)

        done, diverged = source.run(
            epoch,
            values,
            on_begin if self.callbacks.has_listeners("batch_begin") else None,
            on_end if every_step or bar.shows_bar else None,
            every_step,
            number >= self.options.averaged_from,
        )
        if diverged is not None:
            where = f"batch {diverged} of epoch {epoch}"
            rate = self._rate if values.rates is None else float(values.rates[diverged])
            large = grown(self.state.model, architecture, source.data, optimizer, rate, self.state.trainable)
            raise DivergenceError.of(where, done.loss, optimizer, architecture, large)
        return done

    def _record(self, seconds: float, validation: dict[str, float]) -> None:
        """Append the last completed epoch to the history, unless it is already there."""
        history, finished = self.state.history, self.data.source.finished()
        if finished is None or finished.number in history.epochs[-1:]:
            return
        for column in history.to_dict().values():
            del column[len(history.epochs) :]  # an incomplete row after an interrupt
        history.learning_rate.append(self._rate)
        history.loss.append(finished.loss)
        history.seconds.append(seconds)
        classifies = self.state.architecture.classifies
        if classifies:
            history.accuracy.append(finished.correct / finished.samples)
        if self.data.validation is not None:
            history.val_loss.append(validation.get("loss", math.nan))
            if classifies:
                history.val_accuracy.append(validation.get("accuracy", math.nan))
            for name in self.options.metric_set:
                history[f"val_{name}"].append(validation.get(name, math.nan))
        history.epochs.append(finished.number)  # last, as it makes the row count
