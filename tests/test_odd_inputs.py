"""D1: whatever x comes as, it learns, predicts and evaluates as its contiguous array, or is refused by name; and stays
as it was."""

from __future__ import annotations

import array
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import objects, strips

from interop import interop, library
from tables import TABLES, Interchange, K, N, Named, columns_of, fitted, problem, same
from walks import walk

pytestmark = pytest.mark.once


class Interface:
    """What NumPy's array interface describes, and nothing else."""

    def __init__(self, x):
        self._x, self.__array_interface__ = x, x.__array_interface__


class Subclass(np.ndarray):
    pass


class Lists:
    """A sequence that is none of Python's."""

    def __init__(self, x):
        self._x = x.tolist()

    def __len__(self):
        return len(self._x)

    def __getitem__(self, i):
        return self._x[i]


def mapped(x, order, tmp_path, mode="r"):
    path = tmp_path / "x"
    np.asarray(x, order=order).ravel(order="K").tofile(path)
    return np.memmap(path, x.dtype, mode, shape=x.shape, order=order)


def frozen(x):
    x.flags.writeable = False
    return x


def strided(x, step):
    room = np.full((N * abs(step), K * abs(step)), 99, x.dtype)
    view = room[::step, ::step]
    view[...] = x
    return view


def of_misaligned(x, kind):
    x = x.astype(kind)
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)


def field_of_records(x):
    records = np.zeros(x.shape, [("flag", "u1"), ("value", "f8")])  # a step of nine bytes
    records["value"] = x
    return records["value"]


def pandas_as(kind):
    return lambda x: library("pandas").DataFrame(columns_of(x)).astype(kind)


def arrow_chunks(x):
    pa = library("pyarrow")
    halves = [pa.table(columns_of(x[:5])), pa.table(columns_of(x[5:]))]
    return pa.concat_tables(halves)


def arrow_decimals(x):
    pa = library("pyarrow")
    schema = pa.schema([(name, pa.decimal128(20, 2)) for name in columns_of(x)])
    return pa.table(columns_of(x)).cast(schema)


def torch(x):
    return library("torch").from_numpy(x.copy())


def jax(x):
    return library("jax").numpy.asarray(x)


def sparse(form):
    return lambda x: getattr(library("scipy.sparse"), form)(x)


KINDS = ("f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f2", ">f4", ">f8", ">i8", ">u4")
LAYOUTS = {
    "plain": lambda x: x,
    "fortran": np.asfortranarray,
    "every second": lambda x: strided(x, 2),
    "backwards": lambda x: strided(x, -1),
    "misaligned": lambda x: of_misaligned(x, x.dtype),
    "read-only": lambda x: frozen(x.copy()),
}

ODD = {
    "backwards every third": lambda x: strided(x, -3),
    "rows backwards": lambda x: x[::-1].copy()[::-1],
    "transposed twice": lambda x: np.ascontiguousarray(x.T).T,
    "a window": lambda x: np.pad(x, 3, constant_values=np.nan)[3:-3, 3:-3],
    "a field of records": field_of_records,
    "a subclass": lambda x: x.view(Subclass),
    "a matrix": lambda x: np.asmatrix(x),
    "a list": lambda x: x.tolist(),
    "a tuple": lambda x: tuple(map(tuple, x.tolist())),
    "a list of arrays": list,
    "a list of tuples and lists": lambda x: [tuple(row) if i % 2 else list(row) for i, row in enumerate(x.tolist())],
    "a list of array.array": lambda x: [array.array("d", row) for row in x.tolist()],
    "a memoryview": lambda x: memoryview(x),
    "an array interface": Interface,
    "a table with but names": lambda x: Named(x, "abcd"),
    "objects": lambda x: x.astype(object),
    "objects of whole numbers": lambda x: x.astype(int).astype(object),
    "decimals": lambda x: [[Decimal(v) for v in row] for row in x.tolist()],
    "fractions, decimals, truths and NumPy's numbers": lambda x: [
        [Fraction(a), Decimal(b), np.bool_(True) if c == 1 else np.int8(c), np.float32(d)] for a, b, c, d in x.tolist()
    ],
    "a table of the interchange protocol": lambda x: Interchange(columns_of(x)),
}
ODD |= interop(
    {
        **{f"{name} table": lambda x, make=make: make(columns_of(x)) for name, make in TABLES.items()},
        **{f"pandas {kind}": pandas_as(kind) for kind in ("float32", "uint8", "Int64", "Float32", "UInt8", "category")},
        "pandas objects": pandas_as(object),
        "pandas decimals": lambda x: library("pandas").DataFrame(columns_of(x)).map(Decimal),
        "pandas with a column of objects": lambda x: library("pandas").DataFrame(columns_of(x)).astype({"age": object}),
        "pandas decimals of Arrow": lambda x: arrow_decimals(x).to_pandas(types_mapper=library("pandas").ArrowDtype),
        "decimals of Arrow": arrow_decimals,
        "decimals of Polars": lambda x: library("polars").from_arrow(arrow_decimals(x)),
        "pandas of one block": lambda x: library("pandas").DataFrame(x),
        "pandas with an index": lambda x: library("pandas").DataFrame(x, index=[f"r{i % 2}" for i in range(N)]),
        "pandas sparse": pandas_as("Sparse[float64]"),
        "a list of pandas columns": lambda x: [library("pandas").Series(row) for row in x],
        "polars float32": lambda x: library("polars").DataFrame(columns_of(x.astype("f4"))),
        "arrow in chunks": arrow_chunks,
        "torch": torch,
        "torch float16": lambda x: torch(x).half(),
        "torch bfloat16": lambda x: torch(x).bfloat16(),
        "torch of another step": lambda x: torch(np.repeat(x, 2, axis=1))[:, ::2],
        "jax": jax,
        "jax bfloat16": lambda x: jax(x).astype("bfloat16"),
        "bfloat16": lambda x: x.astype(library("ml_dtypes").bfloat16),
        "bfloat16 fortran": lambda x: np.asfortranarray(x.astype(library("ml_dtypes").bfloat16)),
        **{f"a {form}": sparse(form) for form in ("csr_array", "csr_matrix", "csc_array", "coo_array", "dok_array")},
    }
)


