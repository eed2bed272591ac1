"""Callbacks: code of the user that a fit calls as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fcnet._checks.callables import check_call
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant
from fcnet._training.early_stopping import EarlyStopping
from fcnet.schedules import Schedule

Logs = dict[str, float]


@public
class StopTraining(Exception):  # noqa: N818  # like StopIteration it is no error
    """Raise it in a callback to end the fit, which then returns as if its epochs had ended.

    The network keeps the weights of the last finished step, or gets the best ones where early stopping restores them.
    """


@public
class Callback:
    """Its methods do nothing: override those that you need.

    ``logs`` has the figures so far by their names in the history; a callback may keep it. What a method raises ends the
    fit and arrives unchanged, with the network and its history as the last finished step and epoch left them;
    ``StopTraining`` ends it quietly.

    Attributes
    ----------
    model : Network
        The one that is being fitted; set before ``on_train_begin``. During an epoch it predicts with the weights that
        the epoch began with; of batches given one by one, with those of the last step. Pickles and copies of a callback
        are without it.

    Examples
    --------
    >>> import fcnet as fc
    >>> class Enough(fc.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["accuracy"] > 0.9:
    ...             raise fc.StopTraining
    >>> digits = fc.datasets.load_digits()
    >>> net = fc.Network([64, 32, 10], seed=0)
    >>> len(net.fit(digits.x_train / 16, digits.y_train, epochs=50, callbacks=[Enough()])) < 10
    True
    """

    model: Any

    def __getstate__(self) -> object:
        """For ``pickle`` and ``copy``: everything but the network, which belongs to whoever fits it."""
        model = vars(self).get("model")

        def without(attributes: dict[str, Any]) -> dict[str, Any]:
            rest = {name: value for name, value in attributes.items() if name != "model"}
            return {name: None if value is model else value for name, value in rest.items()}

        state: Any = super().__getstate__()  # with __slots__ there are two dicts
        return tuple(part and without(part) for part in state) if isinstance(state, tuple) else state and without(state)

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch; ``logs`` is empty."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch, by its number over all fits; ``logs`` is empty."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a step, counted from 0 in every epoch; ``logs`` is empty. Costs what ``on_batch_end`` does."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step, counted from 0 in every epoch; loss and accuracy are those of the epoch up to here.

        Overriding it costs a call from native code in every step, some 10 µs; otherwise there is none.
        """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, with its figures, once early stopping has restored the best weights."""


_METHODS = {
    "on_train_begin": ("logs",),
    "on_epoch_begin": ("epoch", "logs"),
    "on_batch_begin": ("batch", "logs"),
    "on_batch_end": ("batch", "logs"),
    "on_epoch_end": ("epoch", "logs"),
    "on_train_end": ("logs",),
}


class _OnEpochEnd(Callback):
    def __init__(self, function: Callable[[int, Logs], object]) -> None:
        self._function = function

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._function(epoch, logs)


def _check_methods(one: Callback) -> None:
    """TypeError where one would never be called, or cannot be."""
    for name in dir(type(one)):
        if name.startswith("on_") and name not in _METHODS and (other := meant(name, _METHODS)):
            raise TypeError(f"callbacks has {one!r}, whose {name} nothing calls{other}")
    for name, parameters in _METHODS.items():
        message = f"callbacks has {one!r}: expected {name}({', '.join(parameters)})"
        check_call(getattr(one, name), len(parameters), message)


class Callbacks:
    """Those of one fit, called in their order.

    Parameters
    ----------
    given : sequence of Callback or function, or None
        As ``Network.fit`` documents it.
    model : Network

    Raises
    ------
    TypeError : it is not that.
    """

    def __init__(self, given: Sequence[Callback | Callable[[int, Logs], object]] | None, model: object) -> None:
        if not isinstance(given, Sequence | None) or isinstance(given, str):
            raise TypeError(f"callbacks is {given!r}: expected a list of fcnet.Callback or functions (epoch, logs)")
        self._all: list[Callback] = []
        for one in given or ():
            for rule, place in ((EarlyStopping, "early_stopping"), (Schedule, "schedule")):
                if isinstance(one, rule):
                    raise TypeError(f"callbacks has {one!r}: expected it as {place}=")
            if isinstance(one, type) or not (isinstance(one, Callback) or callable(one)):
                raise TypeError(f"callbacks has {one!r}: expected an fcnet.Callback or a function (epoch, logs)")
            if isinstance(one, Callback):
                _check_methods(one)
            else:
                check_call(one, 2, f"callbacks has {one!r}: expected a function (epoch, logs)")
            self._all.append(one if isinstance(one, Callback) else _OnEpochEnd(one))
            self._all[-1].model = model
        self._of_steps = {
            event: [
                one for one in self._all if getattr(type(one), f"on_{event}") is not getattr(Callback, f"on_{event}")
            ]
            for event in ("batch_begin", "batch_end")
        }

    def __len__(self) -> int:
        return len(self._all)

    def has_listeners(self, *events: str) -> bool:
        """Whether anybody wants to hear of "batch_begin" or "batch_end"."""
        return any(self._of_steps[event] for event in events)

    def notify(self, event: str, *numbers: int, logs: Logs) -> None:
        """Call the methods ``on_<event>``."""
        for one in self._of_steps.get(event, self._all):
            getattr(one, f"on_{event}")(*numbers, dict(logs))
