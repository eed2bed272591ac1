"""Metrics of a fit and of an evaluation: which they are, when they are tried, what they may raise."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest

import fcnet as fc
from fcnet import metrics as m

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
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
            r"monitors val_f1: expected one of loss, accuracy, val_loss, val_accuracy, or name it in metrics=\['f1'\]",
        ),
        (
            {"early_stopping": fc.EarlyStopping(monitor="f1"), "metrics": ["f1"]},
            ValueError,
            "monitors f1: expected one of",
        ),
    ],
)
def test_metrics_that_make_no_sense_are_refused_before_training(options, error, match):
    net = fc.Network([4, 3])
    with pytest.raises(error, match=match):
        net.fit(X, Y, **(OPTIONS | options))
    assert net.epochs_trained == 0


def of_labels(y_true, output):
    return (y_true == output).mean(axis=1)


@pytest.mark.parametrize(
    ("metric", "error", "match"),
    [
        ("top_k_accuracy", ValueError, "k is 5: expected from 1 to 3"),
        (lambda output: 0.0, TypeError, "takes 1 positional argument but 2 were given"),
        (of_labels, (ValueError, TypeError, AttributeError), "."),
        (lambda y_true, output: output.sum(axis=0), TypeError, "returned array.*: expected a number"),
    ],
    ids=["k", "arity", "labels", "array"],
)
def test_metrics_that_fail_do_so_before_training(metric, error, match):
    net = fc.Network([4, 3], seed=0)
    net.fit(X, Y, epochs=1)
    before, history = net.predict(X), net.history
    with pytest.raises(error, match=match):
        net.fit(X, Y, **OPTIONS, metrics=[metric])
    assert (net.predict(X) == before).all()
    assert net.history is history


def test_what_a_metric_raises_arrives_and_the_epoch_is_kept():
    error, calls = LookupError("mine"), []

    def fails(y_true, output):
        calls.append(0)
        if len(calls) == 3:  # after the second epoch
            raise error
        return 0.0

    net = fc.Network([4, 3])
    with pytest.raises(LookupError) as caught:
        net.fit(X, Y, **OPTIONS, metrics=[fails])
    assert caught.value is error
    assert error.__notes__ == ["in the metric 'fails' of y_true (27,) and output (27, 3)"]
    assert (len(net.history), len(net.history.val_loss), len(net.history.val_fails)) == (2, 2, 2)
    assert net.evaluate(X, Y, metrics={"third": lambda y_true, output: np.array(1 / 3)})["third"] == 1 / 3
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


def brier(output, target):
    """Of labels, one-hot rows or answers."""
    e = output - (np.eye(output.shape[1])[target] if target.ndim == 1 else target)
    return float((e * e).mean()), 2 * e / e.size


@pytest.mark.parametrize("one_hot", [False, True], ids=["labels", "one-hot"])
@pytest.mark.parametrize("last", ["softmax", "identity"])
def test_classes_of_a_loss_of_your_own_have_metrics_by_name(one_hot, last):
    net = fc.Network([4, 8, fc.Dense(3, last)], loss=brier, seed=1)
    y = np.eye(3, dtype=int)[Y] if one_hot else Y
    names = ["accuracy", "f1", "recall_macro"]
    rule = fc.EarlyStopping(50, monitor="val_accuracy")
    history = net.fit(X, y, epochs=3, validation_data=(X, y), metrics=names, early_stopping=rule)
    assert history.val_accuracy == history["val_accuracy"]
    assert max(history.val_accuracy) == m.accuracy(Y, net.predict(X)) == net.evaluate(X, y, metrics=names)["accuracy"]
    assert net.evaluate(X, y, metrics=names)["f1"] == m.f1(Y, net.predict(X))
    assert copy.deepcopy(net).history == history


def test_answers_of_a_loss_of_your_own_have_metrics_by_name_and_values_too():
    for outputs, y in ((1, Y == 0), (2, np.stack([Y == 0, Y == 1], axis=1))):
        net = fc.Network([4, fc.Dense(outputs, "sigmoid")], loss=brier, seed=1)
        columns = zip(y.reshape(90, -1).T, net.predict(X).T, strict=True)
        figures = net.evaluate(X, y.reshape(90, -1).astype(int), metrics=["f1", "mse"])
        assert figures["f1"] == np.mean([m.f1(truth, output) for truth, output in columns])
        assert figures["mse"] == pytest.approx(figures["loss"])
    net = fc.Network([4, 1], loss=brier, seed=1)
    with pytest.raises(ValueError, match="metrics has 'f1': expected, as the network has a loss of your own"):
        net.fit(X, Y, metrics=["f1"], validation_split=0.5)


def test_roc_auc_of_several_labels_is_the_mean_over_those_that_vary():
    net = fc.Network([4, fc.Dense(3, "sigmoid")], seed=1)
    y = np.random.default_rng(3).integers(0, 2, (90, 3))
    p = net.predict(X)
    areas = [m.roc_auc(y[:, j], p[:, j]) for j in range(3)]
    assert net.evaluate(X, y, metrics=["roc_auc"])["roc_auc"] == sum(areas) / 3
    y[:, 1] = 1
    assert net.evaluate(X, y, metrics=["roc_auc"])["roc_auc"] == (areas[0] + areas[2]) / 2
    weight = np.where(y[:, 2] == 1, 1.0, 0.0)  # where the last label varies, too, samples weigh nothing
    weighed = net.evaluate(X, y, sample_weight=weight, metrics=["roc_auc"])["roc_auc"]
    assert weighed == m.roc_auc(y[:, 0], p[:, 0], sample_weight=weight)
    y[:] = [0, 1, 0]
    assert np.isnan(net.evaluate(X, y, metrics=["roc_auc"])["roc_auc"])


def test_roc_auc_of_several_labels_is_nan_with_nan_in_a_score():
    net = fc.Network([4, fc.Dense(2, "sigmoid")], seed=1)
    x, y = X.copy(), np.random.default_rng(3).integers(0, 2, (90, 2))
    x[5, 1] = np.nan
    y[:, 1] = 1
    assert np.isnan(net.evaluate(x, y, metrics=["roc_auc"])["roc_auc"])


def test_early_stopping_watches_roc_auc_though_a_label_is_constant():
    y = np.c_[X[:, 0] > 0, np.ones(90, bool)]
    rule = fc.EarlyStopping(patience=3, monitor="val_roc_auc")
    net = fc.Network([4, fc.Dense(2, "sigmoid")], seed=1)
    history = net.fit(X, y, epochs=5, validation_data=(X, y), metrics=["roc_auc"], early_stopping=rule)
    assert history.val_roc_auc[history.best_epoch] == max(history.val_roc_auc)
    assert np.isfinite(history.val_roc_auc).all()
