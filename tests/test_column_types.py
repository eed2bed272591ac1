"""Columns whose names are numbers, dates, tuples or a mixture are known, kept and compared as those of text are."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import pickle

import numpy as np
import pytest

import fcnet as fc

from interop import library
from processes import output
from tables import (
    NAMES,
    K,
    arrow_batch,
    arrow_table,
    columns_of,
    fitted,
    pandas_frame,
    polars_frame,
    problem,
    same,
)

pytestmark = [pytest.mark.interop, pytest.mark.once]


def days(pd):
    return pd.date_range("2026-11-27", periods=K)


def dummies(pd):
    """Columns as one-hot encoding makes them of cut numbers."""
    return pd.get_dummies(pd.cut(np.arange(8.0), [-1, 1, 3, 5, 7])).columns


def mixed(pd):
    """What ``concat`` leaves: text beside numbers, dates and what is missing."""
    return pd.Index(["a", 2, pd.Timestamp("2026"), np.nan], dtype=object)


class Color(enum.Enum):
    RED, GREEN = 1, 2


# What names of columns were tried, beside texts; those that only a pickle can hold come last.
LABELS = {
    "numbered": lambda pd: pd.RangeIndex(K),
    "numbered from 1": lambda pd: pd.RangeIndex(1, K + 1),
    "years": lambda pd: [2020, 2021, 2022, 2023],
    "NumPy's numbers": lambda pd: pd.Index([np.int64(3), np.int8(1), np.uint64(2**64 - 1), 2**70], dtype=object),
    "floats": lambda pd: [0.5, -0.0, 1e300, 2.0],
    "NaN and infinity": lambda pd: [np.nan, np.inf, -np.inf, 0.1],
    "truths": lambda pd: pd.Index([True, False, 1, 0], dtype=object),
    "NumPy's truths": lambda pd: pd.Index([np.True_, np.False_, "True", "False"], dtype=object),
    "None, NaT and NA": lambda pd: pd.Index([None, pd.NaT, pd.NA, ""], dtype=object),
    "bytes": lambda pd: pd.Index([b"a", b"\xff", b"", "a"], dtype=object),
    "a level each": lambda pd: pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("b", np.nan)]),
    "tuples of dates": lambda pd: pd.MultiIndex.from_product([["high", "low"], days(pd)[:2]]),
    "days": days,
    "nanoseconds": lambda pd: days(pd) + pd.Timedelta(1, "ns"),
    "times in a zone": lambda pd: days(pd).tz_localize("Europe/Berlin"),
    "times in UTC": lambda pd: days(pd).tz_localize("UTC"),
    "months": lambda pd: pd.period_range("2026-01", periods=K, freq="M"),
    "weeks": lambda pd: pd.period_range("2026-01-05", periods=K, freq="W-SUN"),
    "durations": lambda pd: pd.timedelta_range("1h", periods=K),
    "intervals": dummies,
    "Python's dates": lambda pd: pd.Index([datetime.date(2026, 1, d) for d in range(1, K + 1)], dtype=object),
    "Python's times": lambda pd: pd.Index([datetime.datetime(2026, 1, d, 5) for d in range(1, K + 1)], dtype=object),
    "mixed": mixed,
    "categories": lambda pd: pd.CategoricalIndex(["low", "high", "none", 3]),
    "members of an enum": lambda pd: pd.Index([Color.RED, Color.GREEN, 1, 2], dtype=object),
    "decimals": lambda pd: pd.Index([decimal.Decimal(1), decimal.Decimal("0.1"), 1, "0.1"], dtype=object),
    "complex": lambda pd: [1j, 2j, 3j, 4j],
    "a zone without a name": lambda pd: pd.Index(
        [pd.Timestamp("2026", tz=dateutil_zone()), "a", "b", "c"], dtype=object
    ),
}
PICKLED_ONLY = [*LABELS][-4:]


def dateutil_zone():
    return library("dateutil.tz").tzoffset("odd zone", 3600)


@pytest.fixture(params=LABELS)
def labels(request):
    return pd_index(LABELS[request.param](library("pandas")))


def pd_index(labels):
    pd = library("pandas")
    return labels if isinstance(labels, pd.Index) else pd.Index(labels)


def same_names(a, b):
    """Equal, of the same types, and so in tuples; NaN equals NaN."""
    if isinstance(a, tuple):
        return type(b) is tuple and len(a) == len(b) and all(map(same_names, a, b))
    plain = {np.int64: int, np.int8: int, np.uint64: int, np.bool: bool}
    if plain.get(type(a), type(a)) is not type(b):
        return False
    return a is b or bool(a == b) or (a != a and b != b)


def test_names_of_any_type_are_known_and_other_orders_refused(labels):
    pd = library("pandas")
    x, y = problem()
    frame = pd.DataFrame(x, columns=labels)
    net = fitted(frame, y)
    assert same(net, fitted(x, y))
    assert same_names(tuple(labels), net.feature_names)
    np.testing.assert_array_equal(net.predict(frame), net.predict(x))
    for columns in ([3, 2, 1, 0], [0, 2, 1, 3], [1, 0, 2, 3]):
        with pytest.raises(ValueError, match="x has its columns in another order, .* as column .* instead of"):
            net.predict(frame.iloc[:, columns])
    with pytest.raises(ValueError, match="x lacks the columns .*: expected those of the first fit"):
        net.predict(frame.iloc[:, 1:])
    with pytest.raises(ValueError, match="x lacks the columns .* and has the unknown columns 'z'"):
        net.predict(frame.set_axis(pd.Index([*labels[:-1], "z"], dtype=object), axis=1))
    assert same(net, fitted(x, y))


def test_names_of_any_type_are_kept_in_pickles_and_copies(labels):
    pd = library("pandas")
    x, y = problem()
    frame = pd.DataFrame(x, columns=labels)
    net = fitted(frame, y)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert same_names(net.feature_names, again.feature_names)
        np.testing.assert_array_equal(again.predict(frame), net.predict(x))


@pytest.mark.parametrize("what", LABELS)
def test_names_of_any_type_are_kept_in_files_or_refused_by_name(what, tmp_path):
    pd = library("pandas")
    x, y = problem()
    frame = pd.DataFrame(x, columns=pd_index(LABELS[what](pd)))
    net = fitted(frame, y)
    if what in PICKLED_ONLY:
        with pytest.raises(
            TypeError, match="feature_names has .*, which a file cannot hold: .*; rename the column, or"
        ):
            net.save(tmp_path / "net")
        assert not (tmp_path / "net").exists()
        return
    net.save(tmp_path / "net")
    again = fc.load(tmp_path / "net")
    assert same_names(net.feature_names, again.feature_names)
    np.testing.assert_array_equal(again.predict(frame), net.predict(x))
    with pytest.raises(ValueError, match="another order"):
        again.predict(frame.iloc[:, ::-1])


def test_a_file_with_dates_for_names_is_read_without_pandas(tmp_path):
    pd = library("pandas")
    x, y = problem()
    net = fitted(pd.DataFrame(x, columns=days(pd)), y)
    net.save(tmp_path / "net")
    code = f"""
