"""Gradients of a network's parameters as an object, and clipping by their norm over several networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import POSITIVE, number
from fcnet._checks.public import public

Array = NDArray[Any]
Layers: TypeAlias = Sequence[Sequence[Array]]  # [(dW, dB, ...), ...]
Split: TypeAlias = Callable[[Array], list[tuple[Array, ...]]]


@public
class Gradients:
    """Gradients by the parameters of a network and, where they were computed, by its inputs.

    Parameters
    ----------
    layers : list of tuples of arrays, or None
        As ``Network.gradients`` returns them, with those of ``Columns`` last, or of samples as ``back(cotangent,
        per_sample=True)``.
    x : array (n, inputs), optional
        Gradient by the inputs.
    biases : sequence of bool, optional
        Whether each layer has a bias; by default all do. ``flat`` leaves out dB, which is 0, of the others, and only
        with ``biases`` has it the length of ``Network.parameters`` where a layer has none. ``apply_gradients`` and
        ``clip_by_norm`` read ``layers`` and need no ``biases``.

    Attributes
    ----------
    layers : list of tuples of arrays, or None where they were not computed
        ``[(dW (k, m), dB (m,), ...), ...]``, an entry for every layer as ``Network.gradients`` returns it. Gradients
        per sample have one more axis in front, (n, k, m).
    x : array (n, inputs), or None
        Gradient by the inputs.
    flat : read-only array
        The same as ``layers`` in one dimension, in the order of ``Network.parameters``; for gradients per sample, a row
        for each. Where the gradients were made from ``layers``, it is made anew whenever it is read.

    Raises
    ------
    TypeError : an argument is not as above.
    ValueError : there is no layer, the shapes in a layer do not go together, or biases are not one for each layer.

    Examples
    --------
    >>> import fcnet as fc
    >>> net = fc.Network([2, 3, 1], loss="mse", seed=0)
    >>> gradients = fc.Gradients(net.gradients([[1, 2]], [3]))
    >>> gradients.flat.shape == net.parameters.shape == (13,)
    True
    """

    __slots__ = ("_biases", "_flat", "_layers", "_split", "x")

    def __init__(
        self, layers: list[tuple[Array, ...]] | None, x: Array | None = None, *, biases: Sequence[bool] | None = None
    ) -> None:
        if layers is not None:
            _check_layers(layers)
            own = len(layers) - _have_columns(layers)
            if biases is not None and len(biases) != own:
                raise ValueError(f"biases has {len(biases)} entries: expected one for each of {own} layers")
        if x is not None and not isinstance(x, np.ndarray):
            raise TypeError(f"x is a {type(x).__name__}: expected an array, or None")
        self._layers, self.x = layers, x
        self._biases = biases
        self._flat: Array | None = None
        self._split: Split | None = None

    @classmethod
    def _of_flat(cls, flat: Array | None, x: Array | None, split: Split) -> Gradients:
        """Make gradients whose layers are views of a flat array, by ``split``, when they are first read."""
        gradients = cls(None, x)
        gradients._flat, gradients._split = flat, split
        return gradients

    @property
    def layers(self) -> list[tuple[Array, ...]] | None:
        """The gradients of every layer, or None where they were not computed."""
        if self._layers is None and self._split is not None and self._flat is not None:
            self._layers = self._split(self._flat)
        return self._layers

    @property
    def flat(self) -> Array:
        """All of ``layers`` in one dimension, read-only; ValueError where they were not computed."""
        flat = flattened(self._known_layers, self._biases) if self._flat is None else self._flat.view()
        flat.setflags(write=False)
        return flat

    @property
    def _known_layers(self) -> list[tuple[Array, ...]]:
        layers = self.layers
        if layers is None:
            raise ValueError("gradients were computed with parameters=False: expected parameters=True")
        return layers

    @property
    def _given(self) -> Array | list[tuple[Array, ...]]:
        """What was computed: the flat array, or the layers."""
        return self._flat if self._split is not None and self._flat is not None else self._known_layers

    def __repr__(self) -> str:
        sizes = " + ".join("x".join(map(str, parts[0].shape)) for parts in self.layers or ())
        layers = "no layers" if self.layers is None else f"{len(self.layers)} layers: {sizes}"
        return f"Gradients({layers}, x={None if self.x is None else self.x.shape})"

    def _scaled(self, factor: float) -> Gradients:
        """Return the gradients of the parameters times a factor; x stays as it is."""
        if self._split is not None and self._flat is not None:
            return Gradients._of_flat(_times(self._flat, factor), self.x, self._split)
        scaled = [tuple(_times(part, factor) for part in parts) for parts in self._known_layers]
        return Gradients(scaled, self.x, biases=self._biases)


def _have_columns(layers: Layers) -> bool:
    """Whether the last entry is that of embedded columns, no layer's: it is a matrix alone, or not one and vectors."""
    last = layers[-1]
    samples = layers[0][0].ndim - 2
    return len(layers) > 1 and (len(last) == 1 or any(part.ndim - samples != 1 for part in last[1:]))


def _check_layers(layers: Any) -> None:
    """Check the gradients of all layers, whose arrays have an axis more in front where they are per sample.

    Raises
    ------
    TypeError, ValueError : as documented for ``Gradients``.
    """
    if not _is_layers(layers):
        raise TypeError(
            f"layers is a {type(layers).__name__}: expected a list of tuples of arrays, as Network.gradients returns "
            "them, or None"
        )
    if not len(layers):
        raise ValueError("layers has no entries: expected one for each layer")
    samples = layers[0][0].shape[:-2]
    for i, parts in enumerate(layers[:-1] if _have_columns(layers) else layers):
        for j, part in enumerate(parts):
            own = len(samples) + (1 if j else 2)
            if part.ndim != own or part.shape[: len(samples)] != samples or len(samples) > 1:
                raise ValueError(
                    f"layers[{i}][{j}] has shape {part.shape}: expected a matrix first in a layer, then vectors, all "
                    "with an axis more in front where they are per sample"
                )


