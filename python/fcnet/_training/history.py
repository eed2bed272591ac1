"""What happened during the epochs of a fit."""

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
    """Figures of every epoch; ``history["loss"]`` and ``history.loss`` are the same list.

    Attributes
    ----------
    epochs : list of int
        Numbers of the epochs, counted from 0 over all fits of the network.
    loss : list of float
        Mean loss over the epoch's samples, each measured just before its step.
    accuracy : list of float
        Share of samples classified correctly, measured likewise; empty for regression.
    val_loss, val_accuracy : list of float
        The same on the validation data after the epoch; empty without validation data.
    learning_rate : list of float
        That of the epoch's last step.
    seconds : list of float
        Duration of the epoch, without validation.
    best_epoch : int or None
        With early stopping: the number of the epoch with the best figure; ``epochs.index(best_epoch)`` is its place in
        the lists, unless it is one of ``earlier``.
    stopped_early : bool
        Whether early stopping or a callback ended the fit.
    metrics : {name: list of float}
        On the validation data after the epoch, such as "val_f1" for the metric "f1"; ``history["val_f1"]`` and
        ``history.val_f1`` too are the list.
    earlier : {name: list of float}
        Of a fit that goes on with ``initial_epoch``: the figures of the epochs before, for the rules that look at them;
        empty where the network does not know them all.
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
        """How many epochs, and the figures of the last."""
        last = [f"{name}={figure:.4g}" for name, figure in self.last().items()]
        best = [] if self.best_epoch is None else [f"best_epoch={self.best_epoch}"]
        stopped = ["stopped_early=True"] if self.stopped_early else []
        return f"History({', '.join([f'{len(self)} epochs', *last, *best, *stopped])})"

    def __getitem__(self, name: str) -> list[float]:
        """Return the figures called ``name``; KeyError lists the names there are."""
        figures = self.to_dict()
        if name not in figures:
            raise KeyError(f"{name!r}: expected one of {', '.join(figures)}{meant(name, figures)}")
        return figures[name]

    def keys(self) -> list[str]:
        """The names of the lists that have figures."""
        return [name for name, figures in self.to_dict().items() if figures]

    def __iter__(self) -> Iterator[str]:
        """Over the names, as of a dict."""
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        """Whether there are figures of that name."""
        return name in self.keys()

    def last(self) -> dict[str, float]:
        """The figures of the last epoch by their names; empty where there is none."""
        return {
            name: figures[-1]
            for name, figures in self.to_dict().items()
            if figures and name not in ("epochs", "seconds")
        }

    def to_dict(self) -> dict[str, list[float]]:
        """The lists by their names, as a table's columns; those that have no figures are empty."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list)} | self.metrics

    def plain(self) -> dict[str, Any]:
        """Everything in plain values and lists of its own, of whole epochs also while a fit adds one."""
        n = len(self)
        figures = {name: value[:n] if isinstance(value, list) else value for name, value in vars(self).items()}
        return figures | {"metrics": {name: value[:n] for name, value in self.metrics.items()}}

    def whole(self) -> History:
        """With the epochs of ``earlier``; what they have no figures of, it has but of the others."""
        if not self.earlier:
            return self

        def joined(figures: dict[str, Any]) -> dict[str, Any]:
            return {n: self.earlier.get(n, []) + v if isinstance(v, list) else v for n, v in figures.items()}

        plain = self.plain()
        return History(**joined(plain) | {"metrics": joined(plain["metrics"]), "earlier": {}})

    def last_of(self, count: int, trained: int) -> dict[str, list[float]]:
        """Figures of the last ``count`` of ``trained`` epochs by their names; empty where one is not in here."""
        figures = self.whole().to_dict()
        epochs = figures["epochs"]
        if not 0 < count <= len(epochs) or epochs[-1] != trained - 1:
            return {}
        return {name: values[-count:] for name, values in figures.items() if len(values) == len(epochs)}

    def to_frame(self) -> Any:
        """The figures as a table, an epoch a row.

        Returns
        -------
        pandas.DataFrame
            Indexed by the epochs' numbers.

        Raises
        ------
        ImportError : pandas is missing.
        """
        pandas = optional("pandas", "a table of the history")
        columns = {name: self[name] for name in self.keys() if name != "epochs"}
        return pandas.DataFrame(columns, index=pandas.Index(self.epochs, name="epoch", dtype="int64"))

    def plot(self) -> Any:
        """Draw ``fcnet.plot.history``: a panel for the loss and one for each metric.

        Returns
        -------
        matplotlib.figure.Figure
            Its ``get_label()`` says in words what it shows.

        Raises
        ------
        ImportError : matplotlib is missing.
        ValueError : there are no epochs.
        """
        from fcnet import plot

        return plot.history(self)

    def __getattr__(self, name: str) -> list[float]:
        """A list of ``metrics``."""
        metrics: dict[str, list[float]] = vars(self).get("metrics", {})  # not yet there while one is copied
        if name not in metrics:
            known = () if name.startswith("_") else (*vars(self), *metrics)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{meant(name, known)}")
        return metrics[name]
