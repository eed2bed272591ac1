"""``Dense``, the specification of a layer by a user."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from numpy.typing import ArrayLike

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, check_numbers, flag, number, whole_number
from fcnet._checks.public import public
from fcnet._checks.representation import shown
from fcnet._model.activation import Parametric, checked_activation
from fcnet._model.normalization import Normalization, NormalizationName, normalization_of
from fcnet.activations import Activation, ActivationName
from fcnet.initializers import Initializer, InitializerName, checked_initializer

Parametrization = Literal["standard", "ntp"]


@public
@suggesting
@dataclass(frozen=True, eq=False, repr=False)
class Dense:
    """A fully connected (dense) layer, ``h_out = F(h_prev W + B)``, for the argument ``sizes`` of ``Network``.

    Parameters
    ----------
    units : int >= 1
        Number of neurons, that is, of outputs of the layer.
    activation : str, fcnet.activations or Parametric, optional
        Activation function F: identity, relu, leaky_relu (slope 0.01), elu, selu, sigmoid, tanh, softplus, exp, gelu,
        gelu_tanh (the usual approximation of gelu), silu, mish, relu6, hard_swish or softmax;
        ``fcnet.activations.LeakyReLU(0.2)`` and ``ELU(0.5)`` have a constant of your own; ``Parametric("mish")`` trains
        how much of F each neuron takes. The default is relu; for the last layer, the loss determines it.
    bias : bool, default True
        Whether the layer has biases. Without them, B is 0 and stays 0.
    dropout : float in [0, 1), default 0
        Dropout rate: the fraction of the layer's outputs that every training step drops at random, by seed and epoch.
        The others are multiplied by ``1 / (1 - dropout)`` (Srivastava et al. 2014). Prediction, evaluation and
        ``gradients`` drop nothing.
    normalization : {"batch", "layer"}, BatchNorm or LayerNorm, optional
        Normalisation of ``h_prev W`` before B and F, see ``fcnet.BatchNorm`` and ``fcnet.LayerNorm``. Not for the last
        layer, nor with softmax.
    init : str, fcnet.initializers or array-like (inputs, units), default "auto"
        Initializer of the weights: "auto" (as ``Network`` describes), "he_normal", "he_uniform", "glorot_normal",
        "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "zeros", an initializer with options, or an
        array of weights.
    parametrization : {"standard", "ntp"}, default "standard"
        "ntp" is the neural tangent parametrisation ``h_in = h_prev W / sqrt(inputs) + B`` (Jacot et al. 2018). A layer
        stores the product ``W / sqrt(inputs)``, which ``layer.W``, ``init`` and gradients mean; the optimizer sees the
        gradient of W, and changes and decays W. The initial W is drawn from N(0, 1).
    rate_factor : float >= 0 or (float, float), default 1
        Factors on the optimizer's learning rate, of W and of B; one number for both. gamma and product_bias
        count with B.
    decay_factor : float >= 0 or (float, float or None), default (1, None)
        Factors on the optimizer's weight decay and L2 penalty, of W and of B; one number for both. None for B means 0,
        or 1 where the optimizer has ``decay_biases=True``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    units: int
    activation: ActivationName | Activation | Parametric | None = None
    bias: bool = True
    dropout: float = 0.0
    normalization: NormalizationName | Normalization | None = None
    init: InitializerName | Initializer | ArrayLike = "auto"
    _: KW_ONLY
    parametrization: Parametrization = "standard"
    rate_factor: float | tuple[float, float] = (1.0, 1.0)
    decay_factor: float | tuple[float, float | None] = (1.0, None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", whole_number(self.units, "units", 1, 2**62))
        if self.activation is not None:
            object.__setattr__(self, "activation", checked_activation(self.activation))
        object.__setattr__(self, "bias", flag(self.bias, "bias"))
        check_numbers(self, {"dropout": ("0 <= dropout < 1", lambda value: 0 <= value < 1)})
        object.__setattr__(self, "normalization", normalization_of(self.normalization))
        object.__setattr__(self, "init", checked_initializer(self.init))
        if not isinstance(self.parametrization, str) or self.parametrization not in get_args(Parametrization):
            raise ValueError(f"parametrization is {self.parametrization!r}: expected 'standard' or 'ntp'")
        object.__setattr__(self, "parametrization", str(self.parametrization))
        object.__setattr__(self, "rate_factor", _pair(self.rate_factor, "rate_factor"))
        object.__setattr__(self, "decay_factor", _pair(self.decay_factor, "decay_factor", or_none=True))

    def __repr__(self) -> str:
        return shown(self)


def _pair(given: object, name: str, *, or_none: bool = False) -> tuple[float, float | None]:
    """Return factors of W and of B, which may be given as one number for both.

    Raises
    ------
    TypeError, ValueError : they are not finite numbers of at least 0.
    """
    if not isinstance(given, tuple | list):
        both = number(given, name, AT_LEAST_0)
        return both, both
    if len(given) != 2:
        raise ValueError(f"{name} has {len(given)} numbers: expected one, or two, of W and of B")
    of_weights, of_biases = given
    return (
        number(of_weights, f"{name}[0]", AT_LEAST_0),
        None if or_none and of_biases is None else number(of_biases, f"{name}[1]", AT_LEAST_0),
    )
