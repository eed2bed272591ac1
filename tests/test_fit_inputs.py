"""D1 for Network: every layout of x and y learns and predicts alike; every unfit one is refused and changes nothing."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import fcnet as fc

from walks import walk

pytestmark = pytest.mark.once

N, K, M = 12, 4, 3
SEED = 5


def problem(dtype=np.float32):
    """Whole numbers from 0 to 15, so that every type can hold them."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 16, (N, K)).astype(dtype), rng.integers(0, M, N)


def digest(net):
    return hashlib.sha256(b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)).hexdigest()


def fitted(x, y, loss="cross_entropy", sizes=(K, 6, M)):
    net = fc.Network(list(sizes), loss=loss, seed=SEED)
    net.fit(x, y, epochs=2, batch_size=5, optimizer=fc.SGD(0.01))
    return net


class Table:
    """What a data frame offers."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def padded(x):
    room = np.full((N + 2, 2 * K), 99, x.dtype)
    room[1:-1, ::2] = x
    return room[1:-1, ::2]


def misaligned(x):
    return np.frombuffer(b"\0" + x.tobytes(), dtype=x.dtype, offset=1).reshape(x.shape)


def read_only(x):
    x.flags.writeable = False
    return x


LAYOUTS = {
    "fortran": np.asfortranarray,
    "negative-strides": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "padded": padded,
    "misaligned": misaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": read_only,
    "list": lambda x: x.tolist(),
    "tuple": lambda x: tuple(map(tuple, x.tolist())),
    "table": Table,
    "matrix": lambda x: x.view(type("Sub", (np.ndarray,), {})),
}
TYPES = ["f2", "f4", "f8", "g", "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", ">f4", ">f8", ">i4"]


@pytest.mark.parametrize("layout", LAYOUTS)
@walk("dtype", ["f4", "f8", "u1"])
def test_every_layout_of_x_learns_and_predicts_like_the_contiguous_one(layout, dtype):
    x, y = problem(dtype)
    odd = LAYOUTS[layout](x.copy())
    before = np.asarray(odd).tobytes()
    expected, got = fitted(x, y), fitted(odd, y)
    assert digest(got) == digest(expected)
    np.testing.assert_array_equal(got.predict(odd), expected.predict(x))
    assert got.evaluate(odd, y) == expected.evaluate(x, y)
    assert np.asarray(odd).tobytes() == before


@pytest.mark.parametrize("dtype", TYPES)
def test_every_real_type_of_x_learns_like_float32(dtype):
    x, y = problem()
    assert digest(fitted(x.astype(dtype), y)) == digest(fitted(x, y))


def test_booleans_are_zeros_and_ones():
    x, y = problem()
    assert digest(fitted(x > 7, y)) == digest(fitted((x > 7).astype(np.float32), y))


def test_memmap_is_read_in_place(tmp_path):
    x, y = problem()
    x.tofile(tmp_path / "x")
    on_disk = np.memmap(tmp_path / "x", dtype=np.float32, mode="r", shape=x.shape)
    assert digest(fitted(on_disk, y)) == digest(fitted(x, y))


@pytest.mark.parametrize(
    "form",
    [
        lambda y: y.tolist(),
        lambda y: y.astype(np.uint8),
        lambda y: y.astype(">i8"),
        lambda y: y[:, None],
        lambda y: np.eye(M)[y],
        lambda y: np.eye(M, dtype=bool)[y],
        lambda y: np.repeat(y, 2)[::2],
        Table,
    ],
    ids=["list", "uint8", "byte-swapped", "column", "one-hot", "one-hot-bool", "strided", "table"],
)
def test_every_form_of_labels_learns_alike(form):
    x, y = problem()
    assert digest(fitted(x, form(y))) == digest(fitted(x, y))


def test_one_target_may_be_a_vector_or_a_column():
    x, y = problem()
    column = fitted(x, y[:, None].astype(float), "mse", (K, 5, 1))
    assert digest(fitted(x, y, "mse", (K, 5, 1))) == digest(column)


class Sparse:
    def toarray(self):
        raise AssertionError("never called")


BAD_X = {
    "complex": (lambda x: x.astype(complex), TypeError, "x has dtype complex128"),
    "object": (
        lambda x: x.astype(object) + 1j,
        TypeError,
        r"x contains .*1j\), a complex, in row 0, column 0: expected real",
    ),
    "string": (lambda x: x.astype(str), TypeError, r"x holds text: .*use np\.asarray\(x, float\)"),
    "datetime": (lambda x: np.zeros(x.shape, "M8[s]"), TypeError, "x has dtype"),
    "structured": (lambda x: np.zeros(x.shape, "f4,f4"), TypeError, "x has dtype"),
    "masked": (np.ma.masked_array, TypeError, "x is a masked array"),
    "sparse": (lambda x: Sparse(), TypeError, "x is a sparse Sparse"),
    "none": (lambda x: None, TypeError, "x is None: expected an array"),
    "ragged": (lambda x: [[1, 2], [3]], ValueError, "x is not a rectangular array"),
    "0-d": (lambda x: x[0, 0], ValueError, "x has shape"),
    "1-d": (lambda x: x[0], ValueError, r"for one sample use np\.asarray\(x\)\[None, :\]"),
    "3-d": (lambda x: x[None], ValueError, r"x has shape \(1, 12, 4\): expected \(n_samples, 4\)$"),
    "images": (lambda x: x.reshape(-1, 2, 2), ValueError, r"\(n_samples, 4\), use np\.reshape\(x, \(-1, 4\)\)"),
    "dict": (lambda x: {"a": x}, TypeError, "x is a dict: expected an array, a list or a table"),
    "set": (lambda x: {1, 2}, TypeError, "x is a set: expected an array"),
    "wide": (
        lambda x: np.hstack([x, x]),
        ValueError,
        r"x has 8 features, but the network takes 4: expected \(n_samples, 4\), got \(12, 8\)",
    ),
    "no-columns": (lambda x: x[:, :0], ValueError, "x has 0 features"),
}


@pytest.mark.parametrize("bad", BAD_X)
@walk("method", ["fit", "predict", "evaluate", "gradients"])
def test_bad_x_is_refused_and_changes_nothing(bad, method):
    x, y = problem()
    net = fitted(x, y)
    before, epochs = digest(net), net.epochs_trained
    make, error, message = BAD_X[bad]
    with pytest.raises(error, match=message):
        getattr(net, method)(make(x), *([] if method == "predict" else [y]))
    assert (digest(net), net.epochs_trained) == (before, epochs)


BAD_FIT = {
    "nan": (lambda x, y: (np.where(x == x[3, 1], np.nan, x), y), ValueError, "x contains nan in row"),
    "inf": (lambda x, y: (np.where(x == x[3, 1], np.inf, x), y), ValueError, "x contains inf in row"),
    "huge": (
        lambda x, y: (np.full(x.shape, np.longdouble("1e999")), y),
        ValueError,
        r"contains 1e\+999 in row 0, column 0, too large for",
    ),
    "no-rows": (lambda x, y: (x[:0], y[:0]), ValueError, "at least one sample"),
    "fewer-labels": (lambda x, y: (x, y[:-1]), ValueError, r"y has shape \(11,\): expected 12 entries, one for each"),
    "labels-from-1": (lambda x, y: (x, y + 1), ValueError, r"label < 3, use np\.unique\(y, return_inverse=True\)"),
    "negative-label": (lambda x, y: (x, y - 1), ValueError, r"y contains the label -1 in row \d+"),
    "large-label": (lambda x, y: (x, y + 1), ValueError, r"y contains the label 3 in row \d+: expected 0 <= label < 3"),
    "float-labels": (
        lambda x, y: (x, y / 2),
        ValueError,
        r"y contains 0.5 in row .*: expected class labels, integers from 0 to 2; for probabilities .* for reg",
    ),
    "nan-labels": (
        lambda x, y: (x, y * np.nan),
        ValueError,
        "y contains nan in row 0: expected class labels, .*; drop rows without a label",
    ),
    "generator-labels": (lambda x, y: (x, iter(y)), TypeError, r"\by is a .*iterator: expected an array, a list or"),
    "string-labels": (lambda x, y: (x, y.astype(str)), TypeError, r"use np\.unique\(y, return_inverse=True\)"),
    "two-hot": (lambda x, y: (x, np.ones((N, M))), ValueError, "y is not one-hot in row 0"),
    "soft": (lambda x, y: (x, np.full((N, M), 0.9 / M)), ValueError, "y adds up to 0.9 in row 0"),
    "nan-hot": (lambda x, y: (x, np.full((N, M), np.nan)), ValueError, "y contains nan in row 0, column 0"),
    "wide-hot": (lambda x, y: (x, np.eye(M + 1)[y]), ValueError, r"rows \(12, 3\), as the network has 3 outputs"),
}


@pytest.mark.parametrize("bad", BAD_FIT)
def test_bad_data_is_refused_by_fit_and_changes_nothing(bad):
    x, y = problem()
    net = fitted(x, y)
    before = digest(net)
    make, error, message = BAD_FIT[bad]
    with pytest.raises(error, match=message):
        net.fit(*make(x, y))
    if bad != "no-rows":
        with pytest.raises(error, match=r"validation_data\[[01]\]"):
            net.fit(x, y, validation_data=make(x, y))
    assert digest(net) == before


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "message"),
    [
        ("mse", 2, np.zeros(N), r"y has shape \(12,\): expected \(12, 2\), as the network has 2 outputs$"),
        ("mse", 2, np.zeros(N, int), "; for class labels use loss='cross_entropy'"),
        ("mse", 1, np.zeros((1, N)), r"y has shape \(1, 12\): expected 12 entries, one for each row of x"),
        ("mse", 1, np.zeros((N, 1, 1)), r"y has shape \(12, 1, 1\): expected \(12, 1\) or \(12,\), use"),
        ("binary_cross_entropy", 1, np.tile([-1, 1], N // 2), r"expected 0 <= y <= 1, use np\.asarray\(y\) > 0"),
    ],
)
def test_y_of_another_shape_or_kind_is_refused_with_advice(loss, outputs, y, message):
    with pytest.raises(ValueError, match=message):
        fc.Network([K, outputs], loss=loss, seed=0).fit(problem()[0], y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_targets_are_refused(bad):
    x, _ = problem()
    target = np.zeros((N, 2))
    target[7, 1] = bad
    with pytest.raises(ValueError, match=r"y contains (nan|inf) in row 7, column 1"):
        fc.Network([K, 2], loss="mse", seed=0).fit(x, target)


def test_finite_numbers_whose_sum_overflows_are_accepted():
    x = np.full((4, 2), 3e38, np.float32)
    fc.Network([2, 2], seed=0).evaluate(x, [0, 1, 0, 1])
    net = fc.Network([2, 2], seed=0)
    net.fit(x * np.float32(1e-38), [0, 1, 0, 1], epochs=1)


OPTIONS = {
    "epochs": [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("3", TypeError)],
    "batch_size": [(0, ValueError), (-3, ValueError), (2.0, TypeError), (None, TypeError)],
    "optimizer": [("sgdd", ValueError), (None, TypeError), (0.1, TypeError)],
    "validation_data": [((1,), TypeError), (3, TypeError)],
}


@pytest.mark.parametrize(
    ("option", "value", "error"), [(name, *case) for name, cases in OPTIONS.items() for case in cases]
)
def test_bad_options_are_refused_by_name(option, value, error):
    x, y = problem()
    net = fc.Network([K, M], seed=0)
    before = digest(net)
    with pytest.raises(error, match=option):
        net.fit(x, y, **{option: value})
    assert digest(net) == before


@pytest.mark.parametrize("rows", [0, 1])
def test_predict_keeps_the_number_of_rows(rows):
    assert fc.Network([K, M], seed=0).predict(problem()[0][:rows]).shape == (rows, M)


def test_predict_lets_non_finite_numbers_through():
    x, _ = problem()
    x[2] = np.nan
    assert np.isnan(fitted(*problem()).predict(x)).all(axis=1).tolist() == [i == 2 for i in range(N)]
