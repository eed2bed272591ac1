"""The fitted part of an estimator: a network, and its weights as scikit-learn's lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet.network import Network

Arrays = list[NDArray[Any]]


def layers_of(network: Network) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """W and B of every layer."""
    return [(np.asarray(layer.W), np.asarray(layer.B)) for layer in network.layers]


def set_layers(network: Network, layers: Sequence[Sequence[ArrayLike]]) -> None:
    """All of them in one step; ValueError where the shapes are not those of the network."""
    network._state.model.set_parameters(network._state.architecture.parts(layers))


def _same(held: NDArray[Any], given: NDArray[Any]) -> bool:
    """Whether ``given`` is what the network has of it already, in its own type."""
    with np.errstate(over="ignore"):
        return given.dtype.kind in "biuf" and np.array_equal(held, given.astype(held.dtype), equal_nan=True)


class Parameters:
    """Keeps ``coefs_`` and ``intercepts_`` and the network the same: whoever was handed the arrays may change them."""

    _network: Network
    _handed: dict[str, Sequence[ArrayLike]]

    def _use(self, network: Network) -> None:
        self._network, self._handed = network, {}

    def _hand_out(self, attribute: str, name: str) -> Any:
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}: it is not fitted")
        if name not in self._handed:
            self._handed[name] = [getattr(layer, attribute).copy() for layer in self._network.layers]
        return self._handed[name]

    def _take_in(self, attribute: str, name: str, values: Sequence[ArrayLike]) -> None:
        layers = self._network.layers
        if len(values) != len(layers):
            raise ValueError(f"{name} has {len(values)} arrays: expected one for each of {len(layers)} layers")
        for layer, value in zip(layers, values, strict=True):
            if not _same(getattr(layer, attribute), np.asarray(value)):
                setattr(layer, attribute, value)

    @property
    def coefs_(self) -> Arrays:
        """Weights (inputs, outputs) of every layer; also to set, the list, one of its arrays, or some of their numbers.

        Setting raises ValueError where the shapes are not those of the network.
        """
        return self._hand_out("W", "coefs_")

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        self._hand_out("W", "coefs_")
        self._take_in("W", "coefs_", values)
        self._handed["coefs_"] = values

    @property
    def intercepts_(self) -> Arrays:
        """Biases (outputs,) of every layer; also to set, as ``coefs_``."""
        return self._hand_out("B", "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        self._hand_out("B", "intercepts_")
        self._take_in("B", "intercepts_", values)
        self._handed["intercepts_"] = values

    def _current(self) -> Network:
        """The network, with what was written into the arrays that were handed out."""
        for attribute, name in (("W", "coefs_"), ("B", "intercepts_")):
            if name in self._handed:
                self._take_in(attribute, name, self._handed[name])
        return self._network

    def __getstate__(self) -> dict[str, Any]:
        """For ``pickle``, ``copy`` and joblib: plain values and arrays, no network in it."""
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if "_network" in state:
            del state["_handed"]
            state["_network"] = self._current().__getstate__()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin from such a state; ValueError or TypeError where the network in it is damaged."""
        state = dict(state)
        if "_network" in state:
            network = Network.__new__(Network)
            network.__setstate__(state["_network"])
            state |= {"_network": network, "_handed": {}}
        super().__setstate__(state)  # type: ignore[misc]
