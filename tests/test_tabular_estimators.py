"""TabularClassifier and TabularRegressor: fits, predictions, ensembles, limits, errors."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest

import fcnet as fc
from fcnet.tabular import RealMLP, TabularClassifier, TabularRegressor

from tables import Named

SMALL = RealMLP(hidden=(16, 16), epochs=12, batch_size=32, bins=4)


def table(n=200, seed=0):
    """Numbers with gaps, and text; the class depends on both."""
    random = np.random.default_rng(seed)
    x = np.empty((n, 3), object)
    numbers, words = random.standard_normal((n, 2)), random.choice(["red", "green", "blue"], n)
    x[:, :2], x[:, 2] = numbers, words
    x[::17, 0] = np.nan
    y = np.where((numbers[:, 1] > 0) == (words == "red"), "yes", "no")
    return x, y, numbers[:, 1] * (words == "red") * 100 + 1000


def classifier(**options):
    return TabularClassifier(SMALL, random_state=0, progress=False, **options)


def regressor(**options):
    return TabularRegressor(SMALL, random_state=0, progress=False, **options)


def test_it_learns_classes_from_text_numbers_and_gaps():
    x, y, _ = table(600)
    model = classifier(epochs=60).fit(x[:400], y[:400])
    assert model.score(x[400:], y[400:]) > 0.9
    assert model.classes_.tolist() == ["no", "yes"]
    p = model.predict_proba(x[400:])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(x[400:]), model.classes_[p.argmax(axis=1)])


def test_it_learns_numbers_of_any_size_and_shape():
    x, _, y = table(600)
    model = regressor(epochs=60).fit(x[:400], y[:400])
    assert model.predict(x[400:]).shape == (200,)
    assert model.score(x[400:], y[400:]) > 0.8
    both = regressor(epochs=60).fit(x[:400], np.column_stack([y, -y])[:400])
    assert both.predict(x[400:]).shape == (200, 2)
    assert both.score(x[400:], np.column_stack([y, -y])[400:]) > 0.8


@pytest.mark.parametrize("labels", [[3, 7], [0.0, 1.0], [False, True], ["a", "b"]])
def test_classes_keep_their_type(labels):
    x, y, _ = table()
    given = np.array(labels)[(y == "yes").astype(int)]
    model = classifier().fit(x, given)
    assert model.classes_.dtype == given.dtype
    assert model.predict(x).dtype == given.dtype


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads():
    x, y, _ = table()
    found = []
    for n in (1, 2, 3):
        with fc.threads(n):
            found.append(classifier(folds=3).fit(x, y).predict_proba(x))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert (
        classifier().set_params(random_state=1).fit(x, y).predict_proba(x) != classifier().fit(x, y).predict_proba(x)
    ).any()


def test_predictions_are_the_mean_of_all_networks():
    x, y, _ = table()
    model = classifier(networks=2, repeats=2).fit(x, y)
    assert len(model.networks_) == len(model.best_epochs_) == len(model.history_) == 4
    each = [part.targets.back(net.predict(part.encoder.transform(x))) for part in model._parts for net in part.networks]
    np.testing.assert_allclose(model.predict_proba(x), np.mean(each, axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "networks", "seen"),
    [
        ({}, 5, 60),
        ({"folds": None}, 4, 12),
        ({"networks": 1}, 1, 12),
        ({"validation": 0.5}, 4, 30),
        ({"folds": 3}, 3, 60),
        ({"folds": 3, "networks": 2}, 6, 60),
        ({"recipe": SMALL}, 1, 12),
    ],
)
def test_the_default_recipe_has_five_folds_unless_something_else_is_asked_for(options, networks, seen):
    x, y, _ = table(60)
    model = TabularClassifier(**{"random_state": 0, "epochs": 2, "progress": False} | options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    assert len(model.networks_) == networks
    assert np.isfinite(model.validation_predictions_[:, 0]).sum() == seen


def test_folds_predict_every_row_by_networks_that_have_not_seen_it():
    x, y, numbers = table()
    model = classifier(folds=4).fit(x, y)
    assert model.validation_predictions_.shape == (200, 2)
    assert np.isfinite(model.validation_predictions_).all()
    error = (model.classes_[model.validation_predictions_.argmax(axis=1)] != y).mean()
    assert model.best_score_ == pytest.approx(error)
    held = TabularRegressor(SMALL, validation=0.3, random_state=0, progress=False).fit(x, numbers)
    assert np.isfinite(held.validation_predictions_).sum() == 60


def test_given_validation_rows_choose_the_epoch():
    x, y, _ = table(300)
    model = classifier(networks=2).fit(x[:200], y[:200], X_val=x[200:], y_val=y[200:])
    assert model.validation_predictions_.shape == (100, 2)
    net, part = model.networks_[0], model._parts[0]
    accuracy = net.evaluate(part.encoder.transform(x[200:]), (y[200:] == "yes").astype(int))["accuracy"]
    assert accuracy == max(net.history.val_accuracy)


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "f1_macro", lambda y, p: -abs(p[:, 0].mean() - 0.5)])
def test_the_metric_chooses_the_best_epoch(metric):
    x, y, _ = table()
    model = classifier(metric=metric).fit(x, y)
    scores = model.networks_[0].history["val_score"]
    best = np.nanmin(scores) if metric == "log_loss" else np.nanmax(scores)
    assert scores[model.best_epochs_[0]] == best


def test_a_metric_of_numbers_sees_them_as_given():
    seen = []

    def metric(y_true, y_pred):
        seen.append((y_true.mean(), y_pred.shape))
        return 0.0

    x, _, y = table()
    regressor(metric=metric).fit(x, y)
    assert all(mean > 900 and shape == (40, 1) for mean, shape in seen)


def test_log_loss_switches_label_smoothing_off_but_not_that_of_a_recipe_of_ones_own():
    x, y, _ = table()
    named = TabularClassifier("realmlp-s", metric="log_loss", epochs=1, progress=False).fit(x, y)
    assert named.networks_[0].loss == "cross_entropy"
    own = classifier(metric="log_loss", epochs=1).fit(x, y)
    assert own.networks_[0].loss.label_smoothing == 0.1


def test_weights_of_rows_and_classes_count():
    x, y, _ = table()
    no = classifier().fit(x, y, sample_weight=np.where(y == "no", 1.0, 1e-3)).predict(x)
    assert (no == "no").mean() > 0.9
    yes = classifier(class_weight={"no": 1e-3, "yes": 1}).fit(x, y).predict(x)
    assert (yes == "yes").mean() > 0.9


def test_clipped_predictions_stay_within_the_training_rows():
    x = np.linspace(-1, 1, 100)[:, None]
    y = 3 * x[:, 0]
    far = np.array([[-50.0], [50.0]])
    clipped = TabularRegressor(RealMLP(hidden=(8,), epochs=20, clip=True), random_state=0, progress=False).fit(x, y)
    assert (abs(clipped.predict(far)) <= 3).all()


def test_a_time_limit_plans_fewer_epochs_which_repeat_the_fit():
    x, y, _ = table(400)
    recipe = RealMLP(hidden=(64, 64), bins=4, epochs=100_000)
    limited = TabularClassifier(recipe, time_limit=1.5, random_state=0, progress=False)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a busy machine may be too slow for more than a few epochs
        limited.fit(x, y)
    assert limited.seconds_ <= time.perf_counter() - start
    assert 1 <= limited.epochs_ < 100_000
    if limited.stopped_by_ == "epochs":
        again = TabularClassifier(recipe, epochs=limited.epochs_, random_state=0, progress=False).fit(x, y)
        np.testing.assert_array_equal(again.predict_proba(x), limited.predict_proba(x))


def test_too_short_a_time_limit_gives_a_warning_and_a_model():
    x, y, _ = table()
    model = TabularClassifier(SMALL, time_limit=1e-3, random_state=0, progress=False)
    with pytest.warns(UserWarning, match=r"time_limit is 0\.001, enough for 1 epoch:"):
        model.fit(x, y)
    assert model.predict(x).shape == (200,)


def test_ctrl_c_keeps_the_best_epochs_so_far():
    x, y, _ = table(400)
    once = threading.Lock()

    def press(epoch, logs):
        if epoch == 3 and once.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGINT)

    model = TabularClassifier(
        RealMLP(hidden=(16,), epochs=100_000), callbacks=[press], networks=2, random_state=0, progress=False
    )
    with pytest.warns(UserWarning, match="fit was interrupted: the estimator has the best epochs so far"):
        model.fit(x, y)
    assert 1 <= len(model.networks_) <= 2
    assert model.predict(x).shape == (400,)
    assert np.isfinite(model.validation_predictions_).all(axis=1).sum() == 80
    assert model.stopped_by_ == "interrupted"


def test_ctrl_c_before_the_first_epoch_leaves_the_estimator_as_it_was():
    x, y, _ = table()
    model = classifier().fit(x, y)
    before = model.predict_proba(x)

    class Press(fc.Callback):
        def on_train_begin(self, logs):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
            raise fc.StopTraining

    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[Press()]).fit(x, y)
    np.testing.assert_array_equal(model.predict_proba(x), before)


def test_callbacks_see_every_network_and_may_stop_it():
    x, y, _ = table()

    def stop(epoch, logs):
        if epoch == 2:
            raise fc.StopTraining

    model = classifier(networks=2, callbacks=[stop]).fit(x, y)
    assert [len(history) for history in model.history_] == [3, 3]
    assert model.stopped_by_ == "callback"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_predict_the_same_bits(copied):
    x, y, _ = table()
    model = classifier(networks=2).fit(x, y)
    np.testing.assert_array_equal(copied(model).predict_proba(x), model.predict_proba(x))


def test_parameters_can_be_read_set_and_shown():
    model = TabularClassifier("realmlp-s", folds=3)
    assert model.get_params()["folds"] == 3
    assert model.set_params(folds="auto", epochs=5) is model
    assert "".join(repr(model).split()) == "TabularClassifier(epochs=5,recipe='realmlp-s')"
    with pytest.raises(ValueError, match="Invalid parameter 'fold' for estimator TabularClassifier"):
        model.set_params(fold=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "real"}, "recipe is 'real': expected one of auto, realmlp, realmlp-s"),
        ({"recipe": 3}, "recipe is 3: expected a name"),
        ({"metric": "rmse"}, "metric is 'rmse': expected one of auto, error, accuracy"),
        ({"validation": 0}, "validation is 0"),
        ({"validation": 1e-5}, "validation is 1e-05, which is no row of 200"),
        ({"folds": 1}, "folds is 1"),
        ({"folds": 201}, "folds is 201"),
        ({"networks": 0}, "networks is 0"),
        ({"time_limit": 0}, "time_limit is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"random_state": "a"}, "random_state is 'a'"),
        ({"progress": "bar"}, "progress is 'bar'"),
    ],
    ids=str,
)
def test_errors_name_the_argument_and_leave_the_estimator_as_it_was(options, message):
    x, y, _ = table()
    model = TabularClassifier(SMALL, random_state=0, progress=False).fit(x, y)
    before = model.predict_proba(x)
    model.set_params(**options)
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(x, y)
    np.testing.assert_array_equal(model.predict_proba(x), before)


def test_errors_of_y():
    x, _, _ = table()
    message = r"Unknown label type: continuous, as y is 0\.5 in row 0: expected labels; for numbers use TabularReg"
    with pytest.raises(ValueError, match=message):
        classifier().fit(x, np.full(200, 0.5))
    with pytest.raises(ValueError, match="y is nan in row 3"):
        classifier().fit(x, np.where(np.arange(200) == 3, np.nan, 1.0))
    with pytest.raises(ValueError, match=r"y has shape \(199,\)"):
        classifier().fit(x, np.zeros(199, int))
    with pytest.raises(ValueError, match="only one of X_val and y_val is given"):
        classifier().fit(x, np.zeros(200, int), X_val=x)


def test_it_says_what_is_missing_before_fit():
    with pytest.raises(Exception, match=r"call fit\(X, y\) first"):
        classifier().predict([[1.0]])


@pytest.mark.parametrize("count", [1, 199, 201])
def test_as_many_labels_as_rows_are_expected(count):
    x, y, _ = table()
    wrong = np.resize(y, count)
    for labels in (wrong, wrong.tolist(), wrong == "yes"):
        with pytest.raises(ValueError, match=rf"^y has shape \({count},\): expected \(200,\), .* each row of X$"):
            classifier(epochs=1).fit(x, labels)
    with pytest.raises(ValueError, match=rf"^y_val has shape \({count},\): expected \(200,\), .* each row of X_val$"):
        classifier(epochs=1).fit(x, y, X_val=x, y_val=wrong)
    model = classifier(epochs=1).fit(x, y)
    for judge in (model.score, model.permutation_importance):
        with pytest.raises(ValueError, match=rf"^y has shape \({count},\): expected \(200,\), a label for each row"):
            judge(x, wrong)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_whose_mean_or_deviation_overflows_are_refused(dtype):
    x, _, y = table()
    expected = ".*: expected a finite mean and std, divide y by a constant$"
    for wrong, message in (
        (np.resize([0, 1e200], 200), r"^y has numbers up to 1e\+200, a mean of .*e\+199 and a std of inf"),
        (np.full(200, 1.7e308), r"^y has numbers up to 1.7e\+308, a mean of inf"),
        (np.column_stack([y, y * 1e200]), r"^y has numbers up to .* in column 1, .* a std of inf"),
    ):
        with pytest.raises(ValueError, match=message + expected):
            regressor(dtype=dtype, epochs=1).fit(x, wrong)


@pytest.mark.filterwarnings("error")
def test_numbers_that_overflow_by_the_training_rows_scale_are_refused():
    x, _, y = table()
    with pytest.raises(ValueError, match=r"^y_val has 1e\+60, but the training rows .* finite in float32$"):
        regressor(epochs=1).fit(x, y, X_val=x, y_val=np.full(200, 1e60))
    with pytest.raises(ValueError, match=r"^y has 1e\+60, but the training rows a mean of 0 and a std of 1: "):
        regressor(epochs=1, folds=200).fit(x, np.where(np.arange(200) == 7, 1e60, 0))


def test_numbers_far_beyond_float32_are_learnt_by_their_scale():
    x, _, y = table()
    one, other = regressor(epochs=2).fit(x, y), regressor(epochs=2).fit(x, y * 2.0**300)
    np.testing.assert_array_equal(other.predict(x), one.predict(x) * 2.0**300)


def test_at_most_as_many_folds_as_rows_with_others_of_their_class():
    x = np.arange(16.0).reshape(8, 2)
    y = [0, 0, 0, 1, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="^folds is 6: expected from 2 to 5, as other rows are alone in their class$"):
        classifier(folds=6).fit(x, y)
    assert len(classifier(folds=5, epochs=1).fit(x, y).networks_) == 5
    with pytest.raises(ValueError, match="^folds is 2, but every row is alone in its class: expected None, X_val and"):
        classifier(folds=2).fit(x[:4], [0, 1, 2, 3])
    with pytest.raises(ValueError, match="^every row of y is alone in its class: expected several of a class, or"):
        TabularClassifier().fit(x[:4], [0, 1, 2, 3])
    automatic = TabularClassifier(epochs=1, progress=False).fit(x[:4], [0, 0, 1, 2])
    assert len(automatic.networks_) == 2


@pytest.mark.parametrize("given", [3, 0, print, "lines", [3], [fc.Callback]])
def test_callbacks_that_are_none_are_refused_by_their_name(given):
    x, y, numbers = table(40)
    for model, target in ((classifier(callbacks=given), y), (regressor(callbacks=given), numbers)):
        with pytest.raises(TypeError, match="^callbacks (is|has) .*: expected (an|a list of) fcnet.Callback"):
            model.fit(x, target)


@pytest.mark.parametrize("recipe", [SMALL, "tabm-mini"])
def test_probabilities_add_up_to_one_in_float64(recipe):
    x, y, numbers = table()
    y = np.where(numbers > 1100, "high", y)
    model = TabularClassifier(recipe, epochs=3, networks=2, random_state=0, progress=False).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1, rtol=1e-15, atol=0)
    seen = np.isfinite(model.validation_predictions_[:, 0])
    np.testing.assert_allclose(model.validation_predictions_[seen].sum(axis=1), 1, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recipe": "tabm-mini"},
        {"metric": "log_loss"},
        {"metric": "roc_auc"},
        {"metric": lambda y, p: float((y == p.argmax(axis=1)).mean())},
        {"class_weight": "balanced"},
        {"class_weight": {"a": 2}},
        {"folds": 3},
        {"calibrate": True},
    ],
)
@pytest.mark.filterwarnings("ignore:calibrate is True")
def test_a_class_that_is_the_only_one_is_certain(options, tmp_path):
    x, _, _ = table(60)
    given = {"recipe": SMALL, "epochs": 3, "random_state": 0, "progress": False} | options
    model = TabularClassifier(**given).fit(x, ["a"] * 60)
    assert model.classes_.tolist() == ["a"]
    assert (model.predict(x) == "a").all()
    np.testing.assert_array_equal(model.predict_proba(x), np.ones((60, 1)))
    assert model.score(x, ["a"] * 60) == 1
    best = {"log_loss": 0, "roc_auc": np.nan}.get(options.get("metric"), 1 if "metric" in options else 0)
    np.testing.assert_allclose(model.best_score_, best, atol=1e-12)
    assert (model.permutation_importance(x, ["a"] * 60, repeats=1).importances == 0).all()
    if "recipe" not in options:
        assert (model.explain_row(x[:1]).contributions == 0).all()
    if "metric" not in options or isinstance(options["metric"], str):
        model.save(tmp_path / "m.safetensors")
        np.testing.assert_array_equal(fc.load(tmp_path / "m.safetensors").predict_proba(x), np.ones((60, 1)))


def test_numbers_that_are_none_are_refused_by_their_row():
    x, text, y = table()
    gap, both = np.where(np.arange(200) == 3, np.nan, y), np.column_stack([y, y])
    both[5, 1] = np.nan
    for wrong, message in (
        (gap, "y is NaN, a gap, in row 3: expected a finite number for every row, drop rows without one"),
        ([None, *y[1:]], "y is NaN, a gap, in row 0: "),
        (both, "y is NaN, a gap, in row 5, column 1: "),
        (np.where(np.arange(200) == 4, -np.inf, y), "y is -inf in row 4: "),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            regressor().fit(x, wrong)
    model = regressor(epochs=1).fit(x, y)
    with pytest.raises(ValueError, match="^y is NaN, a gap, in row 3: "):
        model.score(x, gap)
    with pytest.raises(ValueError, match="^y_val is NaN, a gap, in row 3: "):
        regressor().fit(x, y, X_val=x, y_val=gap)
    for wrong in (text, text.astype(object)):
        with pytest.raises(TypeError, match=f"^y holds text, such as '{text[0]}': .* use TabularClassifier$"):
            regressor().fit(x, wrong)


def test_text_that_differs_in_most_rows_gets_a_warning_that_names_it():
    x, y, _ = table()
    with_names = np.column_stack([x, [f"name {i}" for i in range(200)], [f"2026-01-{i % 120}" for i in range(200)]])
    with pytest.warns(UserWarning, match="^X has text that differs in most rows, .* in the columns 3, 4: drop them"):
        classifier(epochs=1).fit(with_names, y)
    frame = Named(with_names, ["a", "b", "c", "name", "day"])
    with pytest.warns(UserWarning, match="in the columns 'name', 'day': drop them, make .* categorical_features$"):
        classifier(epochs=1).fit(frame, y)
    with pytest.warns(UserWarning, match="in the columns 'day': "):
        classifier(epochs=1, categorical_features=["name"]).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(epochs=1, categorical_features=["name", "day"]).fit(frame, y)
        classifier(epochs=1).fit(x, y).predict(x)
