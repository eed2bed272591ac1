"""What a network is before it has weights, checked."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs import arrays, class_names, tensors
from fcnet._inputs.feature_names import Name, restored
from fcnet._inputs.finite import Scaling
from fcnet._model.dense import Activation, Dense
from fcnet._model.layer_spec import LayerSpec, specs_of
from fcnet._native import Model
from fcnet.initializers import Initializer, first_weights
from fcnet.losses import CrossEntropy, Custom, Loss, LossFunction, loss_of

_MOST_SHOWN = 8  # numbers of scale and offset in a repr
ARGUMENTS = ("sizes", "layers", "loss", "seed", "dtype", "scale", "offset", "classes")


def _float_type(given: DTypeLike) -> np.dtype[Any]:
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = np.dtype(object)
    if given is None or dtype not in (np.float32, np.float64) or not dtype.isnative:
        raise ValueError(f"dtype is {given!r}: expected float32 or float64")
    return dtype


def checked_seed(given: object) -> int:
    """The seed; one of the operating system's where it is None.

    Raises
    ------
    TypeError, ValueError : it is no int in [0, 2**64).
    """
    return int.from_bytes(os.urandom(8)) if given is None else whole_number(given, "seed", 0, 2**64 - 1)


def _loss(given: object, last: Dense | int) -> Loss:
    """By default the one whose usual output is the last layer's."""
    if given is not None:
        return loss_of(given)
    output = last.activation if isinstance(last, Dense) else None
    usual = {"sigmoid": "binary_cross_entropy", "exp": "poisson", "identity": "mse"}
    if output in (None, "softmax"):
        return CrossEntropy()
    if output not in usual:
        raise ValueError(f"loss is None, and the last layer's activation is {output!r}: expected a loss like 'mse'")
    return loss_of(usual[output])


