"""The state of a network: its architecture, the native model, and the history and states that fits leave."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs import feature_names
from fcnet._inputs.feature_names import Name
from fcnet._inputs.standardization import Columns
from fcnet._model.architecture import ARGUMENTS, Architecture
from fcnet._native import Trainer
from fcnet._training.averaging import EMA
from fcnet._training.dataset import MOST_EPOCHS, Dataset
from fcnet._training.early_stopping import Best
from fcnet._training.history import History
from fcnet.columns import EmbeddedColumns
from fcnet.layers import Layer
from fcnet.optimizers import Optimizer

_TRAINED = (
    *("parameters", "history", "epochs_trained", "steps", "feature_names", "trainable"),
    *("optimizer_state", "average_state", "best"),
)
_NEWER: dict[str, Any] = {
    "best": None,
    "classes": None,
    "columns": None,
    "members": None,
    "steps": 0,
}  # defaults of entries that older pickles lack


class OpenStep(NamedTuple):
    """The trainer that the last single step left open for the next one, and the options it was opened with."""

    optimizer: Optimizer
    trainable: list[bool]
    averaging: EMA | None
    trainer: Trainer
    given: object  # the optimizer as the user gave it
    takes_plain: bool  # whether arrays may do without the checks in Python
    classifies: bool


class TrainState:
    """The state of a network: architecture, parameters, and what training has added. ``Network`` holds one.

    Attributes
    ----------
    architecture : Architecture
    model : Model
        Parameters, optimizer state and the state of a weight average.
    layers : tuple of Layer
    columns : EmbeddedColumns or None
    feature_names : tuple, or None
        Column names in the form of ``fcnet._inputs.feature_names``.
    history : History
    best : Best
        Best epoch of the last fit.
    open_step : OpenStep or None

    Parameters
    ----------
    architecture : Architecture
    parameters : sequence of arrays for each layer, optional
        By default, initial ones.
    """

    __slots__ = ("architecture", "best", "columns", "feature_names", "history", "layers", "model", "open_step")

    def __init__(self, architecture: Architecture, parameters: Sequence[Sequence[ArrayLike]] | None = None) -> None:
        self.model = architecture.model(parameters)
        self.architecture = architecture
        self.layers = tuple(Layer(self.model, i, architecture) for i in range(len(architecture.specs)))
        self.columns = None if architecture.columns is None else EmbeddedColumns(self.model, architecture)
        self.feature_names: tuple[Name, ...] | None = None
        self.history = History()
        self.best = Best(None, self.history)
        self.open_step: OpenStep | None = None

    @property
    def steps(self) -> int:
        """Number of single steps, plus one for each first epoch that was interrupted after some steps.

        A step counts from the moment its weights are published, also where an interrupt comes on its return.
        """
        return self.model.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self.model.steps = steps

    @property
    def is_trained(self) -> bool:
        """Whether the network was trained, also by single steps or in an epoch that was interrupted."""
        return bool(self.model.epochs or self.steps)

    @property
    def trainable(self) -> list[bool]:
        """Whether fits train each layer and, last, the columns where they are embedded."""
        of_layers = [layer.trainable for layer in self.layers]
        return of_layers if self.columns is None else [*of_layers, self.columns.trainable]

    def dataset(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        finite: bool = True,
        outputs: ArrayLike | None = None,
    ) -> Dataset:
        """Check x, y and sample weights.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network.fit`` expects.
        """
        known, learn = self.feature_names, not self.is_trained
        return Dataset.of(
            self.architecture, x, y, sample_weight, finite=finite, known=known, learn=learn, outputs=outputs
        )

    def adapt(self, x: Any) -> None:
        """Set offset and scale from x, as ``Network.adapt`` documents it.

        Raises
        ------
        TypeError, ValueError : x is not as documented there, or the network is trained already.
        RuntimeError : the network is being fitted.
        """
        if self.is_trained:
            raise ValueError(
                "the network is already trained with its current offset and scale: expected a new network, adapted "
                "before its first fit"
            )
        columns = Columns(self.architecture.inputs, self.feature_names, self.architecture.codes)
        columns.add(x)
        if not columns.count:
            raise ValueError("x has no rows: expected at least one")
        adapted = self.architecture.with_input(*columns.offset_and_scale(self.architecture.dtype))
        self.model.set_input(*adapted.input())
        self.architecture, self.feature_names = adapted, columns.names

    def gradients(self, dataset: Dataset) -> list[tuple[NDArray[Any], ...]]:
        """Return dW, dB and, where a layer has them, dgamma, dmix and dscale of every layer; last those of columns."""
        layers = self.model.gradients(*dataset.of_loss(self.architecture))[1]
        return self.architecture.without_statistics(layers)

    def copy(self) -> TrainState:
        """Return a consistent copy, also while another thread fits the network."""
        return TrainState.from_dict(copy.deepcopy(self.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in plain values and arrays, for files, ``pickle`` and ``copy``."""
        # in this order, so that while another thread fits, no part is of a later epoch than the parts after it
        best_epoch_weights = self.best.epoch_weights
        history = self.history.plain()
        weights = best_epoch_weights and best_epoch_weights[1]
        parameters, optimizer_state, average_state, epochs_trained, best = self.model.state(weights)
        return {
            **self.architecture.arguments(),
            "trainable": self.trainable,
            "epochs_trained": epochs_trained,
            "steps": self.steps,
            "history": history,
            "feature_names": self.feature_names,
            "parameters": parameters,
            "optimizer_state": optimizer_state,
            "average_state": average_state,
            "best": best_epoch_weights and (best_epoch_weights[0], best),
        }

    @classmethod
    def from_dict(cls, given: Any) -> TrainState:
        """Restore the state from ``to_dict``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : the state is invalid.
        """
        s = _NEWER | given if isinstance(given, dict) else {}
        if set(s) != {*ARGUMENTS, *_TRAINED}:
            expected = ", ".join(sorted((*ARGUMENTS, *_TRAINED)))
            raise ValueError(f"the state of a network is damaged: expected {expected}")
        entries = {name: s.pop(name) for name in _TRAINED}
        architecture = Architecture.from_arguments(**s)
        trainable = entries["trainable"]
        owners = len(architecture.specs) + (architecture.columns is not None)
        if not isinstance(trainable, list) or len(trainable) != owners:
            raise ValueError(
                f"trainable is {trainable!r}: expected a flag for each of {owners} layers, with the columns"
            )
        state = cls(architecture, entries["parameters"])
        for layer, flag in zip(state.layers, trainable, strict=False):
            layer.trainable = flag
        if state.columns is not None:
            state.columns.trainable = trainable[-1]
        if entries["optimizer_state"] is not None:
            state.model.set_optimizer_state(*entries["optimizer_state"])
        if entries["average_state"] is not None:
            kind, count, without_average = entries["average_state"]
            state.model.set_average_state(kind, count, architecture.parts(without_average))
        state.feature_names = feature_names.checked(entries["feature_names"], architecture.inputs)
        if entries["best"] is not None:
            epoch, weights = entries["best"]
            snapshot = state.model.snapshot(weights and architecture.parts(weights))
            state.best.epoch_weights = whole_number(epoch, "best", 0, MOST_EPOCHS), snapshot
        state.history = History(**entries["history"])
        state.steps = whole_number(entries["steps"], "steps", 0, 2**63 - 1)
        state.model.epochs = whole_number(entries["epochs_trained"], "epochs_trained", 0, MOST_EPOCHS)
        return state
