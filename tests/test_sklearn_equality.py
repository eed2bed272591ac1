"""From the same weights over the same batches, the estimators come to scikit-learn's coefficients, to rounding."""

from __future__ import annotations

import warnings
from inspect import signature

import numpy as np
import pytest

from estimators import beside_sklearn, parameters

pytestmark = beside_sklearn

import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning

import fcnet.sklearn

N = 250
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 7))
WEIGHTS = RNG.random(N) + 0.1
TARGETS = {
    "classes": RNG.integers(0, 4, N),
    "binary": RNG.integers(0, 2, N),
    "labels": RNG.integers(0, 2, (N, 3)),
    "value": X @ RNG.standard_normal(7),
    "values": X @ RNG.standard_normal((7, 2)),
    "counts": RNG.poisson(2, N).astype(float),
}
SOLVERS = {
    "adam": {},
    "adam-large-epsilon": {"epsilon": 1e-2, "beta_1": 0.5},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": 9},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": ()},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    "all-momentum": {"solver": "sgd", "momentum": 1.0, "max_iter": 3},
    "sgd": {"solver": "sgd", "momentum": 0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.02, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 2, "max_iter": 10},
    "early-stopping": {"early_stopping": True, "n_iter_no_change": 4},
}


def made(module, kind, **options):
    name = "MLPRegressor" if kind in ("value", "values", "counts") else "MLPClassifier"
    usual = {"hidden_layer_sizes": (12, 5), "random_state": 3, "shuffle": False, "batch_size": 64, "alpha": 0.1}
    usual |= {"max_iter": 20} | ({"loss": "poisson"} if kind == "counts" else {})
    return getattr(module, name)(**usual | options)


def both(kind, dtype=np.float64, weights=None, **options):
    """Theirs and ours, fitted."""
    if kind == "counts" and sklearn.__version__ < "1.7":
        pytest.skip("this scikit-learn has no Poisson loss")
    if weights is not None and sklearn.__version__ < "1.7":
        pytest.skip("this scikit-learn has no weights of samples")
    given = {} if weights is None else {"sample_weight": weights}
    modules = (sklearn.neural_network, fcnet.sklearn)
    return [made(module, kind, **options).fit(X.astype(dtype), TARGETS[kind], **given) for module in modules]


def assert_same_coefficients(theirs, ours, rounding):
    for expected, got in zip(parameters(theirs), parameters(ours), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=0, atol=rounding * np.abs(expected).max())


@pytest.mark.parametrize("options", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("kind", ["classes", "value"])
def test_every_parameter_attribute_and_method_of_theirs_is_there(kind, options):
    theirs, ours = both(kind, **options)
    expected, got = (signature(type(net)).parameters for net in (theirs, ours))
    assert [got[name] for name in got if name in expected] == [
        parameter.replace(annotation=got[name].annotation) for name, parameter in expected.items()
    ]
    public = {name for name in dir(theirs) if not name.startswith("_") and hasattr(theirs, name)}
    missing = {name for name in public if not hasattr(ours, name)}
    # their regressor has it with "lbfgs" too, where it makes a whole fit
    assert missing <= ({"partial_fit"} if options.get("solver") == "lbfgs" else set())
    for method in ({"fit", "partial_fit", "predict", "predict_proba", "score"} & public) - missing:
        expected, got = (list(signature(getattr(net, method)).parameters) for net in (theirs, ours))
        new = [] if "sample_weight" in expected else ["sample_weight"]  # of fits, from 1.7 on
        assert [name for name in got if name not in new][: len(expected)] == expected


@pytest.mark.parametrize("options", SOLVERS.values(), ids=list(SOLVERS))
@pytest.mark.parametrize("kind", TARGETS)
def test_epochs_come_to_the_same_coefficients(kind, options):
    theirs, ours = both(kind, **options)
    # some 80 steps; a step errs by an ulp or two, which momentum and Adam's quotient make larger
    assert_same_coefficients(theirs, ours, 2e-13)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    # the penalty is measured at the ends of an epoch
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=2e-3)
    if ours.early_stopping:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-9)
        assert ours.best_loss_ is theirs.best_loss_ is None
        assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    else:
        assert ours.best_loss_ == min(ours.loss_curve_)
        assert ours.validation_scores_ is theirs.validation_scores_ is None


