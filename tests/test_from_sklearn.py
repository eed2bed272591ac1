"""``fc.from_sklearn``: fitted estimators and pipelines become networks, or are refused by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fcnet as fc

from interop import library
from processes import output

library("sklearn")
from sklearn import neural_network
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import fcnet.sklearn

pytestmark = [pytest.mark.interop, pytest.mark.once]

SCALERS = {
    "none": (),
    "standard": (StandardScaler(),),
    "both": (MinMaxScaler((-1, 2)), StandardScaler(with_mean=False)),
    "nested": (make_pipeline(StandardScaler(with_std=False), "passthrough"), RobustScaler(), MaxAbsScaler()),
}
RNG = np.random.default_rng(0)
X = RNG.normal(3, [1, 20, 0.1, 5], (90, 4))
CLASS = np.digitize(X[:, 0], [2.7, 3.3])
TARGETS = {
    "numbers": CLASS,
    "text": np.array(["a", "b", "c"])[CLASS],
    "yes or no": CLASS == 1,
    "labels": np.c_[CLASS == 1, X[:, 1] > 3].astype(int),
}
MODULES = {"sklearn": neural_network, "fcnet": fcnet.sklearn}


def fitted(module, kind, scalers, y, **options):
    estimator = getattr(MODULES[module], kind)(hidden_layer_sizes=(6, 5), max_iter=30, random_state=0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged
        return make_pipeline(*SCALERS[scalers], estimator).fit(X, y)


@pytest.mark.parametrize("activation", ["relu", "logistic", "tanh", "identity"])
@pytest.mark.parametrize("scalers", SCALERS)
@pytest.mark.parametrize("module", MODULES)
def test_classifiers_and_their_classes(module, scalers, activation):
    for name, y in TARGETS.items():
        pipeline = fitted(module, "MLPClassifier", scalers, y, activation=activation)
        net = fc.from_sklearn(pipeline)
        expected, found = pipeline.predict_proba(X), net.predict(X)
        expected = expected[:, 1:] if name == "yes or no" else expected
        assert np.abs(found - expected).max() < 1e-12
        assert net.dtype == np.float64
        if name != "labels":
            assert (net.predict_classes(X) == pipeline.predict(X)).all()
            assert net.classes == tuple(pipeline.classes_.tolist())


@pytest.mark.parametrize("module", MODULES)
def test_regressors(module):
    for y in (X[:, 0], X[:, :2]):
        pipeline = fitted(module, "MLPRegressor", "standard", y)
        net = fc.from_sklearn(pipeline)
        assert net.loss == "mse"
        assert np.abs(net.predict(X).squeeze() - pipeline.predict(X)).max() < 1e-12
        assert np.array_equal(fc.from_sklearn(pipeline[-1]).layers[0].W, pipeline[-1].coefs_[0])


def test_float32_column_names_and_options_of_fcnet():
    pandas = library("pandas")
    table = pandas.DataFrame(X.astype("float32"), columns=list("abcd"))
    options = {"max_iter": 5, "dropout": 0.25, "activation": "mish", "label_smoothing": 0.1, "random_state": 1}
    with pytest.warns(UserWarning, match="converged"):
        estimator = fcnet.sklearn.MLPClassifier([8], **options).fit(table, TARGETS["text"])
    net = fc.from_sklearn(estimator)
    assert net.feature_names == tuple("abcd")
    assert net.dtype == np.float32
    assert net.layers[0].activation == "mish"
    assert net.layers[0].dropout == 0.25
    assert net.loss == fc.losses.CrossEntropy(label_smoothing=0.1)
    assert np.array_equal(net.predict(table), estimator.predict_proba(table))
    with pytest.raises(ValueError, match="columns"):
        net.predict(table[["b", "a", "c", "d"]])


def nan():
    mlp = fitted("sklearn", "MLPRegressor", "none", X[:, 0])[-1]
    mlp.coefs_[1][0, 0] = np.nan
    return mlp


def behind(step):
    return make_pipeline(step, fcnet.sklearn.MLPRegressor(hidden_layer_sizes=[3], max_iter=3))


def search():
    return GridSearchCV(fcnet.sklearn.MLPClassifier([3], max_iter=3), {"alpha": [1]}, cv=2)


def one_class():
    return fitted("sklearn", "MLPClassifier", "none", np.zeros(90))


REFUSED = {
    "not fitted": (neural_network.MLPClassifier, ValueError, r"estimator: MLPClassifier is not fitted"),
    "in a pipeline": (lambda: behind(StandardScaler()), ValueError, r"StandardScaler 'standardscaler' is not fitted"),
    "another estimator": (LogisticRegression, TypeError, r"LogisticRegression is none of the networks"),
    "another step": (lambda: behind(PCA(2)).fit(X, CLASS), ValueError, r"PCA 'pca' is not a scaler.*skl2onnx"),
    "clip": (lambda: behind(MinMaxScaler(clip=True)).fit(X, CLASS), ValueError, r"'minmaxscaler' clips"),
    "search": (lambda: search().fit(X, CLASS), TypeError, r"is a search: expected estimator.best_estimator_"),
    "one class": (one_class, ValueError, r"knows the class 0.0 only: expected at least two"),
    "nan": (nan, ValueError, r"MLPRegressor, layer 1 has a W with infinite or NaN numbers"),
    "no estimator": (lambda: 3, TypeError, r"estimator: int is none of the networks"),
    "empty": (lambda: Pipeline([("a", "passthrough")]), TypeError, r"estimator: Pipeline is none of the networks"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    make, error, words = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged
        estimator = make()
    with pytest.raises(error, match=words):
        fc.from_sklearn(estimator)


def test_conversions_import_no_other_library():
    code = """
import sys, fcnet as fc
for convert in (fc.from_torch, fc.from_keras, fc.from_sklearn):
    try:
        convert(3)
    except TypeError:
        pass
print(*({"torch", "keras", "sklearn", "flax", "jax"} & set(sys.modules)), "none")
"""
    assert output(code).split() == ["none"]
