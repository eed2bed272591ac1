"""Text as labels: when it names the classes of a network, and when it is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import strips

from interop import interop, library

THREE, TWO = ("ape", "bee", "cat"), ("no", "yes")
NUMBERS = np.arange(60) % 3
X = np.random.default_rng(0).standard_normal((60, 4)) + 3 * np.eye(3, 4)[NUMBERS]
TEXT = np.array(THREE, object)[NUMBERS]


def softmax(classes=None):
    return fc.Network([4, 8, 3], seed=0, classes=classes)


def sigmoid(classes):
    return fc.Network([4, 8, 1], loss="binary_cross_entropy", seed=0, classes=classes)


INTEGERS_FIRST = {
    "batches": lambda net: net.fit([(X, NUMBERS), (X, TEXT)], epochs=1),
    "single steps": lambda net: (net.train_on_batch(X, NUMBERS), net.train_on_batch(X, TEXT)),
    "a step, then a fit": lambda net: (net.train_on_batch(X, NUMBERS), net.fit(X, TEXT)),
    "a step, then an evaluation": lambda net: (net.train_on_batch(X, NUMBERS), net.evaluate([(X, TEXT)])),
}


@pytest.mark.parametrize("way", INTEGERS_FIRST)
def test_text_after_whole_numbers_is_refused(way):
    net = softmax()
    with pytest.raises(TypeError, match=r"is text, but the network was fitted on integer labels.* np\.unique\(y, "):
        INTEGERS_FIRST[way](net)
    assert net.classes is None


def test_a_first_step_that_diverged_was_none():
    net = softmax()
    with pytest.raises(fc.DivergenceError):
        net.train_on_batch(X * 1e30, NUMBERS, optimizer=fc.SGD(1e30))
    net.train_on_batch(X, TEXT)
    assert net.classes == THREE


def test_text_is_evaluated_before_a_fit_in_batches_as_in_arrays():
    net = softmax()
    assert net.evaluate([(X, TEXT)]) == net.evaluate(X, TEXT)


@pytest.mark.parametrize("wrong", ["dog", ["ape"], None])
def test_a_label_that_is_no_class_is_named_wherever_it_stands(wrong, monkeypatch):
    monkeypatch.setattr(strips, "SCANNED", 16)
    labels = TEXT.copy()
    labels[37] = wrong
    with pytest.raises(ValueError, match=re.escape(f"y contains the label {wrong!r} in row 37: expected one of")):
        softmax(THREE).fit(X, labels)


def test_labels_are_looked_at_part_by_part(monkeypatch):
    whole, net = softmax(), softmax()
    whole.fit(X, TEXT, epochs=1)
    monkeypatch.setattr(strips, "SCANNED", 16)
    net.fit(X, TEXT, epochs=1)
    assert net.classes == THREE
    assert net.predict(X).tobytes() == whole.predict(X).tobytes()


HOLDERS = {"list": list, "tuple": tuple} | interop(
    {
        "column": lambda text: library("pandas").Series(text),
        "objects": lambda text: library("pandas").Series(text, dtype=object),
        "categories": lambda text: library("pandas").Series(text, dtype="category"),
    }
)


@pytest.mark.parametrize("holder", HOLDERS)
def test_lists_and_columns_of_text_are_looked_at_part_by_part(holder, monkeypatch):
    net, make = softmax(), HOLDERS[holder]
    expected = net.evaluate(X, TEXT)
    monkeypatch.setattr(strips, "SCANNED", 16)
    assert net.evaluate(X, make(TEXT)) == expected
    for missing in (None, np.nan):
        text = TEXT.copy()
        text[41] = missing
        with pytest.raises(ValueError, match=r"y is (None|nan) in row 41: expected a label for every sample"):
            net.evaluate(X, make(text))


def test_an_explanation_calls_the_outputs_by_their_classes():
    net = softmax((7, ("b", 2), "cat"))
    assert net.explain(X[:2], np.array([7, "cat"], object)).class_names == ("7", "('b', 2)", "cat")
    assert softmax().explain(X[:3], list(THREE)).class_names == THREE
    assert softmax(THREE).explain(X[:2], list(THREE[:2]), class_names=["x", "y", "z"]).class_names == ("x", "y", "z")
    assert sigmoid(TWO).explain(X[:2], list(TWO)).class_names == ("p",)


@pytest.mark.parametrize("unit", ["D", "s", "us", "ns"])
def test_dates_are_labels_whatever_their_unit(unit):
    days = np.array(["2026-01-03", "2026-01-01", "2026-01-02"], f"M8[{unit}]")
    net, plain = softmax(days), softmax()
    net.fit(X, days[NUMBERS], epochs=1)
    plain.fit(X, NUMBERS, epochs=1)
    assert net.predict(X).tobytes() == plain.predict(X).tobytes()
    assert list(net.classes) == days.astype("M8[D]" if unit == "D" else "M8[us]").tolist()
    assert set(net.predict_classes(X)) <= set(net.classes)


@pytest.mark.parametrize("missing", [float("nan"), None])
@pytest.mark.parametrize("wrap", [list, tuple, lambda labels: [[label] for label in labels]])
def test_what_is_missing_in_a_list_of_text_is_no_class(missing, wrap):
    with pytest.raises(ValueError, match=rf"y is {missing} in row 37: expected a label for every sample"):
        softmax().fit(X, wrap([missing if i == 37 else label for i, label in enumerate(TEXT)]))


def test_numbers_among_text_in_a_list_stay_numbers():
    names = (1, "ape", "bee")
    labels = [names[i] for i in NUMBERS]
    net, plain = softmax(names), softmax()
    net.fit(X, labels, epochs=1)
    plain.fit(X, NUMBERS, epochs=1)
    assert net.predict(X).tobytes() == plain.predict(X).tobytes()
    with pytest.raises(TypeError, match="y "):
        softmax().fit(X, labels)
