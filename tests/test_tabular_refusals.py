"""Tables that do not fit are refused with what was found, what is expected, and advice."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pytest

from fcnet.tabular import ColumnEncoder, Encoding, TabularClassifier, TabularRegressor

from columns_of_tables import NEW, column, fitted, named, objects
from interop import library
from tables import Named

pytestmark = pytest.mark.once


class Sparse:
    def toarray(self): ...


DAY = datetime.date(2026, 1, 31)
REFUSED = {
    "dates": (
        np.array([["2026-01-31"]], "M8[D]"),
        r"has the column 0 of dates \(datetime64\[D\]\): .*subtract a date.*",
    ),
    "Python's dates": ([[DAY]], r"0 with datetime.date\(2026, 1, 31\), a date, in row 0: .*subtract a date.* weekday"),
    "durations": (np.array([[7]], "m8[D]"), "of durations .*: expected numbers or categories, divide by a unit"),
    "Python's durations": ([[DAY - DAY]], "a timedelta, in row 0: .*divide by a unit"),
    "bytes": (np.array([[b"a"]]), "of bytes .*: expected numbers or text, decode it"),
    "bytes as objects": ([[b"a", None]], "b'a', a bytes, in row 0: .*decode it"),
    "complex": (np.array([[1j]]), "0 of dtype complex128: expected numbers or text"),
    "lists": (np.array([[None], [[1]]], object), r"0 with \[1\], a list, in row 1: expected numbers, text or truths"),
    "mixed": (
        [[0, 1.5], [0, "a"], [0, None]],
        "1 with text, such as 'a' in row 1, and numbers, such as 1.5 in row 0: ",
    ),
    "masked": (np.ma.masked_array([[1]]), "X is a masked array"),
    "sparse": (Sparse(), r"X is a sparse Sparse: expected a dense array, use X.toarray\(\)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_neither_number_nor_category_is_refused_with_advice(what):
    table, message = REFUSED[what]
    with pytest.raises(TypeError, match=message):
        ColumnEncoder.fit(table)


MISSHAPEN = {
    "one row": (
        [1, 2],
        r"X has shape \(2,\): Reshape your data, expected \(n_samples, n_columns\), for one row use \[X\]",
    ),
    "three dimensions": (
        np.zeros((1, 2, 3)),
        r"X has shape \(1, 2, 3\): Reshape your data, expected \(n_samples, n_columns\)$",
    ),
    "ragged": ([[1], [2, 3]], "X is not a rectangular array"),
    "dicts": ([{"a": 1}], r"use pandas.DataFrame\(X\)"),
    "records": (np.zeros(2, [("a", int)]), r"use pandas.DataFrame\(X\)"),
    "no columns": (np.zeros((2, 0)), r"X has 0 feature\(s\)"),
    "no rows": (np.zeros((0, 2)), "X has no rows: expected at least one"),
    "infinite": ([[1.0, 2.0], [3.0, -np.inf]], "X contains -inf in row 1, column 1: expected finite numbers, or NaN"),
    "infinite in float16": (np.array([[np.nan], [np.inf]], np.float16), "X contains inf in row 1, column 0: "),
    "too large": (column([2, 10**301]), "X contains 1e\\+301 in row 1, column 0: .*, at most 1e\\+300 in size"),
    "an infinite object": (column([None, Decimal("Infinity")]), "X contains inf in row 1, column 0"),
}


@pytest.mark.parametrize("what", MISSHAPEN)
def test_other_shapes_and_infinite_numbers_are_refused(what):
    table, message = MISSHAPEN[what]
    with pytest.raises(ValueError, match=message):
        ColumnEncoder.fit(table)


def test_an_infinite_number_is_refused_by_its_columns_name_when_predicting():
    later = NEW | {"rooms": [1, np.inf]}
    with pytest.raises(ValueError, match="X contains inf in row 1, column 'rooms': expected finite"):
        fitted().transform(named(later))
    with pytest.raises(ValueError, match="X contains inf in row 70000, column 1"):
        ColumnEncoder.fit(np.eye(2)).transform(np.where(np.arange(100_000)[:, None] == [-1, 70_000], np.inf, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": ["old", None]}, "X has the column 'age' of text, such as 'old': expected numbers, as in the fit"),
        ({"city": [1, 2]}, "X has the column 'city' of numbers: expected text, as in the fit"),
        ({"code": ["3", "7"]}, "X has the column 'code' of text: expected numbers, as in the fit"),
        ({"member": ["yes", "no"]}, "X has the column 'member' of text: expected numbers, as in the fit"),
        (
            {"city": [1, "Rome"]},
            "X has the column 'city' with text, such as 'Rome' in row 1, and numbers, such as 1 in",
        ),
        ({"age": [DAY, None]}, "X has the column 'age' with .*subtract a date"),
    ],
)
def test_text_for_numbers_and_numbers_for_text_are_refused(change, message):
    columns = fitted(categorical_features=["code"])
    with pytest.raises(TypeError, match=message):
        columns.transform(named(NEW | change))
    gaps = {name: [None, None] for name in change}
    assert columns.transform(named(NEW | gaps)).shape[0] == 2


def test_other_columns_are_refused_as_by_a_network():
    columns = fitted()
    backwards = dict(reversed(NEW.items()))
    with pytest.raises(ValueError, match="X has its columns in another order, 'always' as column 0 instead of 'age'"):
        columns.transform(named(backwards))
    with pytest.raises(ValueError, match="table lacks the columns 'city': expected those of the first fit"):
        columns.transform(named({name: NEW[name] for name in NEW if name != "city"}), name="table")
    with pytest.raises(ValueError, match="X has the unknown columns 'id'"):
        columns.transform(named(NEW | {"id": [1, 2]}))
    with pytest.raises(ValueError, match=r"X has 8 columns, but the fit had 9: expected \(n_samples, 9\)"):
        columns.transform(objects(NEW)[:, 1:])
    np.testing.assert_array_equal(columns.transform(objects(NEW)), columns.transform(named(NEW)))
    np.testing.assert_array_equal(fitted(make=objects).transform(named(NEW)), columns.transform(named(NEW)))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("city", TypeError, "categorical_features is 'city': expected \"auto\", or a list of names"),
        (3, TypeError, "categorical_features is 3: expected"),
        ([["city"]], TypeError, "expected .*a list of names"),
        (["citi"], ValueError, "categorical_features has 'citi': expected names of columns; did you mean 'city'"),
        ([9], ValueError, "categorical_features has the place 9: expected 0 <= place < 9"),
        ([-1], ValueError, "categorical_features has the place -1: expected 0 <= place < 9"),
        ([True, False], ValueError, "categorical_features is a mask of 2: expected one for 9 columns"),
    ],
)
def test_other_categorical_features_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        fitted(categorical_features=given)
    if given == ["citi"]:
        with pytest.raises(ValueError, match="places of columns, as the table has no names"):
            fitted(make=objects, categorical_features=given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "rows has shape .* at least one row"),
        ([0.5], "rows has .* dtype float64: expected whole numbers or a mask"),
        ([0, 10], "rows has 0 to 10: expected 0 <= row < 10"),
        ([-1, 3], "rows has -1 to 3"),
        ([True], r"rows is a mask of shape \(1,\): expected \(10,\)"),
        ([False] * 10, "at least one row"),
    ],
)
def test_other_training_rows_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        fitted(rows=given)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"numbers": "quantile"}, ValueError, "numbers is 'quantile': expected one of robust, normal"),
        ({"one_hot": -1}, ValueError, "one_hot is -1: expected at least 0"),
        ({"one_hot": 1.5}, TypeError, "one_hot is 1.5: expected a whole number"),
        ({"signs": 1}, TypeError, "signs is 1: expected True or False"),
        ({"bins": None}, TypeError, "bins is None"),
        ({"noise": 2}, ValueError, "noise is 2: expected a number from 0 to 1"),
        ({"bin": 2}, TypeError, r"Encoding\(\) has no argument 'bin'; did you mean bins\?"),
    ],
)
def test_other_encodings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Encoding(**options)
    with pytest.raises(TypeError, match="encoding is 'robust': expected fcnet.tabular.Encoding"):
        fitted("robust")


def test_another_type_of_inputs_is_refused():
    with pytest.raises(TypeError, match="dtype is float16: expected float32 or float64"):
        fitted().transform(named(NEW), np.float16)


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"X has the column 'b' twice: expected names that differ"):
        ColumnEncoder.fit(Named(np.eye(3), ["a", "b", "b"]))
    y = np.arange(20) % 2
    for kind in (TabularClassifier, TabularRegressor):
        with pytest.raises(ValueError, match=r"X has the column 'a' twice"):
            kind(epochs=1).fit(Named(np.ones((20, 3)), ["a", "b", "a"]), y)


@pytest.mark.interop
def test_two_columns_of_one_name_of_pandas_are_refused():
    frame = library("pandas").DataFrame({"population": [1.0, 2.0], "households": [3.0, 4.0]})
    with pytest.raises(ValueError, match=r"X has the column 'population' twice"):
        ColumnEncoder.fit(frame.rename(columns={"households": "population"}))


@pytest.mark.interop
def test_dates_and_intervals_of_pandas_are_refused_with_advice():
    pd = library("pandas")
    days = pd.date_range("2026-01-31", periods=2)
    for column_, message in {
        "days": (days, "'day' of dates .*: expected numbers or categories, subtract a date"),
        "zones": (days.tz_localize("Europe/Berlin"), "'day' with .*Timestamp.*, a Timestamp, in row 0: .*subtract"),
        "months": (days.to_period("M"), "'day' with .*, a Period, in row 0: .*month and weekday"),
        "durations": (days - days[0], "'day' of durations"),
        "categories": (pd.Series(days).astype("category"), "'day' with Timestamp.*, a Timestamp: .*subtract a date"),
        "intervals": (pd.cut([1, 2], 2), "'day' with Interval.*, a Interval: .*astype"),
    }.values():
        with pytest.raises(TypeError, match=f"X has the column {message}"):
            ColumnEncoder.fit(pd.DataFrame({"day": column_}))
    frame = pd.DataFrame({"day": [pd.NaT, None]})
    assert ColumnEncoder.fit(frame.astype(object)).columns[0].gaps == 2


@pytest.mark.interop
def test_dates_of_polars_and_arrow_are_refused_with_advice():
    for frame in (library("polars").DataFrame({"day": [DAY]}), library("pyarrow").table({"day": [DAY]})):
        with pytest.raises(TypeError, match="X has the column 'day' of dates .*subtract a date"):
            ColumnEncoder.fit(frame)
    pl = library("polars")
    for kind, found in (
        (pl.Array(pl.Float64, 2), r"of arrays of shape \(2,\)"),
        (pl.List(pl.Float64), "with .*ndarray"),
    ):
        with pytest.raises(TypeError, match=f"X has the column 'a' {found}.*: expected numbers"):
            ColumnEncoder.fit(pl.DataFrame({"a": [[1.0, 2.0]]}, schema={"a": kind}))
    with pytest.raises(TypeError, match="X is a LazyFrame: expected a table in memory"):
        ColumnEncoder.fit(library("polars").DataFrame({"a": [1]}).lazy())


def test_columns_that_are_missing_or_unknown_are_named_everywhere():
    random = np.random.default_rng(0)
    x, y = {name: random.standard_normal(40).tolist() for name in "abc"}, random.standard_normal(40)
    small = {"epochs": 2, "networks": 1, "random_state": 0, "progress": False}
    model = TabularRegressor(**small).fit(named(x), y)
    classifier = TabularClassifier(**small).fit(named(x), y > 0)
    less = named({"a": x["a"]})
    for call in (
        lambda table: model.predict(table),
        lambda table: model.predict_interval(table, 0.5),
        lambda table: model.score(table, y),
        lambda table: model.permutation_importance(table, y),
        lambda table: classifier.predict(table),
        lambda table: classifier.predict_proba(table),
        lambda table: classifier.score(table, y > 0),
    ):
        with pytest.raises(ValueError, match="^X lacks the columns 'b', 'c': expected those of the first fit"):
            call(less)
        with pytest.raises(ValueError, match="^X has the unknown columns 'd': expected those of the first fit"):
            call(named(x | {"d": x["a"]}))
        with pytest.raises(ValueError, match="^X has 1 features, but Tabular(Regressor|Classifier) is expecting 3"):
            call(np.zeros((40, 1)))
    with pytest.raises(ValueError, match="^X_val lacks the columns 'b', 'c'"):
        TabularRegressor(**small).fit(named(x), y, X_val=less, y_val=y)
    with pytest.raises(ValueError, match="^row lacks the columns 'b', 'c'"):
        model.explain_row({"a": 1.0})
