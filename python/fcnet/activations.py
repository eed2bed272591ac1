"""Activation functions with a constant, as frozen dataclasses; all others are given by their names.

``Network``, ``Dense`` and ``Parametric`` take them as ``activation``, and so do scikit-learn's estimators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any, ClassVar, Literal, get_args

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import Range, check_numbers

__all__ = ["ELU", "Activation", "LeakyReLU"]

ActivationName = Literal[
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
    "relu6",
    "hard_swish",
    "softmax",
]
ACTIVATIONS: tuple[str, ...] = get_args(ActivationName)
# by name, the h at which the first or second derivative jumps; there F' is that below it, above it for a positive one
KINKS: Mapping[str, tuple[float, ...]] = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "relu6": (0.0, 6.0),
    "hard_swish": (-3.0, 3.0),
}
_CONSTANT: Range = ("a number from 0 to 1,000,000", lambda value: 0 <= value <= 1e6)


@dataclass(frozen=True)
class Activation:
    """Base class of the activation functions with a constant."""

    name: ClassVar[str]  # of the function with the usual constant

    def __post_init__(self) -> None:
        check_numbers(self, dict.fromkeys(asdict(self), _CONSTANT))

    @property
    def constant(self) -> float:
        """The constant."""
        (value,) = astuple(self)
        return float(value)

    def plain(self) -> dict[str, Any]:
        """Return name and constant in plain values, for a file."""
        return {"name": self.name, **asdict(self)}

    def name_or_self(self) -> Activation | str:
        """Return the name if the constant is the usual one, otherwise the object."""
        return self.name if self == type(self)() else self

    def __str__(self) -> str:
        return f"{self.name}({self.constant:g})"


@suggesting
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """Leaky ReLU with a slope of your own: ``F(h) = h`` for h > 0, otherwise ``slope h`` (Maas, Hannun and Ng 2013).

    ``LeakyReLU(0.01)`` is ``"leaky_relu"``, PyTorch's default; Keras' layer has 0.3 and its function 0.2. The slope is
    not trained.

    Parameters
    ----------
    slope : float from 0 to 1,000,000, default 0.01

    Raises
    ------
    TypeError, ValueError : slope is not as above.

    Examples
    --------
    >>> import fcnet as fc
    >>> net = fc.Network([4, fc.Dense(8, fc.activations.LeakyReLU(0.2)), 2], seed=0)
    >>> net.layers[0].activation
    LeakyReLU(slope=0.2)
    """

    name: ClassVar[str] = "leaky_relu"
    slope: float = 0.01


@suggesting
@dataclass(frozen=True)
class ELU(Activation):
    """ELU with an alpha of your own: ``F(h) = h`` for h > 0, otherwise ``alpha (exp(h) - 1)`` (Clevert et al. 2016).

    ``ELU(1)`` is ``"elu"``. Alpha is not trained.

    Parameters
    ----------
    alpha : float from 0 to 1,000,000, default 1

    Raises
    ------
    TypeError, ValueError : alpha is not as above.
    """

    name: ClassVar[str] = "elu"
    alpha: float = 1.0


WITH_CONSTANT: Mapping[str, type[Activation]] = {kind.name: kind for kind in (LeakyReLU, ELU)}


def name_and_constant(activation: str | Activation) -> tuple[str, float | None]:
    """Return the name, and the constant of an activation that has one of its own."""
    return (activation, None) if isinstance(activation, str) else (activation.name, activation.constant)


def kinks_of(activation: str | Activation) -> tuple[float, ...]:
    """Return the h at which the first or second derivative of F jumps."""
    return KINKS.get(name_and_constant(activation)[0], ())
