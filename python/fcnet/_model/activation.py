"""The activation functions that a user gives, and ``Parametric``, with a trainable number for each neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, check_numbers
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant
from fcnet.activations import ACTIVATIONS, WITH_CONSTANT, Activation, ActivationName


def check_activation(name: object) -> None:
    """Raise ValueError if the name is not that of an activation."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}: expected one of {', '.join(ACTIVATIONS)}{meant(name, ACTIVATIONS)}")


@public
@suggesting
@dataclass(frozen=True, repr=False)
class Parametric:
    """A parametric activation, ``h_out = h + a o (F(h) - h)``, for the argument ``activation`` of ``Dense``.

    It has a trainable number a for each neuron, ``net.layers[i].mix``: at 1, where each starts, the neuron has F, and
    at 0 the identity (Holzmueller et al. 2024, RealMLP). a is trained like biases: by the optimizer, but without weight
    decay and penalties unless ``decay_factor`` says so. Not for the last layer.

    Parameters
    ----------
    activation : str or fcnet.activations
        Activation function F, any that ``Dense`` lists except identity and softmax.
    rate_factor : float >= 0, default 1
        Factor on the optimizer's learning rate for a.
    decay_factor : float >= 0, optional
        Factor on the optimizer's weight decay and L2 penalty for a. The default is 0, or 1 where the optimizer has
        ``decay_biases=True``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    activation: ActivationName | Activation
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        given = {} if self.decay_factor is None else {"decay_factor": AT_LEAST_0}
        check_numbers(self, {"rate_factor": AT_LEAST_0} | given)
        object.__setattr__(self, "activation", checked_function(self.activation))
        if self.activation in ("identity", "softmax"):
            raise ValueError(
                f"activation of Parametric is {self.activation!r}: expected a function of one number that is not the "
                "identity, like 'mish'"
            )

    def factors(self) -> dict[str, float]:
        """Return the factors that differ from their defaults."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)[1:]}
        return {name: value for name, (value, default) in values.items() if value != default}

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.factors().items())
        return f"Parametric(activation={self.activation!r}{options})"


def checked_function(given: object) -> ActivationName | Activation:
    """Return an activation that is not parametric, as given by a user; a plain string where its name says all.

    Raises
    ------
    ValueError : it is not one.
    """
    if isinstance(given, Activation):
        return given.name_or_self()  # type: ignore[return-value]
    check_activation(given)
    return str(given)  # type: ignore[return-value]


def checked_activation(given: object) -> ActivationName | Activation | Parametric:
    """Return an activation as given by a user, as ``checked_function`` does.

    Raises
    ------
    ValueError : it is not one.
    """
    return given if isinstance(given, Parametric) else checked_function(given)


def function_of(plain: object) -> object:
    """Return an activation from a file: a name as it is, unchecked, or what ``Activation.plain`` has returned.

    Raises
    ------
    TypeError, ValueError : it is a mapping, but not of an activation.
    """
    if not isinstance(plain, Mapping):
        return plain
    options = dict(plain)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in WITH_CONSTANT:
        raise ValueError(f"activation is {plain!r}: expected a name, or that of {' or '.join(WITH_CONSTANT)} in a dict")
    return WITH_CONSTANT[name](**options)
