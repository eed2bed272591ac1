"""Layer specifications: activation, bias, dropout and normalization of every layer, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fcnet._checks.numbers import flag
from fcnet._model.dense import Activation, Dense, check_activation
from fcnet._model.normalization import LayerNorm, Normalization, normalization_of
from fcnet.losses import Loss


class LayerSpec(NamedTuple):
    """The specification of a layer, without its sizes."""

    activation: str
    bias: bool = True
    dropout: float = 0.0
    normalization: Normalization | None = None
    scale: bool = False  # whether a Scale stands before it

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the layer's parameters, in the order of the native core."""
        return self.trained_parts + self.running_parts

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """The names of the parameters that have a gradient."""
        norm = self.normalization.parts[:1] if self.normalization else ()
        return ("W", "B", *norm, *(("scale",) if self.scale else ()))

    @property
    def running_parts(self) -> tuple[str, ...]:
        """The names of the running statistics."""
        return self.normalization.parts[1:] if self.normalization else ()

    def plain(self) -> list[Any]:
        """Return the specification in plain values, for a file; of four entries without a scale, as in version 3."""
        return [*self[:3], self.normalization and self.normalization.plain(), *([True] if self.scale else [])]

    @classmethod
    def from_plain(cls, plain: Any) -> LayerSpec:
        """Return the specification of ``plain()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : it is not one.
        """
        if not isinstance(plain, list) or not 1 <= len(plain) <= len(cls._fields):
            raise ValueError(f"a layer is given by {plain!r}: expected a list of up to {len(cls._fields)} entries")
        dense = Dense(1, **dict(zip(cls._fields[:4], plain, strict=False)))
        scale = flag(plain[4], "scale") if len(plain) > 4 else False
        return cls(dense.activation or "relu", dense.bias, dense.dropout, normalization_of(dense.normalization), scale)

    def native(self) -> tuple[str, bool, float, str, float, float, bool]:
        """Return the specification as the native core takes it."""
        norm = self.normalization
        name = norm.name if norm else "none"
        return (*self[:3], name, getattr(norm, "epsilon", 0.0), getattr(norm, "momentum", 0.0), self.scale)


def _activations(given: Activation | Sequence[Activation], hidden: int) -> list[Activation]:
    """Return the activations of the hidden layers."""
    names = [given] * hidden if isinstance(given, str) else given
    if not isinstance(names, Sequence):
        raise TypeError(f"activation is {given!r}: expected a name like 'relu', or one for each hidden layer")
    for name in (given,) if isinstance(given, str) else names:
        check_activation(name)
    if len(names) != hidden:
        last = "; the last layer's is given by its fcnet.Dense" if len(names) == hidden + 1 else ""
        raise ValueError(
            f"activation has {len(names)} names: expected one, or {hidden}, one for each hidden layer{last}"
        )
    return list(names)


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


def specs_of(
    layers: Sequence[Dense | int], loss: Loss, activation: Activation | Sequence[Activation], scales: Sequence[bool]
) -> list[LayerSpec]:
    """Return the specifications of the layers; an activation that is not given is the default."""
    defaults = [*_activations(activation, len(layers) - 1), loss.output]
    specs = [
        LayerSpec(layer.activation or f, layer.bias, layer.dropout, normalization_of(layer.normalization), scale)
        if isinstance(layer, Dense)
        else LayerSpec(f, scale=scale)
        for layer, f, scale in zip(layers, defaults, scales, strict=True)
    ]
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
