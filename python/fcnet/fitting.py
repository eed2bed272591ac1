"""The part of a network that learns."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcnet import arrays
from fcnet._native import Model
from fcnet.architecture import Described
from fcnet.early_stopping import EarlyStopping
from fcnet.examples import ClassWeight, Examples
from fcnet.history import History
from fcnet.layers import Layer
from fcnet.optimizers import SGD, Optimizer
from fcnet.schedule import Schedule
from fcnet.scoring import Metrics, Scores
from fcnet.splitting import MOST_EPOCHS
from fcnet.training import figures_of, open_trainer, run_epochs


class Fitting(Described):
    """What a network learns by, what it has learnt, and how that went."""

    __slots__ = ("_epochs_before", "_history", "_layers", "_model")
    _model: Model
    _layers: tuple[Layer, ...]
    _epochs_before: int
    _history: History

    @property
    def epochs_trained(self) -> int:
        """Over all fits."""
        return self._epochs_before + len(self._history)

    @property
    def history(self) -> History:
        """Of the last fit."""
        return self._history

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: Optimizer = SGD(0.1),
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_split: float = 0,
        metrics: Metrics | None = None,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train by gradient descent on mini-batches: forward pass, backpropagation, update, for whole epochs natively.

        Fitting again goes on from the weights and the epoch count reached; momentum and Adam's averages start at 0 in
        every fit. Ctrl-C raises KeyboardInterrupt within a
        tenth of a second and leaves the network with the weights of the last finished step.

        Parameters
        ----------
        x : array-like (n, inputs) of finite real numbers
            Rows of float32, float64 and whole numbers, C- or F-ordered or strided, also of a ``np.memmap``, are read
            where they lie and converted batch by batch; other types are converted first.
        y : array-like
            For cross-entropy class labels (n,), one-hot rows or probabilities (n, outputs); else targets (n, outputs),
            or (n,) for one output. For a loss of your own n rows of anything that an array can hold.
        epochs : int >= 0
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller.
        optimizer : SGD, Adam or AdamW
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch).
        sample_weight : array-like (n,) of numbers >= 0, optional
            How much each sample counts in the loss: its mean, and its gradient, are weighted ones.
        class_weight : {class: weight} or "balanced", optional
            The same by class, times sample_weight; a class that is not in the dict weighs 1. "balanced":
            ``n / (number of classes * samples of the class)``.
        validation_data : (x, y) or (x, y, sample_weight), optional
            Evaluated after every epoch; class_weight does not apply to it.
        validation_split : float in [0, 1), default 0
            Instead: hold back this share of the samples, drawn by ``seed``, of every class alike; train on a copy.
        metrics : sequence of str or callable, or {name: callable}, optional
            Computed on the validation data after every epoch, ``history.val_f1`` for "f1". By name: "top_k_accuracy",
            "log_loss", "roc_auc", "f1", "precision", "recall", these also as "f1_macro", "f1_micro", "f1_weighted"; for
            regression "mse", "rmse", "mae", "r2"; see ``fcnet.metrics``. Functions take ``(y_true, output)``: labels
            (n,) or targets (n, outputs), and what ``predict`` gives.
        schedule : of fcnet.schedules, optional
            Factors on the optimiser's learning rate, step by step over the epochs of this fit.
        early_stopping : EarlyStopping, optional
            When to end before the last epoch, and go back to the best weights.
        progress : bool, optional
            Show a progress bar; by default where standard error is a terminal and tqdm is installed.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before.
        DivergenceError : the loss became infinite or NaN; the network has its last good weights.
        RuntimeError : the network is being fitted already, by another thread.
        """
        epochs = arrays.whole_number(epochs, "epochs", 0, MOST_EPOCHS - self.epochs_trained)
        batch_size = arrays.whole_number(batch_size, "batch_size", 1)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {optimizer!r}: expected one like fcnet.SGD(0.1) or fcnet.Adam()")
        shuffle = arrays.flag(shuffle, "shuffle")
        progress = progress if progress is None else arrays.flag(progress, "progress")
        made = self._architecture
        train = Examples.of(made, x, y, sample_weight, finite=True).not_empty("x")
        if not isinstance(schedule, Schedule | None):
            raise TypeError(f"schedule is {schedule!r}: expected one like fcnet.schedules.Cosine()")
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        scores = Scores(metrics, made.classifies)
        train, validation = train.with_validation(made, validation_data, validation_split)
        train = train.class_weighted(made, class_weight)
        if scores and validation is None:
            raise ValueError("metrics are computed on validation data: expected validation_data or validation_split")
        if early_stopping is not None:
            early_stopping.check_figures(figures_of(made.classifies, validation, scores), "early_stopping")
        batch_size = min(batch_size, len(train.x))
        trainable = [layer.trainable for layer in self._layers]
        trainer = open_trainer(self._model, made, train, batch_size, optimizer, shuffle, trainable)
        try:
            self._epochs_before, self._history = self.epochs_trained, History()
            run_epochs(
                self._model,
                trainer,
                samples=len(train.x),
                batch_size=batch_size,
                first_epoch=self._epochs_before,
                epochs=epochs,
                optimizer=optimizer,
                made=made,
                validation=validation,
                scores=scores,
                progress=progress,
                history=self._history,
                schedule=schedule,
                early_stopping=early_stopping,
            )
        finally:
            trainer.close()
        return self._history
