"""Checkpoints: save the network during a fit, so that an interrupted fit can be resumed."""

from __future__ import annotations

import math
import os

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import whole_number
from fcnet._checks.public import public
from fcnet._saving import atomic_file
from fcnet._training.callbacks import Callback, Logs
from fcnet.metrics.monitor import Mode, Monitoring


@public
@suggesting
class Checkpoint(Callback, Monitoring):
    """Save checkpoints of the network after epochs: weights, optimizer state and the number of epochs.

    To resume an interrupted fit, load the network with ``fcnet.load`` and fit the remaining epochs, with
    ``initial_epoch=len(net.history)``, the epochs of this fit without those of earlier ones. Shuffling and dropout
    depend on the number of the epoch, so that the result is the same, bit for bit, as that of an uninterrupted fit.
    This includes early stopping and ``ReduceOnPlateau``, whose history and best weights are in the file. Files are
    replaced atomically, as by ``Network.save``.

    Parameters
    ----------
    path : path
        Path of the file. "{epoch}" in it is replaced by the number of epochs trained, ``epochs_trained``, to keep a
        file for every checkpoint. It counts from 1, as Keras does in file names: the file of the first epoch, whose
        number is 0 in callbacks and in the history, has 1 in its name.
    every : int >= 1, default 1
        Number of epochs between checkpoints. The final weights of a fit are always saved, including those that early
        stopping restores; with ``monitor``, only if they are the best. If a callback stops the fit within an epoch, the
        weights of this incomplete epoch are not saved.
    monitor : str, optional
        Save only if this column of the history, such as "val_loss", is better than at every checkpoint before,
        including those of a fit that is continued with ``initial_epoch``.
    mode : {"auto", "min", "max"}
        Whether lower or higher values are better; "auto" knows it for the losses and metrics of fcnet.
    min_delta : float >= 0, default 0
        Minimum change of the monitored value that counts as an improvement.

    Raises
    ------
    TypeError, ValueError : an argument is not as above, or the history of a fit has no column ``monitor``.
    OSError : a file cannot be written; raised by the fit.

    Examples
    --------
    >>> import fcnet as fc, os, tempfile
    >>> digits = fc.datasets.load_digits()
    >>> x, y = digits.x_train / 16, digits.y_train
    >>> path = os.path.join(tempfile.mkdtemp(), "digits.safetensors")
    >>> history = fc.Network([64, 32, 10], seed=0).fit(x, y, epochs=3, callbacks=[fc.Checkpoint(path)])
    >>> net = fc.load(path)
    >>> history = net.fit(x, y, epochs=10, initial_epoch=len(net.history))  # the seven that are left
    >>> net.epochs_trained
    10
    """

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        *,
        every: int = 1,
        monitor: str | None = None,
        mode: Mode = "auto",
        min_delta: float = 0.0,
    ) -> None:
        self.path = atomic_file.path_text(path)
        if "{" in self.path.replace("{epoch}", ""):
            raise ValueError(f"path is {self.path!r}: expected no braces except {{epoch}}")
        self.every = whole_number(every, "every", 1)
        self.monitor, self.mode, self.min_delta = "loss" if monitor is None else monitor, mode, min_delta
        self.check_rule()
        # pickles keep these names: an old one must still load
        self._watches, self._saved, self._begun = monitor is not None, -1, -1
        self._best: float | None = None
        self._of: object = None  # whose best value it is

    def __repr__(self) -> str:
        rule = f", monitor={self.monitor!r}, mode={self.mode!r}, min_delta={self.min_delta!r}" if self._watches else ""
        return f"{type(self).__name__}({self.path!r}, every={self.every}{rule})"

    def on_train_begin(self, logs: Logs) -> None:
        """Start a new fit; OSError if the folder of the file does not exist."""
        if self._of is not self.model:
            self._of, self._best = self.model, None
            earlier = self.model.history.earlier
            for epoch, value in zip(earlier.get("epochs", ()), earlier.get(self.monitor, ()), strict=False):
                if (epoch + 1) % self.every == 0 and self.is_better(value, self._best):
                    self._best = value
        self._saved = self._begun = -1
        if "{epoch}" not in os.path.dirname(self.path):
            atomic_file.refuse_all_but_files(self.path, os.path.realpath(self.path))

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Note the number of epochs, to tell whether the epoch was completed."""
        self._begun = self.model.epochs_trained

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save a checkpoint if it is due."""
        if self._watches:
            self.check_monitored(logs, "checkpoint")
            self.warn_of_nan(self.model.history[self.monitor], epoch, "checkpoint")
        if (self.model.epochs_trained % self.every) == 0:
            self._save(logs)

    def on_train_end(self, logs: Logs) -> None:
        """Save the final weights, unless the fit was stopped within an epoch."""
        if self.model.epochs_trained == self._begun:
            return
        if not self._watches or self.model.epochs_trained != self._saved:
            self._save(logs)

    def _save(self, logs: Logs) -> None:
        if self._watches:
            if not self.is_better(logs.get(self.monitor, math.nan), self._best):
                return
            self._best = logs[self.monitor]
        self._saved = self.model.epochs_trained
        self.model.save(self.path.replace("{epoch}", str(self._saved)))
