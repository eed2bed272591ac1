"""``Dense``, the specification of a layer by a user."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers, flag, whole_number
from fcnet._checks.public import public
from fcnet._model.activation import Activation, Parametric, checked_activation
from fcnet._model.normalization import Normalization, NormalizationName, normalization_of
from fcnet.initializers import Initializer, InitializerName, checked_initializer


@public
@suggesting
@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected (dense) layer, ``h_out = F(h_prev W + B)``, for the argument ``sizes`` of ``Network``.

    Parameters
    ----------
    units : int >= 1
        Number of neurons, that is, of outputs of the layer.
    activation : str or Parametric, optional
        Activation function F: identity, relu, leaky_relu (slope 0.01), elu, selu, sigmoid, tanh, softplus, exp, gelu,
        gelu_tanh (the usual approximation of gelu), silu, mish or softmax; ``Parametric("mish")`` trains how much of F
        each neuron takes. The default is relu; for the last layer, the loss determines it.
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

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    units: int
    activation: Activation | Parametric | None = None
    bias: bool = True
    dropout: float = 0.0
    normalization: NormalizationName | Normalization | None = None
    init: InitializerName | Initializer | ArrayLike = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", whole_number(self.units, "units", 1, 2**62))
        if self.activation is not None:
            object.__setattr__(self, "activation", checked_activation(self.activation))
        object.__setattr__(self, "bias", flag(self.bias, "bias"))
        check_numbers(self, {"dropout": ("0 <= dropout < 1", lambda value: 0 <= value < 1)})
        object.__setattr__(self, "normalization", normalization_of(self.normalization))
        object.__setattr__(self, "init", checked_initializer(self.init))
