"""Fits that go on, that stop early, that go wrong: what users of scikit-learn's MLP know, and its old wounds healed."""

from __future__ import annotations

import _thread
import copy
import pickle
import warnings

import numpy as np
import pytest

from estimators import assert_same, beside_sklearn, parameters

pytestmark = beside_sklearn

from sklearn.exceptions import ConvergenceWarning, NotFittedError

import fcnet as fc
from fcnet.sklearn import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 6))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int) + (X[:, 2] > 0)
VALUES = X @ RNG.standard_normal(6)
both = pytest.mark.parametrize(("estimator", "y"), [(MLPClassifier, Y), (MLPRegressor, VALUES)], ids=["class", "value"])


MISSING = {
    "NaN": lambda y: [*y, float("nan")],
    "NumPy's NaN": lambda y: (*y, np.nan),
    "None": lambda y: [*y, None],
    "rows of one": lambda y: [[label] for label in [*y, float("nan")]],
    "array": lambda y: np.array([*y, np.nan], object),
}


@pytest.mark.parametrize("wrong", MISSING.values(), ids=MISSING.keys())
def test_what_is_missing_among_labels_of_text_is_no_class(wrong):
    x, y = X[:5], ["no", "yes", "no", "yes"]
    with pytest.raises(ValueError, match="^y is (nan|None) in row 4: expected a label for every sample; drop rows"):
        MLPClassifier().fit(x, wrong(y))
    with pytest.raises(ValueError, match="^y_val is (nan|None) in row 4: expected a label"):
        MLPClassifier(max_iter=1).fit(x[:4], y, X_val=x, y_val=wrong(y))
    with pytest.raises(ValueError, match="^classes is (nan|None) in row 2: expected a label"):
        MLPClassifier().partial_fit(x[:4], y, classes=wrong(["no", "yes"]))
    assert MLPClassifier(max_iter=5000, random_state=0).fit(x[:4], y).classes_.tolist() == ["no", "yes"]


# scikit-learn#25693
@both
def test_partial_fit_after_early_stopping(estimator, y):
    net = estimator(early_stopping=True, random_state=0, max_iter=30).fit(X, y)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        net.partial_fit(X, y)
    before, seen = copy.deepcopy(parameters(net)), net.t_
    net.set_params(early_stopping=False).partial_fit(X, y)
    assert any((a != b).any() for a, b in zip(before, parameters(net), strict=True))
    assert (net.t_, net.n_iter_) == (seen + 300, 1)
    assert net.best_loss_ == net.loss_


# scikit-learn#12505
@both
def test_a_warm_start_trains_on_until_it_has_converged_again(estimator, y):
    net = estimator(warm_start=True, random_state=0, max_iter=1000, tol=0.01, n_iter_no_change=5).fit(X, y)
    epochs, first = len(net.loss_curve_), net.best_loss_
    assert epochs < 1000
    net.fit(X, y)
    assert net.n_iter_ > 5
    assert len(net.loss_curve_) == epochs + net.n_iter_
    assert net.best_loss_ <= first


@both
def test_a_warm_start_goes_on_from_the_weights(estimator, y):
    net = estimator(warm_start=True, random_state=0, max_iter=3, batch_size=300).fit(X, y)
    before = net.loss_curve_[-1]
    net.fit(X, y)
    assert net.loss_curve_[3] < before
    assert len(net.loss_curve_) == 6


