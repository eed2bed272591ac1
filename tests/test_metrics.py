"""Metrics: closed forms, equality with scikit-learn where it is installed, what a fit and `evaluate` do with them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import fcnet as fc
from fcnet import metrics as m

RNG = np.random.default_rng(0)
U = 2.0**-52  # sums of some hundred terms in two orders differ by some of these
CLOSE = {"rtol": 300 * U, "atol": 300 * U}


def outputs(n, classes, rng=RNG):
    """Probabilities on a coarse grid, so that there are ties."""
    p = rng.integers(1, 9, (n, classes)).astype(float)
    return p / p.sum(axis=1, keepdims=True)


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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_classification_is_as_scikit_learn_says(seed, classes, weighted):
    sk = pytest.importorskip("sklearn.metrics")
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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_regression_is_as_scikit_learn_says(shape, weighted):
    sk = pytest.importorskip("sklearn.metrics")
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


def test_rare_labels_take_no_memory():
    assert m.f1([0, 2**31 - 2], [0, 2**31 - 2]) == 1


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: m.accuracy([0, 3], outputs(2, 3)), ValueError, "y_true contains the label 3"),
        (lambda: m.accuracy([0.5, 1], [0, 1]), TypeError, "y_true has dtype float64: expected integer labels"),
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


X, Y = RNG.standard_normal((90, 4)), np.arange(90) % 3
OPTIONS = {"epochs": 3, "validation_split": 0.3}


def spread(y_true, output):
    assert y_true.dtype == np.int32
    return output.std()


def test_a_fit_and_an_evaluation_compute_them():
    net = fc.Network([4, 3], seed=1)
    wanted = ["f1", "roc_auc", "f1_micro", spread, partial(m.top_k_accuracy, k=2), "accuracy"]
    history = net.fit(X, Y, validation_data=(X[:30], Y[:30]), epochs=3, metrics=wanted)
    assert [name for name in history if name.startswith("val_")] == [
        *("val_loss", "val_accuracy", "val_f1", "val_roc_auc", "val_f1_micro", "val_spread", "val_top_k_accuracy")
    ]
    assert history.val_f1 is history["val_f1"]
    assert len(history.val_f1) == 3
    again = net.evaluate(X[:30], Y[:30], metrics=wanted)
    assert {f"val_{name}": figure for name, figure in again.items()} == {
        name: figures[-1] for name, figures in history.to_dict().items() if name.startswith("val_")
    }
    assert again["f1"] == m.f1(Y[:30], net.predict(X[:30]))
    assert again["f1_micro"] == again["accuracy"]
    named = net.evaluate(X, Y, metrics={"top2": partial(m.top_k_accuracy, k=2), "area": "roc_auc"})
    assert named["top2"] == m.top_k_accuracy(Y, net.predict(X), k=2)
    assert named["area"] == m.roc_auc(Y, net.predict(X))


def test_a_regression_has_metrics_of_values():
    net = fc.Network([4, 2], loss="rmse", seed=1)
    y = RNG.standard_normal((90, 2))
    figures = net.evaluate(X, y, metrics=["mse", "rmse", "mae", "r2"])
    assert figures["r2"] == m.r2(y.astype(np.float32), net.predict(X))
    np.testing.assert_allclose(figures["rmse"], figures["loss"], rtol=1e-6)


def test_early_stopping_watches_a_metric():
    def fall(y_true, output):
        calls.append(0)
        return -float(len(calls))

    for mode, best in (("max", 0), ("min", 6)):
        calls = []
        rule = fc.EarlyStopping(patience=2, monitor="val_fall", mode=mode)
        history = fc.Network([4, 3]).fit(X, Y, epochs=7, validation_split=0.3, metrics=[fall], early_stopping=rule)
        assert history.best_epoch == best
        assert len(history) == min(best + 3, 7)
    history = fc.Network([4, 3]).fit(
        X, Y, **OPTIONS, metrics=["f1"], early_stopping=fc.EarlyStopping(1, monitor="val_f1")
    )
    assert history.val_f1[history.best_epoch] == max(history.val_f1)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"metrics": ["f2"]}, ValueError, "metrics has 'f2': expected, as the network classifies, one of accuracy"),
        ({"metrics": ["r2"]}, ValueError, "metrics has 'r2'"),
        ({"metrics": "f1"}, TypeError, r"metrics is 'f1': expected a list"),
        ({"metrics": [3]}, TypeError, "metrics has 3: expected a name"),
        ({"metrics": ["f1", "f1"]}, ValueError, "a second 'f1'"),
        ({"metrics": {"loss": m.f1}}, ValueError, "a second 'loss'"),
        ({"metrics": ["f1"], "validation_split": 0}, ValueError, "metrics are computed on validation data"),
        (
            {"early_stopping": fc.EarlyStopping(monitor="val_f1")},
            ValueError,
            "watches val_f1: expected one of loss, accu",
        ),
        (
            {"early_stopping": fc.EarlyStopping(monitor="f1"), "metrics": ["f1"]},
            ValueError,
            "watches f1: expected one of",
        ),
    ],
)
def test_metrics_that_make_no_sense_are_refused_before_training(options, error, match):
    net = fc.Network([4, 3])
    with pytest.raises(error, match=match):
        net.fit(X, Y, **(OPTIONS | options))
    assert net.epochs_trained == 0


def test_what_a_metric_raises_arrives_and_the_epoch_is_kept():
    error = LookupError("mine")

    def fails(y_true, output):
        raise error

    net = fc.Network([4, 3])
    with pytest.raises(LookupError) as caught:
        net.fit(X, Y, **OPTIONS, metrics=[fails])
    assert caught.value is error
    assert (len(net.history), len(net.history.val_loss), len(net.history.val_fails)) == (1, 1, 1)
    with pytest.raises(TypeError, match=r"the metric 'text' returned '1': expected a number"):
        net.evaluate(X, Y, metrics={"text": lambda y_true, output: "1"})


def test_a_history_with_metrics_is_copied_whole():
    import copy
    import pickle

    net = fc.Network([4, 3], seed=0)
    net.fit(X, Y, **OPTIONS, metrics=["f1"])
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert again.history == net.history
        assert again.history.val_f1 == net.history.val_f1
    with pytest.raises(AttributeError, match="no attribute 'val_f2'"):
        net.history.val_f2  # noqa: B018


def test_metrics_of_yes_or_no_answers_of_soft_labels_and_with_weights():
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((80, 4)), rng.random(80)
    names = ["f1", "roc_auc", "log_loss", "precision"]

    def expected(truth, output, **options):
        return {name: getattr(m, name)(truth, output, **options) for name in names}

    one = fc.Network([4, 1], loss="binary_cross_entropy", seed=0)
    y = (x[:, 0] > 0).astype(float)
    assert one.evaluate(x, y, metrics=names).items() >= expected(y.astype(int), one.predict(x)).items()
    weighted = one.evaluate(x, y[:, None], metrics=names, sample_weight=weights)
    assert weighted.items() >= expected(y.astype(int), one.predict(x), sample_weight=np.float32(weights)).items()

    several = fc.Network([4, 3], loss="binary_cross_entropy", seed=0)
    y = (x[:, :3] > 0).astype(float)
    found = several.evaluate(x, y, metrics=names)
    for name in names:
        by_answer = [getattr(m, name)(y[:, j].astype(int), several.predict(x)[:, j]) for j in range(3)]
        assert found[name] == pytest.approx(np.mean(by_answer))

    soft = fc.Network([4, 3], seed=0)
    y = rng.dirichlet([1, 1, 1], 80)
    assert soft.evaluate(x, y, metrics=["f1"])["f1"] == m.f1(y.argmax(axis=1), soft.predict(x))
