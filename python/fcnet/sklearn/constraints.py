"""The constraints on the parameters of the estimators, which scikit-learn checks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fcnet.activations import ACTIVATIONS, Activation
from fcnet.schedules import Schedule

AT_LEAST_0 = Interval(Real, 0, None, closed="left")
ABOVE_0 = Interval(Real, 0, None, closed="neither")
SHARE = Interval(Real, 0, 1, closed="left")
AT_LEAST_1 = Interval(Integral, 1, None, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", AT_LEAST_1],
    "activation": [StrOptions({"logistic", *ACTIVATIONS}), Activation],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [AT_LEAST_0],
    "batch_size": [StrOptions({"auto"}), AT_LEAST_1],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [ABOVE_0],
    "power_t": [AT_LEAST_0],
    "max_iter": [AT_LEAST_1],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [AT_LEAST_0],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE],
    "beta_1": [SHARE],
    "beta_2": [SHARE],
    "epsilon": [ABOVE_0],
    "n_iter_no_change": [AT_LEAST_1, Options(Real, {np.inf})],
    "max_fun": [AT_LEAST_1],
    "dropout": [SHARE, "array-like"],
    "clip_norm": [ABOVE_0, None],
    "schedule": [Schedule, None],
    "callbacks": [list, tuple, None],
    "scoring": [str, callable, None],
    "progress": ["boolean", StrOptions({"lines"}), None],
}