def flattened(layers: Layers, biases: Sequence[bool] | None) -> Array:
    """Return the arrays of all layers in one dimension; those of samples, which have an axis more, as rows."""
    samples = layers[0][0].shape[:-2]
    has_bias = [True] * len(layers) if biases is None else [*biases, True]
    parts = [
        part.reshape(*samples, math.prod(part.shape[len(samples) :]))
        for of_layer, bias in zip(layers, has_bias, strict=False)
        for i, part in enumerate(of_layer)
        if bias or i != 1
    ]
    return np.concatenate(parts, axis=-1)


Given = TypeVar("Given", Gradients, list[tuple[Array, ...]], Array)


@overload
def clip_by_norm(gradients: Given, max_norm: float) -> tuple[Given, float]: ...
@overload
def clip_by_norm(gradients: Sequence[Given], max_norm: float) -> tuple[list[Given], float]: ...
@suggesting
def clip_by_norm(gradients: Any, max_norm: float) -> tuple[Any, float]:
    """Scale gradients down where their norm exceeds a maximum, also those of several networks by one norm together.

    The arguments are not changed, unlike with ``torch.nn.utils.clip_grad_norm_``. An optimizer's ``clip_norm`` does the
    same for a single network without frozen layers, whose gradients count here.

    Parameters
    ----------
    gradients : Gradients, layers as ``Network.gradients`` returns them, or a flat array; or a sequence of these
        The norm is that of the parameters' gradients of all networks together; ``x`` does not count and is not scaled.
    max_norm : float > 0

    Returns
    -------
    clipped : as given; a list where several were given
        ``gradients`` times ``max_norm / norm`` where the norm exceeds max_norm; otherwise the gradients themselves.
    norm : float
        The norm before, summed in float64. If it is infinite or NaN, the gradients are returned as they are, and
        ``Network.apply_gradients`` refuses them.

    Raises
    ------
    TypeError : max_norm is not a number, or gradients are not as above.
    ValueError : max_norm is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> import fcnet as fc
    >>> (actor, critic), norm = fc.clip_by_norm([np.array([3.0, 0.0]), np.array([4.0])], 1)
    >>> norm
    5.0
    >>> actor, critic
    (array([0.6, 0. ]), array([0.8]))
    """
    most = number(max_norm, "max_norm", POSITIVE)
    several = _are_several(gradients)
    parts = list(gradients) if several else [gradients]
    norm = _norm([array for one in parts for array in _arrays(one)])
    if most < norm < math.inf:
        parts = [_scaled(one, most / norm) for one in parts]
    return (parts if several else parts[0]), norm


def _is_layers(given: Any) -> bool:
    """Whether these are the arrays of layers: ``[(dW, dB), ...]``."""
    return isinstance(given, list | tuple) and all(
        isinstance(parts, list | tuple) and len(parts) > 0 and all(isinstance(part, np.ndarray) for part in parts)
        for parts in given
    )


def _are_several(given: Any) -> bool:
    """Whether these are gradients of several networks; TypeError unless they are gradients."""
    if isinstance(given, Gradients | np.ndarray):
        return False
    if isinstance(given, list | tuple) and given:
        if all(isinstance(one, Gradients | np.ndarray) or (_is_layers(one) and len(one) > 0) for one in given):
            return True
        if _is_layers(given):
            return False
    raise TypeError(
        f"gradients is a {type(given).__name__}: expected fcnet.Gradients, layers as Network.gradients returns them, a "
        "flat array, or a sequence of these"
    )


def _arrays(given: Any) -> Iterator[Array]:
    """Yield the arrays of one network's gradients; TypeError unless they are real numbers."""
    if isinstance(given, Gradients):
        given = given._given
    layers = [(given,)] if isinstance(given, np.ndarray) else given
    for parts in layers:
        for array in parts:
            if array.dtype.kind not in "fiu":
                raise TypeError(f"gradients have dtype {array.dtype}: expected real numbers")
            yield array


def _norm(arrays: list[Array]) -> float:
    """Return the Euclidean norm over all arrays, in float64."""
    flat = [np.asarray(array, np.float64).ravel() for array in arrays]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = _squares(flat)
        if 1e-200 < squares < math.inf or math.isnan(squares):
            return math.sqrt(squares)
        largest = max((float(np.abs(one).max()) for one in flat if one.size), default=0.0)  # squares beyond float64
        if largest == 0 or not math.isfinite(largest):
            return largest
        return largest * math.sqrt(_squares([one / largest for one in flat]))


def _squares(flat: list[Array]) -> float:
    return sum(float(np.square(one).sum()) for one in flat)  # not dot, whose order depends on the threads of BLAS


def _times(array: Array, factor: float) -> Array:
    return array * (array.dtype.type(factor) if array.dtype.kind == "f" else factor)


def _scaled(given: Any, factor: float) -> Any:
    if isinstance(given, Gradients):
        return given._scaled(factor)
    if isinstance(given, np.ndarray):
        return _times(given, factor)
    return [tuple(_times(part, factor) for part in parts) for parts in given]
