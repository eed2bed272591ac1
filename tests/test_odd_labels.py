"""Labels of any type of whole numbers are learnt as integers are; what is none is refused and changes nothing."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

import fcnet as fc

from interop import interop, library
from tables import K, M, N, fitted, problem, same

pytestmark = pytest.mark.once

LABELS = {
    "negative": lambda y: y - 1,
    "too large": lambda y: y + 1,
    "halves": lambda y: y / 2,
    "an infinite one": lambda y: np.where(y == 0, np.inf, y),
    "texts with one missing": lambda y: [None, *y[1:].astype(str)],
    "dictionaries": lambda y: [{"a": 1}] * N,
    "dates": lambda y: y.astype("M8[D]"),
    "nan": lambda y: y * np.nan,
    "texts": lambda y: y.astype(str),
    "complex": lambda y: y + 0j,
    "none": lambda y: None,
    "none in a list": lambda y: [None] * N,
    "a number": lambda y: 1,
    "one too few": lambda y: y[1:],
    "a row": lambda y: y[None],
    "two columns": lambda y: np.stack([y, y], axis=1),
    "masked": np.ma.masked_array,
    "shares that do not add up": lambda y: np.full((N, M), 0.9 / M),
    "two of one row": lambda y: np.ones((N, M)),
    "none of one row": lambda y: np.zeros((N, M), bool),
    "beyond 32 bits": lambda y: y + 2**32,
    "beyond 63 bits": lambda y: y.astype("u8") + np.uint64(2**63),
}
LABELS |= interop(
    {
        "one missing in pandas": lambda y: library("pandas").Series(y).astype("Int64").where(y != 0),
        "one missing in Polars": lambda y: library("polars").Series([None, *y[1:].tolist()]),
        "one missing in Arrow": lambda y: library("pyarrow").array([None, *y[1:].tolist()]),
        "categories": lambda y: library("pandas").Series(y).astype(str).astype("category"),
        "sparse": lambda y: library("scipy.sparse").csr_array(np.eye(M)[y]),
    }
)


@pytest.mark.parametrize("method", ["fit", "evaluate", "gradients", "train_on_batch"])
@pytest.mark.parametrize("what", LABELS)
def test_labels_that_are_none_are_refused_and_change_nothing(what, method):
    x, y = problem()
    net, before = fitted(x, y), fitted(x, y)
    with pytest.raises((TypeError, ValueError), match=r"\by\b"):
        getattr(net, method)(x, LABELS[what](y))
    assert same(net, before)


WHOLE = {
    "float64": lambda y: y.astype(float),
    "float32": lambda y: y.astype("f4"),
    "float16": lambda y: y.astype("f2"),
    "a column": lambda y: y.astype(float)[:, None],
    "-0": lambda y: np.where(y == 0, -0.0, y),
    "a list": lambda y: y.astype(float).tolist(),
    "objects": lambda y: y.astype(object),
    "floats that are objects": lambda y: y.astype(float).astype(object),
    "decimals": lambda y: [Decimal(v) for v in y.tolist()],
    "one-hot objects": lambda y: np.eye(M)[y].astype(object),
    "one-hot truths": lambda y: np.eye(M, dtype=bool)[y],
}
WHOLE |= interop(
    {
        "float16 of PyTorch": lambda y: library("torch").from_numpy(y).half(),
        "a series of floats": lambda y: library("pandas").Series(y.astype(float)),
        "a series of objects": lambda y: library("pandas").Series(y).astype(object),
        "a series with another index": lambda y: library("pandas").Series(y, index=range(N, 0, -1)),
        "a series with two levels": lambda y: library("pandas").Series(y, index=[["a"] * N, list(range(N))]),
        "a frame of one column": lambda y: library("pandas").DataFrame({"y": y}),
        "Int64": lambda y: library("pandas").Series(y).astype("Int64"),
        "Float64": lambda y: library("pandas").Series(y).astype("Float64"),
        "whole numbers of Arrow in pandas": lambda y: library("pandas").Series(y).astype("int64[pyarrow]"),
        "a category of numbers": lambda y: library("pandas").Series(y).astype("category"),
        "floats of Polars": lambda y: library("polars").Series(y.astype(float)),
        "floats of Arrow": lambda y: library("pyarrow").array(y.astype(float)),
    }
)


@pytest.mark.parametrize("what", WHOLE)
def test_whole_numbers_of_any_type_are_labels(what):
    x, y = problem()
    net, given = fitted(x, y), WHOLE[what](y)
    assert same(fitted(x, given), net)
    assert net.evaluate(x, given, metrics=["f1_macro"]) == net.evaluate(x, y, metrics=["f1_macro"])


@pytest.mark.parametrize("outputs", [2, 3])
def test_floats_beside_cross_entropy_are_labels_or_a_column_for_each_class(outputs):
    """A column of probabilities is none of two classes: they are one column each, or the loss is another one."""
    x, _ = problem()
    net = fc.Network([K, outputs], seed=0)
    net.evaluate(x, np.full((N, outputs), 1 / outputs))
    net.evaluate(x, np.zeros(N))
    for y in (np.full(N, 0.25), np.full((N, 1), 0.25)):
        with pytest.raises(ValueError, match="y contains 0.25 in row 0: expected class labels"):
            net.evaluate(x, y)
