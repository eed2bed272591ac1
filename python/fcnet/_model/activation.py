"""Activation functions by name, and ``Parametric``, an activation with a trainable number for each neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fcnet._checks.keywords import suggesting
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
@dataclass(frozen=True)
class Parametric:
    """A parametric activation, ``h_out = h + a o (F(h) - h)``, for the argument ``activation`` of ``Dense``.

    It has a trainable number a for each neuron, ``net.layers[i].mix``: at 1, where each starts, the neuron has F, and
    at 0 the identity (Holzmueller et al. 2024, RealMLP). a is trained like biases: by the optimizer, but without weight
    decay and penalties. Not for the last layer.

    Parameters
    ----------
    activation : str
        Activation function F, any name that ``Dense`` lists except identity and softmax.

    Raises
    ------
    ValueError : activation is not as above.
    """

    activation: Activation

    def __post_init__(self) -> None:
        check_activation(self.activation)
        if self.activation in ("identity", "softmax"):
            raise ValueError(
                f"activation of Parametric is {self.activation!r}: expected a function of one number that is not the "
                "identity, like 'mish'"
            )
        object.__setattr__(self, "activation", str(self.activation))


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
