"""Where the loss has no derivative, or not a second one: whether a step of a weight crosses such a place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import _native, kernels, tensors
from fcnet.architecture import Architecture
from fcnet.examples import Examples
from fcnet.kinds import Kind
from fcnet.losses import MSE
from fcnet.sparse import SparseRows

Array = NDArray[Any]
Parameters = list[tuple[Array, Array]]

_KINKED = ("relu", "leaky_relu", "elu", "selu")  # F at 0


class Kinks:
    """The kinks of the built-in activations and losses; those of a user's loss are not known.

    Parameters
    ----------
    made : Architecture
        Of the network: in its type backpropagation has chosen a side of every kink.
    wide : Architecture
        The same in the type in which steps are taken.
    examples : Examples
    parameters : [(W, B), ...]
        In the type of ``wide``.
    """

    def __init__(self, made: Architecture, wide: Architecture, examples: Examples, parameters: Parameters) -> None:
        self._made, self._examples, self._parameters = wide, examples, parameters
        self._passed = list(self._pass(_first(wide, examples, parameters[0]), 0, parameters))
        own = [(w.astype(made.dtype), b.astype(made.dtype)) for w, b in parameters]
        self._sides = [place > 0 for place in self._places(self._pass(_first(made, examples, own[0]), 0, own), 0)]

    def crossed(self, layer: int, which: int, at: tuple[Any, ...], step: float) -> bool:
        """Whether somewhere between ``-step`` and ``step`` from W[at] or B[at] of a layer there is a kink.

        So it is where what decides the side (h_in, or p - y) moves, and is not on backpropagation's side at both ends.
        """
        change = step * (self._inputs(layer, at[0]) if which == 0 else np.ones(len(self._passed[0])))
        ends = []
        for sign in (1, -1):
            h_in = self._passed[layer].copy()
            h_in[:, at[-1]] += sign * change
            ends.append(self._places(self._pass(h_in, layer, self._parameters), layer))
        sides = self._sides[len(self._sides) - len(ends[0]) :]
        return any(
            bool(((up != down) & (((up > 0) != side) | ((down > 0) != side))).any())
            for up, down, side in zip(*ends, sides, strict=True)
        )

    def _pass(self, h_in: Array, layer: int, parameters: Parameters) -> Iterator[Array]:
        """h_in of a layer and of all behind it."""
        yield h_in
        for (w, b), kind in zip(parameters[layer + 1 :], self._made.kinds[layer:], strict=False):
            h_in = kernels.linear(_native.activation(h_in, kind.activation), w, b)
            yield h_in

    def _places(self, passed: Iterator[Array], layer: int) -> list[Array]:
        """From the h_in of a layer on: what has kinks where it is 0."""
        kinds, places, last = self._made.kinds[layer:], [], np.empty(0)
        for last, kind in zip(passed, kinds, strict=True):
            if kind.activation in _KINKED:
                places.append(last)
        loss, y = self._made.loss, self._examples.y
        if loss.name in ("mae", "quantile", "huber"):
            error = _native.activation(last, kinds[-1].activation) - y.reshape(last.shape)
            places.append(abs(error) - loss.parameter if loss.name == "huber" else error)
        return places

    def _inputs(self, layer: int, column: int) -> Array:
        """What a weight of a layer is multiplied with, for every sample."""
        if layer:
            return _native.activation(self._passed[layer - 1], self._made.kinds[layer - 1].activation)[:, column]
        x = self._examples.x
        if isinstance(x, SparseRows):
            values, here = np.zeros(len(x)), x.indices == column
            values[np.repeat(np.arange(len(x)), np.diff(x.starts))[here]] = x.data[here]
        else:
            values = tensors.widened(x[:, column]).astype(np.float64)
        scale, offset = (np.broadcast_to(each, x.shape[1]) for each in (self._made.scale, self._made.offset))
        return np.asarray(scale[column] * (values - offset[column]))


def _first(made: Architecture, examples: Examples, parameters: tuple[Array, Array]) -> Array:
    """h_in of the first layer, from rows of any kind."""
    one = replace(made, sizes=made.sizes[:2], kinds=(Kind("identity"),), loss=MSE(), inits=made.inits[:1])
    return one.model([parameters]).predict(examples.x)
