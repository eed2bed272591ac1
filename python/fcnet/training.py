"""The epochs of a fit: native training, validation, history, callbacks, divergence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from fcnet._native import Model, Snapshot, Trainer
from fcnet.architecture import Architecture
from fcnet.batches import CheckedBatches
from fcnet.callbacks import Callbacks, StopTraining
from fcnet.early_stopping import EarlyStopping
from fcnet.examples import Examples
from fcnet.feeding import Epoch, Feed
from fcnet.growth import grown
from fcnet.history import History
from fcnet.losses import RMSE, Custom
from fcnet.monitoring import Monitoring
from fcnet.optimizer import Optimizer
from fcnet.progress import Progress, Wanted
from fcnet.schedule import Schedule, checked_factors
from fcnet.scoring import Scores

Kept = tuple[int, Snapshot] | None


class DivergenceError(FloatingPointError):
    """The loss or a weight became infinite or NaN; a ``FloatingPointError``.

    The network keeps the weights of the last epoch that was finite, or of the last step where batches are given one by
    one.
    """

    @classmethod
    def of(cls, where: str, loss: float, optimizer: Optimizer, classifies: bool, grown: str = "") -> DivergenceError:
        """The one that says so; ``grown``: which layer's numbers are large, as the end of a sentence."""
        smaller = "inputs" if classifies else "inputs or targets, such as of mean 0 and standard deviation 1"
        return cls(
            f"the training diverged in {where} (loss {loss}) with {optimizer}: use a lower learning rate, or smaller "
            f"{smaller}{grown}; the network keeps its last good weights"
        )


def evaluate(
    model: Model, made: Architecture, examples: Examples | Iterable[Examples], scores: Scores
) -> dict[str, float]:
    """Mean loss, for classification accuracy, and the other metrics; NaN where there are no samples.

    Of batches: of all of them together. Metrics need all outputs and truths at once, which are collected; x is not.
    """
    model = model.as_now()  # for all of it, whatever another thread trains meanwhile
    if not isinstance(examples, Examples):
        return _evaluate_batches(model, made, examples, scores)
    n, correct, classify = len(examples), 0, made.classifies
    if isinstance(made.loss, Custom):
        output = model.predict(examples.x, examples.rows)
        loss = made.loss(output, examples.of_samples(examples.y), examples.sample_weights)[0] if n else 0.0
    else:
        loss, correct = model.evaluate(examples.x, examples.y, examples.weights, examples.rows)
    result = {"loss": loss if n and not examples.weighs_nothing else float("nan")}
    if classify:
        result["accuracy"] = correct / n if n else float("nan")
    return result | scored(model, made, examples, scores)


def scored(model: Model, made: Architecture, examples: Examples, scores: Scores) -> dict[str, float]:
    """The metrics of the samples, as ``Scores.of`` computes them."""
    if not scores:
        return {}
    return scores.of(examples.truth(made), lambda: model.predict(examples.x, examples.rows), examples.sample_weights)


def _evaluate_batches(
    model: Model, made: Architecture, batches: Iterable[Examples], scores: Scores
) -> dict[str, float]:
    parts, total, weight, right, n = [], 0.0, 0.0, 0.0, 0
    root = isinstance(made.loss, RMSE)  # the mean is that of the squares
    for batch in batches:
        figures = evaluate(model, made, batch, Scores(None, made))
        n, right = n + len(batch.x), right + figures.get("accuracy", 0) * len(batch.x)
        if batch.weight:
            total += batch.weight * (figures["loss"] ** 2 if root else figures["loss"])
            weight += batch.weight
        if scores:
            weights = np.ones(len(batch.x)) if batch.weights is None else batch.weights.astype(np.float64)
            parts.append((batch.truth(made), model.predict(batch.x), np.ldexp(weights, batch.exponent)))
    mean = total / weight if weight else math.nan
    result = {"loss": math.sqrt(mean) if root else mean}
    if made.classifies:
        result["accuracy"] = right / n
    if not scores:
        return result
    truth, output, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return result | scores.of(truth, lambda: output, weights)


def _differ(one: Model, other: Model) -> bool:
    """Whether the parameters of two models differ, NaN from itself too."""
    layers = zip(one.state()[0], other.state()[0], strict=True)
    return any(not np.array_equal(*parts) for pair in layers for parts in zip(*pair, strict=True))


def figures_of(classify: bool, validate: bool, scores: Scores) -> list[str]:
    """The names of what the history of such a fit has of every epoch."""
    measured = ["loss", "accuracy"] if classify else ["loss"]
    return measured + [f"val_{name}" for name in (*measured, *scores)] if validate else measured


