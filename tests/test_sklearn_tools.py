"""The estimators in the hands of scikit-learn's tools, joblib's workers and files."""

from __future__ import annotations

import io
import os
import pickle

import numpy as np
import pytest

from estimators import beside_sklearn
from interop import library

pytestmark = beside_sklearn

import joblib
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fcnet as fc
from fcnet.sklearn import MLPClassifier, MLPRegressor

from processes import output

X, Y = load_digits(return_X_y=True)
X, Y = X[:400] / 16, Y[:400]
FEW = {"hidden_layer_sizes": [20], "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01}


def test_clone_get_params_set_params():
    net = MLPClassifier(alpha=0.5, dropout=0.25, schedule=fc.schedules.Cosine(floor=0.25))
    copy = clone(net)
    assert copy.get_params() == net.get_params()
    assert clone(copy.set_params(alpha=1.0)).alpha == 1.0
    assert "alpha=0.5" in repr(net)
    with pytest.raises(ValueError, match="Invalid parameter 'width'"):
        net.set_params(width=3)


def test_html_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**FEW))
    for fitted in ("Not fitted", "Fitted"):
        for estimator in (pipeline, pipeline[-1]):
            html = estimator._repr_html_()
            assert f"<pre>{type(estimator).__name__}(" in html
            assert "MLPClassifier(" in html
            assert f"<span>{fitted}</span>" in html
        pipeline.fit(X, Y)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_grid_search_gives_the_serial_results(backend):
    grid = {"mlp__alpha": [1e-4, 1.0], "mlp__hidden_layer_sizes": [[8], [16, 8]]}
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", MLPClassifier(**FEW))])
    serial = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    with joblib.parallel_backend(backend, n_jobs=2):
        parallel = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    np.testing.assert_array_equal(parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])
    assert serial.best_score_ > 0.7


def threads_of_a_worker(estimator, x, y):
    estimator.fit(x, y)
    return fc.get_num_threads(), os.environ.get("OMP_NUM_THREADS")


def test_workers_of_joblib_do_not_use_more_threads_than_they_get():
    calls = [joblib.delayed(threads_of_a_worker)(MLPClassifier(**FEW), X, Y) for _ in range(2)]
    if "FCNET_NUM_THREADS" in os.environ:
        pytest.skip("FCNET_NUM_THREADS comes before what joblib says")
    for count, given in joblib.Parallel(n_jobs=2, backend="loky", verbose=0)(calls):
        assert count == int(given)


def test_processes_that_multiprocessing_forks_after_a_fit_do_not_hang():
    code = """
import warnings; warnings.simplefilter("ignore")
import multiprocessing, numpy as np
from sklearn.datasets import load_iris
from fcnet.sklearn import MLPClassifier
x, y = load_iris(return_X_y=True)
def fitted(seed):
    return MLPClassifier([64, 64], random_state=seed, max_iter=20).fit(x, y).predict_proba(x)
expected = [fitted(seed) for seed in range(3)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    got = pool.map(fitted, range(3))
print(np.array_equal(got, expected))
"""
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    assert output(code).splitlines()[-1] == "True"


def test_cross_validation_calibration_stacking_voting_bagging_and_importances():
    net = MLPClassifier(**FEW)
    assert (cross_val_predict(net, X, Y, cv=2) == Y).mean() > 0.7
    assert CalibratedClassifierCV(net, cv=2).fit(X, Y).score(X, Y) > 0.8
    stack = StackingClassifier([("net", net)], LogisticRegression(max_iter=500), cv=2)
    assert stack.fit(X, Y).score(X, Y) > 0.8
    assert BaggingClassifier(net, n_estimators=2, random_state=0).fit(X, Y).score(X, Y) > 0.8
    importances = permutation_importance(net.fit(X, Y), X, Y, n_repeats=2, random_state=0).importances_mean
    assert importances[0] == 0 < importances.max()  # the corner is always white
    value = MLPRegressor(**FEW)
    assert VotingRegressor([("net", value)]).fit(X, Y).score(X, Y) > 0.2
    assert MultiOutputRegressor(value).fit(X, np.c_[Y, -Y]).predict(X).shape == (400, 2)
    assert TransformedTargetRegressor(value, transformer=StandardScaler()).fit(X, Y).score(X, Y) > 0.5


