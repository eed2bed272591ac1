"""Recipes of the tabular estimators: what they make of columns, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fcnet as fc
from fcnet.tabular import RealMLP, TabM, TabularClassifier, TabularRegressor
from fcnet.tabular.recipes import recipe_from_plain, recipe_of


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
    model = TabularRegressor(recipe, categorical_features=[0], random_state=0, progress=False).fit(
        x, x[:, 1].astype(float)
    )
    assert len(model.networks_[0].layers[0].W) == 1 + 5


def test_a_table_without_numbers_has_no_embedding_of_numbers():
    x = np.array([["a"], ["b"], ["c"]] * 20, object)
    model = TabularClassifier("realmlp", epochs=1, random_state=0, progress=False).fit(x, x[:, 0] == "a")
    assert model.networks_[0].columns is None


@pytest.mark.parametrize("classifies", [True, False])
@pytest.mark.parametrize("name", ["auto", "realmlp", "realmlp-s", "tabm-mini", "tabm"])
def test_a_recipe_survives_a_file(name, classifies):
    recipe = recipe_of(name, classifies)
    assert recipe_from_plain(json.loads(json.dumps(recipe.to_plain()))) == recipe


@pytest.mark.parametrize("adapters", ["first", "all"])
@pytest.mark.parametrize("bins", [0, 6])
def test_members_share_the_first_r_of_a_column(adapters, bins):
    x, y = table()
    recipe = TabM((16, 16), members=8, adapters=adapters, bins=bins, epochs=2)
    model = TabularRegressor(recipe, random_state=0, progress=False).fit(x, y)
    untrained = recipe.network(model._parts[0].encoder, 1, fc.losses.MSE(), "float32", 1)
    r, numbers = untrained.layers[0].R, 2 * bins
    assert (untrained.members, untrained.adapters) == (8, adapters)
    assert r.shape == (2 + numbers + 4 + 13, 8)  # missing or unknown has a place of its own
    columns = [0, 1, *np.repeat([0, 1], bins), *[2] * 4, *[3] * 13]
    firsts = [columns.index(i) for i in range(4)]
    assert (r == r[[firsts[i] for i in columns]]).all()
    assert len(np.unique(r)) == (4 * 8 if bins else 2)
    assert model.predict(x).shape == (120,)
    assert model.networks_[0].layers[0].R.shape == r.shape


def test_patience_ends_a_fit_at_the_first_of_equals():
    x, y = table()
    recipe = TabM((8,), members=4, patience=3, learning_rate=0.05)
    model = TabularClassifier(recipe, random_state=0, progress=False).fit(x, y > 0)
    history, scores = model.history_[0], model.history_[0].val_accuracy
    assert model.stopped_by_ == "patience"
    assert model.best_epochs_ == [int(np.argmax(scores))] == [len(history) - 1 - 3]


def test_few_rows_have_small_batches_by_default():
    """Of 300 rows in batches of 256 an epoch has one step, and 64 steps are too few to learn |x|."""
    recipe = recipe_of("auto", classifies=False)
    assert [recipe.batch_of(n) for n in (10, 40, 191, 192, 240, 800, 1535, 1536, 10**6)] == [
        10,
        16,
        16,
        32,
        32,
        128,
        128,
        256,
        256,
    ]
    assert recipe_of("realmlp", classifies=False).batch_of(300) == 256  # as in pytabkit
    x = np.linspace(-1, 1, 300)[:, None]
    model = TabularRegressor(networks=1, random_state=0, progress=False).fit(x, np.abs(x[:, 0]))
    assert np.abs(model.predict(x) - np.abs(x[:, 0])).max() < 0.05


def test_the_batch_size_of_tabm_grows_with_the_rows():
    recipe = TabM()
    rows = [20, 2799, 2800, 4500, 6400, 31_999, 32_000, 108_000]
    assert [recipe.batch_of(n) for n in rows] == [20, 32, 64, 128, 256, 256, 512, 1024]
    assert TabM(batch_size=48).batch_of(10_000) == 48


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


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"members": 12}, ValueError, "members is 12"),
        ({"members": None, "adapters": None}, TypeError, "members is None"),
        ({"adapters": "some"}, ValueError, "adapters is 'some'"),
        ({"patience": 0}, ValueError, "patience is 0"),
        ({"hidden": ()}, TypeError, "hidden is"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
    ],
)
def test_wrong_constants_of_tabm_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        TabM(**options)