class Best:
    """The best epoch of a fit so far, and its weights; nothing without early stopping.

    Attributes
    ----------
    kept : (int, Snapshot) or None
        Number and weights of the best epoch, where the rule restores them.
    """

    def __init__(self, rule: EarlyStopping | None, history: History, kept: Kept = None) -> None:
        self.rule, self.kept, self._history = rule, kept, history
        self._figure: float | None = None
        self._since = -1  # when the rule began to wait
        self._first = 0  # epoch whose figure is watched

    def begin(self, trainer: Trainer, epoch: int, initial_epoch: int) -> None:
        """Before a fit's first epoch: go on from what is known of ``history.earlier``, unless its best weights are not.

        ``kept`` is that of the fit before; ``initial_epoch`` epochs of this one are done.
        """
        former, self.kept, self._since = self.kept, None, epoch - 1
        if self.rule is not None:
            self._first = epoch - initial_epoch + self.rule.start_from_epoch
        if self.rule is None or self.rule.monitor not in (earlier := self._history.earlier):
            return
        figure, best = None, None
        for number, value in zip(map(int, earlier["epochs"]), earlier[self.rule.monitor], strict=True):
            if number >= self._first and self.rule.is_better(value, figure):
                figure, best = value, number
        if best is not None and self.rule.restore_best:
            if former is not None and former[0] == best:
                self.kept = former
            elif best == epoch - 1:
                self.kept = best, trainer.snapshot()
            else:
                return
        self._figure, self._history.best_epoch = figure, best
        self._since = min(self._first, epoch) - 1 if best is None else best

    def is_long_ago(self, trainer: Trainer) -> bool:
        """Look at the epoch that has just ended; whether the fit should end with it."""
        if self.rule is None:
            return False
        history, epoch = self._history, self._history.epochs[-1]
        if epoch < self._first:
            self._since = epoch
            return False
        figure = history[self.rule.monitor][-1]
        if self.rule.is_better(figure, self._figure):
            self._figure, self._since, history.best_epoch = figure, epoch, epoch
            if self.rule.restore_best:
                self.kept = epoch, trainer.snapshot()
        history.stopped_early = epoch - self._since >= self.rule.patience
        return history.stopped_early

    def restore(self, trainer: Trainer) -> None:
        """Go back to its weights."""
        if self.kept is not None:
            trainer.restore(self.kept[1])


@dataclass
class Fit:
    """A fit that is about to begin, its arguments checked."""

    model: Model
    feed: Feed
    first_epoch: int
    epochs: int
    initial_epoch: int
    optimizer: Optimizer
    made: Architecture
    validation: Examples | CheckedBatches | None
    scores: Scores
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
        best, trainer = self.best, self.feed.trainer
        best.begin(trainer, self.first_epoch, self.initial_epoch)
        try:
            with Progress(self.progress, self.epochs, self.initial_epoch, self.feed.samples) as bar:
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
                figures = evaluate(self.model, self.made, self.validation, self.scores)
            if isinstance(self.validation, CheckedBatches) and number == self.initial_epoch:
                self.validation.warn_where_all_weigh_nothing()
            self._record(seconds, figures)
            for owner, rule in (("schedule", self.schedule), ("early_stopping", self.best.rule)):
                if isinstance(rule, Monitoring):
                    rule.warn_of_nan(self.history[rule.monitor], epoch, owner)
            is_last = self.best.is_long_ago(self.feed.trainer)
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
            self.cut_off = self.feed.finished() is None and _differ(before, self.model)
            raise

    def _train(self, epoch: int, number: int, bar: Progress) -> Epoch:
        """The steps of one epoch, the fit's ``number``-th from 0."""
        rates, self._rate = None, self.optimizer.learning_rate
        if self.schedule is not None and self.feed.steps is not None:
            seen = self.history.whole()
            rates = self._rate * checked_factors(self.schedule, number, self.epochs, self.feed.steps, seen)
            self._rate = float(rates[-1])
        every_step = self.callbacks.hear("batch_begin", "batch_end")

        def begin(step: int) -> None:
            self.callbacks.tell("batch_begin", step, logs={})

        def hear(step: int, done: int, loss: float, correct: int) -> None:
            logs = {"loss": loss} | ({"accuracy": correct / done} if self.made.classifies else {})
            bar.within_epoch(done, logs)
            if every_step:
                self.callbacks.tell("batch_end", step, logs=logs)

        heard = hear if every_step or bar.shows_bar else None
        begins = begin if self.callbacks.hear("batch_begin") else None
        done, diverged = self.feed.run(epoch, rates, begins, heard, every_step, number >= self.averaged_from)
        if diverged is not None:
            where = f"batch {diverged} of epoch {epoch}"
            large = grown(self.model, self.made, self.feed.x)
            raise DivergenceError.of(where, done.loss, self.optimizer, self.made.classifies, large)
        return done

    def _record(self, seconds: float, figures: dict[str, float]) -> None:
        """Append the last epoch whose weights are kept, unless it stands there already."""
        history, finished = self.history, self.feed.finished()
        if finished is None or finished.number in history.epochs[-1:]:
            return
        for figures_so_far in history.to_dict().values():
            del figures_so_far[len(history.epochs) :]  # what an interrupt left of a row
        history.learning_rate.append(self._rate)
        history.loss.append(finished.loss)
        history.seconds.append(seconds)
        if self.made.classifies:
            history.accuracy.append(finished.correct / finished.samples)
        if self.validation is not None:
            history.val_loss.append(figures.get("loss", math.nan))
            if self.made.classifies:
                history.val_accuracy.append(figures.get("accuracy", math.nan))
            for name in self.scores:
                history[f"val_{name}"].append(figures.get(name, math.nan))
        history.epochs.append(finished.number)  # last: now the row counts