def test_text_and_columns():
    texts = ["one cat", "two cats and a dog", "a dog", "three dogs", "the cat", "no dog"] * 5
    animals = ["dog" if "dog" in text else "cat" for text in texts]
    net = make_pipeline(TfidfVectorizer(), MLPClassifier([10], random_state=0, max_iter=300))
    assert net.fit(texts, animals).score(texts, animals) == 1
    table = np.array([["a", 1.0], ["b", 2.0], ["a", 3.0], ["b", 5.0]] * 10, dtype=object)
    columns = ColumnTransformer([("kind", OneHotEncoder(), [0]), ("size", StandardScaler(), [1])])
    value = make_pipeline(columns, MLPRegressor(solver="lbfgs", random_state=0, max_iter=200))
    assert value.fit(table, table[:, 1].astype(float)).score(table, table[:, 1].astype(float)) > 0.99


def test_tables_and_set_output():
    pandas = library("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    net = make_pipeline(StandardScaler(), MLPClassifier(**FEW)).set_output(transform="pandas").fit(frame, Y)
    assert list(net[-1].feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        net[-1].predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        net[-1].predict(X)


@pytest.mark.parametrize(
    "columns", [range(64), range(2000, 2064), [(i, "a") for i in range(64)]], ids=["numbers", "years", "tuples"]
)
def test_columns_whose_names_are_no_texts_are_compared_too(columns):
    pandas = library("pandas")
    frame = pandas.DataFrame(X, columns=pandas.Index(columns))
    net = MLPClassifier(**FEW).fit(frame, Y)
    expected = net.predict_proba(X)
    for again in (net, clone(net).fit(frame, Y), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.predict_proba(frame), expected)
        for call in (again.predict, again.predict_proba, lambda x, net=again: net.score(x, Y)):
            with pytest.raises(ValueError, match="X has its columns in another order, .*: expected those of the first"):
                call(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="another order"):
        net.partial_fit(frame[frame.columns[::-1]], Y)
    net.fit(frame[frame.columns[::-1]], Y).predict(frame[frame.columns[::-1]])  # begins anew
    net.fit(X, Y).predict(frame)


def test_weights_and_validation_data_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        net = MLPClassifier(**FEW).set_fit_request(sample_weight=True, X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), net)
        given = {"sample_weight": np.where(Y == 3, 0.0, 1.0), "X_val": X[:50], "y_val": Y[:50]}
        pipeline.fit(X, Y, **given)
        alone = MLPClassifier(**FEW).fit(StandardScaler().fit_transform(X), Y, **given)
        np.testing.assert_array_equal(pipeline[-1].coefs_[0], alone.coefs_[0])
        assert pipeline[-1].validation_loss_curve_ == alone.validation_loss_curve_
        net.set_score_request(sample_weight=True)
        search = GridSearchCV(net, {"alpha": [1e-4]}, cv=2).fit(X, Y, **given)
        scores = cross_validate(net, X, Y, cv=2, params=given)["test_score"]
        assert search.cv_results_["mean_test_score"][0] == scores.mean()
        assert scores.min() > 0.7  # the rows of 3, which weigh nothing, count neither here nor there


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize("mmap", [None, "r"])
def test_joblib_keeps_every_bit_and_the_optimizer_state(tmp_path, compress, mmap):
    if compress and mmap:
        pytest.skip("joblib maps no compressed files")
    net = MLPClassifier(**FEW).fit(X, Y)
    joblib.dump(net, tmp_path / "net.joblib", compress=compress)
    again = joblib.load(tmp_path / "net.joblib", mmap_mode=mmap)
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    for one, other in zip(again.partial_fit(X, Y).coefs_, net.partial_fit(X, Y).coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_skops_names_only_the_estimator_as_unknown():
    skops = library("skops.io")
    net = MLPClassifier(**FEW).fit(X, Y)
    text = skops.dumps(net)
    unknown = skops.get_untrusted_types(data=text)
    assert unknown == ["fcnet.sklearn.classifier.MLPClassifier"]
    np.testing.assert_array_equal(skops.loads(text, trusted=unknown).predict_proba(X), net.predict_proba(X))


def test_output_of_verbose_and_progress_goes_where_it_belongs(capsys):
    MLPClassifier(**FEW).fit(X, Y)
    assert capsys.readouterr() == ("", "")
    buffer = io.StringIO()
    print(MLPClassifier(), file=buffer)
    assert buffer.getvalue() == "MLPClassifier()\n"
