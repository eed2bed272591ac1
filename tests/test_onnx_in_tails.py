"""Tails behind the last activation, which ``from_onnx`` leaves off: the outputs themselves and labels, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from onnx_mutants import graph

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
W, B = RNG.standard_normal((2, 3)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)
FIRST = ("Gemm", "x W B", "h")
SOFTMAX, LOGISTIC = [FIRST, ("Softmax", "h", "p")], [("MatMul", "x v", "h"), ("Sigmoid", "h", "p")]
PAIR = [*LOGISTIC, ("Sub", "one p", "q"), ("Concat", "q p", "pair", {"axis": 1})]
OF_ONE = {"v": W[:, :1], "one": np.float32(1)}
ARG_MAX = ("ArgMax", "p", "label", {"axis": 1})


def columns(*places, of="p", **attributes):
    """Gather one column after the other, as the outputs "a", "b", "c"."""
    nodes = [("Gather", f"{of} i{i}", "abc"[n], {"axis": 1} | attributes) for n, i in enumerate(places)]
    return nodes, {f"i{i}": np.array([i]) for i in places}


def tail(*nodes, **arrays):
    """Nodes behind softmax, and constants."""
    return [*SOFTMAX, *nodes], {name: np.array(array) for name, array in arrays.items()}


def with_columns(before, gathered):
    return [*before, *gathered[0]], gathered[1]


TAILS = {
    "columns in order": with_columns(SOFTMAX, columns(0, 1, 2)),
    "columns from the end": with_columns(SOFTMAX, columns(-3, 1, -1)),
    "columns as vectors": tail(
        *[("Slice", f"p s{i} s{i + 1} one", f"c{i}") for i in range(3)],
        *[("Reshape", "c0 flat", "a"), ("Squeeze", "c1 one", "b"), ("Cast", "c2", "c", {"to": 11})],
        **{f"s{i}": [i] for i in range(4)} | {"one": [1], "flat": [-1]},
    ),
    "a last column to the end": tail(
        *columns(0, 1)[0], ("Slice", "p s e one", "c"), i0=[0], i1=[1], s=[-1], e=[2**62], one=[1]
    ),
    "columns of a pair": with_columns(PAIR, columns(0, 1, of="pair")),
    "rows kept": tail(("Reshape", "p keep", "a"), ARG_MAX, keep=[0, 3]),
    "a float64 copy": tail(("Cast", "p", "a", {"to": 11}), ARG_MAX),
    "one sigmoid above 1/2": ([*LOGISTIC, ("Greater", "p half", "label")], {"half": 0.5}),
    "one sigmoid as a vector above 1/2": (
        [*LOGISTIC, ("Reshape", "p flat", "a"), ("GreaterOrEqual", "a half", "label"), ("Identity", "p", "b")],
        {"half": 0.5, "flat": np.array([-1])},
    ),
    "the second of a pair above 1/2": (
        [*PAIR, ("Gather", "pair second", "f", {"axis": 1}), ("Greater", "f half", "label")],
        {"half": 0.5, "second": np.array([1])},
    ),
    "several sigmoids above 1/2": (
        [FIRST, ("Sigmoid", "h", "p"), ("ai.onnx.ml.Binarizer", "p", "label", {"threshold": 0.5})],
        {},
    ),
    "the second of two above 1/2": (
        [
            *(("MatMul", "x w", "h"), ("Softmax", "h", "p")),
            *(("Gather", "p second", "f", {"axis": 1}), ("Greater", "f half", "label")),
        ],
        {"w": W[:, :2], "half": 0.5, "second": np.array([1])},
    ),
}
OTHER_TAILS = {
    "columns in another order": (*with_columns(SOFTMAX, columns(2, 0, 1)), "its outputs are the columns 2, 0, 1 of 3"),
    "columns twice": (*tail(*columns(2, 0)[0], ("Identity", "b", "c"), i2=[2], i0=[0]), "the columns 2, 0, 0 of 3"),
    "more columns than there are": (*with_columns(SOFTMAX, columns(0, 1, 3)), "Gather 'c': it takes other things"),
    "rows": (*with_columns(SOFTMAX, columns(0, 1, 2, axis=0)), "Gather 'a': it takes other things than one of 3"),
    "several columns": (
        *tail(("Gather", "p i", "a", {"axis": 1}), i=[0, 1]),
        "Gather 'a': it takes other things than one of 3 columns",
    ),
    "a slice of rows": (*tail(("Slice", "p s e axis", "a"), s=[0], e=[1], axis=[0]), "Slice 'a': it takes other"),
    "a slice of several columns": (
        *tail(("Slice", "p s e axis", "a"), s=[0], e=[2], axis=[1]),
        "Slice 'a': it takes other",
    ),
    "a slice backwards": (
        *tail(("Slice", "p s e axis step", "a"), s=[1], e=[0], axis=[1], step=[-1]),
        "Slice 'a': it takes other",
    ),
    "whole numbers": (*tail(("Cast", "p", "a", {"to": 7}), ARG_MAX), "Cast 'a': it makes other numbers than real ones"),
    "a column of whole numbers": (
        *tail(("Gather", "p i", "a", {"axis": 1}), ("Cast", "a", "b", {"to": 7}), i=[0]),
        "Cast 'b': it makes other numbers than real ones",
    ),
    "columns as rows": (*tail(("Reshape", "p c", "a"), ARG_MAX, c=[3, -1]), "Reshape 'a': it makes the shape .*3, -1"),
    "one column of three": (*tail(("Reshape", "p c", "a"), ARG_MAX, c=[-1, 1]), "Reshape 'a': it makes the shape"),
    "rows without their axis": (*tail(("Squeeze", "p c", "a"), ARG_MAX, c=[0]), "Squeeze 'a': it makes the shape"),
    "logits above 1/2": ([FIRST, ("Greater", "h half", "y")], {"half": 0.5}, "Greater 'y': it is behind the scores"),
    "logits binarized": (
        [FIRST, ("ai.onnx.ml.Binarizer", "h", "y", {"threshold": 0.5})],
        {},
        "Binarizer 'y': it is behind the scores",
    ),
    "one of three above 1/2": (
        *tail(("Gather", "p i", "a", {"axis": 1}), ("Greater", "a half", "label"), i=[1], half=np.float32(0.5)),
        "Greater 'label': it is behind the column",
    ),
    "the first of a pair above 1/2": (
        [*PAIR, ("Gather", "pair first", "a", {"axis": 1}), ("Greater", "a half", "label")],
        {"half": 0.5, "first": np.array([0])},
        "Greater 'label': it is behind the column",
    ),
    "the largest of one": ([*LOGISTIC, ARG_MAX], {}, "ArgMax 'label': it is behind the scores"),
    "a pair without sigmoid": (
        [("MatMul", "x v", "p"), ("Sub", "one p", "q"), ("Concat", "q p", "y", {"axis": 1})],
        {},
        "Concat 'y': it joins paths from 'p'|Sub 'q': it is behind the scores",
    ),
}


def of_tail(nodes, arrays):
    """The model with the outputs "a", "b", "c", "y" and "label" where they are."""
    made = {node[2] for node in nodes}
    used = {name for node in nodes for name in node[1].split()}
    known = {name: array for name, array in ({"W": W, "B": B} | OF_ONE).items() if name in used}
    outputs = tuple(name for name in ("a", "b", "c", "y", "label") if name in made)
    return graph(*nodes, outputs=outputs, **known | arrays)


@pytest.mark.parametrize("what", TAILS)
def test_a_tail_of_the_outputs_themselves_is_left_off(what):
    nodes, arrays = TAILS[what]
    net = fc.from_onnx(of_tail(nodes, arrays))
    [product] = [node for node in nodes if node[0] in ("Gemm", "MatMul")]
    w = {"W": W, "v": OF_ONE["v"], "w": W[:, :2]}[product[1].split()[1]]
    assert net.loss == ("cross_entropy" if nodes[1][0] == "Softmax" else "binary_cross_entropy")
    assert len(net.layers) == 1
    assert np.array_equal(net.layers[0].W, w)


@pytest.mark.parametrize("what", OTHER_TAILS)
def test_a_tail_of_other_numbers_is_refused(what):
    nodes, arrays, match = OTHER_TAILS[what]
    with pytest.raises(ValueError, match=f"^the model is not a chain that a network can hold: .*(?:{match})"):
        fc.from_onnx(of_tail(nodes, arrays))


def test_an_output_that_is_the_input_is_refused():
    with pytest.raises(ValueError, match="is not a chain that a network can hold: "):
        fc.from_onnx(graph(FIRST, outputs=("x",), W=W, B=B))
