"""The part of a network that learns."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcnet import arrays
from fcnet._native import Model
from fcnet.architecture import Described
from fcnet.early_stopping import EarlyStopping
from fcnet.examples import Examples
from fcnet.history import History
from fcnet.optimizers import SGD, Optimizer
from fcnet.schedule import Schedule
from fcnet.scoring import Metrics, Scores
from fcnet.splitting import MOST_EPOCHS
from fcnet.training import figures_of, open_trainer, run_epochs


class Fitting(Described):
    """What a network learns by, what it has learnt, and how that went."""

    __slots__ = ("_epochs_before", "_history", "_model")
    _model: Model
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
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
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
        x : array-like, tensor, table or sparse array (n, inputs) of finite real numbers
            Rows of floats and whole numbers up to 64 bits, in any order, also of a ``np.memmap``, a pandas frame of one
            type or SciPy's CSR, are read where they lie and converted batch by batch; others are converted first.
        y : array-like, column or table
            Class labels (n,) or one-hot rows (n, outputs); for regression targets (n, outputs), or (n,) for one.
        epochs : int >= 0
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller.
        optimizer : SGD, Adam or AdamW
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch).
        validation_data : (x, y), optional
            Evaluated after every epoch.
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
        train = Examples.of(self._architecture, x, y, finite=True, known=self._feature_names).not_empty("x")
        if not isinstance(schedule, Schedule | None):
            raise TypeError(f"schedule is {schedule!r}: expected one like fcnet.schedules.Cosine()")
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        scores = Scores(metrics, self._architecture.classifies)
        train, validation = train.with_validation(self._architecture, validation_data, validation_split)
        if scores and validation is None:
            raise ValueError("metrics are computed on validation data: expected validation_data or validation_split")
        if early_stopping is not None:
            early_stopping.check_figures(
                figures_of(self._architecture.classifies, validation, scores), "early_stopping"
            )
        batch_size = min(batch_size, len(train.x))
        trainer = open_trainer(self._model, train, batch_size, optimizer, shuffle)
        try:
            self._epochs_before, self._history = self.epochs_trained, History()
            self._feature_names = train.features
            run_epochs(
                self._model,
                trainer,
                samples=len(train.x),
                batch_size=batch_size,
                first_epoch=self._epochs_before,
                epochs=epochs,
                optimizer=optimizer,
                classify=self._architecture.classifies,
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