def bytes_of(x):
    """All that is in x, to see that it stays so."""
    x = x.float() if hasattr(x, "float") else x  # a tensor of bfloat16
    for dense in ("toarray", "to_pandas", "to_numpy"):
        if hasattr(x, dense):
            return np.asarray(getattr(x, dense)()).astype(float).tobytes()
    return repr(x).encode() if isinstance(x, list | tuple | memoryview) else np.asarray(x).astype(float).tobytes()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("what", ODD)
def test_it_is_its_contiguous_array(what):
    assert_is_its_contiguous_array(ODD[what])


@pytest.mark.parametrize("layout", LAYOUTS)
@walk("kind", KINDS)
def test_every_type_in_every_layout_is_its_contiguous_array(layout, kind):
    assert_is_its_contiguous_array(lambda x: LAYOUTS[layout](x.astype(kind)))


def assert_is_its_contiguous_array(change):
    x, y = problem()
    odd = change(x)
    before = bytes_of(odd)
    expected, got = fitted(x, y), fitted(odd, y)
    assert same(expected, got)
    np.testing.assert_array_equal(got.predict(odd), expected.predict(x))
    assert got.evaluate(odd, y) == expected.evaluate(x, y)
    for ours, theirs in zip(got.gradients(odd, y), expected.gradients(x, y), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    assert got.train_on_batch(odd, y) == expected.train_on_batch(x, y)
    assert same(expected, got)
    assert bytes_of(odd) == before


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_a_mapped_file_is_its_array(order, mode, tmp_path):
    x, y = problem()
    odd = mapped(x, order, tmp_path, mode)
    before = (tmp_path / "x").read_bytes()
    assert same(fitted(odd, y), fitted(x, y))
    assert (tmp_path / "x").read_bytes() == before


def test_one_row_for_all_is_its_copies():
    x, y = problem()
    wide = np.broadcast_to(x[0], x.shape)
    assert same(fitted(wide, y), fitted(wide.copy(), y))


BAD = {
    "a number": lambda x: 3.5,
    "a text": lambda x: "x",
    "bytes": lambda x: b"1234",
    "a set": lambda x: {1, 2},
    "a dictionary": lambda x: {"a": [1, 2]},
    "a generator": lambda x: (row for row in x),
    "a function": lambda x: len,
    "a sequence that is no list": Lists,
    "texts in a list": lambda x: [["1"] * K] * N,
    "rows of two lengths": lambda x: [[1] * K, [1]],
    "complex": lambda x: x + 1j,
    "an object that is no number": lambda x: np.array([*x[:-1].astype(object), [1, 2, "three", 4]]),
    "a list of dictionaries": lambda x: [dict.fromkeys("abcd", 1.0)] * N,
    "dates": lambda x: x.astype("i8").astype("M8[s]"),
    "durations": lambda x: x.astype("i8").astype("m8[s]"),
    "texts": lambda x: x.astype(str),
    "fixed bytes": lambda x: x.astype("S"),
    "records": lambda x: np.zeros(x.shape, "f4,f4"),
    "bytes without a type": lambda x: np.zeros(x.shape, "V2"),
    "masked": np.ma.masked_array,
    "no dimension": lambda x: x[0, 0],
    "one dimension": lambda x: x.ravel(),
    "three dimensions": lambda x: x[..., None],
    "no columns": lambda x: x[:, :0],
    "a column fewer": lambda x: x[:, 1:],
    "a column more": lambda x: np.hstack([x, x[:, :1]]),
}
BAD |= interop(
    {
        "one column of pandas": lambda x: library("pandas").Series(x[:, 0]),
        "a table without rows and columns": lambda x: library("pandas").DataFrame(),
        "categories that are texts": lambda x: (
            library("pandas").DataFrame(columns_of(x)).astype(str).astype("category")
        ),
        "tables of tables": lambda x: library("pandas").DataFrame({"a": [[1, 2]] * N, "b": 1, "c": 2, "d": 3}),
        "lists in Arrow": lambda x: library("pyarrow").table({name: [[1.0]] * N for name in "abcd"}),
        "a lazy table": lambda x: library("polars").LazyFrame(columns_of(x)),
        "float8 that NumPy does not call real": lambda x: x.astype(library("ml_dtypes").float8_e4m3fn),
        "a sparse tensor": lambda x: torch(x).to_sparse(),
        "a sparse array of complex numbers": lambda x: library("scipy.sparse").csr_array(x + 1j),
        "a sparse array of one dimension": lambda x: library("scipy.sparse").coo_array(x[0]),
    }
)


@walk("method", ["fit", "predict", "evaluate", "gradients", "train_on_batch"])
@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_by_name_and_changes_nothing(what, method):
    x, y = problem()
    net, before = fitted(x, y), fitted(x, y)
    bad = BAD[what](x)
    with pytest.raises((TypeError, ValueError), match=r"\bx\b"):
        getattr(net, method)(bad, *([] if method == "predict" else [y]))
    assert same(net, before)
    assert net.epochs_trained == before.epochs_trained
    assert len(net.history) == 2


def test_one_row_of_a_field_of_records_counts_as_any():
    records = np.zeros(5, dtype=[("x", "f4", (2,)), ("y", "u1")])
    records["x"] = np.arange(10).reshape(5, 2)
    net = fc.Network([2, 3, 2], seed=0)
    np.testing.assert_array_equal(net.predict(records["x"][:1]), net.predict(records["x"].copy()[:1]))


@pytest.mark.parametrize("missing", [None, float("nan"), Decimal("nan"), np.float32("nan")])
def test_what_is_missing_among_objects_is_nan(missing):
    x, y = problem()
    net, rows = fitted(x, y), x.astype(object)
    rows[3, 1], x[3, 1] = missing, np.nan
    np.testing.assert_array_equal(net.predict(rows), net.predict(x))
    with pytest.raises(ValueError, match="x contains nan in row 3, column 1"):
        net.fit(rows, y)


def test_whole_numbers_of_any_size_are_read():
    net = fc.Network([2, 1], seed=0, loss="mse", dtype="float64", scale=1e-20)
    x = [[2**70, -(2**64)], [10**400, 1]]
    expected = net.predict(np.array([[2.0**70, -(2.0**64)], [np.inf, 1]]))
    np.testing.assert_array_equal(net.predict(x), expected)


@pytest.mark.parametrize("rows_of_a_strip", [1, 2, 100])
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2**63 + 1, 3, 2**64 - 1], "u8"),
        ([True, 2**53 + 1, 2**63 + 1, False], "u8"),
        ([-1, 2**53 + 1, True, 2**63 - 1], "i8"),
        ([-1, 2**63 + 1, 2, 3], "f8"),  # no type holds them all
        ([2**63 + 1, 0.5, 2, -3], "f8"),
    ],
)
def test_objects_that_are_64_bit_integers_lose_no_digit(values, dtype, rows_of_a_strip, monkeypatch):
    monkeypatch.setattr(strips, "SCANNED", 8 * rows_of_a_strip)
    found = objects.numbers(np.array(values, object))
    assert found.dtype == dtype
    assert found.tolist() == np.array(values, dtype).tolist()