import sys
sys.modules["pandas"] = None
import copy, pickle
import fcnet as fc
net = pickle.loads(pickle.dumps(copy.deepcopy(fc.load({str(tmp_path / "net")!r}))))
net.save({str(tmp_path / "again")!r})
print(net.predict([[1, 2, 3, 4]]).shape)
try:
    net.feature_names
except ImportError as error:
    print("needs pandas" in str(error))
"""
    assert output(code).split() == ["(1,", "3)", "True"]
    assert fc.load(tmp_path / "again").feature_names == tuple(days(pd))


def test_columns_that_are_but_numbered_are_taken_as_an_array():
    pd = library("pandas")
    x, y = problem()
    net = fitted(pandas_frame(columns_of(x)), y)
    np.testing.assert_array_equal(net.predict(pd.DataFrame(x)), net.predict(x))
    net.fit(pd.DataFrame(x), y, epochs=1)
    assert net.feature_names == NAMES
    with pytest.raises(ValueError, match="x lacks the columns 'age'"):
        net.predict(pd.DataFrame(x, columns=range(1, K + 1)))
    for known in ([3, 2, 1, 0], [0, 1, 2, 5], ["a", "b", "c", 3]):
        with pytest.raises(ValueError, match="in another order|x lacks the columns"):
            fitted(pd.DataFrame(x, columns=pd.Index(known)), y).predict(pd.DataFrame(x))
    with pytest.raises(ValueError, match="x has 3 features, but the network takes 4|lacks the columns"):
        net.predict(pd.DataFrame(x[:, :3]))


def test_a_network_of_numbered_columns_refuses_named_ones_with_advice():
    pd = library("pandas")
    x, y = problem()
    net, frame = fitted(pd.DataFrame(x), y), pandas_frame(columns_of(x))
    with pytest.raises(ValueError, match=r"; for the same columns under other names use np\.asarray\(x\)"):
        net.predict(frame)
    np.testing.assert_array_equal(net.predict(np.asarray(frame)), net.predict(x))


# Whose columns are in another order, or too many, of every kind of table.
ORDERS = {
    "pandas": lambda x: pandas_frame(columns_of(x)),
    "polars": lambda x: polars_frame(columns_of(x)),
    "arrow": lambda x: arrow_table(columns_of(x)),
    "arrow batch": lambda x: arrow_batch(columns_of(x)),
    "numbers": lambda x: pandas_frame(columns_of(x, (4, 7, 1, 2))),
    "truths": lambda x: pandas_frame(columns_of(x, (True, False, "a", "b"))),
    "tuples": lambda x: pandas_frame(columns_of(x, (("a", 1), ("a", 2), ("b", 1), ("b", 2)))),
    "missing": lambda x: pandas_frame(columns_of(x, ("a", np.nan, "b", 1))),
}


def backwards(table):
    if hasattr(table, "iloc"):
        return table.iloc[:, ::-1]
    return table.select(table.column_names[::-1] if hasattr(table, "column_names") else table.columns[::-1])


@pytest.mark.parametrize("what", ORDERS)
def test_the_advice_on_another_order_works(what):
    x, y = problem()
    table = ORDERS[what](x)
    net = fitted(table, y)
    with pytest.raises(ValueError, match="another order") as error:
        net.predict(backwards(table))
    advised = str(error.value).rpartition(", use ")[2]
    np.testing.assert_array_equal(net.predict(eval(advised, {"x": backwards(table), "net": net})), net.predict(x))


def test_the_advice_on_names_given_twice_works():
    x, y = problem()
    frame = pandas_frame(columns_of(x))
    net, twice = fitted(frame, y), frame[[*NAMES, "age"]]
    with pytest.raises(ValueError, match="some with the same name") as error:
        net.predict(twice)
    advised = str(error.value).rpartition(", use ")[2]
    np.testing.assert_array_equal(net.predict(eval(advised, {"x": twice, "net": net})), net.predict(x))
