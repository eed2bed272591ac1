"""Predictions of the estimators: in chunks of rows, and of y that has one class only."""

from __future__ import annotations

import _thread
import os
import pickle
import sys
import threading

import numpy as np
import pytest

from estimators import beside_sklearn

pytestmark = beside_sklearn

from scipy import sparse

from fcnet._inputs import arrays
from fcnet.sklearn import MLPClassifier

from processes import output

RNG = np.random.default_rng(0)
X = RNG.standard_normal((500, 6))
KINDS = {
    "one": np.zeros(500, int),
    "two": RNG.integers(0, 2, 500),
    "many": np.array(["a", "bb", "ccc", "d"])[RNG.integers(0, 4, 500)],
    "labels": RNG.integers(0, 2, (500, 3)),
    "sparse labels": sparse.csr_matrix(RNG.integers(0, 2, (500, 3))),
}
MEBI = 2.0**20


def dense(array):
    return array.toarray() if sparse.issparse(array) else array


@pytest.mark.parametrize("rows_each", [1, 100, 499])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [np.asarray, sparse.csr_array, sparse.csc_array], ids=["dense", "csr", "csc"])
def test_chunks_give_the_bits_of_the_whole(kind, given, rows_each, monkeypatch):
    net = MLPClassifier([12], max_iter=3, random_state=0, early_stopping=True).fit(X, KINDS[kind])
    rows = given(X)
    whole, score = net.predict(rows), net.score(rows, dense(KINDS[kind]))
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: rows_each)
    in_chunks = net.predict(rows)
    assert type(in_chunks) is type(whole)
    assert in_chunks.dtype == whole.dtype
    np.testing.assert_array_equal(dense(in_chunks), dense(whole))
    assert net.score(rows, dense(KINDS[kind])) == score
    again = MLPClassifier([12], max_iter=3, random_state=0, early_stopping=True).fit(X, KINDS[kind])
    assert again.validation_scores_ == net.validation_scores_


