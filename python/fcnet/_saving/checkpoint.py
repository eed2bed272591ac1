"""The network in a file while it is fitted, so that a fit that was cut off can go on."""

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
    """Save the network after epochs: weights, what the optimizer remembers, the count of epochs.

    The shuffles and dropout of an epoch belong to its number, so that ``fcnet.load`` and a fit of the epochs that were
    left come to the bits of the fit that was not cut off, also with early stopping and ``ReduceOnPlateau``, whose
    figures and best weights are in the file. A file is replaced in one step, as ``Network.save`` does: whenever the
    process is killed, the old file or the new one is there.

    Parameters
    ----------
    path : path
        Where "{epoch}" is replaced by the number of epochs trained, there are files of all of them.
    every : int >= 1, default 1
        Epochs from one save to the next. At the end of a fit its weights are saved in any case, those that early
        stopping went back to; with ``monitor`` only where they are the best. Weights of half an epoch, where a callback
        stops the fit within one, never are.
    monitor : str, optional
        Save only where this figure of the history, such as "val_loss", is better than at every save before; also those
        of a fit that goes on with ``initial_epoch``.
    mode : {"auto", "min", "max"}
        What is better; "auto" knows it of the losses and metrics that fcnet has.
    min_delta : float >= 0, default 0
        How much better.

    Raises
    ------
    TypeError, ValueError : an argument is not as above, or a fit has no figure ``monitor``.
    OSError : from the fit, where a file cannot be written.

    Examples
    --------
    >>> import fcnet as fc, os, tempfile
    >>> digits = fc.datasets.load_digits()
    >>> x, y = digits.x_train / 16, digits.y_train
    >>> path = os.path.join(tempfile.mkdtemp(), "digits.safetensors")
    >>> history = fc.Network([64, 32, 10], seed=0).fit(x, y, epochs=3, callbacks=[fc.Checkpoint(path)])
    >>> net = fc.load(path)
    >>> history = net.fit(x, y, epochs=10, initial_epoch=net.epochs_trained)  # the seven that are left
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
            raise ValueError(f"path is {self.path!r}: expected no braces but those of {{epoch}}")
        self.every = whole_number(every, "every", 1)
        self.monitor, self.mode, self.min_delta = "loss" if monitor is None else monitor, mode, min_delta
        self.check_rule()
        self._watches, self._saved, self._begun = monitor is not None, -1, -1
        self._best: float | None = None
        self._of: object = None  # the network that it is the best of

    def __repr__(self) -> str:
        rule = f", monitor={self.monitor!r}, mode={self.mode!r}, min_delta={self.min_delta!r}" if self._watches else ""
        return f"{type(self).__name__}({self.path!r}, every={self.every}{rule})"

    def on_train_begin(self, logs: Logs) -> None:
        """Begin anew; OSError where there is no folder for the file."""
        if self._of is not self.model:
            self._of, self._best = self.model, None
            earlier = self.model.history.earlier
            for epoch, figure in zip(earlier.get("epochs", ()), earlier.get(self.monitor, ()), strict=False):
                if (epoch + 1) % self.every == 0 and self.is_better(figure, self._best):
                    self._best = figure
        self._saved = self._begun = -1
        if "{epoch}" not in os.path.dirname(self.path):
            atomic_file.refuse_all_but_files(self.path, os.path.realpath(self.path))

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Remember that it has not ended."""
        self._begun = self.model.epochs_trained

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save, if it is time."""
        if self._watches:
            self.check_monitored(logs, "checkpoint")
            self.warn_of_nan(self.model.history[self.monitor], epoch, "checkpoint")
        if (self.model.epochs_trained % self.every) == 0:
            self._save(logs)

    def on_train_end(self, logs: Logs) -> None:
        """Save the weights that the fit ends with, unless it was stopped in the middle of an epoch."""
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
