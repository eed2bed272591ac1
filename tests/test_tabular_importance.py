"""Permutation importance of the tabular estimators: scikit-learn's numbers, a table and a picture."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import metrics
from fcnet.tabular import PermutationImportance, RealMLP, TabularClassifier, TabularRegressor

from interop import library

pytestmark = pytest.mark.once
SMALL = RealMLP(hidden=(16,), epochs=30, batch_size=32)


def table(n=200):
    """Two columns that the targets depend on, of numbers and text, and one that they do not."""
    random = np.random.default_rng(0)
    x = np.empty((n, 3), object)
    x[:, 0], x[:, 1], x[:, 2] = random.standard_normal(n), random.choice(["a", "b"], n), random.standard_normal(n)
    x[::13, 0] = None
    z = np.where(x[:, 1] == "a", 2, -2) + np.array([0 if value is None else value for value in x[:, 0]], float)
    return x, z, np.where(z > 0, "yes", "no")


def classifier(**options):
    x, _, y = table()
    return TabularClassifier(SMALL, random_state=0, **options).fit(x, y), x, y


def test_it_is_the_loss_of_the_score_by_shuffling_a_column():
    x, z, _ = table()
    model = TabularRegressor(SMALL, random_state=0, folds=2).fit(x, z)
    found = model.permutation_importance(x, z, repeats=3, random_state=4)
    assert found.score == model.score(x, z)
    assert (found.names, found.metric, found.importances.shape) == (("0", "1", "2"), "r2", (3, 3))
    seed = np.random.RandomState(4).randint(2**31)
    for column in range(3):
        random, rows, shuffled = np.random.RandomState(seed), np.arange(len(x)), x.copy()
        for repeat in range(3):
            random.shuffle(rows)
            shuffled[:, column] = shuffled[rows, column]
            assert found.importances[column, repeat] == pytest.approx(found.score - model.score(shuffled, z), abs=1e-12)
    np.testing.assert_array_equal(found.importances_mean, found.importances.mean(axis=1))
    np.testing.assert_array_equal(found.importances_std, found.importances.std(axis=1))
    assert found.order()[0] == 1
    assert abs(found.importances_mean[2]) < 0.05 < found.importances_mean[0]


def test_a_metric_that_falls_and_one_that_rises_are_both_worse_by_a_positive_number():
    model, x, y = classifier(calibrate=True)
    truth = (y == "yes").astype(int)
    found = model.permutation_importance(x, y, metric="log_loss", random_state=0)
    assert found.score == metrics.log_loss(truth, model.predict_proba(x))
    assert found.importances_mean[1] > 0.1
    assert model.permutation_importance(x, y, metric="roc_auc", random_state=0).importances_mean[1] > 0.1
    of_mine = model.permutation_importance(x, y, metric=lambda y, p: -metrics.log_loss(y, p), random_state=0)
    np.testing.assert_allclose(of_mine.importances, found.importances)


def test_the_seed_decides():
    model, x, y = classifier()
    first, second = (model.permutation_importance(x, y, random_state=1).importances for _ in range(2))
    np.testing.assert_array_equal(first, second)
    same = model.permutation_importance(x, y, random_state=np.random.RandomState(1)).importances
    np.testing.assert_array_equal(first, same)
    assert (model.permutation_importance(x, y, random_state=2).importances != first).any()
    drawn = [model.permutation_importance(x, y, random_state=np.random.default_rng(3)).importances for _ in range(2)]
    np.testing.assert_array_equal(*drawn)


def test_arguments_are_checked():
    model, x, y = classifier()
    for options, error, message in (
        ({"repeats": 0}, ValueError, "repeats is 0: expected at least 1"),
        ({"metric": "rmse"}, ValueError, "metric is 'rmse': expected one of auto, error"),
        ({"random_state": "a"}, TypeError, "random_state is 'a'"),
    ):
        with pytest.raises(error, match=message):
            model.permutation_importance(x, y, **options)
    with pytest.raises(ValueError, match="X has 2 features"):
        model.permutation_importance(x[:, :2], y)
    with pytest.raises(ValueError, match="y has"):
        model.permutation_importance(x, y[:-1])
    with pytest.raises(ValueError, match=r"call fit\(X, y\) first"):
        TabularClassifier().permutation_importance(x, y)


RESULT = PermutationImportance(("area", "city", "floor"), "r2", 0.9, np.array([[0.5, 0.7], [1.0, 1.2], [-0.01, 0.01]]))


def test_it_prints_an_aligned_table_with_the_most_important_column_first():
    assert str(RESULT).splitlines() == [
        "column  r2 worse by  ± std",
        "city          1.100    0.1",
        "area         0.6000    0.1",
        "floor             0   0.01",
    ]


def test_its_picture_has_a_bar_for_every_column(pyplot, tmp_path):
    figure = RESULT.plot()
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["city", "area", "floor"]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [1.1, 0.6, 0], atol=1e-12)
    assert axes.get_xlabel() == "how much worse r2 is"
    assert axes.yaxis_inverted()
    assert figure.get_label() == (
        "Permutation importance of 3 of 3 columns: r2 is 0.9, and worse by 1.1 where city is shuffled, "
        "by 0 where floor is."
    )
    assert "2 of 3 columns" in fc.plot.permutation_importance(RESULT, most=2).get_label()
    figure.savefig(tmp_path / "importance.png")
    with pytest.raises(ValueError, match="most is 0: expected at least 1"):
        RESULT.plot(most=0)


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["array", "frame"])
def test_it_is_that_of_scikit_learn(kind):
    inspection, pd = library("sklearn.inspection"), library("pandas")
    x, z, y = table()
    x = (
        pd.DataFrame(x, columns=["size", "kind", "noise"]).astype({"size": float, "noise": float})
        if kind == "frame"
        else x
    )
    for estimator, target in ((TabularClassifier, y), (TabularRegressor, z)):
        model = estimator(SMALL, random_state=0).fit(x, target)
        for scoring, metric in ((None, None), *([("neg_log_loss", "log_loss")] if target is y else [])):
            theirs = inspection.permutation_importance(model, x, target, n_repeats=4, random_state=7, scoring=scoring)
            ours = model.permutation_importance(x, target, repeats=4, random_state=7, metric=metric)
            bound = 1e-12 if metric is None else 1e-6  # for a log loss it divides probabilities by their sum
            np.testing.assert_allclose(ours.importances, theirs.importances, rtol=0, atol=bound)
            np.testing.assert_allclose(ours.importances_std, theirs.importances_std, rtol=0, atol=bound)