@dataclass(frozen=True, eq=False)
class Architecture:
    """Sizes, layers, loss, type, seed and input scaling, as ``Network`` documents them."""

    sizes: tuple[int, ...]
    specs: tuple[LayerSpec, ...]
    loss: Loss
    seed: int
    dtype: np.dtype[Any]
    scale: NDArray[Any]
    offset: NDArray[Any]
    classes: tuple[Name, ...] | None
    inits: tuple[Initializer | str, ...]  # what the first weights come from: no part of what the network is

    @cached_property
    def scaling(self) -> Scaling:
        """What becomes of x."""
        return Scaling(self.dtype, self.offset, self.scale)

    @classmethod
    def of(
        cls,
        sizes: Sequence[int | Dense],
        loss: object,
        seed: int | None,
        dtype: DTypeLike,
        scale: ArrayLike,
        offset: ArrayLike,
        activation: Activation | Sequence[Activation],
        classes: tuple[Name, ...] | None = None,
    ) -> Architecture:
        """From what a user gives, and the names of classes as they are kept.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network`` expects.
        """
        is_sequence = isinstance(sizes, Sequence | np.ndarray) and getattr(sizes, "ndim", 1) > 0
        if isinstance(sizes, str | bytes) or not is_sequence:
            raise TypeError(f"sizes is {sizes!r}: expected a sequence like [784, 512, 10]")
        if len(sizes) < 2:
            raise ValueError(f"sizes is {list(sizes)!r}: expected at least the numbers of inputs and outputs")
        if isinstance(sizes[0], Dense):
            raise TypeError("sizes[0] is a Dense layer: expected the number of inputs")
        numbers = [n.units if isinstance(n, Dense) else n for n in sizes]
        checked = tuple(whole_number(n, f"sizes[{i}]", 1, 2**62) for i, n in enumerate(numbers))
        chosen = _loss(loss, sizes[-1])
        if chosen.quantiles and checked[-1] % len(chosen.quantiles):
            each = len(chosen.quantiles)
            raise ValueError(
                f"loss has {each} quantiles, and there are {checked[-1]} outputs: expected {each} a target"
            )
        specs = specs_of(sizes[1:], chosen, activation)
        type_ = _float_type(dtype)
        for kind in specs:
            if kind.normalization is not None:
                kind.normalization.check_for(type_)
        factors = arrays.per_feature(scale, checked[0], type_, "scale")
        zeros = arrays.per_feature(offset, checked[0], type_, "offset")
        classes = class_names.checked(classes, chosen, checked[-1])
        inits = tuple(layer.init if isinstance(layer, Dense) else "auto" for layer in sizes[1:])
        return cls(checked, tuple(specs), chosen, checked_seed(seed), type_, factors, zeros, classes, inits)  # type: ignore[arg-type]

    def arguments(self) -> dict[str, Any]:
        """Everything but the weights, in plain values and arrays; a loss that is a function as it is."""
        loss = self.loss.function if isinstance(self.loss, Custom) else self.loss.plain()
        plain = list(self.sizes), [kind.plain() for kind in self.specs], loss, self.seed, self.dtype.name
        return dict(zip(ARGUMENTS, (*plain, self.scale, self.offset, self.classes), strict=True))

    @classmethod
    def restored(cls, sizes: Any, layers: Any, loss: Any, classes: Any, **others: Any) -> Architecture:
        """From ``arguments``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : they are not such.
        """
        if not all(isinstance(given, list) for given in (sizes, layers)) or len(layers) != len(sizes) - 1:
            raise ValueError(f"layers is {layers!r}: expected one entry for each of the layers of {sizes!r}")
        dense = [
            Dense(n, **dict(zip(LayerSpec._fields, kind, strict=False)))
            for n, kind in zip(sizes[1:], layers, strict=True)
        ]
        known = class_names.known(classes)
        return cls.of([*sizes[:1], *dense], loss, activation="relu", classes=known, **others)

    @property
    def takes_labels(self) -> bool:
        """Whether y is a class label for each sample."""
        return isinstance(self.loss, CrossEntropy)

    @property
    def classifies(self) -> bool:
        """Whether a sample can be classified correctly."""
        return self.loss.is_classifier

    @property
    def scales(self) -> bool:
        """Whether the first layer's input is not x itself."""
        return bool((self.scale != 1).any() or (self.offset != 0).any())

    def offset_for(self, rows: np.dtype[Any]) -> NDArray[Any]:
        """What is subtracted from rows of a type: of float64 where the network's type rounds such numbers."""
        return self.offset if not np.can_cast(rows, self.dtype) else self.offset.astype(self.dtype)

    def scaled(self, x: NDArray[Any]) -> NDArray[Any]:
        """The first layer's input, ``scale (x - offset)``, rounded as in the native core."""
        x = tensors.widened(x)
        offset = self.offset_for(x.dtype)
        with np.errstate(over="ignore"):
            difference = np.subtract(x, offset, dtype=offset.dtype, casting="same_kind").astype(self.dtype)
        return np.asarray(difference * self.scale.astype(self.dtype))

    def input(self) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        """Scale and offset of every input for the core; None for both where the first layer's input is x itself."""
        if not self.scales:
            return None, None
        return np.full(self.sizes[0], self.scale), np.full(self.sizes[0], self.offset)

    def model(self, parameters: Sequence[Sequence[ArrayLike]] | None = None) -> Model:
        """The native model, with the parts of every layer or with fresh ones.

        Raises
        ------
        TypeError, ValueError : the parameters are not of these sizes.
        MemoryError, OverflowError : a network of this size does not fit in memory.
        """
        given = None if parameters is None else self.parts(parameters)
        factors, zeros = self.input()
        specs, loss = [kind.native() for kind in self.specs], self.loss
        each = list(loss.quantiles)
        model = Model(
            list(self.sizes), specs, loss.name, loss.parameter, self.dtype.name, self.seed, factors, zeros, given, each
        )
        if parameters is None:
            for i, (init, (k, m)) in enumerate(zip(self.inits, pairwise(self.sizes), strict=True)):
                if isinstance(init, Initializer):
                    weights = first_weights(init, k, m, self.seed, i)
                    model.set_parameter(i, "W", self.part(weights, i, "W", f"init of layers[{i}]"))
        return model

    def parts(self, layers: Sequence[Sequence[ArrayLike]]) -> list[tuple[NDArray[Any], ...]]:
        """Those of all layers, checked.

        Raises
        ------
        TypeError, ValueError : not of so many layers, or of other parts; one is not as ``part`` expects.
        """
        if len(layers) != len(self.specs):
            raise ValueError(f"there are parameters of {len(layers)} layers: expected {len(self.specs)}")
        return [
            tuple(
                self.part(value, i, part, f"{part} of layers[{i}]")
                for part, value in zip(kind.parts, values, strict=True)
            )
            for i, (kind, values) in enumerate(zip(self.specs, layers, strict=True))
        ]

    def part(self, value: ArrayLike, layer: int, part: str, name: str) -> NDArray[Any]:
        """One of the parts of a layer, checked.

        Raises
        ------
        TypeError, ValueError : not of its size; B that is not 0 where the layer has none; a negative variance.
        """
        shape = self.sizes[layer : layer + 2] if part == "W" else self.sizes[layer + 1 : layer + 2]
        checked = arrays.parameter(value, shape, self.dtype, name)
        if part == "B" and not self.specs[layer].bias and checked.any():
            raise ValueError(f"{name} is not 0: the layer has no bias")
        if part == "variance" and (checked < 0).any():
            raise ValueError(f"{name} is negative: expected variances")
        return checked

    def described(self, layer: int, trainable: bool) -> str:
        """The activation of a layer, and what is unusual about it."""
        kind = self.specs[layer]
        norm = f"{kind.normalization.name} normalization" if kind.normalization else ""
        unusual = [
            (not kind.bias, "no bias"),
            (norm, norm),
            (kind.dropout, f"dropout {kind.dropout:g}"),
            (not trainable, "frozen"),
        ]
        return ", ".join([kind.activation, *(words for is_so, words in unusual if is_so)])


