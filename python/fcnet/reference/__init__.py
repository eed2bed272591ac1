"""The NumPy reference: the article's mathematics in plain NumPy, against which the tests check the native core.

Each function reads like its equation. The functions work in any float type up to ``longdouble``, and on complex arrays
(for complex-step differentiation), where comparisons use the real parts.

Legend: ``n`` samples, ``k`` inputs and ``m`` outputs of a layer; ``h_in = h W + B``, ``h_out = F(h_in)``,
``sigma = dL/dh_in`` of one sample. The mean over a batch enters once, as the scale of the gradient.
"""

from __future__ import annotations

from fcnet.reference.activations import activation, activation_derivative, through_activation
from fcnet.reference.averaging import ema, swa
from fcnet.reference.columns import embed, through_embedding
from fcnet.reference.kernels import (
    cross_entropy,
    linear,
    relu,
    sgd_update,
    sigma_backward,
    sigma_backward_sgd,
    softmax,
    weight_gradient,
)
from fcnet.reference.losses import loss_and_sigma
from fcnet.reference.members import members_backward, members_forward
from fcnet.reference.network import backward, forward, training_step
from fcnet.reference.normalization import normalize, running_statistics, through_normalization
from fcnet.reference.optimizers import adagrad, adam, by_block, lion, nadam, regularized, rmsprop, sgd
from fcnet.reference.random import dropout_mask, he_normal, permutation, philox

__all__ = [
    "activation",
    "activation_derivative",
    "adagrad",
    "adam",
    "backward",
    "by_block",
    "cross_entropy",
    "dropout_mask",
    "ema",
    "embed",
    "forward",
    "he_normal",
    "linear",
    "lion",
    "loss_and_sigma",
    "members_backward",
    "members_forward",
    "nadam",
    "normalize",
    "permutation",
    "philox",
    "regularized",
    "relu",
    "rmsprop",
    "running_statistics",
    "sgd",
    "sgd_update",
    "sigma_backward",
    "sigma_backward_sgd",
    "softmax",
    "swa",
    "through_activation",
    "through_embedding",
    "through_normalization",
    "training_step",
    "weight_gradient",
]
