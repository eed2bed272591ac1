"""Faults in use that users reported of other libraries, tried here: a test is of a kind, its docstring says of whom.

Files, copies, pipelines, searches, threads, tables, memory.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import tempfile
import threading
import warnings
import weakref

import numpy as np
import pytest

from estimators import CLASSES, FEW, TEXT, VALUES, N, X, assert_same, beside_sklearn
from interop import library

pytestmark = beside_sklearn

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fcnet as fc
from fcnet.sklearn import MLPClassifier, MLPRegressor


def test_fitted_on_an_array_it_has_no_names():
    """Reported of LightGBM 6798."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        net = MLPRegressor(**FEW).fit(X, VALUES)
        net.predict(X)
        net.predict(X.tolist())
    assert not hasattr(net, "feature_names_in_")


def test_a_second_fit_of_a_pipeline_begins_anew():
    """Reported of skorch 574."""
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(**FEW))
    first = copy.deepcopy(pipeline.fit(X, VALUES))
    assert_same(pipeline.fit(X, VALUES)[-1], first[-1])
    assert len(pipeline[-1].loss_curve_) == 4


def test_classes_and_all_else_come_back_from_a_pickle():
    """Reported of skorch 582, TabPFN 9."""
    net = MLPClassifier(progress=False, **FEW).fit(X, TEXT)
    again = pickle.loads(pickle.dumps(net))
    assert again.classes_.tolist() == ["high", "low", "middle"]
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    assert vars(again).keys() == vars(net).keys()


def test_a_progress_bar_does_not_hinder_pickles():
    """Reported of skorch 656."""
    library("tqdm")
    net = MLPClassifier(progress=True, **FEW).fit(X, TEXT)
    assert_same(pickle.loads(pickle.dumps(net)), net)


def test_checkpoints_of_parallel_searches_do_not_collide():
    """Reported of skorch 819."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.safetensors")
        net = MLPRegressor(callbacks=[fc.Checkpoint(path)], **FEW)
        search = GridSearchCV(net, {"alpha": [1e-4, 0.1]}, cv=2, n_jobs=2, error_score="raise").fit(X, VALUES)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert fc.load(path).epochs_trained == 4


def test_a_network_from_a_file_trains_on_from_its_loss():
    """Reported of skorch 355."""
    net = fc.Network([4, 16, 3], seed=0)
    history = net.fit(X, CLASSES, epochs=30, optimizer=fc.Adam(0.01))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.safetensors")
        net.save(path)
        after = fc.load(path).fit(X, CLASSES, epochs=1, optimizer=fc.Adam(0.01))
    assert after.loss[0] < history.loss[-1] * 1.1


def test_an_index_of_pandas_plays_no_part():
    """Reported of Keras 6627, XGBoost 8451."""
    pandas = library("pandas")
    index = np.random.default_rng(0).permutation(N) + 1000
    frame, y = pandas.DataFrame(X, index=index), pandas.Series(TEXT, index=index[::-1])
    weight = pandas.Series(np.arange(N) / N, index=index)
    net = MLPClassifier(early_stopping=True, **FEW).fit(frame, y, weight)
    assert type(net.classes_) is np.ndarray
    assert type(net.predict(frame)) is np.ndarray
    assert_same(net, MLPClassifier(early_stopping=True, **FEW).fit(X, TEXT, np.arange(N) / N))


def test_searches_by_probabilities_work():
    """Reported of Keras 5941, tabpfn-client 88."""
    for y, scoring in ((CLASSES > 0, "roc_auc"), (TEXT, "roc_auc_ovr"), (TEXT, "neg_log_loss")):
        metric_set = cross_val_score(MLPClassifier(**FEW), X, y, cv=3, scoring=scoring, error_score="raise")
        assert np.isfinite(metric_set).all()


def test_class_weights_of_text_in_a_search_with_validation_data():
    """Reported of LightGBM 2198, 2610."""
    net = MLPClassifier(class_weight={"low": 2.0, "middle": 1.0, "high": 3.0}, **FEW)
    search = RandomizedSearchCV(net, {"alpha": [1e-4, 0.1]}, n_iter=2, cv=2, error_score="raise", random_state=0)
    search.fit(X, TEXT, X_val=X[:20], y_val=TEXT[:20])
    assert len(search.best_estimator_.validation_loss_curve_) == 4


def test_a_pickle_of_an_earlier_version_lacks_what_came_later():
    """Reported of TabPFN 35."""
    net = MLPRegressor(**FEW).partial_fit(X, VALUES)
    state = net.__getstate__()
    for name in ("_rate_rule", "_seeded_by", "_columns"):
        del state[name]
    old = MLPRegressor.__new__(MLPRegressor)
    old.__setstate__(state)
    np.testing.assert_array_equal(old.predict(X), net.predict(X))
    assert_same(old.partial_fit(X, VALUES), net.partial_fit(X, VALUES))


def test_arrays_that_cannot_be_written_are_read_and_none_is_written():
    """Reported of scikit-learn 5481, 5956."""
    given = [X.copy(), VALUES.copy(), np.ones(N)]
    for array in given:
        array.setflags(write=False)
    for solver in ("adam", "sgd", "lbfgs"):
        net = MLPRegressor(**FEW | {"solver": solver, "early_stopping": solver != "lbfgs"}).fit(*given)
        net.predict(given[0])
    with tempfile.TemporaryDirectory() as folder:
        mapped = np.memmap(os.path.join(folder, "x"), np.float64, "w+", shape=X.shape)
        mapped[:] = X
        assert_same(MLPRegressor(**FEW).fit(mapped, VALUES), MLPRegressor(**FEW).fit(X, VALUES))
        np.testing.assert_array_equal(mapped, X)
        del mapped


def test_columns_of_y_with_types_of_pandas():
    """Reported of scikit-learn 25073, 19889."""
    pandas = library("pandas")
    for kind in ("category", "string", object):
        net = MLPClassifier(**FEW).fit(X, pandas.Series(TEXT, dtype=kind))
        assert net.score(X, TEXT) >= 0
        assert_same(net, MLPClassifier(**FEW).fit(X, TEXT))
    for kind in ("Int64", "Int8", "Float64"):
        assert_same(MLPRegressor(**FEW).fit(X, pandas.Series(CLASSES, dtype=kind)), MLPRegressor(**FEW).fit(X, CLASSES))
    missing = pandas.Series([None, *CLASSES[1:]], dtype="Int64")
    for estimator in (MLPClassifier, MLPRegressor):
        with pytest.raises((ValueError, TypeError)):
            estimator(**FEW).fit(X, missing)


def test_parameters_that_change_after_a_fit_do_not_change_predictions():
    """Reported of scikit-learn's MLP."""
    net = MLPClassifier(**FEW).fit(X, CLASSES)
    before = net.predict_proba(X)
    net.set_params(hidden_layer_sizes=[3], activation="tanh", alpha=7.0, dropout=0.5, solver="lbfgs")
    np.testing.assert_array_equal(net.predict_proba(X), before)


