"""The fitted parameters of an estimator: a network, and its weights as scikit-learn's lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet.network import Network

Arrays = list[NDArray[Any]]


def layers_of(network: Network) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return W and B of every layer."""
    return [(np.asarray(layer.W), np.asarray(layer.B)) for layer in network.layers]


def set_layers(network: Network, layers: Sequence[Sequence[ArrayLike]]) -> None:
    """Set W and B of every layer at once; ValueError if the shapes are not those of the network."""
    network._state.model.set_parameters(network._state.architecture.parts(layers))


def _same(current: NDArray[Any], given: NDArray[Any]) -> bool:
    """Whether ``given``, in the network's dtype, equals what the network already has."""
    with np.errstate(over="ignore"):
        return given.dtype.kind in "biuf" and np.array_equal(current, given.astype(current.dtype), equal_nan=True)


class Parameters:
    """Synchronises ``coefs_`` and ``intercepts_``, whose arrays a user may change, with the network."""

    _network: Network
    _arrays: dict[str, Sequence[ArrayLike]]

    def _use(self, network: Network) -> None:
        self._network, self._arrays = network, {}

    def _arrays_of(self, attribute: str, name: str) -> Any:
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}: it is not fitted")
        if name not in self._arrays:
            self._arrays[name] = [getattr(layer, attribute).copy() for layer in self._network.layers]
        return self._arrays[name]

    def _update_network(self, attribute: str, name: str, values: Sequence[ArrayLike]) -> None:
        layers = self._network.layers
        if len(values) != len(layers):
            raise ValueError(f"{name} has {len(values)} arrays: expected one for each of {len(layers)} layers")
        for layer, value in zip(layers, values, strict=True):
            if not _same(getattr(layer, attribute), np.asarray(value)):
                setattr(layer, attribute, value)

    @property
    def coefs_(self) -> Arrays:
        """Weights (inputs, outputs) of every layer. The list, its arrays and their entries can be assigned.

        Assigning raises ValueError if the shapes are not those of the network.
        """
        return self._arrays_of("W", "coefs_")

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        self._arrays_of("W", "coefs_")
        self._update_network("W", "coefs_", values)
        self._arrays["coefs_"] = values

    @property
    def intercepts_(self) -> Arrays:
        """Biases (outputs,) of every layer; they can be assigned like ``coefs_``."""
        return self._arrays_of("B", "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        self._arrays_of("B", "intercepts_")
        self._update_network("B", "intercepts_", values)
        self._arrays["intercepts_"] = values

    def _current(self) -> Network:
        """Return the network, updated from the arrays of ``coefs_`` and ``intercepts_``."""
        for attribute, name in (("W", "coefs_"), ("B", "intercepts_")):
            if name in self._arrays:
                self._update_network(attribute, name, self._arrays[name])
        return self._network

    def __getstate__(self) -> dict[str, Any]:
        """Return the state in plain values and arrays, for ``pickle``, ``copy`` and joblib."""
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if "_network" in state:
            del state["_arrays"]
            state["_network"] = self._current().__getstate__()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the estimator from a state; ValueError or TypeError if the network in it is damaged."""
        state = dict(state)
        if "_network" in state:
            network = Network.__new__(Network)
            network.__setstate__(state["_network"])
            state |= {"_network": network, "_arrays": {}}
        super().__setstate__(state)  # type: ignore[misc]
