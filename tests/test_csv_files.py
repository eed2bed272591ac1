"""CSV and Parquet files as tables: separators, encodings, gaps, types of columns, dates, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from fcnet.cli.csv_file import read_csv
from fcnet.cli.table_file import read_table, table_of
from fcnet.cli.text_column import TextColumn, of_rows
from fcnet.tabular import ColumnEncoder
from fcnet.tabular.values import UnreadableError

from interop import library

pytestmark = pytest.mark.once


def column(*cells, has_comma=False):
    texts = list(dict.fromkeys(cells))
    return TextColumn(texts, np.array([texts.index(cell) for cell in cells], np.int32), has_comma)


def plain(values):
    if values.sort == "text":
        return [None if code < 0 else values.texts[code] for code in values.array]
    return [None if gap else value for gap, value in zip(values.gaps(), values.array.tolist(), strict=True)]


READ = {
    "numbers": (("1", "-2.5", "", "+3e2", ".5", "4."), "numbers", [1, -2.5, None, 300, 0.5, 4]),
    "gaps": (("1", "NA", "n/a", "NaN", "null", "None", "?"), "numbers", [1, *[None] * 6]),
    "gaps alone": (("", "NA"), "numbers", [None, None]),
    "truths": (("true", "FALSE", ""), "truths", [1, 0, None]),
    "text": (("red", "", "blue", "red", "NA"), "text", ["red", None, "blue", "red", None]),
    "numbers and text": (("1", "two"), "text", ["1", "two"]),
    "codes with leading zeros": (("01234", "20099"), "text", ["01234", "20099"]),
    "zero": (("0", "0.5", "-0"), "numbers", [0, 0.5, 0]),
    "digits with underscores": (("1_000", "2"), "text", ["1_000", "2"]),
    "other digits": (("١", "٢"), "text", ["١", "٢"]),
    "infinity": (("inf", "1"), "numbers", [np.inf, 1]),
    "a comma": (("1,5", "2"), "text", ["1,5", "2"]),
}


@pytest.mark.parametrize(("cells", "sort", "expected"), READ.values(), ids=READ)
def test_cells_say_what_a_column_holds(cells, sort, expected):
    values = column(*cells).values()
    assert (values.sort, plain(values)) == (sort, expected)


def test_decimal_commas_are_read_where_the_separator_is_no_comma(tmp_path):
    assert plain(column("1,5", "-2", ",25", has_comma=True).values()) == [1.5, -2, 0.25]
    assert column("1.234,5", has_comma=True).values().sort == "text"
    (tmp_path / "a.csv").write_text("x;y\n1,5;a\n2,5;b\n")
    assert plain(read_csv(str(tmp_path / "a.csv")).columns["x"].values()) == [1.5, 2.5]


@pytest.mark.parametrize(
    "text",
    ["2024-01-31", "31.1.2024", "1/31/24", "2024-01-31 10:15:00", "2024-01-31T10:15:00.5Z", "31-Jan-2024", "10:15"],
)
def test_dates_are_recognised(text):
    assert column(text, "").are_dates
    assert not column(text, "a").are_dates


def test_numbers_and_gaps_are_no_dates():
    assert not column("20240131", "1.5", "10-15").are_dates
    assert not column("", "NA").are_dates


def test_a_column_is_read_as_the_fit_has_read_it():
    rows = [[1.5, "1", True, 7], [2.5, "b", False, 8], [4.0, "c", True, 9]]
    number, text, truth, code = ColumnEncoder.fit(rows, categorical_features=[3]).columns
    assert plain(column("3", "").values(number)) == [3, None]
    assert plain(column("3", "1").values(text)) == ["3", "1"]
    assert plain(column("true", "maybe").values(truth)) == [1, None]
    assert plain(column("7", "08").values(code)) == [7, 8]
    with pytest.raises(UnreadableError, match="with 'three' in row 2: expected numbers, as in the fit"):
        column("3", "three").values(number)


def test_rows_of_text_keep_only_the_texts_that_occur():
    values = column("a", "b", "", "c", "a").values()
    chosen = of_rows(values, np.array([4, 2, 3]))
    assert (plain(chosen), list(chosen.texts)) == (["a", None, "c"], ["a", "c"])
    assert list(of_rows(values, slice(2, 3)).texts) == []
    table = table_of({"x": values}, np.array([0, 3]))
    assert (table.names, table.rows, table.columns) == (("x",), 2, 1)


FILES = {
    "commas": (b"a,b\n1,2\n3,4\n", ["a", "b"], ","),
    "semicolons": (b"a;b\n1;2\n3;4\n", ["a", "b"], ";"),
    "tabs": (b"a\tb\n1\t2\n3\t4\n", ["a", "b"], "\t"),
    "commas in semicolons": (b"a;b\n1,5;2,5\n3,5;4\n", ["a", "b"], ";"),
    "quoted": (b'"a","b, c"\r\n1,"2\n3"\r\n4,5\r\n', ["a", "b, c"], ","),
    "a byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", ["a", "b"], ","),
    "UTF-16": ("a,b\n1,ü\n3,4\n".encode("utf-16"), ["a", "b"], ","),
    "spaces, empty lines, no end": (b"\n a , b\n1, 2\n\n3,4", ["a", "b"], ","),
    "a column without name": (b",b\n1,2\n3,4\n", ["column 1", "b"], ","),
    "one column": (b"a\n1\n2\n", ["a"], ","),
}


@pytest.mark.parametrize(("content", "names", "separator"), FILES.values(), ids=FILES)
def test_encoding_separator_and_header_are_found_out(content, names, separator, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    found = read_csv(str(path))
    assert (list(found.columns), found.separator, found.rows) == (names, separator, 2)
    assert all(len(each.codes) == 2 for each in found.columns.values())


def test_spaces_around_cells_do_not_count(tmp_path):
    (tmp_path / "a.csv").write_text('x,y\nred ,1\n red,2\n" blue",3\nred,4 \n')
    found = read_csv(str(tmp_path / "a.csv")).columns
    assert plain(found["x"].values()) == ["red", "red", "blue", "red"]
    assert plain(found["y"].values()) == [1, 2, 3, 4]


def test_many_rows_are_read_in_parts(tmp_path):
    path, n = tmp_path / "a.csv", 40_000
    path.write_text("a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(n)))
    found = read_csv(str(path)).columns
    np.testing.assert_array_equal(found["a"].values().array, np.arange(n))
    np.testing.assert_array_equal(found["b"].values().array, np.arange(n) % 3)


REFUSED = {
    "empty": (b"", "is empty: expected a line of column names"),
    "blank": (b"\n \n", "is empty"),
    "a header alone": (b"a,b\n", "has a header, but no rows"),
    "a short row": (b"a,b\n1,2\n1\n", "has 1 cell in line 3, but the header has 2"),
    "a long row": (b"a,b\n1,2\n1,2,3\n", "has 3 cells in line 3, but the header has 2"),
    "a name twice": (b"a,b,a\n1,2,3\n", "has the column 'a' twice"),
    "an open quote": (b'a,b\n1,"2\n3,4\n', "is not a CSV file: unexpected end of data"),
    "Latin-1": (b"a,b\n\xe9,2\n", "is not text in UTF-8: .*--encoding cp1252"),
    "a spreadsheet": (b"PK\x03\x04\0\0", "is a spreadsheet or a ZIP file: .* save it as CSV"),
    "compressed": (b"\x1f\x8b\x08", "is compressed by gzip"),
    "zeros": (b"a\0b\n", "is not text: expected a CSV or a Parquet file"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_is_refused(content, message, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_table(str(path))


def test_the_encoding_can_be_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n\xe9,2\n")
    assert list(read_csv(str(path), "cp1252").columns["a"].texts) == ["é"]
    with pytest.raises(ValueError, match="--encoding is 'ascii2': expected a name like cp1252"):
        read_csv(str(path), "ascii2")


def test_parquet_says_what_to_install_where_nothing_reads_it(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="a Parquet file needs pyarrow: pip install pyarrow"):
        read_table(str(path))


@pytest.mark.interop
@pytest.mark.parametrize("reader", ["pyarrow", "polars"])
def test_parquet_is_read_by_pyarrow_or_polars(reader, tmp_path, monkeypatch):
    pd, path = library("pandas"), str(tmp_path / "a.parquet")
    days = pd.date_range("2026-01-01", periods=3)
    frame = {"x": [1.0, None, 3.0], "city": ["a", None, "b"], "is": [True, False, True], "day": days}
    pd.DataFrame(frame).to_parquet(path)
    library(reader)
    if reader == "polars":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = read_table(path)
    assert (list(file.columns), file.rows) == (list(frame), 3)
    assert [each.are_dates for each in file.columns.values()] == [False, False, False, True]
    assert plain(file.values("x")) == [1, None, 3]
    assert plain(file.values("city")) == ["a", None, "b"]
    assert plain(file.values("is")) == [True, False, True]
    with pytest.raises(TypeError, match="has the column 'day' "):
        file.values("day")


@pytest.mark.interop
def test_a_damaged_parquet_file_is_refused(tmp_path):
    library("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(40))
    with pytest.raises((ValueError, OSError)):
        read_table(str(path))