def test_a_chunk_with_a_number_that_is_not_finite_has_no_score(monkeypatch):
    net = MLPClassifier([12], max_iter=2).fit(X, KINDS["many"])
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: 32)
    for row in (0, 499):
        rows = X.copy()
        rows[row] = np.nan
        assert np.isnan(net._score(rows, KINDS["many"], None))
    assert net._score(X, KINDS["many"], None) == net.score(X, KINDS["many"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer takes memory of its own")
@pytest.mark.parametrize(
    ("classes", "call"),
    [
        (2_000, "net.predict(many)"),
        (2_000, "net.score(many, np.zeros(40_000, int))"),
        (2_000, "net._score(many, np.zeros(40_000, int), None)"),  # early stopping's
        (0, "net.predict(many)"),
    ],
    ids=["predict", "score", "early-stopping", "labels"],
)
def test_predicting_many_classes_takes_no_memory_for_all_their_probabilities(classes, call):
    code = f"""
import numpy as np
from fcnet.sklearn import MLPClassifier

def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))

y = np.arange(2_000) if {classes} else np.arange(5_000).reshape(10, 500) % 2
net = MLPClassifier([4], max_iter=1).fit(np.zeros((len(y), 4), np.float32), y)
many = np.zeros((40_000, 4), np.float32)
net.predict(many[:100])
before = memory("VmRSS")
result = {call}
print(memory("VmHWM") - before - (0 if {classes} else result.nbytes))
"""
    # all probabilities would take 305 and 76 MiB, beside the labels of 153; a chunk takes 4, in int64 8
    assert float(output(code)) < 50 * MEBI


def test_ctrl_c_stops_a_prediction_between_its_chunks(monkeypatch):
    net = MLPClassifier([12], max_iter=2).fit(X, KINDS["many"])
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: 32)
    many, decode, seen = np.tile(X, (40, 1)), net._decode, []

    def interrupt(outputs):
        seen.append(len(outputs))
        if len(seen) == 3:
            _thread.interrupt_main()
        return decode(outputs)

    monkeypatch.setattr(net, "_decode", interrupt)
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        net.predict(many)
    assert len(seen) in (3, 4)
    net.predict(X)


ONE_CLASS = {
    "zeros": (np.zeros(500, int), {}),
    "text": (np.full(500, "yes"), {}),
    "column": (np.ones((500, 1), int), {}),
    "bool": (np.ones(500, bool), {}),
    "weighted": (np.full(500, 7), {"class_weight": {7: 2.0}}),
    "balanced": (np.full(500, 7), {"class_weight": "balanced"}),
    "lbfgs": (np.full(500, 7), {"solver": "lbfgs"}),
    "early stopping": (np.full(500, 7), {"early_stopping": True}),
    "smoothed": (np.full(500, 7), {"label_smoothing": 0.1}),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("how", ["fit", "warm_start", "partial_fit", "pickle"])
@pytest.mark.parametrize("kind", ONE_CLASS)
def test_one_class_is_certain(kind, how):
    y, options = ONE_CLASS[kind]
    net = MLPClassifier([5], max_iter=3, warm_start=how == "warm_start", **options)
    if how == "partial_fit":
        if options.get("solver") == "lbfgs" or options.get("early_stopping") or kind == "balanced":
            pytest.skip("has no partial_fit")
        net.partial_fit(X, y, classes=np.unique(y)).partial_fit(X, y)
    else:
        net.fit(X, y)
        net = net.fit(X, y) if how == "warm_start" else net
    if how == "pickle":
        net = pickle.loads(pickle.dumps(net))
    assert net.classes_.tolist() == [y.ravel()[0]]
    np.testing.assert_array_equal(net.predict_proba(X), np.ones((500, 1)))
    np.testing.assert_array_equal(net.predict_log_proba(X), np.zeros((500, 1)))
    np.testing.assert_array_equal(net.predict(X), y.ravel())
    assert net.score(X, y) == 1


def test_a_constant_one_of_several_labels_keeps_its_probability_of_yes():
    y = np.c_[np.ones(500, int), KINDS["two"], np.zeros(500, int)]
    p = MLPClassifier([5], max_iter=50, learning_rate_init=0.05).fit(X, y).predict_proba(X)
    assert p.shape == (500, 3)
    assert p[:, 0].min() > 0.9
    assert p[:, 2].max() < 0.1


def test_two_classes_of_which_partial_fit_has_seen_one_have_two_columns():
    net = MLPClassifier([5]).partial_fit(X, KINDS["one"], classes=[0, 1])
    p = net.predict_proba(X)
    assert p.shape == (500, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows_each", [32, 1000])
@pytest.mark.parametrize("kind", ["two", "many", "labels"])
@pytest.mark.parametrize("scale", [1, 30, 1e3, 1e30])
def test_logarithms_of_probabilities_are_those_of_the_logits(kind, dtype, rows_each, scale, monkeypatch):
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: rows_each)
    x = X.astype(dtype)
    net = MLPClassifier([12], max_iter=3, random_state=0).fit(x, KINDS[kind])
    net.coefs_[1][:] *= dtype(scale)
    z = net._current().predict(x, output="logits").astype(np.longdouble)
    if kind == "two":
        z = np.hstack([np.zeros_like(z), z])
    if kind == "labels":
        expected = np.where(z < 0, z, 0) - np.log1p(np.exp(-abs(z)))
    else:
        z -= z.max(axis=1, keepdims=True)
        expected = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    got = net.predict_log_proba(x)
    assert got.dtype == dtype
    assert np.isfinite(got).all()
    if scale >= 1e3:
        assert got.min() < -700  # where the logarithm of the probability would be -inf, or nearly
    np.testing.assert_allclose(got, expected.astype(float), rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    with np.errstate(divide="ignore"):
        p = net.predict_proba(x)
    np.testing.assert_allclose(np.exp(got), p, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_logarithms_of_labels_of_two_columns_are_of_each_label():
    net = MLPClassifier([12], max_iter=3).fit(X, KINDS["labels"][:, :2])
    np.testing.assert_allclose(net.predict_log_proba(X), np.log(net.predict_proba(X)), rtol=1e-12)


def test_a_row_with_nan_has_no_logarithms():
    net = MLPClassifier([12], max_iter=3).fit(X, KINDS["many"])
    net.coefs_[0][:] = np.nan
    assert np.isnan(net.predict_log_proba(X[:3])).all()
