"""A number that is not finite, or that the network's type makes infinite, is named by row and column before a fit."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import arrays

from interop import interop, library
from tables import NAMES, K, M, N, Named, columns_of, problem
from walks import walk

pytestmark = pytest.mark.once

ROW, COLUMN = 7, 2
WHERE = f"in row {ROW}, column {COLUMN}"


def spoiled(value, kind="f8"):
    x = problem()[0].astype(kind)
    x[ROW, COLUMN] = value
    return x


# A cell, of what type, the network's options, and what the message says of it.
CELLS = {
    "NaN": (np.nan, "f8", {}, f"x contains nan {WHERE}: expected finite numbers"),
    "beyond float32": (1e39, "f8", {}, rf"x contains 1e\+39 {WHERE}, too large for float32: expected at most 3.4e\+38"),
    "just beyond": (3.5e38, "f8", {}, rf"x contains 3.5e\+38 {WHERE}, too large for float32"),
    "below": (-1e300, "f8", {}, rf"x contains -1e\+300 {WHERE}, too large for float32"),
    "of another order": (1e39, ">f8", {}, rf"x contains 1e\+39 {WHERE}, too large for float32"),
    "beyond float64": (
        np.longdouble("1e999"),
        "g",
        {"dtype": "float64"},
        rf"x contains 1e\+999 {WHERE}, too large for",
    ),
    "long and beyond float32": (np.longdouble("1e39"), "g", {}, rf"x contains 1e\+39 {WHERE}, too large for float32"),
    "scaled": (
        1e30,
        "f8",
        {"scale": 1e10},
        rf"1e\+30 {WHERE}, for which scale \* \(x - offset\) is too large for float32",
    ),
    "scaled float32": (1e30, "f4", {"scale": 1e10}, rf"{WHERE}, for which scale \* \(x - offset\) is too large"),
    "scaled by column": (1e30, "f4", {"scale": [1, 1, 1e10, 1]}, rf"{WHERE}, for which scale \* \(x - offset\) is too"),
    "shifted": (-3e38, "f4", {"offset": 3e38}, rf"{WHERE}, for which scale \* \(x - offset\) is too large"),
    "a whole number": (
        2**62,
        "i8",
        {"scale": 1e25},
        rf"x contains 4611686018427387904 {WHERE}, for which scale \* \(x - offset\)",
    ),
    "a byte": (255, "u1", {"scale": 1e37}, rf"x contains 255 {WHERE}, for which scale"),
    "a short float": (60000, "f2", {"scale": 1e35}, rf"x contains 6e\+04 {WHERE}, for which scale"),
    "an infinite short float": (np.inf, "f2", {}, f"x contains inf {WHERE}: expected finite numbers"),
    "scaled beyond float64": (
        1e300,
        "f8",
        {"scale": 1e10, "dtype": "float64"},
        rf"{WHERE}, for which scale \* \(x - offset\)",
    ),
}


@walk("method", ["fit", "train_on_batch", "validation", "batches", "find_learning_rate"])
@pytest.mark.parametrize("what", CELLS)
def test_a_cell_that_becomes_infinite_is_named_by_row_and_column(what, method):
    value, kind, options, message = CELLS[what]
    net, y, x = fc.Network([K, M], seed=0, **options), problem()[1], spoiled(value, kind)
    fine = np.full_like(problem()[0], options.get("offset", 0))
    calls = {
        "validation": lambda: net.fit(fine, y, validation_data=(x, y)),
        "batches": lambda: net.fit([(fine, y), (x, y)], epochs=1),
    }
    name = {"validation": r"validation_data\[0\]", "batches": "x of batch 1"}.get(method, "x")
    with pytest.raises(
        ValueError, match=message.replace("x contains", f"{name} contains").replace(r"\(x -", r"\(\S+ -")
    ):
        calls.get(method, lambda: getattr(net, method)(x, y))()
    assert net.epochs_trained == 0 or method == "batches"
    with np.errstate(over="ignore", invalid="ignore"):
        net.predict(x)  # there it propagates


@pytest.mark.parametrize("what", CELLS)
def test_the_cell_is_found_by_the_name_of_its_column_and_in_later_strips(what, monkeypatch):
    value, kind, options, message = CELLS[what]
    monkeypatch.setattr("fcnet._inputs.strips.SCANNED", K)
    message = message.replace(f"column {COLUMN}", f"column '{NAMES[COLUMN]}'")
    with pytest.raises(ValueError, match=message):
        fc.Network([K, M], seed=0, **options).fit(Named(spoiled(value, kind), NAMES), problem()[1])


# What fits: at the very limit, and numbers that only their own column's scale makes small.
FINE = {
    "the largest": (3.4e38, "f8", {}),
    "the smallest": (-3.4e38, "f4", {}),
    "1e39 in float64": (1e39, "f8", {"dtype": "float64"}),
    "a scale that makes it small": (1e38, "f8", {"scale": [1e38, 1e38, 1e-38, 1e38]}),
    "an offset that makes it small": (3e38, "f8", {"offset": [0, 0, 3e38, 0], "scale": [1, 1, 0.5, 1]}),
    "whole numbers of 64 bits": (2**63 - 1, "i8", {}),
    "bytes of a large scale": (2, "u1", {"scale": 1e37}),
    "truths": (1, "?", {"scale": 3e38}),
}


@pytest.mark.parametrize("what", FINE)
def test_what_stays_finite_is_taken(what):
    value, kind, options = FINE[what]
    x = np.zeros((N, K), kind)
    x[ROW, COLUMN] = value
    net = fc.Network([K, M], seed=0, **options)
    assert np.isfinite(net._state.dataset(x, problem()[1]).x.astype(float)).all()


def sparse(x, form):
    return getattr(library("scipy.sparse"), form)(x)


@pytest.mark.interop
@pytest.mark.parametrize("form", ["csr_array", "csc_array"])
@pytest.mark.parametrize("what", ["NaN", "beyond float32", "scaled", "scaled by column", "shifted"])
def test_a_cell_of_sparse_rows_is_named_by_row_and_column(what, form):
    value, kind, options, message = CELLS[what]
    with pytest.raises(ValueError, match=message):
        fc.Network([K, M], seed=0, **options).fit(sparse(spoiled(value, kind), form), problem()[1])


FRAMES = interop(
    {
        "pandas": lambda x: library("pandas").DataFrame(columns_of(x)),
        "polars": lambda x: library("polars").DataFrame(columns_of(x)),
        "arrow": lambda x: library("pyarrow").table(columns_of(x)),
    }
)


@pytest.mark.parametrize("what", FRAMES)
def test_a_cell_of_a_table_is_named_by_row_and_column(what):
    with pytest.raises(ValueError, match=rf"x contains 1e\+39 in row {ROW}, column 'weight', too large for float32"):
        fc.Network([K, M], seed=0).fit(FRAMES[what](spoiled(1e39)), problem()[1])


def test_a_target_too_large_is_named_by_row_and_column():
    x, _ = problem()
    y = np.zeros((N, 2))
    y[ROW, 1] = -1e39
    with pytest.raises(ValueError, match=rf"y contains -1e\+39 in row {ROW}, column 1, too large for float32"):
        fc.Network([K, 2], loss="mse", seed=0).fit(x, y)
    with pytest.raises(ValueError, match=rf"y contains -1e\+39 in row {ROW}, column 0, too large for float32"):
        fc.Network([K, 1], loss="mse", seed=0).fit(x, y[:, 1])
    fc.Network([K, 2], loss="mse", seed=0, dtype="float64").evaluate(x, y)


def test_a_weight_too_large_is_named_by_its_place():
    net = fc.Network([2, 3], seed=0)
    w = np.zeros((2, 3))
    w[1, 2] = 1e39
    with pytest.raises(ValueError, match=r"1e\+39 at \[1, 2\], too large for float32: expected at most 3.4e\+38"):
        net.layers[0].W = w
    assert arrays.cast(w, np.dtype("f8"), "W") is w
