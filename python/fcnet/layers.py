"""The view of one layer that ``net.layers[i]`` gives."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from fcnet import arrays
from fcnet._native import Model
from fcnet.architecture import Architecture


class Layer:
    """One layer, ``h_out = F(h_in)`` with ``h_in = h_prev W + B``.

    Attributes
    ----------
    W : array (k, m)
        Weights. Reading gives a read-only copy; assign a whole array to change them.
    B : array (m,)
        Biases, likewise.
    activation : str
        F by its name, see ``fcnet.reference.activation``; "softmax" or "identity" for the last layer.
    """

    __slots__ = ("_activation", "_dtype", "_index", "_model", "_shape")

    def __init__(self, model: Model, index: int, made: Architecture) -> None:
        self._model, self._index, self._dtype = model, index, made.dtype
        self._shape, self._activation = made.sizes[index : index + 2], made.activations[index]

    @property
    def activation(self) -> str:
        """F by its name."""
        return self._activation

    @property
    def W(self) -> NDArray[Any]:
        """Weights (k, m); assigning raises ValueError for another shape, TypeError for a type that is not real."""
        return self._model.weights(self._index)

    @W.setter
    def W(self, value: ArrayLike) -> None:
        self._model.set_weights(self._index, arrays.parameter(value, self._shape, self._dtype, "W"))

    @property
    def B(self) -> NDArray[Any]:
        """Biases (m,); assigning raises as for W."""
        return self._model.bias(self._index)

    @B.setter
    def B(self, value: ArrayLike) -> None:
        self._model.set_bias(self._index, arrays.parameter(value, self._shape[1:], self._dtype, "B"))

    def __repr__(self) -> str:
        return f"Layer({' x '.join(map(str, self._shape))}, {self.activation})"
