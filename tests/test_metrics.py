"""Metrics: closed forms, and equality with scikit-learn where it is installed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from fcnet import metrics as m
from fcnet._inputs import strips

from interop import library
from walks import walk

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
U = 2.0**-52  # sums of some hundred terms in two orders differ by some of these
CLOSE = {"rtol": 300 * U, "atol": 300 * U}


def outputs(n, classes, rng=RNG):
    """Probabilities on a coarse grid, so that there are ties."""
    p = rng.integers(1, 9, (n, classes)).astype(float)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("metric", [m.accuracy, m.precision, m.recall, m.f1])
@pytest.mark.parametrize("kind", ["scores", "score", "labels", "labels far apart"])
def test_samples_are_looked_at_part_by_part(metric, kind, monkeypatch):
    truth, weights = RNG.integers(0, 2 if kind == "score" else 4, 90), RNG.random(90)
    output = outputs(90, 4) if kind == "scores" else RNG.random(90) if kind == "score" else RNG.integers(0, 4, 90)
    if kind in ("scores", "score"):
        output[7] = np.nan
    if kind == "labels far apart":
        truth, output = truth * 500_000_000, output * 500_000_000
    average = {} if metric is m.accuracy else {"average": "macro"}
    whole = metric(truth, output, sample_weight=weights, **average)
    if kind == "labels far apart":
        assert whole == metric(truth // 500_000_000, output // 500_000_000, sample_weight=weights, **average)
    monkeypatch.setattr(strips, "SCANNED", 16)
    assert metric(truth, output, sample_weight=weights, **average) == whole


@pytest.mark.parametrize("kind", ["distinct", "many ties", "all equal", "infinite", "NaN of weight 0"])
def test_roc_auc_of_many_samples_sorts_parts_and_counts_every_pair(kind, monkeypatch):
    monkeypatch.setattr(strips, "SCANNED", 320)
    n = 700
    score, truth, weights = RNG.random(n), RNG.integers(0, 2, n), RNG.random(n)
    if kind == "many ties":
        score = RNG.integers(0, 30, n) / 7
    elif kind == "all equal":
        score[:] = 0.3
    elif kind == "infinite":
        score[::5], score[1::5] = np.inf, -np.inf
    elif kind == "NaN of weight 0":
        score[::9], weights[::9] = np.nan, 0
    sizes, whole = [], np.unique

    def unique(array, **options):
        sizes.append(len(array))
        return whole(array, **options)

    monkeypatch.setattr(np, "unique", unique)
    got = m.roc_auc(truth, score, sample_weight=weights)
    above, below = truth == 1, truth == 0
    pairs = (score[above][:, None] > score[below]) + 0.5 * (score[above][:, None] == score[below])
    assert got == pytest.approx(weights[above] @ pairs @ weights[below] / (weights[above].sum() * weights[below].sum()))
    assert sum(sizes) == n
    assert max(sizes) <= {"all equal": n, "infinite": n // 5 + 80}.get(kind, n // 9 + 80)


@pytest.mark.parametrize("columns", [1, 3])
def test_log_loss_of_many_samples_has_the_bits_of_the_whole(columns, monkeypatch):
    output = RNG.random((90, columns))
    truth, weights = RNG.integers(0, max(columns, 2), 90), RNG.random(90)
    whole = m.log_loss(truth, output, sample_weight=weights)
    monkeypatch.setattr(strips, "SCANNED", 16)
    assert m.log_loss(truth, output, sample_weight=weights) == whole
    output[70] = 1.5
    with pytest.raises(ValueError, match="outside of 0 to 1"):
        m.log_loss(truth, output)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (m.accuracy([0, 1, 2, 2], [0, 1, 1, 2]), 3 / 4),
        (m.accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]), 1 / 2),  # the first of equals
        (m.accuracy([0, 1, 1], [0.5, 0.6, 0.2]), 2 / 3),
        (m.accuracy([0, 1], [0, 0], sample_weight=[3, 1]), 3 / 4),
        (m.accuracy([[1, 0], [0, 1]], [[2, 1], [2, 1]]), 1 / 2),
        (m.precision([0, 1, 1, 0, 0], [1, 1, 0, 1, 0]), 1 / 3),
        (m.recall([0, 1, 1, 0, 0], [1, 1, 0, 1, 0]), 1 / 2),
        (m.f1([0, 1, 1, 0, 0], [1, 1, 0, 1, 0]), 2 / 5),
        (m.f1([0, 0], [0, 0]), 0),
        (m.f1([0, 1, 2, 2], [0, 1, 2, 1]), (1 + 2 / 3 + 2 / 3) / 3),
        (m.f1([0, 1, 2, 2], [0, 1, 2, 1], average="weighted"), (1 + 2 / 3 + 4 / 3) / 4),
        (m.f1([0, 1, 2, 2], [0, 1, 2, 1], average="micro"), 3 / 4),
        (m.top_k_accuracy([2, 0], [[3, 2, 1], [1, 2, 3]], k=2), 0),
        (m.top_k_accuracy([1, 0], [[3, 2, 1], [1, 2, 3]], k=2), 1 / 2),
        (m.top_k_accuracy([0, 1, 2], np.zeros((3, 3)), k=2), 2 / 3),
        (m.log_loss([0, 1], [[0.25, 0.75], [0.5, 0.5]]), (np.log(4) + np.log(2)) / 2),
        (m.log_loss([1], [0.0]), -np.log(np.finfo(np.float64).eps)),
        (m.roc_auc([0, 1], [0.1, 0.9]), 1),
        (m.roc_auc([0, 1], [0.9, 0.1]), 0),
        (m.roc_auc([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]), 1 / 2),
        (m.roc_auc([0, 0, 1, 1], [1, 2, 2, 3]), 7 / 8),
        (m.roc_auc([0, 1, 1], [1, 0, 2], sample_weight=[1, 1, 3]), 3 / 4),
        (m.roc_auc([0, 1, 1], [[0, 1, 0], [1, 0, 0], [0, 1, 0]]), 1 / 4),
        (m.mse([1, 2], [[2], [4]]), 5 / 2),
        (m.mse([1, 2], [2, 4], sample_weight=[3, 1]), 7 / 4),
        (m.rmse([[1, 2], [3, 4]], [[1, 2], [3, 8]]), 2),
        (m.mae([1, 2], [2, 4]), 3 / 2),
        (m.r2([1, 2, 3], [2, 2, 2]), 0),
        (m.r2([[1, 5], [2, 5], [3, 5]], [[1, 5], [2, 5], [3, 5]]), 1),
        (m.r2([5, 5], [5, 4]), 0),
    ],
)
def test_closed_forms(figure, expected):
    assert isinstance(figure, float)
    np.testing.assert_allclose(figure, expected, rtol=4 * U)


@pytest.mark.interop
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_classification_is_as_scikit_learn_says(seed, classes, weighted):
    sk = library("sklearn.metrics")
    rng = np.random.default_rng([seed, classes])
    n = 150
    p, y = outputs(n, classes, rng), np.append(rng.integers(0, classes, n - classes), np.arange(classes))
    w = rng.integers(0, 5, n) if weighted else None
    labels = p.argmax(axis=1)
    pairs = [(m.accuracy(y, p, sample_weight=w), sk.accuracy_score(y, labels, sample_weight=w))]
    for average in ("macro", "micro", "weighted", *(("binary",) if classes == 2 else ())):
        for ours, theirs in ((m.f1, sk.f1_score), (m.precision, sk.precision_score), (m.recall, sk.recall_score)):
            expected = theirs(y, labels, average=average, sample_weight=w, zero_division=0)
            pairs += [
                (f(average=average, sample_weight=w), expected) for f in (partial(ours, y, p), partial(ours, y, labels))
            ]
    pairs += [(m.log_loss(y, p, sample_weight=w), sk.log_loss(y, p, sample_weight=w))]
    score = p[:, 1] if classes == 2 else p
    pairs += [(m.roc_auc(y, p, sample_weight=w), sk.roc_auc_score(y, score, multi_class="ovr", sample_weight=w))]
    if classes == 7:
        untied = rng.permuted(np.tile(np.arange(7.0), (n, 1)), axis=1)  # scikit-learn prefers the last of equals
        expected = sk.top_k_accuracy_score(y, untied, k=3, sample_weight=w)
        pairs += [(m.top_k_accuracy(y, untied, k=3, sample_weight=w), expected)]
    np.testing.assert_allclose(*np.transpose(pairs), **CLOSE)


@pytest.mark.interop
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_regression_is_as_scikit_learn_says(shape, weighted):
    sk = library("sklearn.metrics")
    y, values = RNG.standard_normal(shape), RNG.standard_normal(shape)
    w = RNG.random(50) if weighted else None
    for ours, theirs in (
        (m.mse, sk.mean_squared_error),
        (m.mae, sk.mean_absolute_error),
        (m.r2, sk.r2_score),
    ):
        np.testing.assert_allclose(ours(y, values, sample_weight=w), theirs(y, values, sample_weight=w), **CLOSE)
    assert m.rmse(y, values, sample_weight=w) == np.sqrt(m.mse(y, values, sample_weight=w))


@pytest.mark.parametrize("name", [name for name in m.__all__ if name != "top_k_accuracy"])
def test_no_samples_have_no_figure(name):
    assert np.isnan(
        getattr(m, name)([], np.zeros((0, 1)) if name in ("mse", "rmse", "mae", "r2") else np.zeros((0, 3)))
    )
    assert np.isnan(getattr(m, name)([0, 1], [0.0, 1.0], sample_weight=[0, 0]))


def test_a_row_with_nan_is_wrong_and_has_no_probability():
    p = np.array([[0.9, 0.1], [np.nan, 0.1]])
    assert m.accuracy([0, 0], p) == 1 / 2
    assert m.top_k_accuracy([0, 0], p, k=2) == 1 / 2
    assert m.recall([0, 0, 1], [*p, [0, 1]], average="macro") == (1 / 2 + 1) / 2
    assert np.isnan([m.log_loss([0, 0], p), m.roc_auc([0, 1], p), m.mse([0, 0], p[:, 0]), m.r2([0, 1], p[:, 0])]).all()


def test_a_curve_needs_both_sides():
    assert np.isnan(m.roc_auc([1, 1], [0.1, 0.2]))
    p = outputs(30, 3)
    y = np.arange(30) % 2  # nobody is of class 2
    assert m.roc_auc(y, p) == np.mean([m.roc_auc(y == c, p[:, c]) for c in (0, 1)])


OF_CLASSES = sorted(set(m.__all__) - {"mse", "rmse", "mae", "r2"})


def problem(name, rng):
    """y_true and output for a metric, without those classes that no row has."""
    if name in OF_CLASSES:
        return np.append(rng.integers(0, 6, 60), np.arange(6)), outputs(66, 6, rng)
    return rng.standard_normal((66, 2)), rng.standard_normal((66, 2))


@pytest.mark.parametrize("name", m.__all__)
def test_a_row_that_weighs_nothing_is_as_if_it_were_not_there(name):
    rng, metric = np.random.default_rng(1), getattr(m, name)
    y, output = problem(name, rng)
    weight = np.append(rng.integers(0, 3, 60), np.ones(6))
    expected = metric(y[weight > 0], output[weight > 0], sample_weight=weight[weight > 0])
    np.testing.assert_allclose(metric(y, output, sample_weight=weight), expected, **CLOSE)
    output[weight == 0] = np.nan
    if name not in ("precision", "recall", "f1"):  # there NaN is a guess of no class, which counts for nothing either
        np.testing.assert_allclose(metric(y, output, sample_weight=weight), expected, **CLOSE)


@walk("factor", [2.0**-1000, 1e-300, 1e-160, 1e160, 2.0**1020])
@pytest.mark.parametrize("name", m.__all__)
def test_only_the_ratios_of_weights_count(name, factor):
    rng, metric = np.random.default_rng(1), getattr(m, name)
    y, output = problem(name, rng)
    weight = rng.integers(0, 8, 66)
    expected = metric(y, output, sample_weight=weight)
    assert np.isfinite(expected)
    np.testing.assert_allclose(metric(y, output, sample_weight=weight * factor), expected, **CLOSE)
    if np.frexp(factor)[0] == 0.5:
        assert metric(y, output, sample_weight=weight * factor) == expected


@walk("value", [0.1, 1 / 3, 1e8 + 0.1, 0.0, -7.7, 1e-300])
@walk("n", [3, 10, 1001])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_truth_is_explained_wholly_or_not_at_all(value, n, weighted):
    """The mean of equal numbers may differ from them by rounding: the ratio would then be some -1e30."""
    y, weight = np.full(n, value), np.linspace(0, 1, n) if weighted else None
    assert m.r2(y, y, sample_weight=weight) == 1
    assert m.r2(y, y + max(abs(value), 1), sample_weight=weight) == 0
    varying = np.arange(n, dtype=float)
    assert m.r2(np.c_[y, varying], np.c_[y, varying], sample_weight=weight) == 1
    assert np.isnan(m.r2(y, np.where(varying == n - 1, np.nan, y), sample_weight=weight))


def test_rare_labels_take_no_memory():
    assert m.f1([0, 2**31 - 2], [0, 2**31 - 2]) == 1


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: m.accuracy([0, 3], outputs(2, 3)), ValueError, "y_true contains the label 3"),
        (lambda: m.accuracy([0.5, 1], [0, 1]), ValueError, "y_true contains 0.5 in row 0: expected class labels"),
        (lambda: m.accuracy([0, 1], ["0", "1"]), TypeError, "output has dtype <U1"),
        (lambda: m.accuracy([0, 1], [0, 1, 1]), ValueError, r"y_true has shape \(2,\)"),
        (lambda: m.accuracy([0, 1], [0, -1]), ValueError, "output contains the label -1"),
        (
            lambda: m.accuracy([0, 1], [0, 1], sample_weight=[1]),
            ValueError,
            r"sample_weight has shape \(1,\): expected \(2,",
        ),
        (lambda: m.accuracy([0, 1], [0, 1], sample_weight=[1, -1]), ValueError, "sample_weight has entries below 0"),
        (lambda: m.f1([0, 1, 2], [0, 1, 2], average="binary"), ValueError, "there are 3 classes"),
        (lambda: m.f1([0, 1], [0, 1], average=None), ValueError, "average is None: expected one of auto"),
        (lambda: m.top_k_accuracy([0, 1], outputs(2, 3)), ValueError, "k is 5: expected from 1 to 3"),
        (lambda: m.top_k_accuracy([0, 1], [0.1, 0.2], k=1), ValueError, r"expected scores \(n, classes\)"),
        (lambda: m.log_loss([0, 1], [0.5, 1.5]), ValueError, "outside of 0 to 1: expected probabilities"),
        (lambda: m.mse([0, 1], [[0, 1], [1, 0]]), ValueError, r"output has shape \(2, 2\), y_true \(2,\)"),
        (lambda: m.mse(3, 4), ValueError, r"y_true has shape \(\): expected"),
    ],
)
def test_what_is_wrong_is_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
