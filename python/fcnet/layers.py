"""The layers of a network, as ``net.layers[i]`` returns them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._model.architecture import Architecture
from fcnet._model.freezable import Freezable
from fcnet._model.normalization import Normalization
from fcnet._native import Model
from fcnet.activations import Activation


def _advising(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method that changes an array in place: on a read-only array its error says how to assign parameters."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        _check_writeable(self)
        return method(self, *args, **options)

    return call


class LayerArray(np.ndarray[Any, Any]):
    """A read-only copy of a layer's parameters, whose errors say how to change the parameters.

    In-place operators raise too: after ``w = layer.W``, ``w *= 0.5`` would change the copy only, without a warning.
    Results of computations, pickles and copies by ``copy`` are plain arrays.
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
            if "read-only" in str(error):  # raised by np.copyto and similar functions
                for each in (*args, *options.values()):
                    _check_writeable(each)
            raise

    fill = _advising(np.ndarray.fill)
    partition = _advising(np.ndarray.partition)
    put = _advising(np.ndarray.put)
    sort = _advising(np.ndarray.sort)

    def copy(self, order: Any = "C") -> Any:
        """Return a plain, writeable array."""
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


class Layer(Freezable):
    """A layer: ``h_out = F(h_in)`` with ``h_in = h_prev W + B``, where normalization, if any, applies to ``h_prev W``.

    After a ``fcnet.Scale`` ``h_prev`` is multiplied by the trainable ``scale`` first.

    Attributes
    ----------
    W : array (k, m)
        Weights. Reading gives a read-only copy; assign a whole array to change them, ``layer.W = layer.W * 0.5``.
    B : array (m,)
        Biases; read and assigned like W.
    gamma : array (m,)
        Scale of every neuron in a normalised layer; read and assigned like W.
    product_bias : array (m,)
        Bias of ``h_prev W`` before a ``LayerNorm(product_bias=True)``; read and assigned like W.
    mix : array (m,)
        The number a of every neuron in a layer with ``fcnet.Parametric``; read and assigned like W.
    scale : array (k,)
        Scale of every input of a layer after a ``fcnet.Scale``; read and assigned like W.
    R, S : array (k, members), array (m, members)
        Of a network with members: what each multiplies the layer's inputs and its product by, where it does; read and
        assigned like W. B (m, members) and, of the last layer, W (k, m, members) have a last axis of members where each
        has its own.
    mean, variance : array (m,)
        Running statistics of batch normalisation; read and assigned like W.
    activation : str or fcnet.activations
        The activation function F by its name, see ``fcnet.reference.activation``, or as an object where it has a
        constant of its own, such as ``LeakyReLU(0.2)``; also where ``mix`` belongs to it.
    bias : bool
        Whether the layer has biases; if not, B is 0.
    dropout : float
        Dropout rate: the fraction of outputs that a training step drops.
    normalization : BatchNorm, LayerNorm or None
    parametrization : str
        "standard", or "ntp", in which the optimizer changes ``sqrt(k) W``.
    rate_factor, decay_factor : tuple
        Factors of W and of B on the optimizer's learning rate and weight decay.
    trainable : bool
        Whether a fit trains the layer; False means frozen. It can be assigned, or set by ``freeze()`` and
        ``unfreeze()``; the default is True.
    """

    __slots__ = ("_architecture", "_index", "_model", "_shape")

    def __init__(self, model: Model, index: int, architecture: Architecture) -> None:
        self._model, self._index, self._architecture = model, index, architecture
        self._shape, self._trainable = architecture.sizes[index : index + 2], True

    @property
    def activation(self) -> str | Activation:
        """The activation function F: its name, or an object where it has a constant of its own."""
        return self._architecture.specs[self._index].activation

    @property
    def bias(self) -> bool:
        """Whether the layer has biases."""
        return self._architecture.specs[self._index].bias

    @property
    def dropout(self) -> float:
        """Dropout rate: the fraction of outputs that a training step drops."""
        return self._architecture.specs[self._index].dropout

    @property
    def normalization(self) -> Normalization | None:
        """The normalization of ``h_prev W`` before B and F, or None."""
        return self._architecture.specs[self._index].normalization

    @property
    def parametrization(self) -> str:
        """Whether the optimizer changes W ("standard") or ``sqrt(k) W`` ("ntp")."""
        return self._architecture.specs[self._index].parametrization

    @property
    def rate_factor(self) -> tuple[float, float]:
        """Factors on the optimizer's learning rate, of W and of B."""
        return self._architecture.specs[self._index].rate_factor

    @property
    def decay_factor(self) -> tuple[float, float | None]:
        """Factors on the optimizer's weight decay, of W and of B; None as ``fcnet.Dense`` says."""
        return self._architecture.specs[self._index].decay_factor

    @property
    def W(self) -> NDArray[Any]:
        """Weights (k, m); assigning raises ValueError for another shape, TypeError for numbers that are not real."""
        return self._get("W")

    @W.setter
    def W(self, value: ArrayLike) -> None:
        self._set("W", value)

    @property
    def B(self) -> NDArray[Any]:
        """Biases (m,); assigning raises as for W, and ValueError for nonzero numbers in a layer without bias."""
        return self._get("B")

    @B.setter
    def B(self, value: ArrayLike) -> None:
        self._set("B", value)

    @property
    def gamma(self) -> NDArray[Any]:
        """Scale (m,) of a normalised layer; AttributeError for other layers. Assigning raises as for W."""
        return self._get("gamma")

    @gamma.setter
    def gamma(self, value: ArrayLike) -> None:
        self._set("gamma", value)

    @property
    def product_bias(self) -> NDArray[Any]:
        """Bias (m,) before layer normalisation; AttributeError for other layers. Assigning raises as for W."""
        return self._get("product_bias")

    @product_bias.setter
    def product_bias(self, value: ArrayLike) -> None:
        self._set("product_bias", value)

    @property
    def mix(self) -> NDArray[Any]:
        """The a (m,) of a parametric activation; AttributeError for other layers. Assigning raises as for W."""
        return self._get("mix")

    @mix.setter
    def mix(self, value: ArrayLike) -> None:
        self._set("mix", value)

    @property
    def scale(self) -> NDArray[Any]:
        """Scale (k,) of a layer's inputs; AttributeError without ``fcnet.Scale``. Assigning raises as for W."""
        return self._get("scale")

    @scale.setter
    def scale(self, value: ArrayLike) -> None:
        self._set("scale", value)

    @property
    def R(self) -> NDArray[Any]:
        """What members multiply inputs by (k, members); AttributeError without. Assigning raises as for W."""
        return self._get("R")

    @R.setter
    def R(self, value: ArrayLike) -> None:
        self._set("R", value)

    @property
    def S(self) -> NDArray[Any]:
        """What members multiply the product by (m, members); AttributeError without. Assigning raises as for W."""
        return self._get("S")

    @S.setter
    def S(self, value: ArrayLike) -> None:
        self._set("S", value)

    @property
    def mean(self) -> NDArray[Any]:
        """Running means (m,) of batch normalisation; AttributeError for other layers. Assigning raises as for W."""
        return self._get("mean")

    @mean.setter
    def mean(self, value: ArrayLike) -> None:
        self._set("mean", value)

    @property
    def variance(self) -> NDArray[Any]:
        """Running variances (m,) of batch normalisation, like mean; assigning negative ones raises ValueError too."""
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
            if part == "scale":
                raise AttributeError("a layer without fcnet.Scale() before it has no scale")
            if part in ("R", "S"):
                raise AttributeError(f"a layer without {part} of members has no {part}, see members of fcnet.Network")
            if part == "mix":
                raise AttributeError(f"a layer with activation {self.activation!r} has no mix, see fcnet.Parametric")
            raise AttributeError(f"a layer with normalization {self.normalization!r} has no {part}")
        return part

    def __repr__(self) -> str:
        return (
            f"Layer({' x '.join(map(str, self._shape))}, {self._architecture.described(self._index, self._trainable)})"
        )
