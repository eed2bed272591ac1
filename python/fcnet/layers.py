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
        F by its name, see ``fcnet.reference.activation``.
    bias : bool
        Whether it has biases; else B is 0.
    dropout : float
        The share of its outputs that a training step leaves out.
    trainable : bool
        Whether a fit changes it, to get and to set; True at first. ``freeze()`` and ``unfreeze()`` set it too.
    """

    __slots__ = ("_index", "_made", "_model", "_shape", "_trainable")

    def __init__(self, model: Model, index: int, made: Architecture) -> None:
        self._model, self._index, self._made = model, index, made
        self._shape, self._trainable = made.sizes[index : index + 2], True

    @property
    def activation(self) -> str:
        """F by its name."""
        return self._made.kinds[self._index].activation

    @property
    def bias(self) -> bool:
        """Whether it has biases."""
        return self._made.kinds[self._index].bias

    @property
    def dropout(self) -> float:
        """The share of its outputs that a training step leaves out."""
        return self._made.kinds[self._index].dropout

    @property
    def trainable(self) -> bool:
        """Whether a fit changes it, one that begins from now on; assigning raises TypeError for what is no bool."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = arrays.flag(value, "trainable")

    def freeze(self) -> None:
        """Let fits leave it as it is."""
        self._trainable = False

    def unfreeze(self) -> None:
        """Let fits train it again."""
        self._trainable = True

    @property
    def W(self) -> NDArray[Any]:
        """Weights (k, m); assigning raises ValueError for another shape, TypeError for a type that is not real."""
        return self._model.weights(self._index)

    @W.setter
    def W(self, value: ArrayLike) -> None:
        self._model.set_weights(self._index, arrays.parameter(value, self._shape, self._made.dtype, "W"))

    @property
    def B(self) -> NDArray[Any]:
        """Biases (m,); assigning raises as for W, and ValueError for numbers other than 0 where there is no bias."""
        return self._model.bias(self._index)

    @B.setter
    def B(self, value: ArrayLike) -> None:
        self._model.set_bias(self._index, self._made.bias(value, self._index, "B"))

    def __repr__(self) -> str:
        return f"Layer({' x '.join(map(str, self._shape))}, {self._made.described(self._index, self._trainable)})"
