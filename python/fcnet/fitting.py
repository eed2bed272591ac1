"""The part of a network that learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast

from numpy.typing import ArrayLike

from fcnet._checks import console
from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import flag, whole_number
from fcnet._inputs import tables
from fcnet._model.architecture import Described
from fcnet._native import Model, Trainer
from fcnet._training.averaging import EMA, Averaging
from fcnet._training.batch_source import Batches, BatchSource, InMemory, open_trainer, refuse_scaled
from fcnet._training.batch_statistics import refuse_one_sample
from fcnet._training.batches import Y_IS_MISSING, CheckedBatches, validation_batches
from fcnet._training.callbacks import Callback, Callbacks, Logs
from fcnet._training.dataset import MOST_EPOCHS, ClassWeight, Dataset, checked_share
from fcnet._training.divergence import DivergenceError, grown
from fcnet._training.early_stopping import Best, EarlyStopping
from fcnet._training.evaluation import Metrics, MetricSet, figures_of, scored
from fcnet._training.history import History
from fcnet._training.loop import Fit
from fcnet._training.progress import Wanted, checked
from fcnet.layers import Layer
from fcnet.optimizers import SGD, Optimizer, OptimizerName, optimizer_of
from fcnet.schedules import Schedule


def _check_averaging(averaging: object, kind: type[Averaging] = Averaging) -> None:
    """TypeError where it is neither one of that kind nor None."""
    if averaging is not None and not isinstance(averaging, kind):
        what = "fcnet.EMA(...)" if kind is EMA else "fcnet.EMA(...) or fcnet.SWA(...)"
        raise TypeError(f"averaging is {averaging!r}: expected {what}")


def _refuse_accumulation(optimizer: Optimizer, what: str) -> None:
    if optimizer.accumulate > 1:
        raise ValueError(f"optimizer has accumulate={optimizer.accumulate}: expected 1 for {what}")


class Fitting(Described):
    """What a network learns by, what it has learnt, and how that went."""

    __slots__ = ("_best", "_history", "_layers", "_model", "_stepper", "_steps")
    _model: Model
    _layers: tuple[Layer, ...]
    _stepper: tuple[Optimizer, list[bool], EMA | None, Trainer] | None  # of train_on_batch
    _steps: int  # of train_on_batch, and of first epochs that were cut off after some step: 1 each
    _history: History
    _best: Best  # of the last fit

    @property
    def epochs_trained(self) -> int:
        """Over all fits."""
        return self._model.epochs

    @property
    def _has_learnt(self) -> bool:
        """Whether it has been trained, also by single steps or in an epoch that did not end."""
        return bool(self.epochs_trained or self._steps)

    @property
    def history(self) -> History:
        """Of the last fit."""
        return self._history

    @suggesting
    def fit(
        self,
        x: ArrayLike | Iterable[tuple[ArrayLike, ...]],
        y: ArrayLike | None = None,
        *,
        epochs: int = 10,
        initial_epoch: int = 0,
        batch_size: int = 32,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        shuffle: bool = True,
        drop_last: bool = False,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        steps_per_epoch: int | None = None,
        validation_data: tuple[ArrayLike, ...] | Iterable[tuple[ArrayLike, ...]] | None = None,
        validation_split: float = 0,
        metrics: Metrics | None = None,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        averaging: Averaging | None = None,
        callbacks: Sequence[Callback | Callable[[int, Logs], object]] | None = None,
        progress: Wanted = None,
    ) -> History:
        """Train by gradient descent on mini-batches: forward pass, backpropagation, update, for whole epochs natively.

        Fitting again goes on as one longer fit would, bit for bit; an optimiser of another kind begins anew.
        Ctrl-C raises KeyboardInterrupt within a tenth of a second; the weights are those of the last finished step.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of finite real numbers
            Rows of floats and whole numbers up to 64 bits, in any order, also of a ``np.memmap``, a pandas frame of one
            type or SciPy's CSR, are read where they lie and converted batch by batch; others are converted first.
            Without y: an iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``, each of any size and one step,
            gone through anew in every epoch: a list, a data loader, or, for one epoch or with ``steps_per_epoch``, a
            generator.
        y : array-like, column or table
            For cross-entropy class labels (n,), one-hot rows or probabilities (n, outputs); else targets (n, outputs),
            or (n,) for one output. For a loss of your own n rows of anything that an array can hold.
        epochs : int >= 0
        initial_epoch : int in [0, epochs], default 0
            How many of them are done already, in a fit that was cut off: schedules and early stopping go on from there.
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller. Batches that are given stay as they are. Batch
            normalisation needs more than one sample a step; a last batch of one gives a warning.
        optimizer : SGD, Adam, AdamW, NAdam, RMSprop, Adagrad or Lion, or str
            By name, such as "adam", with its usual options.
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch); that of batches is theirs.
        drop_last : bool
            Leave out of every epoch what does not fill a batch; batches that an optimiser accumulates stay, also where
            the last step has fewer of them.
        sample_weight : array-like (n,) of numbers >= 0, optional
            How much each sample counts in the loss: its mean, and its gradient, are weighted ones.
        class_weight : {class: weight}, array-like (classes,) or "balanced", optional
            The same by class, times sample_weight; a class that is not in the dict weighs 1; a Series goes by its
            index; of probabilities every class's part. "balanced": ``n / (number of classes * samples of the class)``,
            which batches cannot tell.
        steps_per_epoch : int >= 1, optional
            Of an iterable of batches: how many make an epoch. The next epoch goes on where it ended, so that a
            generator may go on for ever. What can begin again does so at its end; a generator that ends early ends the
            fit, with a RuntimeWarning.
        validation_data : (x, y) or (x, y, sample_weight), or an iterable of such batches, optional
            Evaluated after every epoch; class_weight does not apply to it. An iterable that can begin again, such as
            a list of batches, may be larger than memory: it is gone through batch by batch. Of ``metrics`` all outputs
            and y are kept meanwhile; a loss of your own is the mean over its batches, by what they weigh.
        validation_split : float in [0, 1), default 0
            In place of validation_data: hold back this share of the samples, drawn by ``seed`` and stratified by class.
            Nothing is copied.
        metrics : sequence of str or callable, or {name: callable}, optional
            Computed on the validation data after every epoch, ``history.val_f1`` for "f1". By name: "top_k_accuracy",
            "log_loss", "roc_auc", "f1", "precision", "recall", these also as "f1_macro", "f1_micro", "f1_weighted"; for
            regression "mse", "rmse", "mae", "r2"; see ``fcnet.metrics``; with the samples' weights, and for
            multi-label targets the mean over the labels. Functions take ``(y_true, output)``: labels (n,), of named
            classes their numbers, multi-label or other targets (n, outputs), and what ``predict`` gives. All are tried
            once before the first step.
        schedule : of fcnet.schedules, optional
            Factors on the optimiser's learning rate, step by step over the epochs of this fit.
        early_stopping : EarlyStopping, optional
            When to end before the last epoch, and go back to the best weights.
        averaging : EMA or SWA, optional
            Publish an average of the weights instead of the last ones: to whatever looks at the network, during the fit
            and after it.
        callbacks : sequence of Callback or callable, optional
            What to call as the fit goes, in this order; functions take ``(epoch, logs)`` after every epoch, see
            ``fcnet.Callback``. ``raise fcnet.StopTraining`` in one ends the fit.
        progress : bool or "lines", optional
            True: show a progress bar on standard error, with figures, samples a second and the time left; by default
            where tqdm is installed, in a notebook or where standard error is a terminal. "lines": print a line to
            standard output after every epoch, also where there is no terminal, as Keras' ``verbose=2``.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before, or as the last finished step left
            it where a batch of an iterable is wrong.
        DivergenceError : the loss became infinite or NaN; the network has its last good weights.
        RuntimeError : the network is being fitted already, by another thread.
        Exception : what a callback or a metric raises, with a note of the metric's name; the network as the last
            finished step left it.
        """
        epochs = whole_number(epochs, "epochs", 0, MOST_EPOCHS - self.epochs_trained)
        initial_epoch = whole_number(initial_epoch, "initial_epoch", 0, epochs)
        batch_size = whole_number(batch_size, "batch_size", 1)
        optimizer = optimizer_of(optimizer)
        shuffle, drop_last = flag(shuffle, "shuffle"), flag(drop_last, "drop_last")
        progress, validation_split = checked(progress), checked_share(validation_split)
        if not isinstance(schedule, Schedule | None):
            raise TypeError(f"schedule is {schedule!r}: expected one like fcnet.schedules.Cosine()")
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        _check_averaging(averaging)
        averaged_from = averaging._begins(epochs) if averaging is not None else 0
        architecture = self._architecture
        metric_set = MetricSet(metrics, architecture)
        heard = Callbacks(callbacks, self)
        source: BatchSource
        validation: Dataset | CheckedBatches | None
        if steps_per_epoch is not None:
            steps_per_epoch = whole_number(steps_per_epoch, "steps_per_epoch", 1)
            if y is not None:
                raise ValueError(
                    "steps_per_epoch is given, but an epoch of x and y goes through all rows, batch_size at a time: "
                    "expected an iterable of batches (x, y) in place of x, and no y, or no steps_per_epoch"
                )
        if y is None:
            if hasattr(x, "shape"):
                raise TypeError(Y_IS_MISSING)
            if validation_split or drop_last or sample_weight is not None:
                what = "validation_split, drop_last and sample_weight"
                raise ValueError(f"y is missing, and batches do not go with {what}: expected y, or none of these")
            _refuse_accumulation(optimizer, "batches")
            left, new = epochs - initial_epoch, not self._has_learnt
            source = batches = Batches(
                architecture, x, left, self._feature_names, steps_per_epoch, class_weight, learn=new
            )
            features, classes = batches.first.features, batches.first.classes
            validation = validation_batches(replace(architecture, classes=classes), validation_data, features, left)
            if validation is None:
                _, validation = batches.first.with_validation(architecture, validation_data, 0)
        elif isinstance(x, Iterator) and not tables.is_stream(x):
            raise TypeError(f"x is a {type(x).__name__}, and y is given too: expected x of batches (x, y), or arrays")
        else:
            given = self._dataset(cast(ArrayLike, x), y, sample_weight, finite=True)
            train = given.not_empty("x").weighing("sample_weight")
            features, classes = train.features, train.classes
            left = epochs - initial_epoch
            validation = validation_batches(replace(architecture, classes=classes), validation_data, features, left)
            if validation is None:
                train, validation = train.with_validation(architecture, validation_data, validation_split)
            elif validation_split:
                raise ValueError("validation_data and validation_split are given: expected one of them")
            train = train.class_weighted(architecture, class_weight)
            train.weighing("class_weight", " for the samples that are trained on")
            source = InMemory(
                architecture, train, batch_size, optimizer.accumulate, shuffle=shuffle, drop_last=drop_last
            )
        (train if y is not None else batches.first).warn_of_lost_digits(architecture)
        if isinstance(validation, Dataset) and validation.weighs_nothing:
            held = (
                "validation_data[2]" if validation_data is not None else "sample_weight held back by validation_split"
            )
            console.warn(f"{held} has nothing but 0: val_loss and weighted metrics are NaN", RuntimeWarning)
        if metric_set and validation is None:
            raise ValueError("metrics are computed on validation data: expected validation_data or validation_split")
        figures = figures_of(architecture.classifies, validation is not None, metric_set)
        if schedule is not None:
            schedule.check_figures(figures, "schedule")
        if early_stopping is not None:
            early_stopping.check_figures(figures, "early_stopping")
            if initial_epoch < epochs <= early_stopping.start_from_epoch:
                text = f"early_stopping has start_from_epoch={early_stopping.start_from_epoch}, and epochs is {epochs}"
                console.warn(f"{text}: it watches none of them", RuntimeWarning)
        if schedule is not None and source.steps is None:
            raise ValueError("a schedule needs the number of batches of an epoch, and x has no len()")
        lists: dict[str, list[float]] = {f"val_{name}": [] for name in metric_set if name != "accuracy"}
        if validation is not None:  # a metric that fails should do so before hours of training
            tried = validation if isinstance(validation, Dataset) else validation.first
            scored(self._model, architecture, tried, metric_set)
        source.open(self._model, optimizer, self._trainable(), averaging)
        try:
            self._stepper, self._feature_names = None, features
            self._architecture = replace(architecture, classes=classes)
            earlier = self._history.last_of(initial_epoch, self.epochs_trained)
            self._history = History(metrics=lists, earlier=earlier)
            self._best = Best(early_stopping, self._history, self._best.kept)
            fit = Fit(
                model=self._model,
                source=source,
                first_epoch=self.epochs_trained,
                epochs=epochs,
                initial_epoch=initial_epoch,
                optimizer=optimizer,
                architecture=architecture,
                validation=validation,
                metric_set=metric_set,
                progress=progress,
                history=self._history,
                schedule=schedule,
                best=self._best,
                callbacks=heard,
                averaged_from=averaged_from,
                new=not self._has_learnt,
            )
            try:
                fit.run()
            finally:
                self._steps += fit.cut_off
        finally:
            source.trainer.close()
        return self._history

    def _dataset(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, finite: bool) -> Dataset:
        known, learn = self._feature_names, not self._has_learnt
        return Dataset.of(self._architecture, x, y, sample_weight, finite=finite, known=known, learn=learn)

    def _trainable(self) -> list[bool]:
        return [layer.trainable for layer in self._layers]

    @suggesting
    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        averaging: EMA | None = None,
    ) -> dict[str, float]:
        """One step on one batch, for training loops of your own.

        What the optimiser remembers goes on from call to call, and from fits and to them, as long as it is of the same
        kind; so does an average. Neither ``epochs_trained`` nor ``history`` counts the step.

        Parameters
        ----------
        x, y, sample_weight : as for fit
        optimizer : as for fit
        averaging : EMA, optional
            As for fit; single steps have no epochs for SWA.

        Returns
        -------
        ``{"loss": ..., "accuracy": ...}``
            Of the batch, measured just before the step.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before.
        DivergenceError : the loss or a weight became infinite or NaN; the network is as before, but for the optimiser
            state and an average, which begin anew.
        RuntimeError : the network is being fitted, by another thread or the caller of a callback.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 2], seed=0)
        >>> losses = [net.train_on_batch([[1, 0], [0, 1]], [0, 1], optimizer=fc.Adam(0.1))["loss"] for _ in range(9)]
        >>> losses[-1] < losses[0]
        True
        """
        optimizer = optimizer_of(optimizer)
        _refuse_accumulation(optimizer, "single steps")
        _check_averaging(averaging, EMA)
        batch = self._dataset(x, y, sample_weight, finite=True).not_empty("x").weighing("sample_weight")
        refuse_scaled(batch, optimizer, "sample_weight")
        what, trainable = batch.of_loss(self._architecture), self._trainable()
        refuse_one_sample(self._architecture, trainable, len(batch.x), "x")
        if not self._steps:  # as fit looks at its first batch
            batch.warn_of_lost_digits(self._architecture)
        stepper, self._stepper = self._stepper, None  # until the step is done: one that fails keeps nothing open
        if stepper is not None and stepper[:3] == (optimizer, trainable, averaging):
            earlier, trainer = True, stepper[3]
        else:
            earlier, trainer = False, open_trainer(self._model, what, len(batch.x), optimizer, trainable, averaging)
        try:
            if earlier:
                trainer.open()
            trainer.use(*what)
            step = self._steps + 1
            dropped_by = MOST_EPOCHS - step % 2**31  # in place of the epoch
            loss, correct, diverged, _ = trainer.run_epoch(dropped_by, whole=False)
            if not diverged:
                self._steps = step
                self._stepper, self._feature_names = (optimizer, trainable, averaging, trainer), batch.features
                if batch.classes is not self._architecture.classes:
                    self._architecture = replace(self._architecture, classes=batch.classes)
        finally:
            trainer.close()
        if diverged:
            architecture = self._architecture
            large = grown(self._model, architecture, batch.x)
            raise DivergenceError.of("this step", loss, optimizer, architecture.classifies, large)
        return {"loss": loss} | ({"accuracy": correct / len(batch.x)} if self._architecture.classifies else {})
