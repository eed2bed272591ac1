"""The base class of the classifier and the regressor: translates scikit-learn's parameters to a network and a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from fcnet._model.dense import Dense
from fcnet.network import Network
from fcnet.sklearn.columns import validate_data
from fcnet.sklearn.constraints import CONSTRAINTS
from fcnet.sklearn.continuing import changed, check_continues
from fcnet.sklearn.lbfgs import Lbfgs
from fcnet.sklearn.objective import Objective, first_layers
from fcnet.sklearn.parameters import Parameters, layers_of, set_layers
from fcnet.sklearn.predictions import decoded
from fcnet.sklearn.protocol import Task
from fcnet.sklearn.stochastic import StochasticSolver
from fcnet.sklearn.validation_set import ValidationSet, rows, split
from fcnet.sklearn.versions import CallbackSupportMixin

Layers = Sequence[tuple[ArrayLike, ArrayLike]]


def has_steps(estimator: Any) -> bool:
    """Whether the solver is stochastic; otherwise raise scikit-learn's AttributeError."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values of ``random_state`` are the same; a generator equals only itself."""
    return one is other or (isinstance(one, Integral) and isinstance(other, Integral) and one == other)


class BaseMLP(Parameters, CallbackSupportMixin, BaseEstimator):
    """Base class of the estimators: everything that does not depend on y being labels or numbers."""

    _parameter_constraints = CONSTRAINTS
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool, classes: Any) -> tuple[Any, Any]:
        """Check X and y, as scikit-learn does; ``classes`` is the argument of ``partial_fit``."""
        raise NotImplementedError

    def _checked(self, X: Any, y: Any, **options: bool) -> tuple[Any, Any]:
        """Check X and y with scikit-learn's ``validate_data``."""
        types = (np.float64, np.float32)
        x, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=types, **options)
        return x, y

    def _encode(self, y: Any) -> NDArray[Any]:
        """Convert a checked y to the form that the network takes."""
        raise NotImplementedError

    def _decode(self, outputs: NDArray[Any]) -> Any:
        """Convert the network's outputs to predictions."""
        raise NotImplementedError

    def _objective(self) -> Objective:
        raise NotImplementedError

    def _outputs_for(self, encoded: NDArray[Any]) -> int:
        """Return the number of outputs of the network."""
        raise NotImplementedError

    def _sample_weights(self, y: Any, sample_weight: Any, incremental: bool) -> Any:
        """Return the weights of the samples, or None."""
        return sample_weight

    def _score_of(self, y: Any, predictions: Any, weights: Any) -> float:
        """Return the score of predictions."""
        raise NotImplementedError

    def _score(self, x: Any, y: Any, weights: Any) -> float:
        """Return the score on checked samples; NaN if the network has diverged."""
        finite = True

        def decode(outputs: NDArray[Any]) -> Any:
            nonlocal finite
            finite = finite and bool(np.isfinite(outputs).all())
            return self._decode(outputs)

        predictions = decoded(self._network, x, decode)
        return self._score_of(y, predictions, weights) if finite else np.nan

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        incremental: bool,
        validation: tuple[Any, Any, Any],
        classes: Any = None,
    ) -> Self:
        before = dict(vars(self))
        solver: Lbfgs | StochasticSolver | None = None
        try:
            hidden = self._hidden_sizes()
            self._check_combinations(incremental, validation)
            first = "_network" not in vars(self) or not (self.warm_start or incremental)
            given = X, y
            X, y = self._validate(X, y, incremental, first, classes)
            if sample_weight is not None:
                sample_weight = _check_sample_weight(sample_weight, X)
            weights = self._sample_weights(y, sample_weight, incremental)
            encoded = self._encode(y)
            self.n_outputs_ = self._outputs_for(encoded)
            objective, random = self._objective(), check_random_state(self.random_state)
            if first:
                sizes = [X.shape[1], *hidden, self.n_outputs_]
                layers: Layers = first_layers(random, sizes, self.activation, X.dtype)
            else:
                check_continues(self, hidden, self.n_outputs_, objective.loss.output)
                layers = layers_of(self._current())
            validation_set = self._given_validation_set(*validation)
            if self.early_stopping and self.solver != "lbfgs" and validation_set is None:
                labels = y if hasattr(self, "classes_") and self.n_outputs_ == 1 else None
                train_rows, validation_rows = split(X.shape[0], self.validation_fraction, random, labels)
                validation_set = rows((given[0], y), X, encoded, sample_weight, validation_rows)
                X, encoded = X[train_rows], encoded[train_rows]
                weights = None if weights is None else weights[train_rows]
            task = Task(self, self.max_iter, *given, sample_weight)
            self._use(self._network_for(layers, objective, X.dtype, random, first, incremental))
            self._begin(first, incremental)
            if self.solver == "lbfgs":
                solver = Lbfgs(self, objective, self._network, X, encoded, weights, task)
                solver.run()
            else:
                solver = StochasticSolver(self, objective, X, encoded, weights, validation_set, task)
                solver.run(self._network, incremental=incremental)
        except BaseException:
            if solver is None or not solver.has_begun:  # an invalid argument leaves the estimator unchanged
                self.__dict__ = before
            raise
        task.end()
        return self

    def _hidden_sizes(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if np.ndim(given) and not isinstance(given, Set | Mapping) else [given]
        if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
            raise InvalidParameterError(
                f"The 'hidden_layer_sizes' parameter of {type(self).__name__} must be whole numbers of at least 1, one "
                f"for each hidden layer, like (64, 32). Got {given!r} instead."
            )
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _check_combinations(self, incremental: bool, validation: tuple[Any, Any, Any]) -> None:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if (validation[0] is None) != (validation[1] is None):
            raise ValueError("only one of X_val and y_val is given: expected both or none")
        if validation[2] is not None and validation[0] is None:
            raise ValueError("sample_weight_val is given without X_val and y_val")
        if self.solver == "lbfgs":
            off: dict[str, Any] = {"schedule": None, "callbacks": None, "clip_norm": None, "dropout": 0}
            for name, value in off.items():
                if not np.array_equal(getattr(self, name), value):
                    raise ValueError(f"{name} is for the solvers 'sgd' and 'adam': expected {value!r} with 'lbfgs'")
        elif self.schedule is not None and self.solver == "sgd" and self.learning_rate != "constant":
            raise ValueError("schedule is given: expected learning_rate='constant' with it")

    def _given_validation_set(self, X: Any, y: Any, sample_weight: Any) -> ValidationSet | None:
        """Return the user's own validation set, if given."""
        if X is None:
            return None
        x, y = self._validate_validation_set(X, y)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, x)
        return ValidationSet((X, y), x, self._encode(y), weights)

    def _validate_validation_set(self, X: Any, y: Any) -> tuple[Any, Any]:
        x, y = self._checked(X, y, reset=False)
        return x, y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y

    def _network_for(
        self,
        layers: Layers,
        objective: Objective,
        dtype: Any,
        random: np.random.RandomState,
        first: bool,
        incremental: bool,
    ) -> Network:
        """Return the network to train: a new one, or for ``partial_fit`` the fitted one with the current parameters."""
        reseeded = (
            first or not incremental or not _is_same(getattr(self, "_seeded_by", self.random_state), self.random_state)
        )
        seed = int(random.randint(2**32, dtype=np.uint64)) if reseeded else self._network.seed
        self._seeded_by = self.random_state
        dtype = dtype if first else self._network.dtype
        if first or not incremental:
            return self._new_network(layers, objective, dtype, seed)
        fitted = self._network
        specs = [(layer.activation, layer.dropout) for layer in fitted.layers]
        dense = self._dense(layers, objective)
        if not reseeded and specs == [(d.activation, d.dropout) for d in dense] and fitted.loss == objective.loss:
            return fitted
        return changed(fitted, self._new_network(layers, objective, dtype, seed))

    def _dense(self, layers: Layers, objective: Objective) -> list[Dense]:
        """Return the layers as ``Dense`` objects."""
        count = len(layers) - 1
        dropout = [self.dropout] * count if np.ndim(self.dropout) == 0 else list(self.dropout)
        if len(dropout) != count:
            raise ValueError(f"dropout has {len(dropout)} rates: expected one, or {count}, one for each hidden layer")
        hidden: Any = "sigmoid" if self.activation == "logistic" else self.activation
        activations, rates = [*[hidden] * count, objective.loss.output], [*dropout, 0.0]
        return [
            Dense(np.shape(w)[1], f, dropout=rate) for (w, _), f, rate in zip(layers, activations, rates, strict=True)
        ]

    def _new_network(self, layers: Layers, objective: Objective, dtype: Any, seed: int) -> Network:
        """Return an untrained network with these weights and a fresh optimizer state."""
        sizes = [np.shape(layers[0][0])[0], *self._dense(layers, objective)]
        network = Network(sizes, loss=objective.loss, seed=seed, dtype=dtype)
        set_layers(network, layers)
        return network

    def _begin(self, first: bool, incremental: bool) -> None:
        """Set the attributes for the beginning of a fit; ``warm_start`` and ``partial_fit`` keep the previous ones."""
        if first:
            self.t_, self.n_layers_ = 0, len(self._network.layers) + 1
            output = self._network.layers[-1].activation
            self.out_activation_ = "logistic" if output == "sigmoid" else str(output)
            for name in ("loss_curve_", "validation_loss_curve_", "validation_scores_", "best_loss_", "_rate"):
                self.__dict__.pop(name, None)
        if self.solver == "lbfgs":
            return
        self._begin_rate(incremental)
        for name in ("loss_curve_", "validation_loss_curve_"):
            setattr(self, name, getattr(self, name, []))
        if self.early_stopping:
            scores = getattr(self, "validation_scores_", None)
            self.validation_scores_ = scores or []
            self.best_validation_score_ = self.best_validation_score_ if scores else -np.inf
            self.best_loss_ = None
        else:
            best = getattr(self, "best_loss_", None)
            self.best_loss_ = np.inf if best is None else best
            self.validation_scores_ = self.best_validation_score_ = None

    def _begin_rate(self, incremental: bool) -> None:
        """Set the learning rate of the first epoch: in ``partial_fit`` the last one, unless its parameters changed."""
        rule = self.learning_rate if self.solver == "sgd" else "constant", self.learning_rate_init, self.power_t
        if not incremental or not hasattr(self, "_rate"):
            self._no_improvement_count, self._rate = 0, self.learning_rate_init
        elif rule != getattr(self, "_rate_rule", rule):
            falls = rule[0] == "invscaling"
            self._rate = self.learning_rate_init / ((self.t_ + 1) ** self.power_t if falls else 1)
        self._rate_rule = rule

    def _ready(self, X: Any) -> tuple[Network, Any]:
        """Return the network, and the checked samples to predict."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return self._current(), X

    def __sklearn_is_fitted__(self) -> bool:
        return "_network" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
