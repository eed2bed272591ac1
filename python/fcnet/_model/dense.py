"""What a user says of a layer before there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from numpy.typing import ArrayLike

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers, flag, whole_number
from fcnet._checks.public import public
from fcnet._checks.suggestions import meant
from fcnet._model.normalization import Normalization, NormalizationName, normalization_of
from fcnet.initializers import Initializer, InitializerName, checked_initializer

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
    "softmax",
]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)


def check_activation(name: object) -> None:
    """ValueError where it is no activation's name."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}: expected one of {', '.join(ACTIVATIONS)}{meant(name, ACTIVATIONS)}")


@public
@suggesting
@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer, ``h_out = F(h_prev W + B)``, in the list that ``Network`` takes.

    Parameters
    ----------
    units : int >= 1
        Neurons, the outputs of the layer.
    activation : str, optional
        F: identity, relu, leaky_relu (slope 0.01), elu, selu, sigmoid, tanh, softplus, exp, gelu, gelu_tanh (its usual
        approximation), silu or softmax; by default relu, and for the last layer what belongs to the loss.
    bias : bool, default True
        Without one, B is 0 and stays so.
    dropout : float in [0, 1), default 0
        The share of the layer's outputs that every training step leaves out, drawn by (seed, epoch); the others count
        ``1 / (1 - dropout)`` times (Srivastava et al. 2014). Prediction, evaluation and ``gradients`` use all.
    normalization : {"batch", "layer"}, BatchNorm or LayerNorm, optional
        What happens to ``h_prev W`` before B and F, see ``fcnet.BatchNorm`` and ``fcnet.LayerNorm``; not for the last
        layer, nor with softmax.
    init : str, fcnet.initializers or array-like (inputs, units), default "auto"
        The first weights: "auto" as ``Network`` says, "he_normal", "he_uniform", "glorot_normal", "glorot_uniform",
        "lecun_normal", "lecun_uniform", "orthogonal", "zeros", an initializer with options, or the weights themselves.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    units: int
    activation: Activation | None = None
    bias: bool = True
    dropout: float = 0.0
    normalization: NormalizationName | Normalization | None = None
    init: InitializerName | Initializer | ArrayLike = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", whole_number(self.units, "units", 1, 2**62))
        if self.activation is not None:
            check_activation(self.activation)
            object.__setattr__(self, "activation", str(self.activation))
        object.__setattr__(self, "bias", flag(self.bias, "bias"))
        check_numbers(self, {"dropout": ("0 <= dropout < 1", lambda value: 0 <= value < 1)})
        object.__setattr__(self, "normalization", normalization_of(self.normalization))
        object.__setattr__(self, "init", checked_initializer(self.init))
