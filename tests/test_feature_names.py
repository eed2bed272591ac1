"""A network knows the columns of the table that it was fitted on, and refuses others by their names."""

from __future__ import annotations

import copy
import datetime
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import feature_names, tables

from interop import library
from tables import NAMES, K, M, N, Named, columns_of, fitted, pandas_frame, problem, same

pytestmark = pytest.mark.once

OTHER_COLUMNS = {
    "order": (
        ("age", "weight", "height", "income"),
        r"has its columns in another order, 'weight' as column 1 instead of 'height'.*, use .*[(\[]list\(net\.feature_",
    ),
    "missing": (("age", "height", "weight"), "x lacks the columns 'income': expected those of the first fit"),
    "extra": ((*NAMES, "id"), r"x has the unknown columns 'id': .*, use .*[(\[]list"),
    "renamed": (("Age", *NAMES[1:]), "x lacks the columns 'age' and has the unknown columns 'Age'"),
    "many": (tuple("abcdefgh"), "has the unknown columns 'a', 'b', 'c', 'd', 'e' and 3 more"),
}


@pytest.mark.parametrize("method", ["predict", "evaluate", "gradients", "fit", "validation"])
@pytest.mark.parametrize("other", OTHER_COLUMNS)
def test_other_columns_than_those_fitted_are_refused_by_name(table, other, method):
    x, y = problem()
    given = table(columns_of(x))
    net = fitted(given, y)
    before = copy.deepcopy(net)
    names, message = OTHER_COLUMNS[other]
    wrong = table(columns_of(np.hstack([x, x]), names))
    calls = {"predict": lambda: net.predict(wrong), "validation": lambda: net.fit(x, y, validation_data=(wrong, y))}
    with pytest.raises(ValueError, match=message.removeprefix("x ")):
        calls.get(method, lambda: getattr(net, method)(wrong, y))()
    assert same(net, before)
    assert net.feature_names == NAMES


@pytest.mark.interop
def test_names_given_twice_are_compared_too():
    x, y = problem()
    frame = pandas_frame(columns_of(x))
    net = fitted(frame, y)
    with pytest.raises(ValueError, match="has 5 columns, some with the same name, but the network takes 4"):
        net.predict(frame[[*NAMES, "age"]])


def test_the_first_table_gives_the_names_and_arrays_are_taken_as_they_are(table):
    x, y = problem()
    net = fitted(x, y)
    assert net.feature_names is None
    net.predict(table(columns_of(x, "abcd")))  # nothing to compare with yet
    net.fit(table(columns_of(x)), y, epochs=1)
    assert net.feature_names == NAMES
    net.fit(x, y, epochs=1, validation_data=(table(columns_of(x)), y))
    net.predict(x)
    assert net.feature_names == NAMES


def test_a_validation_table_is_compared_with_that_of_the_same_fit(table):
    x, y = problem()
    net = fc.Network([K, M], seed=0)
    with pytest.raises(ValueError, match=r"validation_data\[0\] lacks the columns 'age'"):
        net.fit(table(columns_of(x)), y, validation_data=(table(columns_of(x, ("Age", *NAMES[1:]))), y))
    assert net.feature_names is None


def test_a_fit_that_is_refused_leaves_no_names(table):
    x, y = problem()
    net = fc.Network([K, M], seed=0)
    for wrong in ({"epochs": -1}, {"validation_split": 0.001}, {"schedule": 3}):
        with pytest.raises((ValueError, TypeError)):
            net.fit(table(columns_of(x)), y, **wrong)
        assert net.feature_names is None


@pytest.mark.parametrize("way", ["itself", "pickle", "file"])
def test_columns_that_are_no_texts_are_known_and_other_orders_refused(way, tmp_path):
    x, y = problem()
    names = (2020, "age", ("high", 1), True)
    net = fitted(Named(x, names), y)
    net.save(tmp_path / "net")
    again = {"itself": net, "pickle": pickle.loads(pickle.dumps(net)), "file": fc.load(tmp_path / "net")}[way]
    assert again.feature_names == names
    assert [type(name) for name in again.feature_names] == [int, str, tuple, bool]
    np.testing.assert_array_equal(again.predict(Named(x, names)), again.predict(x))
    with pytest.raises(ValueError, match="x has its columns in another order, True as column 0 instead of 2020"):
        again.predict(Named(x, names[::-1]))


