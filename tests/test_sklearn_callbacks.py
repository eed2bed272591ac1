"""scikit-learn's protocol of callbacks, where the installed version has it (1.9)."""

from __future__ import annotations

import pytest

from interop import library

library("sklearn")
pytest.importorskip("sklearn.callback", reason="this scikit-learn has no callbacks")

from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fcnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_digits(return_X_y=True)
X, Y = X[:400] / 16, Y[:400]
FEW = {"hidden_layer_sizes": [20], "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01}


class Recording:
    """A callback as scikit-learn's protocol has it."""

    def __init__(self, stop=None):
        self.heard, self.stop = [], stop

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.heard.append("begin")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.heard.append(fitted_estimator.score(X, Y))
        return context.parent is not None and self.stop == estimator.n_iter_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn(solver):
    recording = Recording()
    net = MLPClassifier(**FEW | {"solver": solver, "max_iter": 3}).set_callbacks(recording).fit(X, Y)
    assert recording.heard[:3] == ["setup", "begin", "begin"]
    assert recording.heard[-2:] == [net.score(X, Y), "teardown"]
    assert len(recording.heard) == 2 + 2 * (3 + 1)
    metric_set = [figure for figure in recording.heard if isinstance(figure, float)]
    assert metric_set[-1] > metric_set[0]


def test_a_callback_of_scikit_learn_ends_the_fit():
    assert MLPClassifier(**FEW).set_callbacks(Recording(stop=2)).fit(X, Y).n_iter_ == 2


@pytest.mark.parametrize(("estimator", "scoring"), [(MLPClassifier, "accuracy"), (MLPRegressor, "r2")])
def test_the_monitor_of_scikit_learn_scores_every_epoch(estimator, scoring):
    monitor = ScoringMonitor(scoring=scoring)
    net = estimator(**FEW | {"max_iter": 5}).set_callbacks(monitor).fit(X, Y)
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["fit", *["iteration"] * 5]
    metric_set = [row[scoring] for row in rows]
    assert metric_set[0] == metric_set[-1] == net.score(X, Y)
    assert metric_set[1] == estimator(**FEW | {"max_iter": 1}).fit(X, Y).score(X, Y)


class Propagated(Recording):
    """One that scikit-learn's estimators hand on to those within them."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "iteration":
            self.heard.append(estimator.n_iter_)


def test_a_callback_of_a_pipeline_or_a_search_hears_of_the_epochs_within():
    recording = Propagated()
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**FEW | {"max_iter": 2}))
    pipeline.set_callbacks(recording).fit(X, Y)
    assert [entry for entry in recording.heard if isinstance(entry, int)] == [1, 2]
    recording = Propagated()
    GridSearchCV(MLPClassifier(**FEW | {"max_iter": 2}), {"alpha": [1e-4, 1.0]}, cv=2).set_callbacks(recording).fit(
        X, Y
    )
    assert [entry for entry in recording.heard if isinstance(entry, int)] == [1, 2] * (2 * 2 + 1)
