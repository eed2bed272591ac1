"""The parameters of a network as a whole: assigned, copied and blended."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fcnet._checks.numbers import UNIT, number
from fcnet._inputs import arrays
from fcnet._training.train_state import TrainState


def assign(state: TrainState, value: ArrayLike) -> None:
    """Assign all parameters, as ``Network.parameters`` documents it.

    Raises
    ------
    TypeError, ValueError, RuntimeError : as documented there.
    """
    architecture = state.architecture
    given = arrays.parameter(value, (architecture.number_of_parameters,), architecture.dtype, "parameters")
    state.model.set_flat(given)


def copy(state: TrainState, other: TrainState) -> None:
    """Take the parameters of another network, as ``Network.copy_parameters`` documents it.

    Raises
    ------
    ValueError, RuntimeError : as documented there.
    """
    if not state.model.copy_parameters(other.model):
        raise _difference(state, other)


def blend(state: TrainState, other: TrainState, tau: float) -> None:
    """Move towards the parameters of another network, as ``Network.blend`` documents it.

    Raises
    ------
    TypeError, ValueError, RuntimeError : as documented there.
    """
    if not state.model.blend(other.model, number(tau, "tau", UNIT)):
        raise _difference(state, other)


def _difference(state: TrainState, other: TrainState) -> ValueError:
    """Return the error that names what differs first."""
    mine, its = state.architecture, other.architecture
    if mine.dtype != its.dtype:
        return ValueError(f"other has dtype {its.dtype}: expected {mine.dtype}")
    for i, (layer, other_layer) in enumerate(zip(state.layers, other.layers, strict=False)):
        if mine.specs[i] != its.specs[i] or mine.sizes[i : i + 2] != its.sizes[i : i + 2]:
            return ValueError(f"other differs in layers[{i}]: it has {other_layer}, expected {layer}")
    if mine.members != its.members:
        return ValueError(f"other has {its.members}: expected {mine.members}")
    if mine.columns != its.columns:
        return ValueError(f"other has the columns {its.columns}: expected {mine.columns}")
    if len(state.layers) != len(other.layers):
        return ValueError(f"other has {len(other.layers)} layers: expected {len(state.layers)}")
    name = "scale" if (mine.offset == its.offset).all() else "offset"
    return ValueError(
        f"other has another {name} of the inputs: expected that of this network; adapt both to the same x, or make one "
        "of them by copy.deepcopy of the other"
    )
