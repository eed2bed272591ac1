"""Callbacks: user code that a fit calls at the beginning and end of training, epochs and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fcnet._checks.callables import check_call
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant
from fcnet._training.early_stopping import EarlyStopping
from fcnet.schedules import Schedule

if TYPE_CHECKING:
    from fcnet.network import Network

Logs = dict[str, float]


@public
class StopTraining(Exception):  # noqa: N818  # like StopIteration it is no error
    """Raise this in a callback to end the fit, which then returns normally.

    The network keeps the weights of the last completed step, unless early stopping restores the best ones.
    """


@public
class Callback:
    """Base class of callbacks, whose methods do nothing: override those that you need.

    ``epoch`` is the number of the epoch, counted from 0 over all fits of the network, as in the history. After it,
    ``model.epochs_trained`` is ``epoch + 1``, which ``Checkpoint`` writes for "{epoch}" in names of files.

    ``logs`` is a dict of the loss and metrics so far, with the names of the history; a callback may keep it. An
    exception in a method ends the fit and is raised unchanged; the network has the weights of the last completed step,
    and its history the last completed epoch. ``StopTraining`` ends the fit without an error.

    Attributes
    ----------
    model : Network
        The network that is being fitted; set before ``on_train_begin``. During an epoch it predicts with the weights
        from the beginning of the epoch, or, with an iterable of batches, with those of the last step. Pickles and
        copies of a callback do not contain it.

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

    model: Network

    def __getstate__(self) -> object:
        """Return everything but the network, for ``pickle`` and ``copy``."""
        model = vars(self).get("model")

        def without(attributes: dict[str, Any]) -> dict[str, Any]:
            rest = {name: value for name, value in attributes.items() if name != "model"}
            return {name: None if value is model else value for name, value in rest.items()}

        state: Any = super().__getstate__()  # with __slots__ there are two dicts
        return tuple(part and without(part) for part in state) if isinstance(state, tuple) else state and without(state)

    def on_train_begin(self, logs: Logs) -> None:
        """Called before the first epoch; ``logs`` is empty."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Called before an epoch, counted from 0 over all fits; ``logs`` is empty."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Called before a step, counted from 0 in every epoch; ``logs`` is empty. As slow as ``on_batch_end``."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Called after a step, counted from 0 in every epoch; ``logs`` has loss and accuracy of the epoch so far.

        Overriding this method costs a call from native code in every step, about 10 µs.
        """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after an epoch, counted from 0 over all fits, and its validation."""

    def on_train_end(self, logs: Logs) -> None:
        """Called after the last epoch, with its ``logs``, when early stopping has restored the best weights."""


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
    """Raise TypeError if a method would never be called, or cannot be called with its arguments."""
    for name in dir(type(one)):
        if name.startswith("on_") and name not in _METHODS and (other := meant(name, _METHODS)):
            raise TypeError(f"callbacks has {one!r}, whose method {name} is never called{other}")
    for name, parameters in _METHODS.items():
        message = f"callbacks has {one!r}: expected {name}({', '.join(parameters)})"
        check_call(getattr(one, name), len(parameters), message)


class Callbacks:
    """The callbacks of a fit, called in their order.

    Parameters
    ----------
    given : sequence of Callback or function, or None
        As ``Network.fit`` documents it.
    model : Network

    Raises
    ------
    TypeError : the argument is not as documented there.
    """

    def __init__(self, given: Sequence[Callback | Callable[[int, Logs], object]] | None, model: Network | None) -> None:
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
            if model is not None:
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
        """Whether a callback has a method for one of the events, "batch_begin" or "batch_end"."""
        return any(self._of_steps[event] for event in events)

    def notify(self, event: str, *numbers: int, logs: Logs) -> None:
        """Call the methods ``on_<event>`` of all callbacks."""
        for one in self._of_steps.get(event, self._all):
            getattr(one, f"on_{event}")(*numbers, dict(logs))