EQUAL = {
    "whole floats": ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0], True),
    "NumPy's numbers": ([1, 2, 3, 4], [np.int64(1), np.int8(2), np.float32(3), np.uint64(4)], True),
    "NumPy's texts": (["a", "b", "c", "d"], [np.str_("a"), "b", "c", "d"], True),
    "truths for numbers": ([1, 0, 2, 3], [True, False, 2, 3], False),
    "numbers for truths": ([True, False, 2, 3], [1, 0, 2, 3], False),
    "texts for numbers": ([1, 2, 3, 4], ["1", "2", "3", "4"], False),
    "another NaN": ([float("nan"), 1, 2, 3], [np.float32("nan"), 1, 2, 3], True),
    "None for NaN": ([float("nan"), 1, 2, 3], [None, 1, 2, 3], False),
    "texts for dates": (["2026-01-01", 1, 2, 3], [datetime.date(2026, 1, 1), 1, 2, 3], False),
    "tuples of other types": ([("a", 1), 1, 2, 3], [("a", True), 1, 2, 3], False),
    "tuples that look like kept names": ([("bool", 1), 1, 2, 3], [True, 1, 2, 3], False),
}


@pytest.mark.parametrize("what", EQUAL)
def test_names_are_the_same_where_they_are_equal_and_truths_are_no_numbers(what):
    x, y = problem()
    fitted_on, given, equal = EQUAL[what]
    net = fitted(Named(x, fitted_on), y)
    if equal:
        net.predict(Named(x, given))
    else:
        with pytest.raises(ValueError, match="x lacks the columns"):
            net.predict(Named(x, given))


@pytest.mark.interop
@pytest.mark.parametrize("names", [["a", "Straße", ""], ["a", None, "b"], ["a", float("nan"), "b"], []])
@pytest.mark.parametrize("dtype", ["str", "object", "string[python]", "string[pyarrow]", "python"])
def test_names_of_text_are_the_same_however_pandas_keeps_them(names, dtype):
    pd, _ = library("pandas"), library("pyarrow")
    kept_as = pd.StringDtype("python", na_value=np.nan) if dtype == "python" else dtype
    frame = pd.DataFrame(np.empty((1, len(names))), columns=pd.Index(names, dtype=kept_as))
    expected = tuple(map(feature_names.kept, frame.columns.tolist())) or None
    assert tables.column_names(frame) == expected


@pytest.mark.interop
def test_columns_may_be_called_like_attributes():
    x, y = problem()
    names = ("column_names", "tocsr", "toarray", "columns")
    assert fitted(pandas_frame(columns_of(x, names)), y).feature_names == names


HOSTILE = ("", "a\nb", '"], os.system("', "\ud800\x00", "é" * 10_000, "\x1b[2J", "[" * 1000)


@pytest.mark.parametrize("way", ["pickle", "file"])
def test_names_of_any_kind_are_kept(way, tmp_path):
    x = np.random.default_rng(0).random((N, len(HOSTILE)))
    net = fitted(Named(x, HOSTILE), problem()[1], inputs=len(HOSTILE))
    assert net.feature_names == HOSTILE
    if way == "file":
        net.save(tmp_path / "net")
        again = fc.load(tmp_path / "net")
    else:
        again = pickle.loads(pickle.dumps(net))
    assert again.feature_names == HOSTILE
    with pytest.raises(ValueError, match=r"lacks the columns '', 'a\\nb'.* and 2 more") as error:
        again.predict(Named(x, "abcdefg"))
    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "names", [3, "abcd", ["a", "b", "c"], ["a", "b", "c", True], [["a"]] * K, [("a",)] * K, {"a": 1}]
)
def test_names_that_are_none_are_damage(names):
    net = fitted(*problem())
    with pytest.raises(ValueError, match="feature_names is not one name for each of 4 inputs"):
        fc.Network.__new__(fc.Network).__setstate__(net.__getstate__() | {"feature_names": names})
