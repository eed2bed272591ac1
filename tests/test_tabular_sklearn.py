"""scikit-learn's own checks of the tabular estimators, and its tools with them."""

from __future__ import annotations

import numpy as np
import pytest

from interop import library

library("sklearn")

from sklearn.base import clone, is_classifier, is_regressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import fcnet.sklearn
from fcnet.tabular import RealMLP, TabularClassifier, TabularRegressor

pytestmark = pytest.mark.interop
SMALL = RealMLP(hidden=(16,), epochs=40, batch_size=16)
ESTIMATORS = [
    TabularClassifier(SMALL, random_state=0, progress=False),
    TabularRegressor(SMALL, random_state=0, progress=False),
]

CHECKS = parametrize_with_checks(ESTIMATORS)


def compares_no_row_with_a_row_of_weight_0(check):
    """Which rows are held back depends on their number. The second name is of scikit-learn 1.5."""
    name, kind = check.func.__name__, check.keywords.get("kind")
    return name == "check_sample_weight_equivalence_on_dense_data" or (
        name == "check_sample_weights_invariance" and kind == "zeros"
    )


@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_a_check_of_scikit_learn_passes(estimator, check):
    if compares_no_row_with_a_row_of_weight_0(check):
        with pytest.raises(AssertionError):
            check(estimator)
    else:
        check(estimator)


def table():
    random = np.random.default_rng(0)
    x = np.empty((200, 2), object)
    x[:, 0], x[:, 1] = random.standard_normal(200), random.choice(["a", "b"], 200)
    return x, np.where((x[:, 0] > 0) == (x[:, 1] == "a"), "yes", "no")


def test_scikit_learn_knows_what_they_are():
    assert is_classifier(ESTIMATORS[0])
    assert is_regressor(ESTIMATORS[1])
    assert clone(ESTIMATORS[0]).get_params() == ESTIMATORS[0].get_params()
    assert fcnet.sklearn.TabularClassifier is TabularClassifier


def test_searches_cross_validation_pipelines_and_importances_take_them():
    x, y = table()
    search = GridSearchCV(ESTIMATORS[0], {"networks": [1, 2]}, cv=3).fit(x, y)
    assert search.best_score_ > 0.7
    assert cross_val_score(ESTIMATORS[0], x, y, cv=3, scoring="roc_auc").mean() > 0.7
    pipeline = make_pipeline(FunctionTransformer(), ESTIMATORS[0]).fit(x, y)
    assert pipeline.score(x, y) > 0.7
    found = permutation_importance(clone(ESTIMATORS[0]).fit(x, y), x, y, n_repeats=3, random_state=0)
    assert (found.importances_mean > 0.1).all()
