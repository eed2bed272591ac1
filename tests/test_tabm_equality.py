"""TabM and TabM-mini as the package tabm 0.0.3 builds and trains them: the same outputs, and arrays after 100 steps.

The package's numbers are in ``golden/tabm.npz``, which ``golden/make_tabm.py`` has written.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

pytestmark = pytest.mark.once

BATCH, EPOCHS, SHOWN, MEMBERS = 16, 20, 20, 8
ADAPTERS = {"tabm": "all", "tabm-mini": "first"}
LOSSES = {"classes": "cross_entropy", "numbers": "mse"}


@cache
def golden():
    with np.load(Path(__file__).parent / "golden" / "tabm.npz") as file:
        return dict(file)


def of(name):
    """The arrays whose names begin so, under the rest of their names."""
    return {key.removeprefix(name): array for key, array in golden().items() if key.startswith(name)}


def arrays_of(net):
    """All arrays of a network, by the package's names and in its shapes."""
    found = {"output.weight": np.moveaxis(net.layers[2].W, 2, 0), "output.bias": net.layers[2].B.T}
    for i, layer in enumerate(net.layers[:2]):
        block = f"backbone.blocks.{i}.0"
        found |= {f"{block}.weight": layer.W.T, f"{block}.bias": layer.B.T}
        if net.adapters == "all":
            found |= {f"{block}.r": layer.R.T, f"{block}.s": layer.S.T}
        elif i == 0:
            found["backbone.affine.weight"] = layer.R.T
    return found


def assign(net, arrays):
    """Take the package's arrays."""
    net.layers[2].W, net.layers[2].B = np.moveaxis(arrays["output.weight"], 0, 2), arrays["output.bias"].T
    for i, layer in enumerate(net.layers[:2]):
        block = f"backbone.blocks.{i}.0"
        layer.W, layer.B = arrays[f"{block}.weight"].T, arrays[f"{block}.bias"].T
        if net.adapters == "all":
            layer.R, layer.S = arrays[f"{block}.r"].T, arrays[f"{block}.s"].T
        elif i == 0:
            layer.R = arrays["backbone.affine.weight"].T


def check_outputs(net, x, y, members, tolerance):
    """Of every member by the oracle, and their mean by predict."""
    layers = [
        tuple(np.array(getattr(layer, name), float) for name in "WBRS" if hasattr(layer, name)) for layer in net.layers
    ]
    if y == "classes":
        members = np.exp(members - members.max(axis=2, keepdims=True))
        members /= members.sum(axis=2, keepdims=True)
    found = reference.members_forward(layers, x, loss=LOSSES[y])[-1]
    size = np.abs(members).max()
    np.testing.assert_allclose(found, members, rtol=0, atol=tolerance * size)
    np.testing.assert_allclose(net.predict(x), members.mean(axis=1), rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("y", LOSSES)
@pytest.mark.parametrize("architecture", ADAPTERS)
def test_forward_and_100_steps_are_the_packages(architecture, y, dtype):
    x, target = of("table/")["x"], of("table/")[f"y {y}"]
    expected = of(f"{architecture} {y}/")
    outputs = 3 if y == "classes" else 1
    net = fc.Network(
        [4, 7, 7, outputs], loss=LOSSES[y], dtype=dtype, seed=0, members=MEMBERS, adapters=ADAPTERS[architecture]
    )
    before, after = (of(f"{architecture} {y}/{time} ") for time in ("before", "after"))
    assert {name: array.shape for name, array in arrays_of(net).items()} == {n: a.shape for n, a in before.items()}
    assign(net, before)
    tight = dtype == "float64"
    check_outputs(net, x[:SHOWN], y, expected["outputs before"], 1e-14 if tight else 1e-6)
    optimizer = fc.AdamW(0.002, weight_decay=3e-4, decay_biases=True)
    net.fit(x, target, epochs=EPOCHS, batch_size=BATCH, shuffle=False, optimizer=optimizer, progress=False)
    for name, array in after.items():
        near = {"rtol": 0, "atol": (1e-9 if tight else 1e-3) * np.abs(array).max()}
        np.testing.assert_allclose(arrays_of(net)[name], array, err_msg=name, **near)
    check_outputs(net, x[:SHOWN], y, expected["outputs after"], 1e-9 if tight else 1e-3)
