"""Layer specifications: activation, bias, dropout and normalization of every layer, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fcnet._checks.numbers import flag
from fcnet._model.activation import Activation, Parametric, checked_activation
from fcnet._model.dense import Dense
from fcnet._model.normalization import LayerNorm, Normalization, normalization_of
from fcnet.losses import Loss


class LayerSpec(NamedTuple):
    """The specification of a layer, without its sizes."""

    activation: str
    bias: bool = True
    dropout: float = 0.0
    normalization: Normalization | None = None
    scale: bool = False  # whether a Scale stands before it
    parametric: Parametric | None = None  # what the activation is given by where it is parametric

    @property
    def given_activation(self) -> Activation | Parametric:
        """The activation as a user gives it."""
        return self.parametric or self.activation  # type: ignore[return-value]

    @property
    def activation_name(self) -> str:
        """The activation in words."""
        return f"parametric {self.activation}" if self.parametric else self.activation

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the layer's parameters, in the order of the native core."""
        return self.trained_parts + self.running_parts

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """The names of the parameters that have a gradient."""
        norm = self.normalization.parts[:1] if self.normalization else ()
        return ("W", "B", *norm, *(("mix",) if self.parametric else ()), *(("scale",) if self.scale else ()))

    @property
    def running_parts(self) -> tuple[str, ...]:
        """The names of the running statistics."""
        return self.normalization.parts[1:] if self.normalization else ()

    @property
    def options(self) -> dict[str, Any]:
        """The options that differ from their defaults, of those that files know by name."""
        return {"parametric": {}} if self.parametric else {}

    def plain(self) -> list[Any]:
        """Return the specification in plain values, for a file.

        It has four entries without a scale and without ``options``, as in version 3, and five without ``options``, as
        in version 4.
        """
        options = self.options
        scale = [self.scale] if self.scale or options else []
        return [*self[:3], self.normalization and self.normalization.plain(), *scale, *([options] if options else [])]

    @classmethod
    def from_plain(cls, plain: Any) -> LayerSpec:
        """Return the specification of ``plain()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : it is not one.
        """
        if not isinstance(plain, list) or not 1 <= len(plain) <= 6:
            raise ValueError(f"a layer is given by {plain!r}: expected a list of up to 6 entries")
        dense = Dense(1, **dict(zip(cls._fields[:4], plain, strict=False)))
        norm = normalization_of(dense.normalization)
        scale = flag(plain[4], "scale") if len(plain) > 4 else False
        options = plain[5] if len(plain) > 5 else {}
        if not isinstance(options, dict) or set(options) - {"parametric"}:
            raise ValueError(f"a layer has the options {options!r}: expected some of parametric")
        of_parametric = options.get("parametric")
        if of_parametric not in (None, {}):
            raise ValueError(f"a layer has the options {options!r}: expected none of parametric")
        name: Any = dense.activation or "relu"
        parametric = None if of_parametric is None else Parametric(name)
        return cls(name, dense.bias, dense.dropout, norm, scale, parametric)

    def native(self) -> tuple[str, bool, float, str, float, float, bool, bool]:
        """Return the specification as the native core takes it."""
        norm = self.normalization
        name = norm.name if norm else "none"
        of_norm = name, getattr(norm, "epsilon", 0.0), getattr(norm, "momentum", 0.0)
        return (*self[:3], *of_norm, self.scale, self.parametric is not None)


def _activations(
    given: Activation | Parametric | Sequence[Activation | Parametric], hidden: int
) -> list[Activation | Parametric]:
    """Return the activations of the hidden layers."""
    is_one = isinstance(given, str | Parametric)
    names = [given] * hidden if is_one else given
    if not isinstance(names, Sequence):
        raise TypeError(f"activation is {given!r}: expected a name like 'relu', or one for each hidden layer")
    checked = [checked_activation(name) for name in ((given,) if is_one else names)]
    if len(names) != hidden:
        last = "; the last layer's is given by its fcnet.Dense" if len(names) == hidden + 1 else ""
        raise ValueError(
            f"activation has {len(names)} names: expected one, or {hidden}, one for each hidden layer{last}"
        )
    return checked * hidden if is_one else checked


def refuse_constants(sizes: Sequence[int], specs: Sequence[LayerSpec]) -> None:
    """Raise ValueError if a layer has the same output for every sample, so that the network could not learn."""
    for i, (units, spec) in enumerate(zip(sizes[1:], specs, strict=True)):
        if units > 1:
            continue
        if spec.activation == "softmax" and i == len(specs) - 1:
            raise ValueError(
                f"sizes[{i + 1}] is 1, and softmax of one output is always 1: expected loss='binary_cross_entropy' for "
                "binary classification, loss='mse' for regression, or an output for each class"
            )
        if spec.activation == "softmax":
            raise ValueError(f"sizes[{i + 1}] is 1, and softmax of one unit is always 1: expected more units")
        if isinstance(spec.normalization, LayerNorm):
            raise ValueError(
                f"sizes[{i + 1}] is 1, and layer normalisation of one unit is always 0: expected more units"
            )


def _spec(
    activation: str | Parametric,
    bias: bool = True,
    dropout: float = 0.0,
    normalization: Normalization | None = None,
    scale: bool = False,
) -> LayerSpec:
    """Return the specification of a layer with an activation as a user gives it."""
    parametric = activation if isinstance(activation, Parametric) else None
    name = activation.activation if isinstance(activation, Parametric) else activation
    return LayerSpec(name, bias, dropout, normalization, scale, parametric)


def specs_of(
    layers: Sequence[Dense | int],
    loss: Loss,
    activation: Activation | Parametric | Sequence[Activation | Parametric],
    scales: Sequence[bool],
) -> list[LayerSpec]:
    """Return the specifications of the layers; an activation that is not given is the default."""
    defaults = [*_activations(activation, len(layers) - 1), loss.output]
    specs = [
        _spec(layer.activation or f, layer.bias, layer.dropout, normalization_of(layer.normalization), scale)
        if isinstance(layer, Dense)
        else _spec(f, scale=scale)
        for layer, f, scale in zip(layers, defaults, scales, strict=True)
    ]
    if specs[-1].parametric:
        raise ValueError(
            f"the last layer's activation is {specs[-1].given_activation!r}: expected a name, as Parametric is for "
            "hidden layers"
        )
    if specs[-1].dropout:
        raise ValueError(f"dropout is {specs[-1].dropout} in the last layer: expected 0, as its outputs are the result")
    if any(spec.dropout and spec.activation == "softmax" for spec in specs):
        raise ValueError("dropout is given for a layer with softmax, whose outputs add up to 1: expected 0")
    if specs[-1].normalization:
        raise ValueError("normalization is given for the last layer: expected none, as its outputs are the result")
    if any(spec.normalization and spec.activation == "softmax" for spec in specs):
        raise ValueError("normalization is given for a layer with softmax: expected none")
    if loss.outputs and specs[-1].activation not in loss.outputs:
        expected = " or ".join(map(repr, loss.outputs))
        raise ValueError(
            f"the last layer's activation is {specs[-1].activation!r}, but loss {loss.name!r} takes {expected}"
        )
    return specs
