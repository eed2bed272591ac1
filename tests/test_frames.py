"""A frame is converted as a whole, to the numbers that its columns have one by one; a sparse one stays sparse."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import frames, strips, tables
from fcnet._inputs.features import check_x
from fcnet._inputs.sparse import SparseRows

from interop import library
from tables import NAMES, K, N, columns_of, fitted, problem, same

pytestmark = [pytest.mark.interop, pytest.mark.once]

LARGE = [2**53 + 1, -(2**53) - 3, 2**24 + 1, 7]  # beyond what floats of 64 and of 32 bits count exactly
FLAGS, GAPS = [True, False, True, True], [1, None, 3, None]


def array(kind, values):
    return lambda pd: pd.array(values, dtype=kind)


def of_arrow(kind, values):
    return lambda pd: pd.array(values, dtype=pd.ArrowDtype(getattr(library("pyarrow"), kind)()))


# A column of each type that pandas has for numbers, with what is hard about it.
COLUMNS = {
    "f2": lambda pd: np.array([0.5, 65504, np.nan, np.inf], "f2"),
    "f4": lambda pd: np.array([0.1, 3e38, np.nan, -np.inf], "f4"),
    "f8": lambda pd: np.array([0.1, 1e300, np.nan, -np.inf]),
    "i1": lambda pd: np.array([-128, 127, 0, 1], "i1"),
    "i8": lambda pd: np.array(LARGE),
    "u8": lambda pd: np.array([2**64 - 1, 2**63, 0, 1], "u8"),
    "?": lambda pd: np.array(FLAGS),
    "Int8": array("Int8", [-128, 127, 0, 1]),
    "Int64": array("Int64", LARGE),
    "UInt64": array("UInt64", [2**64 - 1, 2**63, 0, 1]),
    "Int64 with NA": array("Int64", GAPS),
    "Float32": array("Float32", [0.1, 2, 3, 4]),
    "Float64 with NA": array("Float64", [0.1, None, 3, 4]),
    "boolean": array("boolean", FLAGS),
    "boolean with NA": array("boolean", [True, None, False, True]),
    "int64[pyarrow]": of_arrow("int64", LARGE),
    "int32[pyarrow] with NA": of_arrow("int32", GAPS),
    "float[pyarrow] with NA": of_arrow("float32", [0.1, None, 3, 4]),
    "bool[pyarrow]": of_arrow("bool_", FLAGS),
    "bool[pyarrow] with NA": of_arrow("bool_", [True, None, False, True]),
    "category of numbers": lambda pd: pd.Categorical([3, 1, 3, 2]),
    "sparse with NaN": lambda pd: pd.arrays.SparseArray([np.nan, 1.0, np.nan, 2.0]),
    "sparse with 0": lambda pd: pd.arrays.SparseArray([0, 5, 0, 0]),
}


def one_by_one(frame):
    """The oracle: a column after the other."""
    return np.stack([tables._array_of_column(column) for _, column in frame.items()], axis=1)


@pytest.mark.parametrize("other", COLUMNS)
@pytest.mark.parametrize("first", COLUMNS)
def test_a_frame_of_any_two_types_has_the_numbers_of_its_columns(first, other):
    pd = library("pandas")
    frame = pd.DataFrame({"a": COLUMNS[first](pd), "b": COLUMNS[other](pd), "c": COLUMNS[first](pd)})
    expected, got = one_by_one(frame), tables.as_array(frame, "x")
    np.testing.assert_array_equal(got.astype(float), expected.astype(float))
    assert got.dtype == expected.dtype or {got.dtype.kind, expected.dtype.kind} == {"f"}
    for dtype in ("float32", "float64"):
        net = fc.Network([3, 2], seed=0, dtype=dtype)
        np.testing.assert_array_equal(net.predict(frame), net.predict(expected))


@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("names", [["a", "b"], ["a", "a"], [0, 1], ["sparse", "iloc"], ["tocsr", "toarray"]])
def test_a_frame_of_any_size_and_names_is_its_array(rows, names):
    pd = library("pandas")
    x = np.random.default_rng(0).random((rows, 2)).round()
    frame = pd.DataFrame(x, columns=names)
    mixed = pd.concat([frame.iloc[:, :1], frame.iloc[:, 1:].astype(bool)], axis=1)
    net = fc.Network([2, 3, 2], seed=0)
    for given in (frame, mixed, mixed.convert_dtypes(), mixed[::-1][::-1], pd.concat([mixed, mixed])[:rows]):
        np.testing.assert_array_equal(net.predict(given), net.predict(x))


POLARS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Boolean"]


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("first", POLARS)
def test_a_table_of_polars_has_the_numbers_of_its_columns(first, gap):
    pl = library("polars")
    for other in POLARS:
        large = [1, *[2**53 + 1 if kind == "Int64" else 1 for kind in (first,)], 0, None if gap else 1]
        table = pl.DataFrame(
            {
                "a": pl.Series(large).cast(getattr(pl, first)),
                "b": pl.Series([1, 0, 0, 1]).cast(getattr(pl, other)),
            }
        )
        expected = np.stack([tables._array_of_column(column) for column in table.get_columns()], axis=1)
        got = tables.as_array(table, "x")
        np.testing.assert_array_equal(got, expected)


ARROW = ["int8", "int32", "int64", "uint8", "uint32", "uint64", "float16", "float32", "float64", "bool_"]


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("first", ARROW)
def test_a_table_of_arrow_has_the_numbers_of_its_columns(first, gap):
    pa = library("pyarrow")
    large = [1, {"int64": 2**53 + 1, "uint64": 2**64 - 1}.get(first, 1), 0, None if gap else 1]
    for other in ARROW:
        columns = [pa.chunked_array([pa.array(np.array(values, object), pa.uint64()).cast(getattr(pa, kind)())])
                   for kind, values in ((first, large), (other, [1, 0, 0, 1]))]  # fmt: skip
        table = pa.table(columns, names=["a", "b"])
        expected = np.stack([tables._array_of_column(column) for column in table.columns], axis=1)
        for given in (table, pa.concat_tables([table[:1], table[1:]]), *table.to_batches()):
            np.testing.assert_array_equal(tables.as_array(given, "x"), expected)
    assert tables.as_array(pa.table({"a": pa.array([], pa.float64())}), "x").shape == (0, 1)


def sparse_frame(x, kind="float64", names=NAMES):
    pd = library("pandas")
    return pd.DataFrame(columns_of(x, names)).astype(kind).astype(pd.SparseDtype(kind, np.dtype(kind).type(0).item()))


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "uint8", "bool"])
def test_a_sparse_frame_is_taken_as_sparse_rows(kind):
    x, y = problem()
    x = (x * (x > 9)).astype(kind)
    frame = sparse_frame(x, kind)
    rows = check_x(frame, K, np.dtype("f4"), finite=True)
    assert isinstance(rows, SparseRows)
    np.testing.assert_array_equal(rows.dense(), x)
    net = fitted(frame, y)
    assert same(net, fitted(x, y))
    assert net.feature_names == NAMES
    np.testing.assert_array_equal(net.predict(frame), net.predict(x))
    assert net.evaluate(frame, y) == net.evaluate(x, y)
    np.testing.assert_array_equal(net.predict(frame[:0]), net.predict(x[:0]))
    with pytest.raises(ValueError, match="another order"):
        net.predict(frame.iloc[:, ::-1])


def test_sparse_columns_of_several_types_are_taken_as_sparse_rows():
    pd = library("pandas")
    frame = pd.DataFrame({"a": [0, 2, 0], "b": [0.5, 0, 0], "c": [False, True, False]})
    frame = frame.astype({name: pd.SparseDtype(kind, kind.type(0).item()) for name, kind in frame.dtypes.items()})
    rows = check_x(frame, 3, np.dtype("f4"), finite=True)
    assert isinstance(rows, SparseRows)
    np.testing.assert_array_equal(rows.dense(), [[0, 0.5, 0], [2, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize("what", ["another fill value", "NaN for what is missing", "a dense column", "no SciPy"])
def test_other_frames_with_sparse_columns_are_made_dense(what, monkeypatch):
    pd = library("pandas")
    x, y = problem()
    frame = sparse_frame(x)
    if what == "another fill value":
        frame = frame.astype(pd.SparseDtype(float, 3))
    elif what == "NaN for what is missing":
        frame = frame.astype(pd.SparseDtype(float, np.nan))
    elif what == "a dense column":
        frame["age"] = x[:, 0]
    else:
        monkeypatch.setitem(__import__("sys").modules, "scipy.sparse", None)
    assert isinstance(check_x(frame, K, np.dtype("f4"), finite=True), np.ndarray)
    assert same(fitted(frame, y), fitted(x, y))


def test_nan_in_a_sparse_frame_is_named_by_row_and_column():
    x, y = problem()
    x[N - 2, 1] = np.nan
    with pytest.raises(ValueError, match=f"x contains nan in row {N - 2}, column 'height': expected finite numbers"):
        fitted(sparse_frame(x), y)


def test_sparse_dummies_are_never_made_dense():
    pd = library("pandas")
    codes = np.random.default_rng(0).integers(0, 500, 2000)
    frame = pd.get_dummies(pd.Series(codes), sparse=True)
    rows = check_x(frame, frame.shape[1], np.dtype("f4"), finite=True)
    assert isinstance(rows, SparseRows)
    assert len(rows.data) == len(codes)


@pytest.mark.parametrize("few", [0, 1000])  # copied together, and one by one
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("order", ["as built", "reversed rows", "shuffled columns", "every other row"])
def test_many_small_blocks_have_the_numbers_of_their_columns(few, rows, order, monkeypatch):
    pd = library("pandas")
    kinds = [kind for kind in COLUMNS if "pyarrow" not in kind and "sparse" not in kind and "category" not in kind]
    frame = pd.DataFrame({f"{kind} {i}": COLUMNS[kind](pd) for i in range(3) for kind in kinds})
    frame = pd.concat([frame, frame], ignore_index=True)
    monkeypatch.setattr(frames, "_FEW_BLOCKS", few)
    frame = {
        "as built": lambda: frame,
        "reversed rows": lambda: frame[::-1],
        "shuffled columns": lambda: frame.iloc[:, np.random.default_rng(0).permutation(frame.shape[1])],
        "every other row": lambda: frame[::2],
    }[order]()[:rows]
    assert frames._of_blocks(frame) is not None
    np.testing.assert_array_equal(tables.as_array(frame, "x"), one_by_one(frame).astype(float))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize(
    "kinds",
    [["i8"], ["Int64"], ["?", "f8", "i8"], ["u8", "i8"], ["Int8", "Float32"], ["f2", "?"], ["boolean", "f4", "i1"]],
)
def test_a_frame_with_a_block_for_each_column_has_the_numbers_of_its_columns(rows, gap, kinds, monkeypatch):
    pd = library("pandas")
    blocks = [pd.DataFrame({f"{kind} {i}": COLUMNS[kind](pd)}) for i in range(7) for kind in kinds]
    frame = pd.concat(blocks, axis=1)[1 : 1 + rows]
    if gap:
        frame["Int64 with NA"] = COLUMNS["Int64 with NA"](pd)[1 : 1 + rows]
    assert len(frame._mgr.blocks) == frame.shape[1]
    for given in (frame, frame.iloc[:, ::-1], frame.iloc[:, np.random.default_rng(0).permutation(frame.shape[1])]):
        got = tables.as_array(given, "x")
        np.testing.assert_array_equal(got, one_by_one(given))
        with monkeypatch.context() as patch:
            patch.setattr(frames, "_FEW_COLUMNS", 1000)  # copied one by one
            same_numbers = tables.as_array(given, "x")
        np.testing.assert_array_equal(got, same_numbers)
        assert got.dtype == same_numbers.dtype


def test_as_many_blocks_as_columns_need_not_be_a_block_for_each():
    manager = SimpleNamespace(blknos=np.array([0, 0, 2]), blklocs=np.array([0, 1, 0]))  # block 1 is empty
    assert frames._of_columns(manager, [np.ones((1, 1))] * 3, {np.dtype(float)}, np.dtype(float), 1) is None


@pytest.mark.parametrize("rows", [1, 50, 1000])
@pytest.mark.parametrize("columns", [1, 3, 20])
@pytest.mark.parametrize("gap", [False, True])
def test_nullable_frames_of_any_size_have_the_numbers_of_their_columns(rows, columns, gap):
    pd = library("pandas")
    frame = pd.DataFrame(np.arange(rows * columns).reshape(rows, columns) + 2**53).astype("Int64")
    if gap:
        frame.iloc[rows // 2, columns // 2] = pd.NA
    got = tables.as_array(frame, "x")
    np.testing.assert_array_equal(got, one_by_one(frame))
    assert got.dtype == (float if gap else np.int64)


@pytest.mark.parametrize("first", COLUMNS)
def test_a_frame_read_in_strips_has_the_numbers_of_the_whole(first, monkeypatch):
    pd = library("pandas")
    frame = pd.DataFrame({f"{kind} {i}": COLUMNS[kind](pd) for i, kind in enumerate([first, "f8", "?", first])})
    frame["objects"] = np.array([True, 2**53 + 1, 2**63, 0.5], object)
    frame = pd.concat([frame] * 3, ignore_index=True)
    for given in (frame, frame.drop(columns="objects"), frame[[f"{first} 0"]]):
        whole = tables.as_array(given, "x")
        with monkeypatch.context() as patch:
            patch.setattr(strips, "SCANNED", 8)
            patch.setattr(frames, "_FEW_NUMBERS", 0)
            parts = tables.as_array(given, "x")
        np.testing.assert_array_equal(parts, whole)
        assert parts.dtype == whole.dtype


@pytest.mark.parametrize("first", [kind for kind in COLUMNS if "sparse" not in kind] + ["objects"])
def test_a_long_frame_is_read_in_strips_between_which_ctrl_c_is_possible(first, monkeypatch):
    pd = library("pandas")
    frame = pd.DataFrame({"a": np.arange(4.0), "b": [True] * 4, "c": np.arange(4)})
    frame["d"] = np.arange(4).astype(object) if first == "objects" else COLUMNS[first](pd)
    frame = pd.concat([frame] * 50, ignore_index=True)
    read = []

    def ranges(*args, **options):
        for rows in whole(*args, **options):
            read.append(rows)
            yield rows

    whole = strips.ranges
    monkeypatch.setattr(strips, "ranges", ranges)
    monkeypatch.setattr(strips, "SCANNED", 80)
    monkeypatch.setattr(frames, "_FEW_NUMBERS", 0)
    tables.as_array(frame, "x")
    assert len(read) >= frame.size / 80
    read.clear()
    tables.as_array(frame["d"], "y")
    assert len(read) >= len(frame) / 80 or isinstance(frame["d"].dtype, np.dtype)  # whose array is its own
