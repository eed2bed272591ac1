"""What an error message advises works: each piece of advice is applied as it stands, and then fits and predicts."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc

from interop import interop, library
from tables import NAMES, K, M, N, columns_of, problem

pytestmark = pytest.mark.once

X, Y = problem()
DAYS = X.astype("i8").astype("M8[D]")


def frame(**changed):
    return library("pandas").DataFrame(columns_of(X) | changed)


# What a newcomer gives as x, y or sample_weight, to which network, and how the message ends.
CASES = {
    "text for numbers": ({"x": X.astype(str)}, {}, "x holds text: expected real numbers, use "),
    "text in lists": ({"x": [[str(v) for v in row] for row in X]}, {}, "x holds text: expected real numbers, use "),
    "dates": ({"x": DAYS}, {}, r"x has dtype datetime64\[D\]: expected real numbers, such as days since 1970: use "),
    "durations": ({"x": X.astype("i8").astype("m8[h]")}, {}, "expected real numbers, such as days: use "),
    "complex numbers": ({"x": X[:, :2] + 1j * X[:, 2:]}, {}, "x has dtype complex128: expected real numbers, use "),
    "a masked array": ({"x": np.ma.masked_array(X, X == 3)}, {}, "x is a masked array: expected a plain one, use "),
    "images": ({"x": X.reshape(N, 2, 2)}, {}, r"x has shape \(12, 2, 2\): expected \(n_samples, 4\), use "),
    "one feature": ({"x": X[:, 0]}, {"sizes": [1, M]}, r"expected \(n_samples, 1\), for one feature use "),
    "samples in columns": ({"x": X.T}, {}, r"takes 4: expected \(n_samples, 4\), got \(4, 12\), use "),
    "labels from 1": ({"y": Y + 1}, {}, "y contains the label 3 in row .*: expected 0 <= label < 3, use "),
    "labels of text": (
        {"y": Y.astype(str)},
        {},
        "y is text, but the network was fitted on integer labels: expected these, use ",
    ),
    "shares of the whole": (
        {"y": np.full((N, M), 0.5)},
        {},
        "y adds up to 1.5 in row 0: expected labels, or rows that add up to 1, use ",
    ),
    "signs": (
        {"y": np.where(Y > 1, 1, -1)},
        {"sizes": [K, 1], "loss": "binary_cross_entropy"},
        "y contains -1.0 in row .*: expected 0 <= y <= 1, use ",
    ),
    "targets in a cube": (
        {"y": X[:, :2, None]},
        {"sizes": [K, 2], "loss": "mse"},
        "as the network has 2 outputs, use ",
    ),
    "text for targets": (
        {"y": X[:, 0].astype(str)},
        {"sizes": [K, 1], "loss": "mse"},
        "y holds text: .* numbers, use ",
    ),
    "text for weights": ({"sample_weight": Y.astype(str)}, {}, "sample_weight holds text: expected real numbers, use "),
}
CASES |= interop(
    {
        "a column of text": ({"x": lambda: frame(age=X[:, 0].astype(str))}, {}, "x has the column 'age' of dtype str"),
        "a column of text among objects": (
            {"x": lambda: frame(age=X[:, 0].astype(str).astype(object))},
            {},
            "x has the column 'age' of dtype .*: expected numbers, use ",
        ),
        "a column called 2020": (
            {"x": lambda: frame(age=X[:, 0].astype(str)).rename(columns={"age": 2020})},
            {},
            "x has the column 2020 of dtype .*: expected numbers, use ",
        ),
        "dictionaries": (
            {"x": [dict(zip(NAMES, row, strict=True)) for row in X.tolist()]},
            {},
            "a dict, in row 0: .*use ",
        ),
        "sparse labels": (
            {"y": lambda: library("scipy.sparse").csr_array(np.eye(M)[Y])},
            {},
            "y is a sparse csr_array: expected a dense array, use ",
        ),
        "one row of a frame": ({"x": lambda: frame().iloc[0], "y": Y[:1]}, {}, "for one sample use "),
        "labels of text in pandas": (
            {"y": lambda: library("pandas").Series(Y.astype(str))},
            {},
            "y is text, but the network was fitted on integer labels: expected these, use ",
        ),
        "names as categories": (
            {"y": lambda: library("pandas").Series(Y.astype(str)).astype("category")},
            {},
            "y is text, but the network was fitted on integer labels: expected these, use ",
        ),
    }
)


def advised(message: str) -> tuple[str, str]:
    """Of which argument, and the expression."""
    expression = (
        re.split(r"[,:]? (?:for one \w+ )?use ", message)[-1].split(", with a number")[0].split(", or fcnet")[0]
    )
    return re.search(r"\b(x|y|sample_weight)\b", expression).group(), expression


@pytest.mark.parametrize("what", CASES)
def test_what_a_message_advises_works(what):
    given, network, message = CASES[what]
    given = {"x": X, "y": Y} | {name: value() if callable(value) else value for name, value in given.items()}
    net = fc.Network(**{"sizes": [K, 5, M], "seed": 0} | network)
    if "was fitted" in message:
        net.fit(X, Y, epochs=1)
    with pytest.raises((TypeError, ValueError), match=message) as error:
        net.fit(**given, epochs=1, optimizer=fc.SGD(1e-6))
    name, expression = advised(str(error.value))
    scope = given | {"np": np}
    if "pandas" in expression:
        scope["pandas"] = library("pandas")
    given[name] = eval(expression, scope)
    assert np.isfinite(net.fit(**given, epochs=1, optimizer=fc.SGD(1e-6)).loss[0])


# Messages without an expression to apply; what is said is looked at.
WORDS = {
    "nothing": ({"x": None}, "x is None: expected an array"),
    "a set": ({"x": {1, 2}}, "x is a set: expected an array, a list or a table"),
    "rows of two lengths": ({"x": [[1] * K, [1]]}, "x is not a rectangular array: expected rows of equal length"),
    "a word among numbers": (
        {"x": [[1, 2, "three", 4]] * N},
        "x has dtype <U.*: expected real numbers|x contains 'three', a str, in row 0, column 2: expected real numbers",
    ),
    "a word among objects": (
        {"x": np.array([[1, 2, "three", 4]] * N, object)},
        "x contains 'three', a str, in row 0, column 2: expected real numbers$",
    ),
    "a label too few": ({"y": Y[1:]}, r"y has shape \(11,\): expected 12 entries, one for each row of x"),
    "a share for a label": ({"y": Y / 2}, "y contains 0.5 in row .*; for probabilities give a column for each class"),
    "a label that is NaN": ({"y": np.where(Y, Y, np.nan)}, "y contains nan in row .*; drop rows without a label"),
    "text with a gap": (
        {"y": [None, *Y[1:].astype(str)]},
        "y is None in row 0: .*; drop rows without a label",
    ),
    "dictionaries for labels": ({"y": [{"a": 1}] * N}, r"y contains {'a': 1}, a dict, in row 0: expected class labels"),
    "several labels": (
        {"y": np.ones((N, M))},
        "not one-hot in row 0: .*for multi-label classification use loss='binary_cr",
    ),
    "labels for a regression": ({"y": Y, "loss": "mse"}, "for class labels use loss='cross_entropy'"),
    "weights of other samples": ({"sample_weight": [1, 2]}, r"expected \(12,\), a number for each sample"),
}


@pytest.mark.parametrize("what", WORDS)
def test_a_message_says_what_came_and_what_was_expected(what):
    given, message = WORDS[what]
    given = {"x": X, "y": Y} | given
    net = fc.Network([K, 5, M], seed=0, loss=given.pop("loss", None))
    with pytest.raises((TypeError, ValueError), match=message):
        net.fit(**given)
