"""``Network.to_torch``: every network becomes a module that computes the same, trains, and leads back."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

import embeddings
from interop import library
from live_networks import ACTIVATIONS, assert_equal, difference, filled, network, rows
from processes import output

torch = library("torch")
functional = torch.nn.functional
pytestmark = [pytest.mark.interop, pytest.mark.once]

WITHIN = {"float32": 2e-6, "float64": 1e-14}
OF_RANDOM = {"float32": 5e-5, "float64": 5e-14}  # layer normalisation of outputs that hardly differ amplifies rounding


def outputs(module, x):
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("seed", range(40))
def test_random_networks_go_out_and_come_back_bit_for_bit(seed, dtype):
    net = network(seed, dtype)
    module, x = net.to_torch(), rows(net)
    assert difference(outputs(module, x), net.predict(x)) < OF_RANDOM[dtype]
    found = fc.from_torch(module, loss=net.loss)
    assert_equal(found, net)
    found = fc.from_torch(net.to_torch(output="logits"), loss=net.loss)
    assert_equal(found, net)
    if dtype == "float64":
        assert np.array_equal(found.predict(x), net.predict(x))
    logits = outputs(net.to_torch(output="logits"), x)
    assert difference(logits, net.predict(x, output="logits")) < OF_RANDOM[dtype]


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name, dtype):
    sizes = [5, fc.Dense(9, name), 3]
    net = filled(fc.Network(sizes, loss="mse", seed=1, dtype=dtype), np.random.default_rng(0))
    assert difference(outputs(net.to_torch(), rows(net)), net.predict(rows(net))) < WITHIN[dtype] / 2


@pytest.mark.parametrize("kind", [None, "layer", "batch"])
def test_gradients_agree_and_the_module_trains(kind):
    options = {"loss": "cross_entropy", "dtype": "float64", "seed": 2, "scale": 0.5, "offset": 1}
    hidden = [fc.Scale(), fc.Dense(9, fc.Parametric("mish"), normalization=kind), fc.Dense(7, "tanh")]
    net = filled(fc.Network([5, *hidden, 3], **options), np.random.default_rng(0))
    x, y = rows(net), np.arange(33) % 3
    module = net.to_torch(output="logits").train()
    loss = functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(y))
    loss.backward()
    found = {}
    for name, parameter in module.named_parameters():
        found.setdefault(name.rpartition(".")[2], []).append(parameter.grad)
    of_norm = {"weight": [found["weight"].pop(1)]} if kind else {"weight": []}
    (dW, dB, *others), *rest = net.gradients(x, y)
    pairs = [*zip(found["weight"], (dW, *(each[0] for each in rest)), strict=True)]
    pairs += zip(found["bias"], (dB, *(each[1] for each in rest)), strict=True)
    pairs += zip([*of_norm["weight"], *found["mix"], *found["factor"]], others, strict=True)
    for one, other in pairs:
        assert difference(one.T if one.ndim == 2 else one, other) < 1e-13
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    optimizer.step()
    assert functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(y)) < loss


@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize("name", embeddings.COLUMNS)
def test_columns_of_every_kind(name, dtype):
    columns = embeddings.COLUMNS[name]
    net = embeddings.network(columns, "batch", scaled=True, dtype=dtype)
    x, _ = embeddings.data(columns)
    x = x.astype(dtype)
    if columns.numbers:
        scaling = np.ones(columns.inputs), np.zeros(columns.inputs)
        scaling[0][: columns.numbers], scaling[1][: columns.numbers] = 2, 0.5
        net = fc.Network([columns, 8, 3], scale=scaling[0], offset=scaling[1], dtype=dtype, seed=0)
    module = net.to_torch()
    assert difference(outputs(module, x), net.predict(x)) < WITHIN[dtype]
    assert sum(map(torch.numel, module.parameters())) == len(net.parameters)
    if columns.categories:  # unknown codes
        odd, known = x.copy(), x.copy()
        odd[:2, -1], known[:2, -1] = [-1, 1000], 0
        odd[2, -1], known[2, -1] = np.nan, 0
        assert np.array_equal(outputs(module, odd), outputs(module, known))
    with pytest.raises(ValueError, match="is none of the functions that fcnet has"):
        fc.from_torch(module)


@pytest.mark.parametrize("adapters", ["first", "all"])
@pytest.mark.parametrize("loss", ["cross_entropy", fc.losses.Quantile([0.1, 0.5, 0.9])])
def test_members(loss, adapters):
    net = fc.Network([5, 16, fc.Dense(8, "tanh", dropout=0.1), 6], members=8, adapters=adapters, loss=loss, seed=0)
    module, x = net.to_torch(), rows(net)
    assert difference(outputs(module, x), net.predict(x)) < WITHIN["float32"]
    assert sum(map(torch.numel, module.parameters())) == len(net.parameters)
    module(torch.from_numpy(x)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    with pytest.raises(ValueError, match="members"):
        net.to_torch(output="logits")


def test_quantiles_are_sorted_as_in_predict():
    loss = fc.losses.Quantile([0.1, 0.5, 0.9])
    net = fc.Network([5, 16, 6], loss=loss, seed=0)
    x = rows(net)
    assert difference(outputs(net.to_torch(), x), net.predict(x)) < 1e-6
    assert difference(outputs(net.to_torch(output="logits"), x), net.predict(x, output="logits")) < 1e-6
    assert np.array_equal(fc.from_torch(net.to_torch(), loss=loss).predict(x), net.predict(x))
    with pytest.raises(ValueError, match="sorts outputs: expected loss=fcnet.losses.Quantile of 3 quantiles"):
        fc.from_torch(net.to_torch())


def test_a_file_of_torch_needs_no_fcnet(tmp_path):
    sizes = [5, fc.Scale(), fc.Dense(8, fc.Parametric("exp"), normalization="batch", dropout=0.1), 3]
    net = fc.Network(sizes, scale=2, offset=1, seed=0)
    columns, members = embeddings.network(embeddings.COLUMNS["bins"]), fc.Network([5, 8, 3], members=4, seed=0)
    networks = {"net": net, "columns": columns, "members": members}
    for name, each in networks.items():
        torch.save(each.to_torch(), tmp_path / f"{name}.pt")
    code = f"""
import sys, torch
sys.modules["fcnet"] = None
sys.path = [path for path in sys.path if "fcnet" not in path]
for name, inputs in (("net", 5), ("columns", {columns.sizes[0]}), ("members", 5)):
    print(torch.load(r"{tmp_path}/" + name + ".pt", weights_only=False)(torch.zeros(2, inputs)).sum().item())
"""
    assert [round(float(each), 5) for each in output(code).split()] == [2, 2, 2]


def test_a_copy_in_eval_whose_training_changes_nothing():
    net = fc.Network([5, fc.Dense(8, dropout=0.5), 3], seed=0)
    before = net.parameters
    module = net.to_torch()
    assert not module.training
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 1
    assert np.array_equal(net.parameters, before)
    for wrong in ("probabilities", 3):
        with pytest.raises(ValueError, match="expected 'logits' or None"):
            net.to_torch(output=wrong)
