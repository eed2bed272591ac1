"""Recipes of the tabular estimators: what they make of columns, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet.tabular import RealMLP, TabularClassifier, TabularRegressor
from fcnet.tabular.recipes import recipe_of


def table(n=120):
    """Two numbers, a column of 3 categories and one of 12."""
    random = np.random.default_rng(0)
    x = np.empty((n, 4), object)
    x[:, :2] = random.standard_normal((n, 2))
    x[:, 2], x[:, 3] = random.choice(["a", "b", "c"], n), [f"{i % 12:02}" for i in range(n)]
    return x, random.standard_normal(n)


def test_realmlp_embeds_numbers_and_gives_tables_to_large_categories():
    x, y = table()
    model = TabularRegressor("realmlp", epochs=2, random_state=0, progress=False).fit(x, y)
    net = model.networks_[0]
    assert net.columns.specification == fc.Columns(
        2, 3, fc.Periodic(16, 3, sigma=0.1, rate_factor=0.1, decay_factor=0.1), [12], 8
    )
    assert [len(layer.W) for layer in net.layers] == [2 * 3 + 2 + 3 + 8, 256, 256, 256]
    assert model.predict(x).shape == (120,)
    assert net.columns.tables[0].any(axis=1).tolist() == [False, *[True] * 12]


def test_an_unseen_category_is_in_the_middle_of_the_others():
    x, y = table()
    model = TabularClassifier("realmlp", epochs=3, random_state=0, progress=False).fit(x, y > 0)
    new = x[:1].copy()
    new[0, 3] = "never seen"
    net = model.networks_[0]
    tables = [np.zeros_like(net.columns.tables[0])]
    of_new = model.predict_proba(new)
    net.columns.tables = tables
    np.testing.assert_array_equal(of_new, model.predict_proba(x[:1]))


def test_many_categories_make_no_more_inputs_than_few():
    n = 3000
    x = np.empty((n, 2), object)
    x[:, 0], x[:, 1] = [f"{i}" for i in range(n)], np.arange(n) / n
    recipe = RealMLP(hidden=(8,), epochs=1, one_hot=8, table_size=5)
    model = TabularRegressor(recipe, random_state=0, progress=False).fit(x, np.arange(n) / n)
    assert len(model.networks_[0].layers[0].W) == 1 + 5


def test_a_table_without_numbers_has_no_embedding_of_numbers():
    x = np.array([["a"], ["b"], ["c"]] * 20, object)
    model = TabularClassifier("realmlp", epochs=1, random_state=0, progress=False).fit(x, x[:, 0] == "a")
    assert model.networks_[0].columns is None


@pytest.mark.parametrize("classifies", [True, False])
@pytest.mark.parametrize("name", ["auto", "realmlp", "realmlp-s"])
def test_a_recipe_survives_a_file(name, classifies):
    recipe = recipe_of(name, classifies)
    assert RealMLP.from_plain(recipe.to_plain()) == recipe


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"embedding": "pbld"}, TypeError, "embedding is 'pbld': expected fcnet.Periodic"),
        ({"one_hot": -1}, ValueError, "one_hot is -1"),
        ({"one_hot": "all"}, TypeError, "one_hot is 'all'"),
        ({"table_size": 0}, ValueError, "table_size is 0"),
    ],
)
def test_wrong_constants_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        RealMLP(**options)
