"""The stochastic solvers "sgd" and "adam": fits of the network, with scikit-learn's rules after each epoch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fcnet._checks import console
from fcnet._training.callbacks import Callback, Logs, StopTraining
from fcnet._training.divergence import DivergenceError
from fcnet.network import Network
from fcnet.sklearn.objective import Objective, squared_norm
from fcnet.sklearn.parameters import layers_of, set_layers
from fcnet.sklearn.protocol import Task
from fcnet.sklearn.validation_set import ValidationSet, scorer_of

_LOWEST_RATE = 1e-6  # below which "adaptive" stops instead of dividing by 5


class StochasticSolver(Callback):
    """A fit or an epoch of ``partial_fit``, which updates the estimator after every epoch and decides when to stop.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    objective : Objective
    x, y, weights : as the network takes them
    validation : ValidationSet, optional
    task : Task
        Notifies scikit-learn's callbacks.

    Attributes
    ----------
    has_begun : bool
        Whether the solver may have changed the network.
    """

    def __init__(
        self,
        estimator: Any,
        objective: Objective,
        x: Any,
        y: Any,
        weights: Any,
        validation: ValidationSet | None,
        task: Task,
    ) -> None:
        self._estimator, self._objective, self._validation, self._task = estimator, objective, validation, task
        self._x, self._y, self._weights = x, y, weights
        self.has_begun = False
        n = x.shape[0]
        self._batch = self._batch_size(n)
        self._steps, self._samples = -(-n // self._batch), n
        self._weight = n if weights is None else float(np.sum(weights, dtype=float))
        self._constant = objective.constant(y, weights)
        self._validation_constant = 0.0 if validation is None else objective.constant(validation.y, validation.weights)
        self._score = scorer_of(estimator, validation) if validation is not None and estimator.early_stopping else None
        self._norm = 0.0
        self._best: list[tuple[Any, Any]] = []
        self._stops, self._rate = False, estimator._rate
        self._rule = estimator.learning_rate if estimator.solver == "sgd" else "constant"

    def run(self, network: Network, *, incremental: bool) -> None:
        """Train the network.

        Raises
        ------
        ValueError : a weight became infinite or NaN. With early stopping, the best weights so far are restored instead.
        """
        estimator = self._estimator
        if self._score is not None:
            self._best = layers_of(network)
        estimator.n_iter_ = 0
        self._norm = squared_norm(network) if estimator.alpha else 0.0
        epochs = 1 if incremental else estimator.max_iter
        try:
            while not self._stops and estimator.n_iter_ < epochs:
                self._run(network, 1 if self._rule == "invscaling" else epochs - estimator.n_iter_)
        except KeyboardInterrupt:
            console.warn("Training interrupted by user.")
        except DivergenceError as error:
            self._diverged(error)
        else:
            if not self._stops and not incremental:
                console.warn(
                    f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't "
                    f"converged yet.",
                    ConvergenceWarning,
                )
        if self._best:
            set_layers(network, self._best)

    def _run(self, network: Network, epochs: int) -> None:
        """Train for epochs with the same learning rate."""
        estimator, rate = self._estimator, self._estimator._rate
        self._rate, before = rate, estimator.n_iter_
        network.fit(
            self._x,
            self._y,
            epochs=epochs,
            batch_size=self._batch,
            optimizer=self._objective.optimizer(estimator, rate),
            shuffle=bool(estimator.shuffle),
            sample_weight=self._weights,
            validation_data=None if self._validation is None else self._validation.data,
            schedule=estimator.schedule,
            callbacks=[self, *(estimator.callbacks or ()), _End(self)],
            progress=estimator.progress,
        )
        if estimator._rate != rate:
            _keep_velocity(network, rate / estimator._rate)
        elif estimator.n_iter_ - before < epochs:
            self._stops = True  # a callback has stopped the fit

    def on_train_begin(self, logs: Logs) -> None:
        """Note that the arguments of ``Network.fit`` were valid."""
        self.has_begun = True

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Notify scikit-learn's callbacks."""
        self._task.begin_iteration()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Record the epoch, compare it with the best one, and apply the rules of stopping and learning rate."""
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.t_ += self._samples
        estimator.loss_ = self._objective.value * logs["loss"] + self._constant + self._penalty()
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            console.write_line(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self._validation is not None:
            loss = self._objective.value * logs["val_loss"] + self._validation_constant
            estimator.validation_loss_curve_.append(loss)
        if self._score is None:
            self._compare(-estimator.loss_, -estimator.best_loss_)
            estimator.best_loss_ = min(estimator.loss_, estimator.best_loss_)
        else:
            self._record_score(self._score(loss))
        if self._rule == "invscaling":
            estimator._rate = estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._stop_or_lower_rate()
        self._stops |= self._task.end_iteration()

    def _penalty(self) -> float:
        """Return the mean penalty over the steps of the epoch, as if the norm changed linearly within it."""
        if not self._estimator.alpha:
            return 0.0
        before, self._norm = self._norm, squared_norm(self.model)
        mean = before + (self._norm - before) * (self._steps - 1) / (2 * self._steps)
        return float(0.5 * self._estimator.alpha * mean * self._steps / self._weight)

    def _record_score(self, score: float) -> None:
        estimator = self._estimator
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            console.write_line(f"Validation score: {score:f}")
        self._compare(score, estimator.best_validation_score_)
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self._best = layers_of(self.model)

    def _compare(self, value: float, best: float) -> None:
        """Count the consecutive epochs without an improvement by at least ``tol``."""
        estimator = self._estimator
        worse = value < best + estimator.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0

    def _stop_or_lower_rate(self) -> None:
        """Stop, or with "adaptive" lower the learning rate."""
        estimator = self._estimator
        what = "Training loss" if self._score is None else "Validation score"
        text = f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} "
        text += "consecutive epochs."
        if self._rule != "adaptive":
            self._stops, then = True, "Stopping."
        elif estimator._rate <= _LOWEST_RATE:
            self._stops, then = True, "Learning rate too small. Stopping."
        else:
            estimator._rate /= 5
            estimator._no_improvement_count, then = 0, f"Setting learning rate to {estimator._rate:f}"
        if estimator.verbose:
            console.write_line(text, then)

    def _diverged(self, error: DivergenceError) -> None:
        if self._score is None:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                "preprocessed."
            ) from error
        estimator = self._estimator
        estimator.validation_scores_.append(math.nan)
        console.warn(
            f"The training diverged in iteration {estimator.n_iter_ + 1}; the weights are those of the best validation "
            f"score.",
            ConvergenceWarning,
        )

    def _batch_size(self, n: int) -> int:
        size = self._estimator.batch_size
        if size == "auto":
            return min(200, n)
        if size > n:
            text = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            console.warn(text)
        return min(int(size), n)

    @property
    def pauses(self) -> bool:
        """Whether the network's fit should end after this epoch: to stop, or because the learning rate changes."""
        return self._stops or self._rate != self._estimator._rate


class _End(Callback):
    """Ends the fit of the network; the last of the callbacks, so that the others are called before."""

    def __init__(self, solver: StochasticSolver) -> None:
        self._solver = solver

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._solver.pauses:
            raise StopTraining


def _keep_velocity(network: Network, factor: float) -> None:
    """Keep the velocity, the change of the weights by momentum, when the learning rate changes.

    scikit-learn's velocity, ``v <- momentum v - rate g``, contains the learning rate at the time; the network's is
    multiplied by the current one.
    """
    state = network._state.model.state()[1]
    if state is not None:
        name, powers, slots = state
        scaled = [[tuple(factor * part for part in layer) for layer in slot] for slot in slots]
        network._state.model.set_optimizer_state(name, powers, scaled)
