"""Tables of pandas, Polars and Arrow are read as their numbers are, in any of their types."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import features

from interop import library
from tables import NAMES, TABLES, K, M, N, columns_of, fitted, pandas_frame, polars_frame, problem, same

pytestmark = pytest.mark.once

TYPES = {
    "float64": ["f8"] * K,
    "float32": ["f4"] * K,
    "uint8": ["u1"] * K,
    "mixed numbers": ["f4", "i8", "u1", "f8"],
    "numbers and booleans": ["f8", "?", "i4", "?"],
}


@pytest.mark.parametrize("types", TYPES)
def test_a_table_learns_and_predicts_like_its_numbers(table, types):
    x, y = problem()
    columns = {name: column.astype(t) for (name, column), t in zip(columns_of(x).items(), TYPES[types], strict=True)}
    rows = np.stack([column.astype(float) for column in columns.values()], axis=1)
    given = table(columns)
    expected, got = fitted(rows, y), fitted(given, y)
    assert same(expected, got)
    assert got.feature_names == NAMES
    assert expected.feature_names is None
    np.testing.assert_array_equal(got.predict(given), expected.predict(rows))
    assert got.evaluate(given, y) == expected.evaluate(rows, y)
    np.testing.assert_array_equal(got.gradients(given, y)[0][0], expected.gradients(rows, y)[0][0])


def test_labels_and_targets_may_be_columns_or_tables(table):
    x, y = problem()
    expected = fitted(x, y)
    assert same(fitted(x, table({"label": y})), expected)
    assert same(fitted(x, table(columns_of(np.eye(M)[y], "abc"))), expected)
    two = np.stack([y, -y], axis=1) / 2
    assert same(fitted(x, table(columns_of(two, "ab")), "mse", 2), fitted(x, two, "mse", 2))


def series(module, values):
    made_by = library(module.split("-")[0])
    if module == "pandas-nullable":
        return made_by.Series(values, dtype="Int64")
    if module == "pyarrow":
        return made_by.chunked_array([values[:5], values[5:]])
    return made_by.Series(values)


@pytest.mark.interop
@pytest.mark.parametrize("module", ["pandas", "pandas-nullable", "polars", "pyarrow"])
def test_a_column_is_labels_or_targets(module):
    x, y = problem()
    column = series(module, y.tolist())
    assert same(fitted(x, column), fitted(x, y))
    assert same(fitted(x, column, "mse", 1), fitted(x, y, "mse", 1))
    missing = series(module, [*y[:2].tolist(), None, *y[3:].tolist()])
    with pytest.raises(ValueError, match="y contains nan in row 2: expected class labels"):
        fitted(x, missing)
    with pytest.raises(ValueError, match="y contains nan in row 2"):
        fitted(x, missing, "mse", 1)


def with_missing(module):
    """Whole numbers and booleans, of which one each is missing, in this library's own types; and as numbers."""
    whole, flags = [1, 2, None, 4], [True, None, False, True]
    if module == "pandas":
        pd = library("pandas")
        made = pd.DataFrame({"n": pd.array(whole, dtype="Int64"), "f": pd.array(flags, dtype="boolean")})
    elif module == "pandas-arrow":
        pd, pa = library("pandas"), library("pyarrow")
        made = pd.DataFrame({"n": whole, "f": flags}).astype({"n": "Float64", "f": pd.ArrowDtype(pa.bool_())})
    elif module == "arrow-dictionary":
        made = library("pyarrow").table({"n": library("pyarrow").array(whole).dictionary_encode(), "f": flags})
    else:
        made = TABLES[module]({"n": whole, "f": flags})
    return made, np.array([[1, 1], [2, np.nan], [np.nan, 0], [4, 1]])


@pytest.mark.interop
@pytest.mark.parametrize("module", ["pandas", "pandas-arrow", "polars", "arrow", "arrow-dictionary"])
def test_what_is_missing_is_nan(module):
    given, numbers = with_missing(module)
    net = fc.Network([2, 3], seed=0)
    np.testing.assert_array_equal(net.predict(given), net.predict(numbers))
    with pytest.raises(ValueError, match="x contains nan in row 1, column 'f'"):
        net.fit(given, [0, 1, 2, 0])
    assert net.feature_names is None


