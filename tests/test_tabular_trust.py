"""Calibrated probabilities and prediction intervals of the tabular estimators."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet import metrics
from fcnet._saving import safetensors
from fcnet.tabular import RealMLP, TabularClassifier, TabularRegressor
from fcnet.tabular.intervals import half_widths
from fcnet.tabular.temperature import at_temperature, temperature_of

from interop import library

pytestmark = pytest.mark.once
SMALL = RealMLP(hidden=(16,), epochs=20, batch_size=32)
OLD = Path(__file__).parent / "golden" / "tabular"


def noisy(n, seed=0, columns=2):
    """Classes that depend on the first two numbers and on chance."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, columns))
    p = 1 / (1 + np.exp(-3 * x[:, 0] * x[:, 1]))
    return x, np.where(random.random(n) < p, "yes", "no")


def scattered(n, seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(-2, 2, (n, 2))
    return x, x[:, 0] ** 2 + x[:, 1] + random.standard_exponential(n)


def too_sure(n=400, classes=3, temperature=2.5, seed=0):
    """Probabilities whose logarithms are larger than true ones by a factor, and classes drawn by the true ones."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((n, classes)) * 2
    true = at_temperature(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), 1)
    y = (true.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)
    return at_temperature(true, 1 / temperature), y


def loss_at(p, y, temperature, weights=None):
    return metrics.log_loss(y, at_temperature(p, temperature), sample_weight=weights)


@pytest.mark.parametrize("true", [0.3, 1.0, 2.5, 10.0])
def test_the_temperature_of_probabilities_that_are_too_sure_is_found(true):
    p, y = too_sure(n=20_000, temperature=true)
    assert temperature_of(p, y, None) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 5])
def test_no_other_temperature_has_a_lower_log_loss(classes, weighted):
    p, y = too_sure(classes=classes)
    weights = np.random.default_rng(1).integers(0, 3, len(y)) if weighted else None
    best = temperature_of(p, y, weights)
    for factor in (0.5, 0.999, 1.001, 2):
        assert loss_at(p, y, best, weights) < loss_at(p, y, best * factor, weights)
    if weighted:
        repeated = np.repeat(np.arange(len(y)), weights)
        assert temperature_of(p[repeated], y[repeated], None) == pytest.approx(best, rel=1e-9)


@pytest.mark.interop
def test_the_temperature_is_that_of_scipy_and_of_scikit_learn():
    minimize, calibration = library("scipy.optimize").minimize_scalar, library("sklearn.calibration")
    for classes in (2, 3, 10):
        p, y = too_sure(classes=classes, seed=classes)
        found = minimize(lambda log, p=p, y=y: loss_at(p, y, math.exp(log)), bounds=(-5, 5), options={"xatol": 1e-10})
        assert math.log(temperature_of(p, y, None)) == pytest.approx(found.x, abs=1e-6)
        theirs = calibration._TemperatureScaling().fit(np.log(p), y.astype(float))
        assert temperature_of(p, y, None) == pytest.approx(1 / float(theirs.beta_), rel=1e-6)
        np.testing.assert_allclose(at_temperature(p, temperature_of(p, y, None)), theirs.predict(np.log(p)), rtol=1e-5)


def test_probabilities_of_0_and_1_have_a_temperature():
    p, y = np.eye(2)[[0, 1, 1, 0, 1]], np.array([0, 1, 1, 0, 0])
    assert 1 < temperature_of(p, y, None) < 1e3
    assert (at_temperature(p, 50.0)[:, 0] > 0).all()


def test_where_none_is_best_there_is_no_temperature():
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert temperature_of(p, np.array([0, 1]), None) is None
    assert temperature_of(p, np.array([1, 0]), None) is None
    assert temperature_of(p, np.array([0, 0]), np.array([1, 0])) is None


@pytest.mark.parametrize(
    ("smoothing", "epochs", "columns", "options"),
    [(0.5, 20, 2, {}), (0.5, 20, 2, {"folds": 3}), (0.0, 100, 6, {})],
    ids=["smoothed", "smoothed, folds", "too sure"],
)
def test_calibration_lowers_the_log_loss_of_new_rows_and_keeps_the_classes(smoothing, epochs, columns, options):
    x, y = noisy(1000, 0, columns)
    recipe = RealMLP(hidden=(64, 64), epochs=epochs, batch_size=32, label_smoothing=smoothing)
    plain = TabularClassifier(recipe, random_state=0, **options).fit(x, y)
    model = TabularClassifier(recipe, random_state=0, calibrate=True, **options).fit(x, y)
    seen, numbers = plain.validation_predictions_, (y == "yes").astype(int)
    known = ~np.isnan(seen[:, 0])
    assert plain.temperature_ == 1
    assert model.temperature_ == temperature_of(seen[known], numbers[known], None)
    assert (model.temperature_ < 1) == (smoothing > 0)
    np.testing.assert_array_equal(model.validation_predictions_, seen)
    x, y = noisy(2000, 1, columns)
    truth, p = (y == "yes").astype(int), model.predict_proba(x)
    assert metrics.log_loss(truth, p) < metrics.log_loss(truth, plain.predict_proba(x)) - 0.005
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_calibration_weighs_rows_and_takes_validation_rows_of_ones_own():
    x, y = noisy(300)
    numbers, weights = (y == "yes").astype(int), np.random.default_rng(2).random(300)
    model = TabularClassifier(SMALL, random_state=0, calibrate=True).fit(x, y, weights)
    seen = model.validation_predictions_
    known = ~np.isnan(seen[:, 0])
    of_rows = weights[known].astype(np.float32)
    assert model.temperature_ == temperature_of(seen[known], numbers[known], of_rows)
    model.fit(x[:200], y[:200], X_val=x[200:], y_val=y[200:])
    assert model.temperature_ == temperature_of(model.validation_predictions_, numbers[200:], None)


def test_calibration_says_where_it_cannot_be():
    x = np.linspace(-1, 1, 60)[:, None]
    model = TabularClassifier(SMALL, epochs=60, random_state=0, calibrate=True)
    with pytest.warns(UserWarning, match="calibrate is True, but the 12 validation rows are predicted all right"):
        model.fit(x, x[:, 0] > 0)
    assert model.temperature_ == 1
    with pytest.raises(TypeError, match="calibrate is 'temperature': expected True or False"):
        TabularClassifier(SMALL, calibrate="temperature").fit(x, x[:, 0] > 0)


def test_half_the_width_is_the_quantile_of_a_finite_sample():
    errors = np.arange(1.0, 10.0)[:, None]
    assert half_widths(errors, 0.9).tolist() == [9]  # ceil(10 * 0.9) = 9, without the rounding error of 0.9
    assert half_widths(errors, 0.8).tolist() == [8]
    assert half_widths(errors, 0.81).tolist() == [9]
    assert half_widths(errors, 0.001).tolist() == [1]
    for m in range(1, 200):  # coverage k / (m + 1) takes the k-th
        errors = np.arange(1.0, m + 1)[:, None]
        assert [half_widths(errors, k / (m + 1))[0] for k in range(1, m + 1)] == list(range(1, m + 1))


@pytest.mark.parametrize(
    ("coverage", "error", "message"),
    [
        (0.91, ValueError, "coverage is 0.91, which needs 11 validation rows, but the fit had 9: expected at most 0.9"),
        (0, ValueError, "coverage is 0: expected a number above 0 and below 1"),
        (1.0, ValueError, "coverage is 1.0: expected a number above 0 and below 1"),
        ("0.9", TypeError, "coverage is '0.9': expected a number"),
    ],
)
def test_a_coverage_that_the_rows_cannot_give_is_refused(coverage, error, message):
    with pytest.raises(error, match=message):
        half_widths(np.arange(9.0)[:, None], coverage)


def test_the_share_of_random_errors_within_is_the_coverage():
    """Over many sets of validation rows, a new row is covered by ceil((m + 1) coverage) / (m + 1) on average."""
    random = np.random.default_rng(0)
    errors = np.sort(np.abs(random.standard_cauchy((20_000, 19))), axis=1)
    new = np.abs(random.standard_cauchy(20_000))
    for coverage, expected in ((0.5, 0.5), (0.9, 0.9), (0.93, 0.95)):
        ends = np.array([half_widths(row[:, None], coverage)[0] for row in errors])
        assert np.mean(new <= ends) == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 20_000) ** 0.5)


@pytest.mark.parametrize("options", [{}, {"folds": 4}, {"validation": 0.4}], ids=["held back", "folds", "more"])
def test_intervals_cover_new_rows(options):
    x, y = scattered(800)
    model = TabularRegressor(SMALL, random_state=0, **options).fit(x, y)
    m = int((~np.isnan(model.validation_predictions_)).sum())
    x, y = scattered(4000, seed=1)
    for coverage in (0.5, 0.9, 0.95):
        ends = model.predict_interval(x, coverage)
        assert ends.shape == (4000, 2)
        np.testing.assert_allclose(ends.mean(axis=1), model.predict(x))
        share = np.mean((ends[:, 0] <= y) & (y <= ends[:, 1]))
        # of m validation rows and of 4000 new ones; the best epoch was chosen on the former
        spread = (coverage * (1 - coverage) * (1 / m + 1 / 4000)) ** 0.5
        assert abs(share - coverage) < 3 * spread + 0.01
    np.testing.assert_array_equal(model.predict_interval(x), model.predict_interval(x, 0.9))


def test_columns_of_y_have_intervals_of_their_own():
    x, y = scattered(300)
    both = np.column_stack([y, 100 * y])
    model = TabularRegressor(SMALL, random_state=0).fit(x, both)
    ends = model.predict_interval(x)
    assert ends.shape == (300, 2, 2)
    wide = ends[..., 1] - ends[..., 0]
    np.testing.assert_allclose(wide[:, 1], 100 * wide[:, 0], rtol=0.5)


def test_intervals_need_a_fit_and_enough_validation_rows():
    with pytest.raises(ValueError, match=r"call fit\(X, y\) first"):
        TabularRegressor().predict_interval([[1.0]])
    x, y = scattered(40)
    model = TabularRegressor(SMALL, random_state=0).fit(x, y)
    with pytest.raises(ValueError, match="coverage is 0.95, which needs 19 validation rows, but the fit had 8"):
        model.predict_interval(x, 0.95)


def version(path):
    return safetensors.read(path)[1]["version"]


def test_files_keep_the_temperature_and_the_errors(tmp_path):
    path = tmp_path / "model.safetensors"
    x, y = noisy(200)
    model = TabularClassifier(SMALL, random_state=0, calibrate=True).fit(x, y)
    model.save(path)
    again = fc.load(path)
    assert (again.temperature_, again.calibrate, version(path)) == (model.temperature_, True, "2")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    x, y = scattered(200)
    regressor = TabularRegressor(SMALL, random_state=0).fit(x, y)
    regressor.save(path)
    assert version(path) == "2"
    np.testing.assert_array_equal(fc.load(path).predict_interval(x), regressor.predict_interval(x))
    fc.load(path).save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_files_without_them_have_the_version_that_older_versions_read(tmp_path):
    path = tmp_path / "model.safetensors"
    TabularClassifier(SMALL, random_state=0).fit(*noisy(100)).save(path)
    assert version(path) == "1"
    assert fc.load(path).temperature_ == 1
    assert b"calibrate" not in path.read_bytes()


def test_files_of_before_load_and_say_that_they_have_no_errors(tmp_path):
    x, _ = scattered(5)
    with np.load(OLD / "expected.npz") as expected:
        for name in ("classes", "numbers"):
            model = fc.load(OLD / f"{name}.safetensors")
            np.testing.assert_allclose(
                model.predict(x) if name == "numbers" else model.predict_proba(x), expected[name], rtol=1e-4
            )
    with pytest.raises(ValueError, match="from a file without errors of validation rows: expected a new fit"):
        model.predict_interval(x)
    model.save(tmp_path / "again")
    assert version(tmp_path / "again") == "1"


DAMAGED = {
    "no temperature": ("temperature", np.zeros(1)),
    "NaN": ("temperature", np.array([np.nan])),
    "two temperatures": ("temperature", np.ones(2)),
    "float32": ("temperature", np.ones(1, np.float32)),
    "errors of a classifier": ("errors", np.ones((3, 1))),
}
DAMAGED_ERRORS = {
    "unsorted": np.array([[2.0], [1.0]]),
    "below 0": np.array([[-1.0], [1.0]]),
    "infinite": np.array([[1.0], [np.inf]]),
    "none": np.empty((0, 1)),
    "of other outputs": np.ones((3, 2)),
    "float32": np.ones((3, 1), np.float32),
}


def rewritten(path, **arrays):
    tensors, metadata = safetensors.read(path)
    with open(path, "wb") as file:
        safetensors.write(file, tensors | arrays, metadata)


def test_damaged_temperatures_and_errors_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    model = TabularClassifier(SMALL, random_state=0, calibrate=True).fit(*noisy(200))
    for name, array in DAMAGED.values():
        model.save(path)
        rewritten(path, **{name: array})
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            fc.load(path)
    regressor = TabularRegressor(SMALL, random_state=0).fit(*scattered(200))
    for array in DAMAGED_ERRORS.values():
        regressor.save(path)
        rewritten(path, errors=array)
        with pytest.raises(ValueError, match="its errors are"):
            fc.load(path)


def test_what_pickles_of_before_lack_is_as_without_calibration():
    x, y = noisy(100)
    model = TabularClassifier(SMALL, random_state=0).fit(x, y)
    before = model.predict_proba(x)
    del model.temperature_
    np.testing.assert_array_equal(model.predict_proba(x), before)
