"""Layers are called by their Python expression in all that a user reads; only formulas have the article's numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

X, Y = np.array([[0.5, 1.0], [1.0, 0.0], [0.2, 0.3]]), [0, 1, 0]


def network():
    middle = fc.Dense(3, "tanh", normalization="batch", dropout=0.5)
    net = fc.Network([2, 4, middle, 3, 2], seed=0, dtype="float64")
    net.layers[2].freeze()
    return net


def saturated():
    net = fc.Network([2, fc.Dense(3, "tanh"), 2], seed=0)
    net.layers[0].W = 100 * np.ones((2, 3))
    return net


def broken():
    net = network()
    net.layers[1].W = np.full((4, 3), np.nan)
    return net


READ = {
    "diagnosis": lambda: str(network().diagnose(X, Y)),
    "advice about saturation": lambda: str(saturated().diagnose(X, Y).advice),
    "advice about weights": lambda: str(broken().diagnose(X, Y).advice),
    "text": lambda: network().explain(X, Y).to_text(),
    "text of a large network": lambda: fc.Network([2, 20, 2], seed=0).explain(X, Y).to_text(),
    "page": lambda: network().explain(X, Y).to_html(),
    "page of a large network": lambda: fc.Network([2, 20, 2], seed=0).explain(X, Y).to_html(),
    "LaTeX": lambda: network().explain(X, Y).to_latex(),
    "Markdown": lambda: network().explain(X, Y).to_markdown(),
    "picture": lambda: network().explain(X, Y).to_svg(),
}


@pytest.mark.parametrize("read", READ.values(), ids=READ.keys())
def test_layers_have_one_name_everywhere(read):
    text = read()
    assert re.search(r"layers\[\d\]", text)
    assert not re.search(r"\blayer \d", text, re.IGNORECASE)


def test_a_diagnosis_of_a_layer_has_its_place_in_the_network():
    net = network()
    assert [each.layer for each in net.diagnose(X, Y).layers] == [0, 1, 2, 3]


def test_an_explanation_says_which_layer_a_formula_is_about():
    assert "The formulas count layers from 1: W_4 is net.layers[3].W." in network().explain(X, Y).to_text(width=300)
