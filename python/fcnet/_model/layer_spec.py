"""Layer specifications: activation, bias, dropout, normalization and other options of every layer, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fcnet._checks.numbers import flag
from fcnet._model.activation import Parametric, checked_activation, function_of
from fcnet._model.dense import Dense
from fcnet._model.normalization import LayerNorm, Normalization, normalization_of
from fcnet._model.scale import Scale
from fcnet.activations import Activation, ActivationName, name_and_constant
from fcnet.losses import Loss


class LayerSpec(NamedTuple):
    """The specification of a layer, without its sizes."""

    activation: str | Activation
    bias: bool = True
    dropout: float = 0.0
    normalization: Normalization | None = None
    scale: Scale | None = None  # the one before it
    parametric: Parametric | None = None  # what the activation is given by where it is parametric
    parametrization: str = "standard"
    rate_factor: tuple[float, float] = (1.0, 1.0)  # of W, of B
    decay_factor: tuple[float, float | None] = (1.0, None)
    own: tuple[str, ...] = ()  # the arrays that each member of an ensemble has of its own

    @property
    def given_activation(self) -> ActivationName | Activation | Parametric:
        """The activation as a user gives it."""
        return self.parametric or self.activation  # type: ignore[return-value]

    @property
    def activation_name(self) -> str:
        """The activation in words."""
        return f"parametric {self.activation}" if self.parametric else str(self.activation)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the layer's parameters, in the order of the native core."""
        return self.trained_parts + self.running_parts

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """The names of the parameters that have a gradient."""
        norm = self.normalization.trained_parts if self.normalization else ()
        others = tuple(name for name, there in (("mix", self.parametric), ("scale", self.scale)) if there)
        adapters = tuple(name for name in self.own if name not in ("W", "B"))
        return ("W", "B", *norm, *others, *adapters)

    @property
    def running_parts(self) -> tuple[str, ...]:
        """The names of the running statistics."""
        return self.normalization.running_parts if self.normalization else ()

    @property
    def file_version(self) -> int:
        """The oldest version of files that can hold the specification, see ``plain``."""
        is_new = not isinstance(self.activation, str) or self.activation in ("relu6", "hard_swish")
        if is_new or "product_bias" in self.parts:
            return 7
        return 5 if self.options else 4 if self.scale else 3

    @property
    def options(self) -> dict[str, Any]:
        """The options that differ from their defaults and that files before version 5 cannot hold."""
        given = {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) != self._field_defaults[name]}
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        if self.parametric:
            options["parametric"] = self.parametric.factors()
        of_scale = self.scale.options() if self.scale else {}
        return options | ({"scale": of_scale} if of_scale else {})

    def plain(self) -> list[Any]:
        """Return the specification in plain values, for a file.

        It has four entries, as in version 3; whether there is a scale is a fifth one, and a dict of options a sixth one
        where these are needed.
        """
        norm, options = self.normalization and self.normalization.plain(), self.options
        others = [bool(self.scale), options] if options else [True] if self.scale else []
        f = self.activation if isinstance(self.activation, str) else self.activation.plain()
        return [f, self.bias, self.dropout, norm, *others]

    @classmethod
    def from_plain(cls, plain: Any) -> LayerSpec:
        """Return the specification of ``plain()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : it is not one.
        """
        if not isinstance(plain, list) or not 1 <= len(plain) <= 6:
            raise ValueError(f"a layer is given by {plain!r}: expected a list of up to 6 entries")
        has_scale = flag(plain[4], "scale") if len(plain) > 4 else False
        options = dict(plain[5]) if len(plain) > 5 and isinstance(plain[5], dict) else {}
        of_scale, of_parametric = options.pop("scale", {}), options.pop("parametric", None)
        known = options.keys() <= set(_OPTIONS) and (options or of_scale or of_parametric is not None)
        if len(plain) > 5 and not known:
            names = ", ".join((*_OPTIONS, "parametric", "scale"))
            raise ValueError(f"a layer has the options {plain[5]!r}: expected some of {names}")
        if not isinstance(of_scale, dict) or (of_scale and not has_scale):
            raise ValueError(f"a layer has the options {plain[5]!r}: expected those of scale where there is one")
        if not isinstance(of_parametric, dict | None):
            raise ValueError(f"a layer has the options {plain[5]!r}: expected a dict of parametric")
        values = dict(zip(cls._fields[:4], plain, strict=False))
        values["activation"] = function_of(values["activation"])
        if of_parametric is not None:
            values["activation"] = Parametric(values["activation"], **of_parametric)
        return cls.of(Dense(1, **values, **options), "relu", Scale(**of_scale) if has_scale else None)

    @classmethod
    def of(cls, dense: Dense, activation: str | Activation | Parametric, scale: Scale | None) -> LayerSpec:
        """Return the specification of a layer, with the activation that it has where none is given."""
        norm = normalization_of(dense.normalization)
        options: Any = {name: getattr(dense, name) for name in _OPTIONS}
        chosen = dense.activation or activation
        parametric = chosen if isinstance(chosen, Parametric) else None
        name = chosen.activation if isinstance(chosen, Parametric) else chosen
        return cls(name, dense.bias, dense.dropout, norm, scale, parametric, **options)

    def native(self) -> tuple[Any, ...]:
        """Return the specification as the native core takes it."""
        norm, scale = self.normalization, self.scale or Scale()
        name = norm.name if norm else "none"
        mix = self.parametric
        (rate, of_biases), (decay, decay_of_biases) = self.rate_factor, self.decay_factor
        factors = (
            (rate, None if decay == 1 else decay),
            (of_biases, decay_of_biases),
            (scale.rate_factor, scale.decay_factor),
            (mix.rate_factor, mix.decay_factor) if mix else (1.0, None),
        )
        of_norm = name, getattr(norm, "epsilon", 0.0), getattr(norm, "momentum", 0.0), "product_bias" in self.parts
        has = self.scale is not None, mix is not None, self.parametrization == "ntp"
        return (name_and_constant(self.activation), self.bias, self.dropout, *of_norm, *has, factors)

    def step_factor(self, part: str, inputs: int) -> float:
        """Return what a step of plain gradient descent on a parameter of the layer, such as W, is multiplied by."""
        if part == "scale":
            return self.scale.rate_factor if self.scale else 1.0
        if part == "mix":
            return self.parametric.rate_factor if self.parametric else 1.0
        if part == "W":
            return self.rate_factor[0] / (inputs if self.parametrization == "ntp" else 1)
        return self.rate_factor[1]


_OPTIONS = "parametrization", "rate_factor", "decay_factor"  # of Dense, which LayerSpec has by the same names


def _activations(
    given: ActivationName | Activation | Parametric | Sequence[ActivationName | Activation | Parametric], hidden: int
) -> list[ActivationName | Activation | Parametric]:
    """Return the activations of the hidden layers."""
    is_one = isinstance(given, str | Activation | Parametric)
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


def specs_of(
    layers: Sequence[Dense | int],
    loss: Loss,
    activation: ActivationName | Activation | Parametric | Sequence[ActivationName | Activation | Parametric],
    scales: Sequence[Scale | None],
) -> list[LayerSpec]:
    """Return the specifications of the layers; an activation that is not given is the default."""
    defaults = [*_activations(activation, len(layers) - 1), loss.output]
    specs = [
        LayerSpec.of(layer if isinstance(layer, Dense) else Dense(layer), f, scale)
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
