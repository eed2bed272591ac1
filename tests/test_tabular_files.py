"""What is learnt of columns is kept by JSON exactly, and damaged records are refused."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import pytest

from fcnet.tabular import ColumnEncoder, Encoding

from columns_of_tables import CODES, NEW, TABLE, named
from interop import library
from tables import Named

pytestmark = pytest.mark.once

ENCODINGS = [Encoding(), Encoding("normal", one_hot=None, signs=False, unknown=True, bins=3)]


def through_json(columns):
    return ColumnEncoder.from_plain(json.loads(json.dumps(columns.to_plain(), allow_nan=False)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=["robust", "normal"])
def test_json_keeps_columns_exactly(encoding):
    columns = ColumnEncoder.fit(named(TABLE), categorical_features=CODES, encoding=encoding)
    again = through_json(columns)
    assert again == columns
    for a, b in zip(again.columns, columns.columns, strict=True):
        assert list(map(type, a.categories)) == list(map(type, b.categories))
    np.testing.assert_array_equal(again.transform(named(NEW)), columns.transform(named(NEW)))
    assert again.to_plain() == columns.to_plain()


NAMES = [2020, "age", ("high", 1), True, None, 0.5, "\ud800\x00", ("a", ("b", False))]


def test_names_of_any_type_are_kept():
    table = Named(np.random.default_rng(0).random((5, len(NAMES))), NAMES)
    again = through_json(ColumnEncoder.fit(table))
    assert again.feature_names == ColumnEncoder.fit(table).feature_names
    again.transform(table)
    with pytest.raises(ValueError, match="X lacks the columns True"):
        again.transform(Named(np.zeros((1, len(NAMES))), [1 if name is True else name for name in NAMES]))


@pytest.mark.interop
def test_names_of_pandas_types_are_kept():
    pd = library("pandas")
    frame = pd.DataFrame(np.eye(3), columns=pd.date_range("2026-01-01", periods=3))
    through_json(ColumnEncoder.fit(frame)).transform(frame)


def test_a_name_that_only_a_pickle_can_hold_is_refused():
    for name in (3j, ("a", 3j)):
        with pytest.raises(
            TypeError, match="the column .*3j.* has a name that a file cannot hold: .* rename the column"
        ):
            ColumnEncoder.fit(Named(np.eye(1), [name])).to_plain()


def test_categories_of_any_text_and_number_are_kept():
    texts = ["", "a\nb", '"], [', "\ud800\x00", "é" * 1000, "\x1b[2J"]
    values = np.array([*texts, None], object)[:, None]
    assert through_json(ColumnEncoder.fit(values)) == ColumnEncoder.fit(values)
    numbers = np.array([[0.1], [1 / 3], [-1e300], [2.0**70], [5e-324]])
    assert through_json(ColumnEncoder.fit(numbers, categorical_features=[0])).columns[0].categories == (
        *(-1e300, 5e-324, 0.1, 1 / 3, 2.0**70),
    )


def good(encoding=ENCODINGS[1]):
    return ColumnEncoder.fit(named(TABLE), categorical_features=CODES, encoding=encoding).to_plain()


def put(*path, value):
    """A change of an entry."""

    def change(plain):
        for key in path[:-1]:
            plain = plain[key]
        plain[path[-1]] = value

    return change


DAMAGED = {
    "no rows": (put("rows", value=0), "rows 0"),
    "rows that are true": (put("rows", value=True), "rows True"),
    "named 1": (put("named", value=1), "named 1"),
    "no columns": (put("columns", value=[]), "no list of columns"),
    "a column too many": (put("columns", value={"a": 1}), "no list of columns"),
    "another key": (put("extra", value=1), "not given by columns, named, rows, encoding"),
    "no encoding": (put("encoding", value=None), "encoding of columns is not given by"),
    "another encoding": (put("encoding", "numbers", value="pickle"), "encoding of columns is damaged: numbers is"),
    "bins of text": (put("encoding", "bins", value="3"), "encoding of columns is damaged: bins is"),
    "fewer bins": (put("encoding", "bins", value=1), "'age' has quantiles or edges of another encoding"),
    "robust": (put("encoding", "numbers", value="robust"), "'age' has quantiles or edges of another encoding"),
    "no name": (put("columns", 0, "name", value=[["a"]]), "the name of a column is no name"),
    "a name of another kind": (put("columns", 0, "name", value=["eval", "1"]), "the name of a column is no name"),
    "no name of an array": (put("named", value=False), "column 0 of an array is called 'age'"),
    "a column that is text": (put("columns", 0, value="age"), "a column is not given by name, kind"),
    "no list of edges": (put("columns", 0, "edges", value=3), "are not lists"),
    "another kind": (put("columns", 0, "kind", value="date"), "'age' has damaged kind"),
    "kind of a list": (put("columns", 0, "kind", value=["number"]), "'age' has damaged kind"),
    "number with categories": (put("columns", 2, "kind", value="number"), "'city' has damaged categories"),
    "binary of many": (put("columns", 2, "kind", value="binary"), "'city' has damaged categories"),
    "category of two": (put("columns", 3, "kind", value="category"), "'member' has damaged categories"),
    "not in order": (put("columns", 5, "categories", value=[3, 12, 7]), "'code' has damaged categories"),
    "twice": (put("columns", 5, "categories", value=[3, 3.0, 7]), "'code' has damaged categories"),
    "mixed": (put("columns", 5, "categories", value=[3, 7, "12"]), "'code' has damaged categories"),
    "true among numbers": (put("columns", 5, "categories", value=[True, 7, 12]), "'code' has damaged categories"),
    "lists": (put("columns", 5, "categories", value=[[1], [2], [3]]), "'code' has damaged categories"),
    "NaN as category": (put("columns", 5, "categories", value=[3, float("nan"), 12]), "'code' has damaged categories"),
    "huge category": (put("columns", 5, "categories", value=[3, 7, 10**400]), "'code' has damaged categories"),
    "truths the other way": (put("columns", 3, "categories", value=[True, False]), "'member' has damaged categories"),
    "fewer counts": (put("columns", 5, "counts", value=[1, 2]), "'code' has damaged counts"),
    "counts below 0": (put("columns", 5, "counts", value=[-1, 9, 2]), "'code' has damaged counts"),
    "counts of other rows": (put("columns", 5, "counts", value=[1, 2, 3]), "'code' has other counts than 10 rows"),
    "too many gaps": (put("columns", 0, "gaps", value=11), "'age' has other counts than 10 rows"),
    "gaps of a float": (put("columns", 0, "gaps", value=1.0), "'age' has damaged counts"),
    "a median that is not finite": (put("columns", 0, "median", value=float("nan")), "'age' has damaged numbers"),
    "a huge median": (put("columns", 0, "median", value=1e301), "'age' has damaged numbers"),
    "a whole median": (put("columns", 0, "median", value=1), "'age' has damaged numbers"),
    "a factor below 0": (put("columns", 0, "factor", value=-1.0), "'age' has damaged numbers"),
    "a factor without end": (put("columns", 0, "factor", value=float("inf")), "'age' has damaged numbers"),
    "a median of a category": (put("columns", 2, "median", value=1.0), "'city' has damaged numbers"),
    "edges of a category": (put("columns", 2, "edges", value=[0.0, 1.0]), "'city' has damaged numbers"),
    "equal quantiles": (put("columns", 0, "quantiles", value=[1.0, 1.0]), "'age' has damaged quantiles"),
    "falling quantiles": (put("columns", 0, "quantiles", value=[1.0, 3.0, 2.0]), "'age' has damaged quantiles"),
    "quantiles of text": (put("columns", 0, "quantiles", value=["1", "2"]), "'age' has damaged numbers"),
    "equal edges": (put("columns", 0, "edges", value=[1.0, 1.0]), "'age' has damaged edges"),
    "one edge": (put("columns", 0, "edges", value=[1.0]), "'age' has damaged edges"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_records_are_refused(what):
    change, message = DAMAGED[what]
    plain = good()
    change(plain)
    with pytest.raises(ValueError, match=message):
        ColumnEncoder.from_plain(plain)


def test_other_objects_are_no_records():
    for other in (None, [], "columns", 3, {}, {"columns": []}):
        with pytest.raises(ValueError, match="columns are not given by"):
            ColumnEncoder.from_plain(other)
    name = "a"
    for _ in range(100_000):
        name = ["tuple", name]
    plain = good()
    plain["columns"][0]["name"] = name
    with pytest.raises(ValueError, match="the name of a column is no name"):
        ColumnEncoder.from_plain(plain)


STRANGE = [None, True, 0, 1, -1, 2.0, 1e308, 2**63, 10**30, "", "number", [], [1], [[]], {}, float("nan"), float("inf")]


def test_strange_records_are_refused_or_work():
    """Whatever is in a record, what is restored transforms tables."""
    drawn, accepted = random.Random(0), 0
    records = [good(encoding) for encoding in ENCODINGS]
    for _ in range(500):
        plain = copy.deepcopy(drawn.choice(records))
        owner, key = plain, drawn.choice(list(plain))
        while isinstance(owner[key], dict | list) and owner[key] and drawn.random() < 0.9:
            owner = owner[key]
            key = drawn.choice(list(owner)) if isinstance(owner, dict) else drawn.randrange(len(owner))
        owner[key] = drawn.choice(STRANGE)
        try:
            columns = ColumnEncoder.from_plain(plain)
        except ValueError:
            continue
        accepted += 1
        columns.transform(list(map(list, zip(*NEW.values(), strict=True))))
    assert accepted < 100
