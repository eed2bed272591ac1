"""MLPClassifier: multi-class, binary and multi-label classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from fcnet._training.progress import ProgressMode
from fcnet.schedules import Schedule
from fcnet.sklearn.base_mlp import BaseMLP, has_steps
from fcnet.sklearn.constraints import CONSTRAINTS, SHARE
from fcnet.sklearn.labels import Labels, refuse_missing
from fcnet.sklearn.objective import Objective
from fcnet.sklearn.predictions import decoded, log_sigmoid, log_softmax
from fcnet.sklearn.versions import MultiLabelMixin, available_if, fits


class MLPClassifier(MultiLabelMixin, ClassifierMixin, Labels, BaseMLP):
    """scikit-learn's MLPClassifier built on ``fcnet.Network``: binary, multi-class or multi-label classification.

    Parameters
    ----------
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
        Hold out a validation set, stratified by class unless labels are multi-label; stop when its score no longer
        improves, and restore the best weights.
    validation_fraction : float in [0, 1), default 0.1
        Fraction of the samples for validation.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float > 0, default 1e-8
        Epsilon of Adam, added before the bias correction.
    n_iter_no_change : int >= 1 or numpy.inf, default 10
    max_fun : int >= 1, default 15000
        Maximum number of evaluations of the loss, for "lbfgs".
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied by sample_weight, as for scikit-learn's linear models.
    label_smoothing : float in [0, 1), default 0
        Label smoothing s: train towards ``(1 - s) y + s / classes``.
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
    classes_ : array (n_classes,)
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
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(random_state=0)
    >>> net = MLPClassifier([20], max_iter=2000, random_state=0).fit(X, y)
    >>> net.predict(X[:2]), y[:2]
    (array([0, 0]), array([0, 0]))
    """

    _parameter_constraints = CONSTRAINTS | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [SHARE],
    }
    loss = "log_loss"

    def __init__(
        self,
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
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        schedule: Schedule | None = None,
        callbacks: Sequence[Any] | None = None,
        scoring: Any = None,
        progress: ProgressMode = False,
    ) -> None:
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.callbacks = callbacks
        self.scoring = scoring
        self.progress = progress

    def _validate(self, X: Any, y: Any, incremental: bool, reset: bool, classes: Any) -> tuple[Any, Any]:
        refuse_missing(y, "y")
        refuse_missing(classes, "classes")
        if incremental and _check_partial_fit_first_call(self, classes):
            self._learn_classes(y if type_of_target(y).startswith("multilabel") else classes)
        X, y = self._checked(X, y, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._learn_classes(y)
            return X, y
        if (y.ndim == 2) != self._multilabel:
            was, now = (
                "multi-label rows" if several else "class labels" for several in (self._multilabel, y.ndim == 2)
            )
            raise ValueError(f"y changed from {was} to {now}: expected {was}, or a new estimator")
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        self._refuse_unknown(classes)
        return X, y

    def _validate_validation_set(self, X: Any, y: Any) -> tuple[Any, Any]:
        refuse_missing(y, "y_val")
        X, y = super()._validate_validation_set(X, y)
        self._refuse_unknown(unique_labels(y))
        return X, y

    def _objective(self) -> Objective:
        return Objective.of_classes(
            self.n_outputs_, exclusive=self._multiclass, label_smoothing=float(self.label_smoothing)
        )

    def _sample_weights(self, y: Any, sample_weight: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError("class_weight is 'balanced', which partial_fit does not support: expected a dict")
        weights = compute_sample_weight(self.class_weight, y)
        if not (weights >= 0).all():
            raise ValueError(f"class_weight is {self.class_weight!r}: expected weights of at least 0")
        return weights if sample_weight is None else weights * sample_weight

    def _score_of(self, y: Any, predictions: Any, weights: Any) -> float:
        return float(accuracy_score(y, predictions, sample_weight=weights))

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
        y : array-like (n_samples,) of class labels, or (n_samples, n_labels) of 0 and 1
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on the given samples.

        Parameters
        ----------
        X, y, sample_weight : as for fit
        classes : array-like (n_classes,)
            All classes; required in the first call.

        Returns
        -------
        self

        Raises
        ------
        ValueError : as for fit, or early_stopping is True.
        AttributeError : the solver is "lbfgs".
        """
        return self._fit(X, y, sample_weight, True, (None, None, None), classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the class of each sample, array (n_samples,), or labels (n_samples, n_labels) of 0 and 1."""
        return decoded(*self._ready(X), self._decode)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict class probabilities (n_samples, n_classes), or those of each label (n_samples, n_labels)."""
        network, X = self._ready(X)
        if not self._multilabel and len(self.classes_) == 1:
            return np.ones((X.shape[0], 1), network.dtype)
        p = network.predict(X)
        return p if self._multilabel or self._multiclass else np.hstack([1 - p, p])

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Predict log probabilities, from the logits: finite also where a probability is rounded to 0."""
        network, X = self._ready(X)
        if not self._multilabel and len(self.classes_) == 1:
            return np.zeros((X.shape[0], 1), network.dtype)
        return decoded(network, X, self._log_probabilities, "logits")

    def _log_probabilities(self, logits: NDArray[Any]) -> NDArray[Any]:
        if self._multiclass:
            return log_softmax(logits)
        return log_sigmoid(logits if self._multilabel else np.hstack([-logits, logits]))
