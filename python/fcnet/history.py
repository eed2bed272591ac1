"""What happened during the epochs of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
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
    seconds : list of float
        Duration of the epoch, without validation.
    best_epoch : int or None
        With early stopping: the number of the epoch with the best figure; ``epochs.index(best_epoch)`` is its place in
        the lists.
    stopped_early : bool
        Whether early stopping ended the fit.
    metrics : {name: list of float}
        On the validation data after the epoch, such as "val_f1" for the metric "f1"; ``history["val_f1"]`` and
        ``history.val_f1`` too are the list.
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

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, name: str) -> list[float]:
        """Return the figures called ``name``; KeyError lists the names there are."""
        figures = self.to_dict()
        if name not in figures:
            raise KeyError(f"{name!r}: expected one of {', '.join(figures)}")
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

    def to_dict(self) -> dict[str, list[float]]:
        """The lists by their names, as a table's columns; those that have no figures are empty."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list)} | self.metrics

    def __getattr__(self, name: str) -> list[float]:
        """A list of ``metrics``."""
        metrics: dict[str, list[float]] = vars(self).get("metrics", {})  # not yet there while one is copied
        if name not in metrics:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return metrics[name]
