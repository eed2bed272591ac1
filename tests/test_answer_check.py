"""Check my homework: right answers are right as far as their decimals go, and usual slips are known by their names."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc

from explanations import article, batch

pytestmark = pytest.mark.once


def finding(net, x, y, **answer):
    return net.explain(x, y, answer=answer).findings[0]


@pytest.fixture(scope="module")
def problem():
    """Sigmoid and square weights, so that no slip is without consequences."""
    net = fc.Network([3, fc.Dense(3, "sigmoid"), fc.Dense(3, "tanh"), 3], seed=1, dtype="float64")
    rng = np.random.default_rng(0)
    for layer in net.layers:
        layer.B = rng.normal(size=3)
    return net, rng.normal(size=(4, 3)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize("decimals", [2, 3, 6])
def test_every_rounded_answer_is_right(decimals):
    shown = article().explain([[1, 1]], [0])
    answers = {name: np.round(value, decimals) for name, value in shown.items() if decimals > 2 or "_1" not in name}
    found = article().explain([[1, 1]], [0], answer=answers).findings
    assert [each.name for each in found] == list(answers)
    assert all(each.right for each in found)
    assert str(found[0]).endswith(": right")


def test_wrong_entries_are_named():
    right = article().explain([[1, 1]], [0])["dW_3"]
    given = right.copy()
    given[1, 0] = 0.5
    found = finding(article(), [[1, 1]], [0], dW_3=given)
    assert not found.right
    assert found.wrong == (((1, 0), 0.5, float(right[1, 0])),)
    assert found.slip is None
    assert str(found) == "dW_3: wrong. dW_3[1, 0] is 0.5, should be -0.2803."


def test_zeros_are_no_answer_to_small_numbers():
    assert not finding(article(), [[1, 1]], [0], sigma_1=[[0, 0]]).right


def slips(shown):
    """name, what a reader with that slip writes down, and words of the finding."""
    s = {name: np.asarray(value, float) for name, value in shown.items()}
    sigma_2 = s["sigma_3"] @ s["W_3"].T * s["F_prime_2"]
    h_1 = s["h_out_1"]
    flat = s["sigma_3"] @ s["W_3"].T
    return [
        ("dW_3", -s["dW_3"], "it is p − y, not y − p"),
        ("dW_2", h_1.T @ flat / 4, "F′ was forgotten"),
        ("dW_2", h_1.T @ (flat * (1 - np.tanh(s["h_out_2"]) ** 2)) / 4, "F′ was taken of h_out"),
        ("dW_2", h_1.T @ (s["sigma_3"] @ s["W_3"] * s["F_prime_2"]) / 4, "W was not transposed"),
        ("dW_2", h_1.T @ (s["sigma_3"] @ s["W_new_3"].T * s["F_prime_2"]) / 4, "through the new weights"),
        ("dW_2", h_1.T @ sigma_2, "the sum over the batch instead of its mean"),
        ("dW_2", -(h_1.T @ flat) / 4, "p − y, not y − p; and F′ was forgotten"),
        ("dW_2", h_1.T @ sigma_2 / 16, "divided by the number of samples twice"),
        ("dB_2", sigma_2[0], "only the first sample"),
        ("dB_1", s["dB_1"] * 4, "the sum over the batch"),
        ("dW_1", s["dW_1"].T, "transpose"),
        ("sigma_2", flat, "F′ was forgotten"),
        ("sigma_3", s["sigma_3"] / 4, "σ belongs to each sample"),
        ("h_in_1", s["I"] @ s["W_1"], "the bias was forgotten"),
        ("h_in_2", h_1 @ s["W_2"].T + s["B_2"], "W was transposed"),
        ("h_in_2", s["h_in_1"] @ s["W_2"] + s["B_2"], "F of the layer before was forgotten"),
        ("h_out_1", s["h_in_1"], "F was forgotten"),
        ("p", np.exp(s["h_in_3"]), "not divided by the sum"),
        ("p", 1 / (1 + np.exp(-s["h_in_3"])), "sigmoid"),
        ("L", s["L"] * 4, "the sum over the batch"),
        ("L", s["L"] / np.log(2), "base 2"),
        ("L", s["L"] / np.log(10), "base 10"),
        ("W_new_2", s["W_2"] + 0.1 * s["dW_2"], "up the gradient"),
        ("W_new_2", s["W_2"] - s["dW_2"], "α was forgotten"),
        ("B_new_1", -0.1 * s["dB_1"], "the change, not the new value"),
        ("W_new_1", s["W_1"] - 0.4 * s["dW_1"], "the sum over the batch"),
    ]


def test_usual_slips_are_known(problem):
    for name, given, words in slips(problem[0].explain(*problem[1:])):
        for answer in (given, np.round(given, 5)):
            found = finding(*problem, **{name: answer})
            assert found.wrong, name
            assert found.slip, (name, words)
            assert words in found.slip


def test_the_transpose_of_a_matrix_that_is_not_square_is_known():
    net, x, y = batch()
    found = finding(net, x, y, dW_1=net.explain(x, y)["dW_1"].T)
    assert found.slip == "it is the transpose of the right one"


def test_long_findings_are_broken_at_the_width_of_the_terminal():
    shown = article().explain([[1, 1]], [0], answer={"dW_2": -article().explain([[1, 1]], [0])["dW_2"]})
    said = shown.to_text(width=80).partition("Your answers\n")[2].partition("\n\nThese are the numbers")[0]
    assert max(map(len, said.splitlines())) <= 80
    assert " ".join(said.split()) == str(shown.findings[0])


def test_findings_are_written_everywhere():
    shown = article().explain([[1, 1]], [0], answer={"L": 0.36})
    assert "Your answers\nL: wrong. L is 0.36, should be 0.8226." in shown.to_text().replace("\n\n", "\n")
    assert "not that to base 10" in shown.to_html()


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ({"dW_9": 1}, ValueError, "answer has the name 'dW_9': expected some of I, y, h_in_1"),
        ({"dW_1": [1, 2]}, ValueError, "answer['dW_1'] has shape (2,): expected (2, 2)"),
        ({"dW_1": ["a"]}, TypeError, "answer['dW_1'] has dtype <U1: expected real numbers"),
        ([1], TypeError, "answer is a list: expected a dict"),
    ],
)
def test_what_is_no_answer_is_refused(answer, error, message):
    with pytest.raises(error, match=re.escape(message)):
        article().explain([[1, 1]], [0], answer=answer)
