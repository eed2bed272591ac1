"""The arrays of a network at one moment, in the type of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._exporting.scaling import NEARER_0, OTHER_UNITS, check_scaling, warn_of_offset
from fcnet._model.architecture import Architecture

if TYPE_CHECKING:
    from fcnet._training.train_state import TrainState


def converted(array: NDArray[Any], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """Return an array in another type, with ``name`` in messages.

    Raises
    ------
    ValueError : it holds a number that is not finite, or not in this type.
    """
    with np.errstate(over="ignore"):
        found = array.astype(dtype, copy=False)
    if not np.isfinite(found).all():
        value = array[~np.isfinite(found)][0]
        if np.isfinite(value):
            raise ValueError(f"{name} holds {value:g}, which is infinite in {dtype}: expected dtype='float64'")
        raise ValueError(f"{name} holds {value}: expected finite numbers")
    return found


class Parameters:
    """The arrays of a network as they are now, also while it is being fitted."""

    def __init__(self, state: TrainState, dtype: np.dtype[Any]) -> None:
        self.architecture: Architecture = state.architecture
        self._model, self._dtype, self._names = state.model.as_now(), dtype, state.feature_names

    def scaling(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return offset and scale, with a warning if the offset is rounded visibly.

        Raises
        ------
        ValueError : as for ``check_scaling``.
        """
        given, double = self.architecture, np.dtype(np.float64)
        of_scale, of_offset = OTHER_UNITS, NEARER_0
        if self._dtype != double:
            of_offset = "dtype='float64'"
            of_scale = of_offset if given.dtype == double else OTHER_UNITS  # the core of float32 has 0, too
        check_scaling(given.offset, given.scale, self._names, self._dtype, of_scale)
        warn_of_offset(given.offset, given.scale, self._names, self._dtype, of_offset)
        return given.offset.astype(self._dtype), given.scale.astype(self._dtype)

    def exact(self, layer: int, name: str) -> NDArray[Any]:
        """Return an array of a layer in float64."""
        return converted(self._model.parameter(layer, name), np.dtype(np.float64), f"{name} of layers[{layer}]")

    def of_layer(self, layer: int, name: str) -> NDArray[Any]:
        """Return an array of a layer.

        Raises
        ------
        ValueError : as for ``converted``.
        """
        return converted(self._model.parameter(layer, name), self._dtype, f"{name} of layers[{layer}]")

    def of_columns(self, name: str) -> NDArray[Any]:
        """Return an array of the embedded columns.

        Raises
        ------
        ValueError : as for ``converted``.
        """
        return converted(self._model.parameter(len(self.architecture.specs), name), self._dtype, f"{name} of columns")
