"""Activation functions by name, and ``Parametric``, an activation with a trainable number for each neuron."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, check_numbers
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant

Activation = Literal[
    "identity",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "sigmoid",
    "tanh",
    "softplus",
    "exp",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softmax",
]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)


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
    activation : str
        Activation function F, any name that ``Dense`` lists except identity and softmax.
    rate_factor : float >= 0, default 1
        Factor on the optimizer's learning rate for a.
    decay_factor : float >= 0, optional
        Factor on the optimizer's weight decay and L2 penalty for a. The default is 0, or 1 where the optimizer has
        ``decay_biases=True``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    activation: Activation
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        given = {} if self.decay_factor is None else {"decay_factor": AT_LEAST_0}
        check_numbers(self, {"rate_factor": AT_LEAST_0} | given)
        check_activation(self.activation)
        if self.activation in ("identity", "softmax"):
            raise ValueError(
                f"activation of Parametric is {self.activation!r}: expected a function of one number that is not the "
                "identity, like 'mish'"
            )
        object.__setattr__(self, "activation", str(self.activation))

    def factors(self) -> dict[str, float]:
        """Return the factors that differ from their defaults."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)[1:]}
        return {name: value for name, (value, default) in values.items() if value != default}

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.factors().items())
        return f"Parametric(activation={self.activation!r}{options})"


def checked_activation(given: object) -> Activation | Parametric:
    """Return an activation as given by a user, a name as a plain string.

    Raises
    ------
    ValueError : it is not one.
    """
    if isinstance(given, Parametric):
        return given
    check_activation(given)
    return str(given)  # type: ignore[return-value]
