"""The epochs of a fit: native training, validation, history, callbacks, divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from fcnet._model.architecture import Architecture
from fcnet._native import Model
from fcnet._training.batch_source import BatchSource, Epoch
from fcnet._training.batches import CheckedBatches
from fcnet._training.callbacks import Callbacks, StopTraining
from fcnet._training.dataset import Dataset
from fcnet._training.divergence import DivergenceError, grown
from fcnet._training.early_stopping import Best
from fcnet._training.evaluation import MetricSet, evaluate
from fcnet._training.history import History
from fcnet._training.progress import Progress, Wanted
from fcnet.metrics.monitor import Monitoring
from fcnet.optimizers import Optimizer
from fcnet.schedules import Schedule, checked_factors


def _differ(one: Model, other: Model) -> bool:
    """Whether the parameters of two models differ, NaN from itself too."""
    layers = zip(one.state()[0], other.state()[0], strict=True)
    return any(not np.array_equal(*parts) for pair in layers for parts in zip(*pair, strict=True))


@dataclass
class Fit:
    """A fit that is about to begin, its arguments checked."""

    model: Model
    source: BatchSource
    first_epoch: int
    epochs: int
    initial_epoch: int
    optimizer: Optimizer
    architecture: Architecture
    validation: Dataset | CheckedBatches | None
    metric_set: MetricSet
    progress: Wanted
    history: History
    schedule: Schedule | None
    best: Best
    callbacks: Callbacks
    averaged_from: int  # the first epoch that comes into an average
    new: bool  # whether the network has learnt nothing so far
    cut_off: bool = False  # whether an epoch of a new network has not ended, but changed it
    _rate: float = math.nan  # of the epoch's last step

    def run(self) -> None:
        """Train, appending to ``history`` as the epochs end.

        An epoch whose weights are kept is recorded, also where an interrupt comes before its validation has ended: what
        was not measured is then NaN.

        Raises
        ------
        DivergenceError : the loss or a weight is no longer finite.
        KeyboardInterrupt : Ctrl-C; the model has the weights of the last finished step.
        Exception : what a callback or a metric raises; likewise.
        """
        best, trainer = self.best, self.source.trainer
        best.begin(trainer, self.first_epoch, self.initial_epoch)
        try:
            with Progress(self.progress, self.epochs, self.initial_epoch, self.source.samples) as bar:
                try:
                    self._run_epochs(bar)
                except StopTraining:
                    self._record(math.nan, {})
                    self.history.stopped_early = True
            best.restore(trainer)
            self.callbacks.tell("train_end", logs=self.history.last())
        except StopTraining:
            pass
        except DivergenceError:
            best.restore(trainer)
            raise
        finally:
            self._record(math.nan, {})

    def _run_epochs(self, bar: Progress) -> None:
        self.callbacks.tell("train_begin", logs={})
        for number in range(self.initial_epoch, self.epochs):
            epoch = self.first_epoch + number - self.initial_epoch
            self.callbacks.tell("epoch_begin", epoch, logs={})
            start = perf_counter()
            done = self._train_first(epoch, number, bar) if self.new else self._train(epoch, number, bar)
            seconds = perf_counter() - start
            figures = {}
            if self.validation is not None:
                figures = evaluate(self.model, self.architecture, self.validation, self.metric_set)
            if isinstance(self.validation, CheckedBatches) and number == self.initial_epoch:
                self.validation.warn_where_all_weigh_nothing()
            self._record(seconds, figures)
            for owner, rule in (("schedule", self.schedule), ("early_stopping", self.best.rule)):
                if isinstance(rule, Monitoring):
                    rule.warn_of_nan(self.history[rule.monitor], epoch, owner)
            is_last = self.best.should_stop(self.source.trainer)
            if bar.is_shown or self.callbacks:
                last = self.history.last()
                bar.end_epoch(epoch, number + 1, done.samples, seconds, last)
                self.callbacks.tell("epoch_end", epoch, logs=last)
            if is_last:
                break

    def _train_first(self, epoch: int, number: int, bar: Progress) -> Epoch:
        """The first steps that a network learns by, and whether it has learnt where they are cut off."""
        self.new, before = False, self.model.as_now()
        try:
            return self._train(epoch, number, bar)
        except BaseException:
            self.cut_off = self.source.finished() is None and _differ(before, self.model)
            raise

    def _train(self, epoch: int, number: int, bar: Progress) -> Epoch:
        """The steps of one epoch, the fit's ``number``-th from 0."""
        rates, self._rate = None, self.optimizer.learning_rate
        if self.schedule is not None and self.source.steps is not None:
            seen = self.history.whole()
            rates = self._rate * checked_factors(self.schedule, number, self.epochs, self.source.steps, seen)
            self._rate = float(rates[-1])
        every_step = self.callbacks.hear("batch_begin", "batch_end")

        def begin(step: int) -> None:
            self.callbacks.tell("batch_begin", step, logs={})

        def hear(step: int, done: int, loss: float, correct: int) -> None:
            logs = {"loss": loss} | ({"accuracy": correct / done} if self.architecture.classifies else {})
            bar.within_epoch(done, logs)
            if every_step:
                self.callbacks.tell("batch_end", step, logs=logs)

        heard = hear if every_step or bar.shows_bar else None
        begins = begin if self.callbacks.hear("batch_begin") else None
        done, diverged = self.source.run(epoch, rates, begins, heard, every_step, number >= self.averaged_from)
        if diverged is not None:
            where = f"batch {diverged} of epoch {epoch}"
            large = grown(self.model, self.architecture, self.source.x)
            raise DivergenceError.of(where, done.loss, self.optimizer, self.architecture.classifies, large)
        return done

    def _record(self, seconds: float, figures: dict[str, float]) -> None:
        """Append the last epoch whose weights are kept, unless it stands there already."""
        history, finished = self.history, self.source.finished()
        if finished is None or finished.number in history.epochs[-1:]:
            return
        for figures_so_far in history.to_dict().values():
            del figures_so_far[len(history.epochs) :]  # what an interrupt left of a row
        history.learning_rate.append(self._rate)
        history.loss.append(finished.loss)
        history.seconds.append(seconds)
        if self.architecture.classifies:
            history.accuracy.append(finished.correct / finished.samples)
        if self.validation is not None:
            history.val_loss.append(figures.get("loss", math.nan))
            if self.architecture.classifies:
                history.val_accuracy.append(figures.get("accuracy", math.nan))
            for name in self.metric_set:
                history[f"val_{name}"].append(figures.get(name, math.nan))
        history.epochs.append(finished.number)  # last: now the row counts
