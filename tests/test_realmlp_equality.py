"""RealMLP as pytabkit 1.8.0 builds and trains it: the same inputs, outputs, rates, and arrays after 100 steps.

pytabkit's numbers are in ``golden/realmlp.npz``, which ``golden/make_realmlp.py`` has written.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fcnet.schedules import CosLog, FlatCosine
from fcnet.tabular import ColumnEncoder
from fcnet.tabular.recipes import recipe_of
from fcnet.tabular.targets import Classes, Numbers

pytestmark = pytest.mark.once

BATCH, EPOCHS, HIDDEN, SHOWN = 16, 20, (7, 6), 20
KINDS = {"td": "realmlp", "td-s": "realmlp-s"}


@cache
def golden():
    with np.load(Path(__file__).parent / "golden" / "realmlp.npz") as file:
        return dict(file)


def of(name):
    """The arrays whose names begin so, under the rest of their names."""
    return {key.removeprefix(f"{name}/"): array for key, array in golden().items() if key.startswith(f"{name}/")}


def problem(kind, y, dtype):
    """The recipe, the encoder, the inputs, and what is to be learnt, for a network of pytabkit's sizes."""
    table, classifies = of("table"), y == "classes"
    recipe = replace(recipe_of(KINDS[kind], classifies), hidden=HIDDEN, dropout=0, epochs=EPOCHS, batch_size=BATCH)
    columns = np.column_stack([table["numbers"], table["codes"]])
    encoder = ColumnEncoder.fit(columns, categorical_features=[3, 4, 5], encoding=recipe.encoding)
    target = table[f"y {y}"] if classifies else table[f"y {y}"][:, None]
    targets = Classes(3, recipe.label_smoothing) if classifies else Numbers.learn(target, recipe.clip)
    return recipe, encoder, encoder.transform(columns, dtype), target, targets


LAYERS = ["first_layer/layer-0", "middle_layer/layer-1", "last_layer/layer-2"]


def arrays_of(net):
    """All arrays of a network, by pytabkit's names and in its shapes."""
    found = {"/net/first_layer/layer-0/scale": net.layers[0].scale[None]}
    for name, layer in zip(LAYERS, net.layers, strict=True):
        found |= {f"/net/{name}/weight": layer.W * np.sqrt(len(layer.W)), f"/net/{name}/bias": layer.B[None]}
        found |= {f"/net/{name}/act": layer.mix[None]} if hasattr(layer, "mix") else {}
    if net.columns:
        columns = net.columns
        found |= {"/plr/weight_1": columns.frequencies[:, None], "/plr/bias_1": columns.phases[:, None]}
        found |= {"/plr/weight_2": columns.W, "/plr/bias_2": columns.B[:, None], "/tfms/emb": columns.tables[0]}
    return found


def assign(net, arrays):
    """Take pytabkit's arrays."""
    net.layers[0].scale = arrays["/net/first_layer/layer-0/scale"][0]
    for name, layer in zip(LAYERS, net.layers, strict=True):
        layer.W = arrays[f"/net/{name}/weight"] / np.sqrt(len(layer.W))
        layer.B = arrays[f"/net/{name}/bias"][0]
        if hasattr(layer, "mix"):
            layer.mix = arrays[f"/net/{name}/act"][0]
    if net.columns:
        columns = net.columns
        columns.frequencies, columns.phases = arrays["/plr/weight_1"][:, 0], arrays["/plr/bias_1"][:, 0]
        columns.W, columns.B = arrays["/plr/weight_2"], arrays["/plr/bias_2"][:, 0]
        columns.tables = [arrays["/tfms/emb"]]


def at(kind, y, time):
    """pytabkit's arrays before or after."""
    return {key.removeprefix(f"{time} "): array for key, array in of(f"{kind} {y}").items() if key.startswith(time)}


def outputs(net, x, targets, y):
    """What pytabkit's network returns: logits, or numbers like those of y, clipped if the recipe does."""
    if y == "classes":
        return net.predict(x, output="logits")
    return targets.back(net.predict(x))


@pytest.fixture(params=[f"{kind} {y}" for kind in KINDS for y in ("classes", "numbers")])
def case(request):
    return request.param.split()


def test_the_inputs_are_pytabkits(case):
    kind, y = case
    _, encoder, x, _, _ = problem(kind, y, "float64")
    expected = of(kind)["inputs"]
    if kind == "td":  # behind the embeddings of numbers, before the table
        assert encoder.cardinalities == (12,)
        x, expected = x[:, :-1], expected[:, 9:-8]
    np.testing.assert_allclose(x[:SHOWN], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schedules_are_pytabkits(kind):
    recipe = recipe_of(KINDS[kind], classifies=False)
    steps = 100, 100, 5
    rates, decays = of(kind)["rates"].T
    np.testing.assert_allclose(recipe.learning_rate * CosLog().factors(0, *steps), rates, rtol=0, atol=1e-15)
    expected = recipe.weight_decay * FlatCosine().factors(0, *steps)
    np.testing.assert_allclose(expected, decays, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_forward_and_100_steps_are_pytabkits(case, dtype):
    kind, y = case
    recipe, encoder, x, target, targets = problem(kind, y, dtype)
    net = recipe.network(encoder, targets.outputs, targets.loss, dtype, seed=0)
    before = at(kind, y, "before")
    assert {name: array.shape for name, array in arrays_of(net).items()} == {n: a.shape for n, a in before.items()}
    assign(net, before)
    expected = of(f"{kind} {y}")
    size = np.abs(expected["outputs after"]).max()
    tight = dtype == "float64"
    near = {"rtol": 0, "atol": (1e-12 if tight else 1e-6) * size}
    np.testing.assert_allclose(outputs(net, x[:SHOWN], targets, y), expected["outputs before"], **near)
    net.fit(
        x,
        targets.of(target, np.dtype(dtype)),
        epochs=EPOCHS,
        batch_size=BATCH,
        shuffle=False,
        optimizer=recipe.optimizer(),
        schedule=CosLog(recipe.cycles),
        decay_schedule=FlatCosine() if recipe.weight_decay else None,
        progress=False,
    )
    for name, array in at(kind, y, "after").items():
        near = {"rtol": 0, "atol": (1e-9 if tight else 1e-3) * np.abs(array).max()}
        np.testing.assert_allclose(arrays_of(net)[name], array, err_msg=name, **near)
    near = {"rtol": 0, "atol": (1e-9 if tight else 1e-3) * size}
    np.testing.assert_allclose(outputs(net, x[:SHOWN], targets, y), expected["outputs after"], **near)