@pytest.mark.parametrize("kind", TARGETS)
def test_without_a_penalty_the_loss_is_the_same_to_rounding(kind):
    theirs, ours = both(kind, alpha=0)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("kind", TARGETS)
def test_in_one_batch_the_loss_with_penalty_and_weights_is_the_same_to_rounding(kind):
    theirs, ours = both(kind, batch_size=N, weights=WEIGHTS)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", TARGETS)
def test_weights_of_samples_count_as_theirs(kind, solver):
    assert_same_coefficients(*both(kind, weights=WEIGHTS, solver=solver), 2e-13)


@pytest.mark.parametrize("kind", TARGETS)
def test_float32_is_trained_in_float32(kind):
    assert_same_coefficients(*both(kind, dtype=np.float32), 1e-5)


@pytest.mark.parametrize("kind", sorted(set(TARGETS) - {"values"}))
def test_lbfgs_comes_to_the_same_coefficients(kind):
    theirs, ours = both(kind, solver="lbfgs", max_iter=10)
    assert_same_coefficients(theirs, ours, 1e-9)  # a search along a line doubles what rounding did
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-10)
    assert ours.n_iter_ == theirs.n_iter_


def test_lbfgs_of_several_outputs_goes_on_where_theirs_stops_early():
    """Their loss is a mean over the outputs, their gradient that of a sum: the search along a line does not fit."""
    theirs, ours = both("values", solver="lbfgs", max_iter=1000, tol=1e-6)
    assert ours.loss_ < theirs.loss_


@pytest.mark.parametrize("kind", ["classes", "value"])
@pytest.mark.parametrize("solver", [{}, {"solver": "sgd", "learning_rate": "invscaling"}], ids=["adam", "invscaling"])
def test_partial_fit_goes_on_as_theirs(kind, solver):
    if solver and kind == "value":
        solver |= {"learning_rate_init": 0.01}
    theirs, ours = (made(module, kind, batch_size=32, **solver) for module in (sklearn.neural_network, fcnet.sklearn))
    for rows in np.array_split(np.arange(N), 5):
        for net in (theirs, ours):
            classes = {"classes": np.arange(4)} if kind == "classes" else {}
            net.partial_fit(X[rows], TARGETS[kind][rows], **classes)
    assert_same_coefficients(theirs, ours, 2e-13)
    assert (ours.n_iter_, ours.t_, len(ours.loss_curve_)) == (1, N, 5)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("kind", TARGETS)
def test_predictions_with_the_same_coefficients_are_the_same(kind):
    theirs, ours = both(kind, max_iter=2)
    ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12, atol=1e-13)
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert ours.score(X, TARGETS[kind]) == pytest.approx(theirs.score(X, TARGETS[kind]), abs=1e-12)
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-11, atol=1e-13)


def test_the_same_words_are_printed(capsys):
    printed = []
    for module in (sklearn.neural_network, fcnet.sklearn):
        made(module, "binary", alpha=0, verbose=True, early_stopping=True, max_iter=200, n_iter_no_change=3).fit(
            X, TARGETS["binary"]
        )
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != ""


def test_the_same_warning_comes_where_a_fit_does_not_converge():
    messages = []
    for module in (sklearn.neural_network, fcnet.sklearn):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made(module, "value", max_iter=2, batch_size=1000).fit(X, TARGETS["value"])
        messages.append([(str(w.message), w.category) for w in caught])
    assert messages[0] == messages[1]
    assert messages[1][-1][1] is ConvergenceWarning