def test_a_warm_start_wants_the_same_classes():
    net = MLPClassifier(warm_start=True, max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        net.fit(X, Y > 0)


# scikit-learn#14603, #25604
@both
def test_the_same_seed_gives_the_same_bits_with_any_number_of_threads(estimator, y):
    def trained(threads):
        with fc.threads(threads):
            return estimator(hidden_layer_sizes=[64, 40], random_state=0, max_iter=5).fit(X, y)

    assert_same(trained(1), trained(2))


# scikit-learn#12675
def test_predicting_many_rows_takes_memory_for_the_answers_only():
    resource = pytest.importorskip("resource")
    net = MLPRegressor(hidden_layer_sizes=[512, 512], max_iter=1).fit(X.astype(np.float32), VALUES)
    many = np.zeros((200_000, 6), np.float32)
    net.predict(many[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    net.predict(many)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024  # KiB; one layer would be 390 MiB


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_that_diverges_is_a_value_error_in_their_words(estimator, y, solver):
    net = estimator(hidden_layer_sizes=[8], solver=solver, learning_rate_init=1e300, max_iter=5, random_state=0)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights") as caught:
        net.fit(X, y)
    assert isinstance(caught.value.__cause__, fc.DivergenceError)


# scikit-learn#29504
def test_training_that_diverges_with_early_stopping_leaves_the_best_weights():
    net = MLPRegressor(
        hidden_layer_sizes=[8],
        activation="identity",
        solver="sgd",
        learning_rate_init=1.0,
        early_stopping=True,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="diverged in iteration"):
        net.fit(X, VALUES)
    assert np.isnan(net.validation_scores_[-1])
    assert np.isfinite(net.predict(X)).all()


def test_early_stopping_leaves_the_weights_of_the_best_score():
    options = {"random_state": 0, "early_stopping": True, "batch_size": 50}
    net = MLPClassifier(n_iter_no_change=5, learning_rate_init=0.02, **options).fit(X, Y)
    best = int(np.argmax(net.validation_scores_)) + 1
    assert net.best_validation_score_ == max(net.validation_scores_)
    assert best < net.n_iter_ == len(net.validation_scores_) == len(net.validation_loss_curve_)
    assert_same(net, MLPClassifier(max_iter=best, learning_rate_init=0.02, **options).fit(X, Y))


@both
def test_ctrl_c_keeps_what_was_learnt(estimator, y):
    def interrupt(epoch, logs):
        if epoch == 2:
            _thread.interrupt_main()

    net = estimator(callbacks=[interrupt], max_iter=100_000, tol=0)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        net.fit(X, y)
    assert net.n_iter_ >= 3
    assert np.isfinite(net.loss_)
    net.predict(X)


@both
def test_weights_can_be_set_as_a_list_one_by_one_and_number_by_number(estimator, y):
    net = estimator(hidden_layer_sizes=[5], max_iter=2).fit(X, y)
    net.coefs_ = [np.zeros((6, 5)), net.coefs_[1]]
    net.intercepts_[0] = np.zeros(5)
    net.intercepts_[1][:] = 7.0
    for _ in range(2):
        got = net.predict(X) if estimator is MLPRegressor else net.predict_proba(X)
        np.testing.assert_allclose(got, 7.0 if estimator is MLPRegressor else 1 / 3, rtol=1e-12)
        net = pickle.loads(pickle.dumps(net))
    with pytest.raises(ValueError, match=r"W has shape \(6, 4\): expected \(6, 5\)"):
        net.coefs_ = [np.zeros((6, 4)), net.coefs_[1]]
    with pytest.raises(ValueError, match="coefs_ has 1 arrays: expected one for each of 2 layers"):
        net.coefs_ = net.coefs_[:1]


def test_weights_of_more_digits_than_the_network_has_are_set_once(monkeypatch):
    net = MLPClassifier([5], max_iter=2).fit(X.astype(np.float32), Y)
    net.coefs_ = [np.full((6, 5), 0.1), np.full((5, 3), np.nan)]
    monkeypatch.setattr(type(net._network.layers[0]), "_set", lambda *_: pytest.fail("set again"))
    net.predict_proba(X.astype(np.float32))


@both
def test_training_goes_on_from_weights_that_were_set(estimator, y):
    net, other = (
        estimator(hidden_layer_sizes=[5], max_iter=2, random_state=0, batch_size=300, solver="sgd").fit(X, y)
        for _ in range(2)
    )
    net.coefs_[0][:] = 0.25
    net.partial_fit(X, y)
    other.partial_fit(X, y)
    assert abs(net.coefs_[0] - 0.25).max() < 0.1
    assert abs(other.coefs_[0] - 0.25).max() > 0.1


def test_before_a_fit_there_are_no_weights():
    net = MLPClassifier()
    assert not hasattr(net, "coefs_")
    with pytest.raises(AttributeError, match="'MLPClassifier' object has no attribute 'coefs_'"):
        net.coefs_ = []
    with pytest.raises(NotFittedError):
        net.predict(X)


@pytest.mark.parametrize(
    ("options", "fit", "error", "message"),
    [
        ({"alpha": -1}, {}, ValueError, r"The 'alpha' parameter of MLPClassifier must be a float in the range \[0"),
        ({"solver": "rms"}, {}, ValueError, "The 'solver' parameter of MLPClassifier must be a str among"),
        ({"hidden_layer_sizes": -1}, {}, ValueError, "'hidden_layer_sizes' parameter"),
        ({"hidden_layer_sizes": [3, 0]}, {}, ValueError, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"dropout": [0.1, 0.2]}, {}, ValueError, "dropout has 2 rates: expected one, or 1"),
        ({"solver": "lbfgs", "dropout": 0.5}, {}, ValueError, "dropout is for the solvers 'sgd' and 'adam'"),
        ({"solver": "lbfgs", "clip_norm": 1.0}, {}, ValueError, "clip_norm is for the solvers"),
        ({}, {"X_val": X}, ValueError, "only one of X_val and y_val is given"),
        ({}, {"sample_weight_val": Y}, ValueError, "sample_weight_val is given without X_val"),
        ({}, {"X_val": X, "y_val": Y + 1}, ValueError, "`y` has classes not in `self.classes_`"),
        ({}, {"X_val": X[:, :3], "y_val": Y}, ValueError, "X has 3 features, but MLPClassifier is expecting 6"),
        ({}, {"sample_weight": -np.ones(300)}, ValueError, "sample_weight has a negative number"),
    ],
)
def test_what_makes_no_sense_is_refused(options, fit, error, message):
    with pytest.raises(error, match=message):
        MLPClassifier(**options).fit(X, Y, **fit)


def test_partial_fit_needs_all_classes_first_and_steps():
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        MLPClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        MLPClassifier().partial_fit(X, Y, classes=[0, 1])
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


def test_a_damaged_state_is_refused():
    net = MLPClassifier([4], max_iter=2).fit(X, Y)
    for change in (
        lambda inner: inner.pop("parameters"),
        lambda inner: inner.update(parameters=[(np.zeros((6, 3)), np.zeros(3))] * 2),
        lambda inner: inner.update(sizes=[6, 4]),
        lambda inner: inner.update(optimizer_state=("adam", [2.0, 0.5, 0.5], [])),
    ):
        state = net.__getstate__()
        change(state["_network"])
        with pytest.raises((ValueError, TypeError)):
            MLPClassifier.__new__(MLPClassifier).__setstate__(state)


@both
def test_the_state_is_made_of_plain_values_and_arrays(estimator, y):
    net = estimator(hidden_layer_sizes=[4], max_iter=2).fit(X, y)
    net.coefs_  # noqa: B018  # handed out: no second copy in the state
    text = pickle.dumps(net)
    assert b"fcnet.network" not in text
    assert len(text) < 5_000 + 3 * sum(a.nbytes for a in parameters(net))
    again = pickle.loads(text)
    assert_same(net, again)
    assert_same(net.partial_fit(X, y), again.partial_fit(X, y))  # what Adam remembers goes on


def test_their_warning_about_batches_larger_than_the_samples():
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size"):
        MLPClassifier(batch_size=301, max_iter=1).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(batch_size=300, max_iter=2000, tol=0.1).fit(X, Y)
