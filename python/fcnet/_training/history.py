"""The history of a fit: loss and metrics of every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fcnet._checks.optional_imports import optional
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant


@public
@dataclass(repr=False)
class History:
    """Loss and metrics of every epoch of a fit; ``history["loss"]`` and ``history.loss`` are the same list.

    Attributes
    ----------
    epochs : list of int
        Numbers of the epochs, counted from 0 over all fits of the network.
    loss : list of float
        Training loss: the mean over the epoch's samples, each measured just before its step.
    accuracy : list of float
        Training accuracy, measured likewise; empty for regression.
    val_loss, val_accuracy : list of float
        Loss and accuracy on the validation data after the epoch; empty without validation data.
    learning_rate : list of float
        Learning rate of the epoch's last step.
    seconds : list of float
        Duration of the epoch, without validation.
    best_epoch : int or None
        With early stopping: the number of the epoch with the best monitored value; ``epochs.index(best_epoch)`` is its
        index in the lists, unless it is in ``earlier``.
    stopped_early : bool
        Whether early stopping or a callback ended the fit.
    metrics : {name: list of float}
        Metrics on the validation data after the epoch, such as "val_f1" for the metric "f1"; ``history["val_f1"]`` and
        ``history.val_f1`` are the same list.
    earlier : {name: list of float}
        The columns of the epochs before a fit that continues with ``initial_epoch``, for early stopping, checkpoints
        and schedules; empty if the network does not have all of them.
    """

    epochs: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    earlier: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        """Show the number of epochs and the values of the last one."""
        last = [f"{name}={value:.4g}" for name, value in self.last().items()]
        best = [] if self.best_epoch is None else [f"best_epoch={self.best_epoch}"]
        stopped = ["stopped_early=True"] if self.stopped_early else []
        return f"History({', '.join([f'{len(self)} epochs', *last, *best, *stopped])})"

    def __getitem__(self, name: str) -> list[float]:
        """Return the column ``name``, a number for each epoch; KeyError lists the columns there are."""
        columns = self.to_dict()
        if name not in columns:
            raise KeyError(f"{name!r}: expected one of {', '.join(columns)}{meant(name, columns)}")
        return columns[name]

    def keys(self) -> list[str]:
        """Return the names of the columns that are not empty."""
        return [name for name, column in self.to_dict().items() if column]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the columns, as a dict does."""
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of that name that is not empty."""
        return name in self.keys()

    def last(self) -> dict[str, float]:
        """Return the values of the last epoch by column; empty if there are no epochs."""
        return {
            name: column[-1] for name, column in self.to_dict().items() if column and name not in ("epochs", "seconds")
        }

    def to_dict(self) -> dict[str, list[float]]:
        """Return all columns by name; those without values are empty."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list)} | self.metrics

    def plain(self) -> dict[str, Any]:
        """Return copies of all attributes in plain values, without an epoch that a fit is just adding."""
        n = len(self)
        values = {name: value[:n] if isinstance(value, list) else value for name, value in vars(self).items()}
        return values | {"metrics": {name: value[:n] for name, value in self.metrics.items()}}

    def whole(self) -> History:
        """Return the history including the epochs of ``earlier``; columns that ``earlier`` lacks are shorter."""
        if not self.earlier:
            return self

        def joined(columns: dict[str, Any]) -> dict[str, Any]:
            return {n: self.earlier.get(n, []) + v if isinstance(v, list) else v for n, v in columns.items()}

        plain = self.plain()
        return History(**joined(plain) | {"metrics": joined(plain["metrics"]), "earlier": {}})

    def last_of(self, count: int, trained: int) -> dict[str, list[float]]:
        """Return the columns of the last ``count`` of ``trained`` epochs; empty if the history lacks one of them."""
        columns = self.whole().to_dict()
        epochs = columns["epochs"]
        if not 0 < count <= len(epochs) or epochs[-1] != trained - 1:
            return {}
        return {name: values[-count:] for name, values in columns.items() if len(values) == len(epochs)}

    def to_frame(self) -> Any:
        """Return the history as a table with a row for each epoch.

        Returns
        -------
        pandas.DataFrame
            The index holds the numbers of the epochs.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        pandas = optional("pandas", "a table of the history")
        columns = {name: self[name] for name in self.keys() if name != "epochs"}
        return pandas.DataFrame(columns, index=pandas.Index(self.epochs, name="epoch", dtype="int64"))

    def plot(self) -> Any:
        """Plot the history with ``fcnet.plot.history``: a panel for the loss and one for each metric.

        Returns
        -------
        matplotlib.figure.Figure
            Its ``get_label()`` describes the figure in words.

        Raises
        ------
        ImportError : matplotlib is not installed.
        ValueError : there are no epochs.
        """
        from fcnet import plot

        return plot.history(self)

    def __getattr__(self, name: str) -> list[float]:
        """Return a column of ``metrics``."""
        metrics: dict[str, list[float]] = vars(self).get("metrics", {})  # missing while the object is being copied
        if name not in metrics:
            known = () if name.startswith("_") else (*vars(self), *metrics)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{meant(name, known)}")
        return metrics[name]
