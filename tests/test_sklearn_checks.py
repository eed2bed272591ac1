"""scikit-learn's own checks of an estimator: all of them, none expected to fail."""

from __future__ import annotations

import pytest

from interop import library

library("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from fcnet.sklearn import MLPClassifier, MLPRegressor

# On one sample, constants and the like a fit does not converge; a check may skip itself, as for scikit-learn's MLP.
pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
]
ESTIMATORS = [
    MLPClassifier(),
    MLPRegressor(),
    MLPClassifier(solver="sgd", learning_rate="adaptive", clip_norm=10.0, label_smoothing=0.01),
    MLPRegressor("huber", activation="gelu"),
]
CHECKS = parametrize_with_checks(ESTIMATORS)


# a list: before 1.9 theirs is a generator, which pytest warns of
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_a_check_of_scikit_learn_passes(estimator, check):
    check(estimator)
