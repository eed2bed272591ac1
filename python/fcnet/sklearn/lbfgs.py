"""The solver "lbfgs": SciPy's L-BFGS-B with the network's loss and gradient over all samples."""

from __future__ import annotations

import math
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from fcnet._checks import console
from fcnet.network import Network
from fcnet.sklearn.objective import Objective, squared_norm
from fcnet.sklearn.parameters import layers_of, set_layers
from fcnet.sklearn.protocol import Task


class Lbfgs:
    """A fit with L-BFGS-B.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    objective : Objective
    network : Network
    x, y, weights : as the network takes them
    task : Task
        Notifies scikit-learn's callbacks.

    Attributes
    ----------
    has_begun : bool
        Whether the solver has changed the network.
    """

    def __init__(
        self, estimator: Any, objective: Objective, network: Network, x: Any, y: Any, weights: Any, task: Task
    ) -> None:
        self._estimator, self._objective, self._network, self._task = estimator, objective, network, task
        self.has_begun = False
        dataset = network._state.dataset(x, y, weights).check_weights("sample_weight")
        self._data = dataset.of_loss(network._state.architecture)
        self._penalty = estimator.alpha / dataset.weight
        self._constant = objective.constant(y, weights)

    def run(self) -> None:
        """Minimise the loss, and warn if the solver does not converge."""
        estimator, self.has_begun = self._estimator, True

        def after_iteration(intermediate_result: Any) -> None:
            estimator.n_iter_ += 1
            if estimator.verbose:
                console.write_line(f"Iteration {estimator.n_iter_}, loss = {intermediate_result.fun:.8f}")
            self._task.begin_iteration()
            if self._task.end_iteration():
                raise StopIteration

        estimator.n_iter_ = 0
        result = minimize(
            self._value_and_gradient,
            self._packed(layers_of(self._network)),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol},
        )
        self._set(result.x)
        loss = self._network._state.model.gradients(*self._data)[0]
        penalty = 0.5 * self._penalty * squared_norm(self._network)
        estimator.loss_ = self._objective.value * loss + self._constant + penalty
        estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)

    def _value_and_gradient(self, packed: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        self._set(packed)
        loss, slopes = self._network._state.model.gradients(*self._data)
        value = loss / self._objective.slope + 0.5 * self._penalty * squared_norm(self._network)
        gradient = self._packed(
            (dw / self._objective.slope + self._penalty * layer.W, db / self._objective.slope)
            for (dw, db), layer in zip(slopes, self._network.layers, strict=True)
        )
        return value, gradient

    @staticmethod
    def _packed(layers: Any) -> NDArray[np.float64]:
        """Concatenate the weights of all layers, then the biases of all layers."""
        weights, biases = zip(*layers, strict=True)
        return np.concatenate([np.ravel(a) for a in chain(weights, biases)]).astype(np.float64)

    def _set(self, packed: NDArray[np.float64]) -> None:
        sizes = self._network.sizes
        shapes = [*pairwise(sizes), *((m,) for m in sizes[1:])]
        parts = np.split(packed, np.cumsum([math.prod(shape) for shape in shapes])[:-1])
        arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        count = len(sizes) - 1
        set_layers(self._network, list(zip(arrays[:count], arrays[count:], strict=True)))
