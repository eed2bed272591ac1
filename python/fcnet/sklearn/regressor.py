"""MLPRegressor: regression with one or several targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions

from fcnet._training.progress import ProgressMode
from fcnet.losses import LOSSES, Loss
from fcnet.schedules import Schedule
from fcnet.sklearn.base_mlp import BaseMLP, has_steps
from fcnet.sklearn.constraints import CONSTRAINTS
from fcnet.sklearn.objective import Objective
from fcnet.sklearn.versions import available_if, fits

_OF_VALUES = sorted(name for name, kind in LOSSES.items() if not kind.is_classifier)


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's MLPRegressor built on ``fcnet.Network``: regression with one or several targets.

    Parameters
    ----------
    loss : str, of fcnet.losses, or callable, default "squared_error"
        "squared_error" (half the squared error), "poisson" (half the Poisson deviance), or a loss of ``fcnet.Network``:
        "mse", "rmse", "mae", "huber", "quantile", an object of ``fcnet.losses`` with options, like
        ``fcnet.losses.Huber(2)`` or a ``Quantile`` with one q, or a custom loss function.
    hidden_layer_sizes : int or sequence of int, default (100,)
        Neurons of each hidden layer.
    activation : str, default "relu"
        "identity", "logistic", "tanh", "relu", or another that ``fcnet.Dense`` knows.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
        "sgd" and "adam" train on mini-batches. "lbfgs" is SciPy's L-BFGS-B, for up to several thousand samples.
    alpha : float >= 0, default 0.0001
        L2 penalty: adds ``alpha / 2 sum W**2`` to the sum of a step's losses.
    batch_size : int or "auto", default "auto"
        Samples per step; "auto" means ``min(200, n_samples)``.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Learning-rate schedule for "sgd". "constant" keeps it. "invscaling" uses ``learning_rate_init / (t_ +
        1)**power_t`` after every epoch. "adaptive" divides it by 5 whenever the fit would stop, until it is below 1e-6.
    learning_rate_init : float > 0, default 0.001
    power_t : float >= 0, default 0.5
    max_iter : int >= 1, default 200
        Maximum number of epochs, or of iterations with "lbfgs".
    shuffle : bool, default True
        Shuffle the samples before every epoch.
    random_state : int, RandomState or None, default None
        Seed of the initial weights and the validation split, which are the same as scikit-learn's, and of shuffling,
        which is not.
    tol : float >= 0, default 1e-4
        The fit stops after more than ``n_iter_no_change`` consecutive epochs in which the loss, or with early stopping
        the score, does not improve by at least tol. For "lbfgs", the largest entry of the gradient at which it stops.
    verbose : bool or int, default False
        Print a line for every epoch.
    warm_start : bool, default False
        ``fit`` continues from the current weights.
    momentum : float in [0, 1], default 0.9
        For "sgd".
    nesterovs_momentum : bool, default True
        Use Nesterov momentum.
    early_stopping : bool, default False
        Hold out a validation set, stop when its score no longer improves, and restore the best weights.
    validation_fraction : float in [0, 1), default 0.1
        Fraction of the samples for validation.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float > 0, default 1e-8
        Epsilon of Adam, added before the bias correction.
    n_iter_no_change : int >= 1 or numpy.inf, default 10
    max_fun : int >= 1, default 15000
        Maximum number of evaluations of the loss, for "lbfgs".
    dropout : float or sequence of float in [0, 1), default 0
        Dropout rate of the hidden layers: the fraction of outputs that a training step drops.
    clip_norm : float > 0, optional
        Gradient clipping: the gradient is scaled down to this norm.
    schedule : of fcnet.schedules, optional
        Learning-rate schedule over ``max_iter`` epochs.
    callbacks : list of fcnet.Callback or function (epoch, logs), optional
        Callbacks, as for ``Network.fit``. Those of scikit-learn itself, from version 1.9 on, are set by
        ``set_callbacks``.
    scoring : str, callable or None, default None
        The score that early stopping monitors: by default ``score``; "loss" for the validation loss, or a scorer of
        scikit-learn.
    progress : bool or "lines", default False
        Show a progress bar, or print a line after every epoch; None is the default of ``Network.fit``. "lbfgs" shows
        progress by ``verbose`` only.

    Attributes
    ----------
    coefs_, intercepts_ : list of array (inputs, outputs), list of array (outputs,)
        Weights and biases of every layer; they can be assigned.
    loss_, best_loss_ : float
        Loss of the last epoch and lowest loss, with the penalty; ``best_loss_`` is None with early stopping.
    loss_curve_, validation_loss_curve_ : list of float
        Losses of every epoch; the validation loss is without the penalty.
    validation_scores_, best_validation_score_ : list of float and float, or None
        Scores on the validation set, with early stopping.
    n_iter_, t_ : int
        Number of epochs of the last fit, and of samples trained on since the first fit.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(200, noise=1, random_state=0)
    >>> net = MLPRegressor(solver="lbfgs", random_state=0, max_iter=500).fit(X, y / 100)
    >>> net.score(X, y / 100) > 0.9
    True
    """

    _parameter_constraints = CONSTRAINTS | {"loss": [StrOptions({"squared_error", *_OF_VALUES}), Loss, callable]}

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        schedule: Schedule | None = None,
        callbacks: Sequence[Any] | None = None,
        scoring: Any = None,
        progress: ProgressMode = False,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.callbacks = callbacks
        self.scoring = scoring
        self.progress = progress

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool, classes: Any) -> tuple[Any, Any]:
        X, y = self._checked(X, y, reset=reset, y_numeric=True)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _encode(self, y: Any) -> NDArray[Any]:
        return np.asarray(y if y.ndim == 2 else y[:, None])

    def _outputs_for(self, encoded: NDArray[Any]) -> int:
        return int(encoded.shape[1])

    def _objective(self) -> Objective:
        return Objective.of_values(self.loss, self.n_outputs_)

    def _decode(self, outputs: NDArray[Any]) -> Any:
        return outputs[:, 0] if self.n_outputs_ == 1 else outputs

    def _score_of(self, y: Any, predictions: Any, weights: Any) -> float:
        return float(r2_score(y, predictions, sample_weight=weights))

    @fits
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train until the loss no longer improves.

        Parameters
        ----------
        X : array-like, table or sparse array (n_samples, n_features)
        y : array-like (n_samples,) or (n_samples, n_outputs) of numbers
        sample_weight : array-like (n_samples,) of numbers >= 0, optional
        X_val, y_val, sample_weight_val : as X, y and sample_weight, optional
            Validation set for ``validation_loss_curve_`` and early stopping, in place of a split of the training data.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError : an argument or a parameter is invalid, or the training diverged.
        """
        return self._fit(X, y, sample_weight, False, (X_val, y_val, sample_weight_val))

    @available_if(has_steps)
    @fits
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on the given samples.

        Parameters
        ----------
        X, y, sample_weight : as for fit

        Returns
        -------
        self

        Raises
        ------
        ValueError : as for fit, or early_stopping is True.
        AttributeError : the solver is "lbfgs".
        """
        return self._fit(X, y, sample_weight, True, (None, None, None))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict targets (n_samples,), or (n_samples, n_outputs)."""
        network, X = self._ready(X)
        return self._decode(network.predict(X))
