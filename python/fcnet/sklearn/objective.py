"""What the estimators minimise: a loss of the network, and how its scale differs from scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.losses import MSE, BinaryCrossEntropy, CrossEntropy, Loss, Poisson, loss_of
from fcnet.network import Network
from fcnet.optimizers import SGD, Adam, Optimizer

_TINY = float(np.finfo(np.float64).tiny)
_BELOW_1 = float(np.nextafter(1, 0))


@dataclass(frozen=True)
class Objective:
    """A loss, ``slope`` times whose gradient is the network's, ``value`` times the network's figure that is reported.

    scikit-learn adds the outputs up where the network averages them, halves the squared error, and calls the deviance
    0 where the network fits. Its squared error is averaged over the outputs in ``loss_``, but not in the gradient.
    """

    loss: Loss
    slope: float = 1.0
    value: float = 1.0

    @classmethod
    def of_classes(cls, outputs: int, *, exclusive: bool, label_smoothing: float) -> Objective:
        """The log loss of one of several classes, or of ``outputs`` answers yes or no."""
        if exclusive:
            return cls(CrossEntropy(label_smoothing))
        return cls(BinaryCrossEntropy(label_smoothing), 1 / outputs, outputs)

    @classmethod
    def of_values(cls, loss: Any, outputs: int) -> Objective:
        """scikit-learn's losses by their names; others of the network's as they are.

        Raises
        ------
        ValueError : the loss has several quantiles: an estimator predicts one number for each target.
        """
        if loss == "squared_error":
            return cls(MSE(), 2 / outputs, 0.5)
        if loss == "poisson":
            return cls(Poisson(), 1 / outputs, outputs)
        chosen = loss_of(loss)
        if len(chosen.quantiles) > 1:
            raise ValueError(f"loss is {chosen!r}: expected one quantile; fcnet.Network predicts several at once")
        return cls(chosen)

    def constant(self, y: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """What the reported figure has beyond ``value`` times the network's."""
        if not isinstance(self.loss, Poisson):
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            saturated = np.where(y > 0, y * np.log(y), 0) - y  # y ln(y / p) - y + p: the loss minus that of p = y
        return float(np.average(saturated, axis=0, weights=weights).sum())

    def optimizer(self, estimator: Any, rate: float) -> Optimizer:
        """The network's optimizer that takes the steps of the estimator's solver."""
        clip_norm = None if estimator.clip_norm is None else self.slope * estimator.clip_norm
        options: dict[str, Any] = {"l2_sum": self.slope * estimator.alpha, "clip_norm": clip_norm}
        if estimator.solver == "adam":
            hat = self.slope * estimator.epsilon
            return Adam(rate, estimator.beta_1, estimator.beta_2, _TINY, epsilon_hat=hat, **options)
        momentum = min(float(estimator.momentum), _BELOW_1)
        return SGD(rate / self.slope, momentum, bool(estimator.nesterovs_momentum) and momentum > 0, **options)


def squared_norm(network: Network) -> float:
    """Of all weights, without the biases: what the penalty goes by."""
    weights = [layer.W for layer in network.layers]
    # not by BLAS, whose threads would spin through the first 30 ms of the next epoch
    return sum(float(np.einsum("ij,ij", W, W)) for W in weights)


def first_layers(
    random: np.random.RandomState, sizes: Sequence[int], activation: str, dtype: Any
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The weights and biases that scikit-learn begins with, the same for a random_state (Glorot and Bengio 2010)."""
    factor = 2.0 if activation == "logistic" else 6.0
    layers = []
    for k, m in pairwise(sizes):
        bound = np.sqrt(factor / (k + m))
        layers.append((random.uniform(-bound, bound, (k, m)).astype(dtype), random.uniform(-bound, bound, m)))
    return layers
