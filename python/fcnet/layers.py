"""The view of one layer that ``net.layers[i]`` gives."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from fcnet import arrays
from fcnet._native import Model
from fcnet.architecture import Architecture
from fcnet.normalization import Normalization


class Layer:
    """One layer, ``h_out = F(h_in)`` with ``h_in = h_prev W + B``, or what a normalization makes of ``h_prev W``.

    Attributes
    ----------
    W : array (k, m)
        Weights. Reading gives a read-only copy; assign a whole array to change them.
    B : array (m,)
        Biases, likewise.
    gamma : array (m,)
        Of a normalised layer: the factor of every neuron, likewise.
    mean, variance : array (m,)
        Of a layer with batch normalisation: the running ones, likewise.
    activation : str
        F by its name, see ``fcnet.reference.activation``.
    bias : bool
        Whether it has biases; else B is 0.
    dropout : float
        The share of its outputs that a training step leaves out.
    normalization : BatchNorm, LayerNorm or None
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
    def normalization(self) -> Normalization | None:
        """What happens to ``h_prev W`` before B and F."""
        return self._made.kinds[self._index].normalization

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
        return self._get("W")

    @W.setter
    def W(self, value: ArrayLike) -> None:
        self._set("W", value)

    @property
    def B(self) -> NDArray[Any]:
        """Biases (m,); assigning raises as for W, and ValueError for numbers other than 0 where there is no bias."""
        return self._get("B")

    @B.setter
    def B(self, value: ArrayLike) -> None:
        self._set("B", value)

    @property
    def gamma(self) -> NDArray[Any]:
        """Factors (m,) of a normalised layer; AttributeError for others; assigning raises as for W."""
        return self._get("gamma")

    @gamma.setter
    def gamma(self, value: ArrayLike) -> None:
        self._set("gamma", value)

    @property
    def mean(self) -> NDArray[Any]:
        """Running means (m,) of batch normalisation; AttributeError without; assigning raises as for W."""
        return self._get("mean")

    @mean.setter
    def mean(self, value: ArrayLike) -> None:
        self._set("mean", value)

    @property
    def variance(self) -> NDArray[Any]:
        """Running variances (m,), likewise; assigning raises ValueError for negative ones, too."""
        return self._get("variance")

    @variance.setter
    def variance(self, value: ArrayLike) -> None:
        self._set("variance", value)

    def _get(self, part: str) -> NDArray[Any]:
        return self._model.parameter(self._index, self._has(part))

    def _set(self, part: str, value: ArrayLike) -> None:
        self._has(part)
        self._model.set_parameter(self._index, part, self._made.part(value, self._index, part, part))

    def _has(self, part: str) -> str:
        if part not in self._made.kinds[self._index].parts:
            raise AttributeError(f"a layer with normalization {self.normalization!r} has no {part}")
        return part

    def __repr__(self) -> str:
        return f"Layer({' x '.join(map(str, self._shape))}, {self._made.described(self._index, self._trainable)})"
