"""The stochastic solvers: whole fits of the network, with scikit-learn's rules between the epochs."""

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
from fcnet.sklearn.validation_set import HeldBack, scorer_of

_LOWEST_RATE = 1e-6  # that "adaptive" still divides by 5


class StochasticSolver(Callback):
    """One fit, or one epoch of ``partial_fit``: what the estimator's attributes say after every epoch, and when to end.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    objective : Objective
    x, y, weights : as the network takes them
    held : HeldBack, optional
    task : Task
        Tells scikit-learn's callbacks.

    Attributes
    ----------
    has_begun : bool
        Whether it may have changed the network.
    """

    def __init__(
        self, estimator: Any, objective: Objective, x: Any, y: Any, weights: Any, held: HeldBack | None, task: Task
    ) -> None:
        self._estimator, self._objective, self._held, self._task = estimator, objective, held, task
        self._x, self._y, self._weights = x, y, weights
        self.has_begun = False
        n = x.shape[0]
        self._batch = self._batch_size(n)
        self._steps, self._samples = -(-n // self._batch), n
        self._weight = n if weights is None else float(np.sum(weights, dtype=float))
        self._constant = objective.constant(y, weights)
        self._held_constant = 0.0 if held is None else objective.constant(held.y, held.weights)
        self._score = scorer_of(estimator, held) if held is not None and estimator.early_stopping else None
        self._norm = 0.0
        self._best: list[tuple[Any, Any]] = []
        self._ends, self._rate = False, estimator._rate
        self._rule = estimator.learning_rate if estimator.solver == "sgd" else "constant"

    def run(self, network: Network, *, incremental: bool) -> None:
        """Train.

        Raises
        ------
        ValueError : a weight became infinite or NaN; with early stopping the best weights so far stay instead.
        """
        estimator = self._estimator
        if self._score is not None:
            self._best = layers_of(network)
        estimator.n_iter_ = 0
        self._norm = squared_norm(network) if estimator.alpha else 0.0
        epochs = 1 if incremental else estimator.max_iter
        try:
            while not self._ends and estimator.n_iter_ < epochs:
                self._run(network, 1 if self._rule == "invscaling" else epochs - estimator.n_iter_)
        except KeyboardInterrupt:
            console.warn("Training interrupted by user.")
        except DivergenceError as error:
            self._diverged(error)
        else:
            if not self._ends and not incremental:
                console.warn(
                    f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't "
                    f"converged yet.",
                    ConvergenceWarning,
                )
        if self._best:
            set_layers(network, self._best)

    def _run(self, network: Network, epochs: int) -> None:
        """Epochs with one learning rate."""
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
            validation_data=None if self._held is None else self._held.data,
            schedule=estimator.schedule,
            callbacks=[self, *(estimator.callbacks or ()), _End(self)],
            progress=estimator.progress,
        )
        if estimator._rate != rate:
            _keep_velocity(network, rate / estimator._rate)
        elif estimator.n_iter_ - before < epochs:
            self._ends = True  # by a callback of the user's, perhaps

    def on_train_begin(self, logs: Logs) -> None:
        """Note that the arguments of ``Network.fit`` were right."""
        self.has_begun = True

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Tell scikit-learn's callbacks."""
        self._task.begin_iteration()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the epoch down, look whether it was better than those before, and what follows from that."""
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.t_ += self._samples
        estimator.loss_ = self._objective.value * logs["loss"] + self._constant + self._penalty()
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            console.write_line(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self._held is not None:
            loss = self._objective.value * logs["val_loss"] + self._held_constant
            estimator.validation_loss_curve_.append(loss)
        if self._score is None:
            self._compare(-estimator.loss_, -estimator.best_loss_)
            estimator.best_loss_ = min(estimator.loss_, estimator.best_loss_)
        else:
            self._look_at_score(self._score(loss))
        if self._rule == "invscaling":
            estimator._rate = estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._react()
        self._ends |= self._task.end_iteration()

    def _penalty(self) -> float:
        """The mean over the steps of the penalty just before each, as if the norm changed evenly within the epoch."""
        if not self._estimator.alpha:
            return 0.0
        before, self._norm = self._norm, squared_norm(self.model)
        mean = before + (self._norm - before) * (self._steps - 1) / (2 * self._steps)
        return float(0.5 * self._estimator.alpha * mean * self._steps / self._weight)

    def _look_at_score(self, score: float) -> None:
        estimator = self._estimator
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            console.write_line(f"Validation score: {score:f}")
        self._compare(score, estimator.best_validation_score_)
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self._best = layers_of(self.model)

    def _compare(self, figure: float, best: float) -> None:
        """Count the epochs in a row that were not ``tol`` better; one that is just that counts as better."""
        estimator = self._estimator
        worse = figure < best + estimator.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0

    def _react(self) -> None:
        """End, or with "adaptive" go on more slowly."""
        estimator = self._estimator
        what = "Training loss" if self._score is None else "Validation score"
        text = f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} "
        text += "consecutive epochs."
        if self._rule != "adaptive":
            self._ends, then = True, "Stopping."
        elif estimator._rate <= _LOWEST_RATE:
            self._ends, then = True, "Learning rate too small. Stopping."
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
        """Whether the fit of the network should end with the epoch that has just ended: the rate, too, is a fit's."""
        return self._ends or self._rate != self._estimator._rate


class _End(Callback):
    """The last of the callbacks: the others hear of the epoch before it ends the fit."""

    def __init__(self, descent: StochasticSolver) -> None:
        self._descent = descent

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._descent.pauses:
            raise StopTraining


def _keep_velocity(network: Network, factor: float) -> None:
    """What the momentum moves the weights by stays when the learning rate changes.

    scikit-learn's velocity, ``v <- momentum v - rate g``, contains the rate of its time; the network's is multiplied
    by the rate of today.
    """
    state = network._state.model.state()[1]
    if state is not None:
        name, powers, slots = state
        scaled = [[tuple(factor * part for part in layer) for layer in slot] for slot in slots]
        network._state.model.set_optimizer_state(name, powers, scaled)