class Summary(str):
    """A table in a string, whose repr is the table: a prompt shows it as ``print`` does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _short(value: NDArray[Any]) -> str:
    """A number, or a list of some, as Python reads them; of many, how many and their range."""
    if value.size <= _MOST_SHOWN:
        return str(value[()]) if value.ndim == 0 else f"[{', '.join(map(str, value))}]"
    return f"<{value.size} numbers from {value.min():.3g} to {value.max():.3g}>"


class Described:
    """The part of a network that its architecture is, for a user to see."""

    __slots__ = ("_architecture", "_feature_names")
    _architecture: Architecture
    _feature_names: tuple[Name, ...] | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return self._architecture.sizes

    @property
    def loss(self) -> str | Loss | LossFunction:
        """The loss that a fit lowers: its name, or what it is where it has options of its own."""
        loss = self._architecture.loss
        if isinstance(loss, Custom):
            return loss.function
        return loss.name if loss == type(loss)() else loss

    @property
    def seed(self) -> int:
        """Of the initial weights and the shuffles."""
        return self._architecture.seed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights and of all that is computed."""
        return self._architecture.dtype

    @property
    def scale(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._architecture.scale

    @property
    def offset(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._architecture.offset

    @property
    def classes(self) -> tuple[Hashable, ...] | None:
        """The names of the classes, in the order of the outputs."""
        classes = self._architecture.classes
        return None if classes is None else class_names.restored(classes)

    @property
    def feature_names(self) -> tuple[Hashable, ...] | None:
        """The columns of the first table that the network was fitted on, by names of any type."""
        return None if self._feature_names is None else tuple(map(restored, self._feature_names))

    def _trainable(self) -> list[bool]:
        """Of every layer."""
        raise NotImplementedError

    def summary(self) -> Summary:
        """A table of the layers: shapes of W and of the output for n samples, and how many parameters.

        Below, how many of the parameters a fit would train and how many are frozen, and the bytes that they take, with
        the running statistics of batch normalisation, which are no parameters.

        Returns
        -------
        str
            One that a notebook or a prompt shows as a table too, without ``print``.
        """
        rows = [("layer", "W", "output", "activation", "parameters")]
        counts, running = {"total": 0, "trainable": 0, "frozen": 0}, 0
        for i, (kind, trainable) in enumerate(zip(self._architecture.specs, self._trainable(), strict=True)):
            k, m = self.sizes[i], self.sizes[i + 1]
            parameters = (k + kind.bias + (kind.normalization is not None)) * m
            running += len(kind.parts[3:]) * m
            for name in ("total", "trainable" if trainable else "frozen"):
                counts[name] += parameters
            described = self._architecture.described(i, trainable)
            rows.append((f"layers[{i}]", f"{k} x {m}", f"(n, {m})", described, f"{parameters:,}"))
        counts |= {"running": running} if running else {}
        counts |= {"bytes": (counts["total"] + running) * self.dtype.itemsize}
        rows += [(name, "", "", "", f"{count:,}") for name, count in counts.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return Summary(
            "\n".join(
                f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d:<{widths[3]}}  {e:>{widths[4]}}"
                for a, b, c, d, e in rows
            )
        )

    def __repr__(self) -> str:
        architecture = self._architecture
        entries = [str(self.sizes[0])]
        usual = [LayerSpec("relu")] * (len(architecture.specs) - 1) + [LayerSpec(architecture.loss.output)]
        for n, kind, plain in zip(self.sizes[1:], architecture.specs, usual, strict=True):
            said = kind._asdict() | {"normalization": kind.normalization and kind.normalization.said()}
            options = [f"{name}={value!r}" for name, value in said.items() if value != getattr(plain, name)]
            entries.append(f"Dense({n}, {', '.join(options)})" if options else str(n))
        text = f"[{', '.join(entries)}], loss={self.loss!r}, seed={self.seed}, dtype={self.dtype.name!r}"
        for name, value, neutral in (("scale", self.scale, 1), ("offset", self.offset, 0)):
            text += "" if np.all(value == neutral) else f", {name}={_short(value)}"
        return f"{type(self).__name__}({text})"