def test_nan_and_infinity_are_named_by_row_and_column(table):
    x, y = problem()
    for bad in (np.nan, np.inf):
        x[7, 2] = bad
        net = fc.Network([K, M], seed=0)
        with pytest.raises(ValueError, match=rf"x contains {bad} in row 7, column 'weight': expected finite numbers"):
            net.fit(table(columns_of(x)), y)
        with pytest.raises(ValueError, match=r"validation_data\[0\] contains .* in row 7, column 'weight'"):
            net.fit(*problem(), validation_data=(table(columns_of(x)), y))


BAD_COLUMNS = {
    "text": ["a", "b"] * (N // 2),
    "date": np.arange(N).astype("M8[ms]"),
    "duration": np.arange(N).astype("m8[ms]"),
}


@pytest.mark.interop
@pytest.mark.parametrize("bad", BAD_COLUMNS)
@pytest.mark.parametrize("module", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_column_that_is_not_numeric_is_named(module, bad, alone):
    x, y = problem()
    columns = {"odd": BAD_COLUMNS[bad]} if alone else columns_of(x) | {"odd": BAD_COLUMNS[bad]}
    net = fc.Network([len(columns), M], seed=0)
    message = "x has the column 'odd' of dtype .*: expected numbers, encode it or drop it"
    for call in (net.predict, lambda x: net.fit(x, y), lambda x: net.evaluate(x, y), lambda x: net.gradients(x, y)):
        with pytest.raises(TypeError, match=message):
            call(TABLES[module](columns))


@pytest.mark.interop
def test_a_plain_table_of_one_type_is_read_where_it_lies():
    x, _ = problem()
    frame = pandas_frame(columns_of(x))
    assert np.shares_memory(features.check_x(frame, K, np.dtype("f4"), finite=True), frame.to_numpy())


@pytest.mark.interop
def test_a_table_that_is_not_in_memory_is_refused():
    lazy = polars_frame(columns_of(problem()[0])).lazy()
    with pytest.raises(TypeError, match=r"x is a LazyFrame: expected a table in memory, see its methods, like collect"):
        fc.Network([K, M], seed=0).predict(lazy)


class Stream:
    """What has but Arrow's stream of its rows, as a relation of DuckDB."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.interop
@pytest.mark.parametrize("stream", [lambda table: table.to_reader(max_chunksize=5), Stream], ids=["reader", "stream"])
def test_a_stream_of_arrow_is_read_into_memory(stream):
    pa = library("pyarrow")
    x, y = problem()
    table, labels = pa.table(columns_of(x)), pa.table({"y": y})
    expected, got = fitted(table, y), fitted(stream(table), stream(labels))
    assert same(expected, got)
    assert got.feature_names == NAMES
    np.testing.assert_array_equal(got.predict(stream(table)), expected.predict(table))
    assert got.evaluate(stream(table), y) == expected.evaluate(x, y)
    found = got.find_learning_rate(stream(table), stream(labels), steps=9)
    np.testing.assert_array_equal(found.losses, expected.find_learning_rate(x, y, steps=9).losses)
    got.fit(table, y, epochs=1, validation_data=(stream(table), y))
    assert len(got.history.val_loss) == 1
    with pytest.raises(ValueError, match="x lacks the columns 'weight', 'income'"):
        got.predict(stream(table.select(["age", "height"])))
    with pytest.raises(TypeError, match="x is a Stream: expected a stream of a table's rows"):
        got.predict(Stream(pa.chunked_array([[1, 2]])))


@pytest.mark.interop
def test_streams_that_can_be_read_once_are_read_once():
    pa = library("pyarrow")
    table = pa.table({"a": np.arange(6.0), "b": np.ones(6)})
    labels = pa.table({"y": np.arange(6) % 2})
    net = fc.Network([2, 2], seed=0, dtype="float64")
    for look in (net.explain, net.check_gradients, net.diagnose):
        assert str(look(table.to_reader(), labels.to_reader())) == str(look(table, labels))


def test_a_stream_of_arrow_without_pyarrow_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"x, a Stream, needs pyarrow: pip install pyarrow$"):
        fc.Network([K, M], seed=0).predict(Stream(None))


@pytest.mark.interop
def test_batches_of_an_arrow_reader_train_as_their_rows():
    pa = library("pyarrow")
    x, y = problem()
    table = pa.table({**columns_of(x), "y": y})
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=5))
    got, expected = (fc.Network([K, 8, M], seed=0) for _ in range(2))
    got.fit(((batch.drop_columns("y"), batch["y"]) for batch in reader), epochs=1)
    expected.fit(x, y, epochs=1, batch_size=5, shuffle=False)
    assert same(got, expected)
    assert got.feature_names == NAMES
