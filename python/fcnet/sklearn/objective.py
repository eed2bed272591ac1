"""The objective of the estimators: a loss of the network, and how its scale differs from scikit-learn's."""

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
    """A loss and two factors: the network's gradient is ``slope`` times scikit-learn's; ``value`` converts the loss.

    scikit-learn adds up the outputs where the network averages them, halves the squared error, and reports the Poisson
    deviance, which is 0 for a perfect fit. Its squared error is averaged over the outputs in ``loss_``, but not in the
    gradient.
    """

    loss: Loss
    slope: float = 1.0
    value: float = 1.0

    @classmethod
    def of_classes(cls, outputs: int, *, exclusive: bool, label_smoothing: float) -> Objective:
        """Return the log loss for multi-class, or for binary or multi-label classification with ``outputs`` labels."""
        if exclusive:
            return cls(CrossEntropy(label_smoothing))
        return cls(BinaryCrossEntropy(label_smoothing), 1 / outputs, outputs)

    @classmethod
    def of_values(cls, loss: Any, outputs: int) -> Objective:
        """Return a regression loss, by scikit-learn's name or as ``Network`` takes it.

        Raises
        ------
        ValueError : the loss has several quantiles, but an estimator predicts one number for each target.
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
        """Return the constant to add to ``value`` times the network's loss."""
        if not isinstance(self.loss, Poisson):
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            saturated = np.where(y > 0, y * np.log(y), 0) - y  # y ln(y / p) - y + p: the loss minus that of p = y
        return float(np.average(saturated, axis=0, weights=weights).sum())

    def optimizer(self, estimator: Any, rate: float) -> Optimizer:
        """Return the network's optimizer whose steps are those of the estimator's solver."""
        clip_norm = None if estimator.clip_norm is None else self.slope * estimator.clip_norm
        options: dict[str, Any] = {"l2_sum": self.slope * estimator.alpha, "clip_norm": clip_norm}
        if estimator.solver == "adam":
            hat = self.slope * estimator.epsilon
            return Adam(rate, estimator.beta_1, estimator.beta_2, _TINY, epsilon_hat=hat, **options)
        momentum = min(float(estimator.momentum), _BELOW_1)
        return SGD(rate / self.slope, momentum, bool(estimator.nesterovs_momentum) and momentum > 0, **options)


def squared_norm(network: Network) -> float:
    """Return the squared norm of all weights, without biases, for the penalty."""
    weights = [layer.W for layer in network.layers]
    # without BLAS, whose threads would spin during the first 30 ms of the next epoch
    return sum(float(np.einsum("ij,ij", W, W)) for W in weights)


def first_layers(
    random: np.random.RandomState, sizes: Sequence[int], activation: str, dtype: Any
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Draw scikit-learn's initial weights and biases for a random_state (Glorot and Bengio 2010)."""
    factor = 2.0 if activation == "logistic" else 6.0
    layers = []
    for k, m in pairwise(sizes):
        bound = np.sqrt(factor / (k + m))
        layers.append((random.uniform(-bound, bound, (k, m)).astype(dtype), random.uniform(-bound, bound, m)))
    return layers
