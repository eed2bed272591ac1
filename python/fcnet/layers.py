"""The view of one layer that ``net.layers[i]`` gives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import flag
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import Normalization
from fcnet._native import Model


def _advising(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that changes an array in place, which says how to change a layer's."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        _check_writeable(self)
        return method(self, *args, **options)

    return call


class LayerArray(np.ndarray[Any, Any]):
    """A copy of a layer's parameters: an array whose error, where it is read-only, says how to change them.

    In-place operators raise too: after ``w = layer.W``, what ``w *= 0.5`` changes would be lost in silence. What is
    computed from it, pickled or copied by ``copy`` is a plain array.
    """

    def __array_wrap__(self, array: Any, context: object = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array.view(np.ndarray)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **others: Any) -> Any:
        if out := others.get("out"):
            for each in out:
                _check_writeable(each)
            others["out"] = tuple(map(_plain, out))
        return getattr(ufunc, method)(*map(_plain, inputs), **others)

    def __setitem__(self, key: Any, value: Any) -> None:
        _check_writeable(self)
        super().__setitem__(key, value)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        try:
            return super().__array_function__(function, types, args, options)
        except ValueError as error:
            if "read-only" in str(error):  # NumPy's own, of np.copyto and the like
                for each in (*args, *options.values()):
                    _check_writeable(each)
            raise

    fill = _advising(np.ndarray.fill)
    partition = _advising(np.ndarray.partition)
    put = _advising(np.ndarray.put)
    sort = _advising(np.ndarray.sort)

    def copy(self, order: Any = "C") -> Any:
        """A plain array."""
        return np.array(self, order=order)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        return _plain(self).__reduce__()

    def __repr__(self) -> str:
        return repr(_plain(self))


def _plain(array: Any) -> Any:
    return array.view(np.ndarray) if isinstance(array, LayerArray) else array


def _check_writeable(array: Any) -> None:
    if isinstance(array, LayerArray) and not array.flags.writeable:
        raise ValueError(
            "a layer gives read-only copies of its parameters: assign a whole array instead, like "
            "net.layers[0].W = net.layers[0].W * 0.5"
        )


class Layer:
    """One layer, ``h_out = F(h_in)`` with ``h_in = h_prev W + B``, or what a normalization makes of ``h_prev W``.

    Attributes
    ----------
    W : array (k, m)
        Weights. Reading gives a read-only copy; assign a whole array to change them, ``layer.W = layer.W * 0.5``.
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

    __slots__ = ("_architecture", "_index", "_model", "_shape", "_trainable")

    def __init__(self, model: Model, index: int, architecture: Architecture) -> None:
        self._model, self._index, self._architecture = model, index, architecture
        self._shape, self._trainable = architecture.sizes[index : index + 2], True

    @property
    def activation(self) -> str:
        """F by its name."""
        return self._architecture.specs[self._index].activation

    @property
    def bias(self) -> bool:
        """Whether it has biases."""
        return self._architecture.specs[self._index].bias

    @property
    def dropout(self) -> float:
        """The share of its outputs that a training step leaves out."""
        return self._architecture.specs[self._index].dropout

    @property
    def normalization(self) -> Normalization | None:
        """What happens to ``h_prev W`` before B and F."""
        return self._architecture.specs[self._index].normalization

    @property
    def trainable(self) -> bool:
        """Whether a fit changes it, one that begins from now on; assigning raises TypeError for what is no bool."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = flag(value, "trainable")

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
        return self._model.parameter(self._index, self._has(part)).view(LayerArray)

    def _set(self, part: str, value: ArrayLike) -> None:
        self._has(part)
        self._model.set_parameter(self._index, part, self._architecture.part(value, self._index, part, part))

    def _has(self, part: str) -> str:
        if part not in self._architecture.specs[self._index].parts:
            raise AttributeError(f"a layer with normalization {self.normalization!r} has no {part}")
        return part

    def __repr__(self) -> str:
        return (
            f"Layer({' x '.join(map(str, self._shape))}, {self._architecture.described(self._index, self._trainable)})"
        )