def test_copies_train_on_their_own():
    """Reported of skforecast 1274."""
    net = MLPRegressor(**FEW).partial_fit(X, VALUES)
    twin = copy.deepcopy(net)
    before = [w.copy() for w in net.coefs_]
    twin.partial_fit(X, VALUES)
    for one, other in zip(net.coefs_, before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same(net.partial_fit(X, VALUES), twin)


def test_threads_that_fit_at_once_come_to_the_serial_bits():
    """Reported of scikit-learn 8410, LightFM 286."""
    expected = [MLPClassifier(**FEW | {"random_state": seed}).fit(X, CLASSES) for seed in range(6)]
    got = [MLPClassifier(**FEW | {"random_state": seed}) for seed in range(6)]

    def fit(net):
        net.fit(X, CLASSES)

    workers = [threading.Thread(target=fit, args=(net,)) for net in got]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(got, expected, strict=True):
        assert_same(one, other)


def test_a_clone_of_a_fitted_estimator_is_not_fitted():
    """Reported of skorch 521."""
    net = MLPClassifier(hidden_layer_sizes=np.array([8, 4]), class_weight={0: 1.0, 1: 2.0, 2: 1.0}).fit(X, CLASSES)
    fresh = clone(net)
    assert not [name for name in vars(fresh) if name.endswith("_")]
    assert not hasattr(fresh, "coefs_")
    assert "MLPClassifier(" in repr(fresh)


def test_a_row_is_predicted_alike_alone_and_among_others():
    """Reported of TensorFlow 33104, 63282."""
    for dtype in (np.float32, np.float64):
        x = X.astype(dtype)
        net = MLPClassifier(hidden_layer_sizes=[70, 33], max_iter=2, random_state=0).fit(x, CLASSES)
        whole = net.predict_proba(x)
        for rows in (1, 2, 3, 7, 8, 9, 31, 64, 100):
            np.testing.assert_array_equal(net.predict_proba(x[:rows]), whole[:rows])


def test_folds_without_all_classes_are_calibrated():
    """Reported of scikit-learn 17827, 29551, skorch 465."""
    y = np.repeat([0, 1, 2], N // 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = CalibratedClassifierCV(MLPClassifier(**FEW), cv=KFold(3)).fit(X, y).predict_proba(X)
        assert p.shape == (N, 3)
        assert np.isfinite(p).all()
        stump = BaggingClassifier(MLPClassifier(**FEW | {"batch_size": 2}), 3, max_samples=2, random_state=0)
        assert stump.fit(X, y).predict_proba(X).shape == (N, 3)


def test_fits_and_predictions_in_a_loop_leave_nothing_behind():
    """Reported of Keras 13118, scikit-learn 20061."""
    x, y, heard = X.copy(), VALUES.copy(), fc.Callback()
    net = MLPRegressor(early_stopping=True, callbacks=[heard], **FEW).fit(x, y)
    net.predict(x)
    left = [weakref.ref(one) for one in (x, y, heard, net, net._network)]
    del x, y, heard, net
    gc.collect()
    assert [one() for one in left] == [None] * 5


def test_searches_hold_no_second_copy_of_the_data():
    """Reported of ThunderSVM 131."""
    net = MLPRegressor(early_stopping=True, **FEW).fit(np.tile(X, (100, 1)), np.tile(VALUES, 100))
    assert len(pickle.dumps(net)) < 10_000


@pytest.mark.parametrize("kind", [fc.Network, MLPClassifier, MLPRegressor, fc.Adam, fc.Checkpoint, fc.History])
def test_attributes_of_an_object_that_has_no_state_yet_are_missing(kind):
    """Reported of skorch 773, where they were sought for ever by what unpickles."""
    blank = kind.__new__(kind)
    assert not hasattr(blank, "anything")
    for use in (repr, copy.copy, copy.deepcopy, pickle.dumps):
        with contextlib.suppress(AttributeError):  # no RecursionError
            use(blank)
