"""The architecture of a network: everything that is known before it has weights, checked."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs import arrays, class_names, tensors
from fcnet._inputs.codes import Codes
from fcnet._inputs.feature_names import Name
from fcnet._inputs.finite import Scaling
from fcnet._model.activation import Parametric
from fcnet._model.columns import Columns
from fcnet._model.dense import Dense
from fcnet._model.layer_spec import LayerSpec, specs_of
from fcnet._model.members import Members
from fcnet._model.scale import Scale, without_scales
from fcnet._native import Model
from fcnet.activations import Activation, ActivationName
from fcnet.initializers import Initializer, first_weights
from fcnet.losses import CrossEntropy, Custom, Loss, LossFunction, loss_of

ARGUMENTS = ("sizes", "layers", "loss", "seed", "dtype", "scale", "offset", "classes", "columns", "members")


def _float_type(given: DTypeLike) -> np.dtype[Any]:
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = np.dtype(object)
    if given is None or dtype not in (np.float32, np.float64) or not dtype.isnative:
        raise ValueError(f"dtype is {given!r}: expected float32 or float64")
    return dtype


def checked_seed(given: object) -> int:
    """Return the seed, or a random one from the operating system if it is None.

    Raises
    ------
    TypeError, ValueError : the seed is not an int in [0, 2**64).
    """
    return int.from_bytes(os.urandom(8)) if given is None else whole_number(given, "seed", 0, 2**64 - 1)


def _loss(given: object, last: Dense | int) -> Loss:
    """Return the loss; by default the one whose output activation is that of the last layer."""
    if given is not None:
        return loss_of(given)
    output = last.activation if isinstance(last, Dense) else None
    defaults = {"sigmoid": "binary_cross_entropy", "exp": "poisson", "identity": "mse"}
    if output in (None, "softmax") or isinstance(output, Parametric):  # which is refused later
        return CrossEntropy()
    if output not in defaults:
        raise ValueError(f"loss is None, and the last layer's activation is {output!r}: expected a loss like 'mse'")
    return loss_of(defaults[output])


def _factors(name: str, value: float | list[float | None]) -> str:
    """Describe a factor, or those of W and of B: "rate factors 1, 0.1"."""
    values = value if isinstance(value, list) else [value]
    words = ", ".join("default" if each is None else f"{each:g}" for each in values)
    return f"{name.replace('_', ' ')}{'s' if len(values) > 1 else ''} {words}"


@dataclass(frozen=True, eq=False)
class Architecture:
    """Sizes, layer specifications, loss, dtype, seed, input scaling and classes, as ``Network`` documents them.

    The first of the sizes is the number of inputs of the first layer, which are not those of x where ``columns`` are
    embedded.
    """

    sizes: tuple[int, ...]
    specs: tuple[LayerSpec, ...]
    loss: Loss
    seed: int
    dtype: np.dtype[Any]
    scale: NDArray[Any]
    offset: NDArray[Any]
    classes: tuple[Name, ...] | None
    inits: tuple[Initializer | str, ...]  # initializers of the weights, which are not saved
    columns: Columns | None = None
    members: Members | None = None

    @property
    def inputs(self) -> int:
        """The number of columns of x."""
        return self.sizes[0] if self.columns is None else self.columns.inputs

    @cached_property
    def codes(self) -> Codes | None:
        """The columns of x that hold codes of categories, perhaps none; None where x is not embedded."""
        return None if self.columns is None else self.columns.codes

    @cached_property
    def scaling(self) -> Scaling:
        """The scaling of the inputs and the type that they are converted to."""
        return Scaling(self.dtype, self.offset, self.scale)

    @classmethod
    def of(
        cls,
        sizes: Sequence[int | Dense | Scale | Columns],
        loss: object,
        seed: int | None,
        dtype: DTypeLike,
        scale: ArrayLike,
        offset: ArrayLike,
        activation: ActivationName | Activation | Parametric | Sequence[ActivationName | Activation | Parametric],
        classes: tuple[Name, ...] | None = None,
        members: Members | None = None,
    ) -> Architecture:
        """Check the arguments of ``Network``; ``classes`` are in the form that ``class_names.given`` returns.

        Raises
        ------
        TypeError, ValueError : an argument is not as ``Network`` documents it.
        """
        is_sequence = isinstance(sizes, Sequence | np.ndarray) and getattr(sizes, "ndim", 1) > 0
        if isinstance(sizes, str | bytes) or not is_sequence:
            raise TypeError(f"sizes is {sizes!r}: expected a sequence like [784, 512, 10]")
        if len(sizes) < 2:
            raise ValueError(f"sizes is {list(sizes)!r}: expected at least the numbers of inputs and outputs")
        if isinstance(sizes[0], Dense):
            raise TypeError("sizes[0] is a Dense layer: expected the number of inputs")
        entries, scales = without_scales(sizes)
        columns = entries[0] if isinstance(entries[0], Columns) else None
        numbers = [(i, n.units if isinstance(n, Dense) else n) for i, n in enumerate(sizes) if not isinstance(n, Scale)]
        if columns is not None:
            numbers[0] = 0, columns.features
        checked = tuple(whole_number(n, f"sizes[{i}]", 1, 2**62) for i, n in numbers)
        chosen = _loss(loss, entries[-1])
        if chosen.quantiles and checked[-1] % len(chosen.quantiles):
            each = len(chosen.quantiles)
            raise ValueError(
                f"loss has {each} quantiles, and there are {checked[-1]} outputs: expected {each} for each target"
            )
        specs = specs_of(entries[1:], chosen, activation, scales)
        type_ = _float_type(dtype)
        for spec in specs:
            if spec.normalization is not None:
                spec.normalization.check_for(type_)
        if columns is not None:
            columns.check_for(type_)
        classes = class_names.checked(classes, chosen, checked[-1])
        inits = tuple(layer.init if isinstance(layer, Dense) else "auto" for layer in entries[1:])
        embedded = columns if columns is not None and columns.embeds else None
        if members is not None:
            members.check(specs, chosen, inits, columns is not None)
            specs = members.adapted(specs)
        own = checked, tuple(specs), chosen, checked_seed(seed), type_
        input_ = np.ones(()), np.zeros(())
        return cls(*own, *input_, classes, inits, embedded, members).with_input(offset, scale)  # type: ignore[arg-type]

    def arguments(self) -> dict[str, Any]:
        """Return everything but the weights in plain values and arrays; a custom loss function is returned as it is."""
        loss = self.loss.function if isinstance(self.loss, Custom) else self.loss.plain()
        plain = list(self.sizes), [spec.plain() for spec in self.specs], loss, self.seed, self.dtype.name
        arguments = dict(zip(ARGUMENTS, (*plain, self.scale, self.offset, self.classes), strict=False))
        others = {"columns": self.columns, "members": self.members}
        return arguments | {name: each.plain() for name, each in others.items() if each is not None}

    @classmethod
    def from_arguments(
        cls, sizes: Any, layers: Any, loss: Any, classes: Any, columns: Any, members: Any, **others: Any
    ) -> Architecture:
        """Return the architecture of ``arguments()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : the arguments are invalid.
        """
        if not all(isinstance(given, list) for given in (sizes, layers)) or len(layers) != len(sizes) - 1:
            raise ValueError(f"layers is {layers!r}: expected one entry for each of the layers of {sizes!r}")
        entries: list[Any] = [*sizes[:1]]
        if columns is not None:
            entries = [Columns.from_plain(columns)]
            if sizes[0] != entries[0].features or not entries[0].embeds:
                raise ValueError(f"sizes[0] is {sizes[0]!r}: expected {entries[0].features}, as of embedded columns")
        for n, spec in zip(sizes[1:], map(LayerSpec.from_plain, layers), strict=True):
            names = {"activation", "scale", "parametric", "own"}
            values: Any = {name: getattr(spec, name) for name in spec._fields if name not in names}
            entries += [spec.scale] if spec.scale else []
            entries.append(Dense(n, spec.given_activation, **values))
        known = class_names.known(classes)
        ensemble = None if members is None else Members.from_plain(members)
        return cls.of(entries, loss, activation="relu", classes=known, members=ensemble, **others)

    @property
    def given_loss(self) -> str | Loss | LossFunction:
        """The loss as a user gives it: a name, or an object or function where it has options."""
        if isinstance(self.loss, Custom):
            return self.loss.function
        return self.loss.name if self.loss == type(self.loss)() else self.loss

    @property
    def takes_labels(self) -> bool:
        """Whether y holds a class label for each sample."""
        return isinstance(self.loss, CrossEntropy)

    @property
    def classifies(self) -> bool:
        """Whether the loss is one of classification."""
        return self.loss.is_classifier

    @property
    def scales(self) -> bool:
        """Whether inputs are scaled or shifted."""
        return bool((self.scale != 1).any() or (self.offset != 0).any())

    def offset_for(self, rows: np.dtype[Any]) -> NDArray[Any]:
        """Return the offset for rows of a type, in float64 where the network's dtype rounds such numbers."""
        return self.offset if not np.can_cast(rows, self.dtype) else self.offset.astype(self.dtype)

    def scaled(self, x: NDArray[Any]) -> NDArray[Any]:
        """Compute the first layer's input, ``scale (x - offset)``, rounded as in the native core."""
        x = tensors.widened(x)
        offset = self.offset_for(x.dtype)
        with np.errstate(over="ignore"):
            difference = np.subtract(x, offset, dtype=offset.dtype, casting="same_kind").astype(self.dtype)
        return np.asarray(difference * self.scale.astype(self.dtype))

    def with_input(self, offset: ArrayLike, scale: ArrayLike) -> Architecture:
        """Return a copy with another offset and scale; ValueError if they are not finite in the network's dtype."""
        factors = arrays.per_feature(scale, self.inputs, self.dtype, "scale")
        zeros = arrays.per_feature(offset, self.inputs, self.dtype, "offset")
        if self.codes is not None and self.codes.categories:
            for name, value, neutral in (("scale", factors, 1), ("offset", zeros, 0)):
                if not np.all((value[self.codes.first :] if value.ndim else value) == neutral):
                    expected = (
                        f"{self.inputs} numbers, {neutral} from column {self.codes.first} on, as adapt(x) sets them"
                    )
                    raise ValueError(f"{name} changes codes of categories: expected {expected}")
        return replace(self, offset=zeros, scale=factors)

    def input(self) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        """Return scale and offset of every input for the native core, or two None where inputs are not scaled."""
        if not self.scales:
            return None, None
        return np.full(self.inputs, self.scale), np.full(self.inputs, self.offset)

    def model(self, parameters: Sequence[Sequence[ArrayLike]] | None = None) -> Model:
        """Create the native model, with the given parameters of every layer or with initial ones.

        Raises
        ------
        TypeError, ValueError : the parameters do not have these sizes.
        MemoryError, OverflowError : a network of this size does not fit in memory.
        """
        given = None if parameters is None else self.parts(parameters)
        factors, zeros = self.input()
        specs, loss = [spec.native() for spec in self.specs], self.loss
        columns = None if self.columns is None else self.columns.native()
        common = loss.name, loss.parameter, self.dtype.name, self.seed
        quantiles = list(loss.quantiles)
        ensemble = (0, False) if self.members is None else (self.members.count, self.members.adapters == "all")
        model = Model(list(self.sizes), specs, *common, factors, zeros, given, quantiles, columns, *ensemble)
        if parameters is None:
            drawn = self.members.draw(self.sizes, self.specs, self.seed) if self.members else []
            for i, parts in enumerate(drawn):
                for name, array in parts.items():
                    model.set_parameter(i, name, array.astype(self.dtype))
            for i, (init, (k, m)) in enumerate(zip(self.inits, pairwise(self.sizes), strict=True)):
                if isinstance(init, Initializer):
                    weights = first_weights(init, k, m, self.seed, i)
                    model.set_parameter(i, "W", self.part(weights, i, "W", f"init of layers[{i}]"))
            for name, array in (self.columns.draw(self.seed) if self.columns else {}).items():
                model.set_parameter(len(self.specs), name, array.astype(self.dtype))
        return model

    def parts(self, layers: Sequence[Sequence[ArrayLike]]) -> list[tuple[NDArray[Any], ...]]:
        """Check the parameters of all layers, and of the columns where they are embedded.

        Raises
        ------
        TypeError, ValueError : the number of layers or of arrays in a layer is wrong, or an array is not as for
            ``part``.
        """
        own = [] if self.columns is None else [layers[-1]]
        layers = layers[: len(layers) - len(own)]
        if len(layers) != len(self.specs):
            raise ValueError(f"there are parameters of {len(layers)} layers: expected {len(self.specs)}")
        checked = [
            tuple(
                self.part(value, i, part, f"{part} of layers[{i}]")
                for part, value in zip(spec.parts, values, strict=True)
            )
            for i, (spec, values) in enumerate(zip(self.specs, layers, strict=True))
        ]
        return checked + [self.columns_parts(values) for values in own]

    def columns_parts(self, values: Sequence[ArrayLike], name: str = "{} of columns") -> tuple[NDArray[Any], ...]:
        """Check the arrays of the columns; ``name`` is how messages call one of them.

        Raises
        ------
        TypeError, ValueError : their number is wrong, or one is not of real numbers of its shape.
        """
        shapes = {} if self.columns is None else self.columns.shapes
        if len(values) != len(shapes):
            raise ValueError(f"there are {len(values)} arrays of columns: expected {', '.join(shapes)}")
        return tuple(
            arrays.parameter(value, shape, self.dtype, name.format(part))
            for value, (part, shape) in zip(values, shapes.items(), strict=True)
        )

    def shape_of(self, layer: int, part: str) -> tuple[int, ...]:
        """Return the shape of a parameter array of a layer, such as W."""
        inputs, outputs = self.sizes[layer : layer + 2]
        shape = {"W": (inputs, outputs), "scale": (inputs,), "R": (inputs,)}.get(part, (outputs,))
        return (*shape, self.members.count) if self.members and part in self.specs[layer].own else shape

    @cached_property
    def number_of_parameters(self) -> int:
        """The number of parameters, without running statistics."""
        return sum(map(self.parameters_of, range(len(self.specs)))) + self.parameters_of_columns

    def without_statistics(self, layers: Sequence[Sequence[NDArray[Any]]]) -> list[tuple[NDArray[Any], ...]]:
        """Leave out the running statistics in the arrays of every layer, as the native core returns them."""
        counts = [*(len(spec.trained_parts) for spec in self.specs), None]
        return [tuple(parts[:count]) for count, parts in zip(counts, layers, strict=False)]

    def split(self, flat: NDArray[Any]) -> list[tuple[NDArray[Any], ...]]:
        """Return the arrays of every layer as views of a flat array of all parameters, and zeros for absent biases."""
        layers, at = [], 0
        for i, spec in enumerate(self.specs):
            parts = []
            for name in spec.trained_parts:
                shape = self.shape_of(i, name)
                if name == "B" and not spec.bias:
                    parts.append(np.zeros(shape, flat.dtype))
                    continue
                end = at + math.prod(shape)
                parts.append(flat[at:end].reshape(shape))
                at = end
            layers.append(tuple(parts))
        if self.columns is not None:
            shapes = self.columns.shapes.values()
            ends = np.cumsum([at, *map(math.prod, shapes)])
            layers.append(tuple(flat[i:end].reshape(s) for (i, end), s in zip(pairwise(ends), shapes, strict=True)))
        return layers

    def parameters_of(self, layer: int) -> int:
        """Return the number of parameters of a layer, without running statistics."""
        spec = self.specs[layer]
        parts = [name for name in spec.trained_parts if name != "B" or spec.bias]
        return sum(math.prod(self.shape_of(layer, name)) for name in parts)

    @property
    def parameters_of_columns(self) -> int:
        """The number of parameters of the columns."""
        return 0 if self.columns is None else sum(map(math.prod, self.columns.shapes.values()))

    def part(self, value: ArrayLike, layer: int, part: str, name: str) -> NDArray[Any]:
        """Check one parameter array of a layer, such as W.

        Raises
        ------
        TypeError, ValueError : the shape is wrong, B is not 0 in a layer without bias, or a variance is negative.
        """
        checked = arrays.parameter(value, self.shape_of(layer, part), self.dtype, name)
        if part == "B" and not self.specs[layer].bias and checked.any():
            raise ValueError(f"{name} is not 0: the layer has no bias")
        if part == "variance" and (checked < 0).any():
            raise ValueError(f"{name} has a negative number: expected variances of at least 0")
        return checked

    def described(self, layer: int, trainable: bool) -> str:
        """Describe a layer: its activation and the options that differ from their defaults."""
        spec = self.specs[layer]
        norm = f"{spec.normalization.name} normalization" if spec.normalization else ""
        scale = spec.scale.options() if spec.scale else {}
        of_scale = ", ".join(_factors(name, value) for name, value in scale.items())
        others = [_factors(name, value) for name, value in spec.options.items() if name.endswith("_factor")]
        options = [
            (spec.scale, f"scaled inputs ({of_scale})" if of_scale else "scaled inputs"),
            (not spec.bias, "no bias"),
            (norm, norm),
            ("product_bias" in spec.parts, "product bias"),
            (spec.own, f"{self.members.count if self.members else 0} of {', '.join(spec.own)}"),
            (spec.dropout, f"dropout {spec.dropout:g}"),
            (spec.parametrization != "standard", spec.parametrization),
            *((True, words) for words in others),
            (not trainable, "frozen"),
        ]
        return ", ".join([spec.activation_name, *(words for is_so, words in options if is_so)])
