"""``Network.state_dict`` and ``fc.from_state_dict``: arrays by the names of other libraries."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from interop import library
from live_networks import assert_equal, difference, filled, network, rows

pytestmark = pytest.mark.once


def sizes_of(net):
    """The argument ``sizes`` of a network."""
    sizes = [net.sizes[0]]
    for layer in net.layers:
        f = fc.Parametric(layer.activation) if hasattr(layer, "mix") else layer.activation
        sizes += [fc.Scale()] if hasattr(layer, "scale") else []
        units = layer.W.shape[1]
        sizes.append(fc.Dense(units, f, layer.bias, layer.dropout, layer.normalization))
    return sizes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_come_back_bit_for_bit(seed, dtype):
    net = network(seed, dtype)
    for layer in net.layers:
        layer.trainable = True  # which is not in a state
    assert_equal(fc.from_state_dict(net.state_dict(), sizes_of(net), loss=net.loss), net)
    net = network(seed, dtype, own=False)
    for layer in net.layers:
        layer.trainable = True
    options = {"loss": net.loss, "scale": net.scale, "offset": net.offset}
    assert_equal(fc.from_state_dict(net.state_dict("flax"), sizes_of(net), **options), net)


@pytest.mark.interop
@pytest.mark.parametrize("seed", range(8))
def test_the_names_are_those_of_pytorch(seed):
    torch = library("torch")
    net = network(seed, "float32")
    module, state = net.to_torch(), net.state_dict()
    assert list(module.state_dict()) == list(state)
    for parameter in module.parameters():
        parameter.detach().zero_()
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    assert_equal(fc.from_torch(module, loss=net.loss), net)


@pytest.mark.interop
def test_the_names_are_those_of_flax_and_its_states_are_read():
    nnx = library("flax.nnx")
    hidden = fc.Dense(8, "tanh", normalization="batch", dropout=0.1), fc.Dense(7, normalization="layer")
    net = filled(fc.Network([5, *hidden, 3], seed=0), np.random.default_rng(0))
    model = fc.Network([5, *hidden, 3], seed=1).to_flax()
    nnx.update(model, net.state_dict("flax"))
    assert difference(model(rows(net)), net.predict(rows(net))) < 1e-5
    assert_equal(fc.from_state_dict(nnx.state(model), [5, *hidden, 3]), net)


@pytest.mark.interop
def test_variables_of_flax_linen_in_any_order():
    jax, linen = library("jax"), library("flax.linen")

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x):
            for _ in range(11):
                x = linen.tanh(linen.BatchNorm(use_running_average=True)(linen.Dense(6)(x)))
            return linen.Dense(2)(x)

    model, x = Model(), np.random.default_rng(0).standard_normal((9, 6)).astype(np.float32)
    variables = jax.tree.map(lambda array: array + 0.1, model.init(jax.random.key(0), x))  # its order is that of text
    hidden = [fc.Dense(6, "tanh", normalization="batch")] * 11
    net = fc.from_state_dict(variables, [6, *hidden, 2], loss="mse")
    assert difference(net.predict(x), np.asarray(model.apply(variables, x))) < 1e-5


@pytest.mark.interop
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_safetensors_of_pytorch(dtype, tmp_path):
    torch, safetensors = library("torch"), library("safetensors.torch")
    path = tmp_path / "model.safetensors"
    module = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.GELU(), torch.nn.Linear(8, 3))
    module = module.to(getattr(torch, dtype)).eval()
    safetensors.save_file(module.state_dict(), path)
    with pytest.raises(ValueError, match=r"is not that of fcnet; fcnet.from_state_dict makes a network"):
        fc.load(path)
    sizes = [5, fc.Dense(8, "gelu", normalization="batch"), 3]
    for given in (path, str(path), module.state_dict()):
        net = fc.from_state_dict(given, sizes, loss="mse")
        assert_equal(net, fc.from_torch(module))
    fc.Network([2, 2]).save(tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match=r"own.safetensors' holds a network of fcnet: see fcnet.load"):
        fc.from_state_dict(tmp_path / "own.safetensors", [2, 2])


def weights(*shapes, name="{}.weight"):
    return {name.format(i): np.ones(shape, np.float32) for i, shape in enumerate(shapes)}


def layer_norm(**options):
    return fc.Dense(8, normalization="layer", **options)


NAN = {"0.weight": np.full((3, 5), np.nan)}
NORM = {"1.weight": np.ones(8), "1.bias": np.ones(8)}
REFUSED = {
    "names": ({"w": np.ones((5, 5))}, [5, 5], r"state has w \(5, 5\): expected names of PyTorch, Flax or Keras"),
    "axes": ({"0.weight": np.ones((3, 5, 1))}, [5, 3], r"state has 0.weight \(3, 5, 1\): expected names"),
    "shape": (weights((5, 3)), [5, 3], r"does not fit sizes: 0.weight \(5, 3\) for W has shape .* expected \(5, 3\)"),
    "layout": (weights((3, 5), name="{}.kernel"), [5, 3], r"does not fit sizes: 0.kernel \(3, 5\)"),
    "layers": (weights((8, 5)), [5, 8, 3], r"state has 1 layers \(0\): expected 2, as sizes say"),
    "norm": (weights((8, 5), (3, 8)) | {"n.weight": np.ones(8)}, [5, 8, 3], r"state has 1 normalisations \(n\): exp"),
    "no norm": (weights((8, 5), (3, 8)), [5, layer_norm(), 3], r"state has 0 normalisations \(none\): expected 1"),
    "bias": (
        {"0.weight": np.ones((8, 5)), "0.bias": np.ones(8), **NORM, "2.weight": np.ones((3, 8))},
        [5, layer_norm(), 3],
        r"has a bias before the layer normalisation 1: expected LayerNorm\(product_bias=True\)",
    ),
    "no bias": (
        {"0.weight": np.ones((3, 5)), "0.bias": np.ones(3)},
        [5, fc.Dense(3, "softmax", bias=False)],
        r"does not fit sizes: 0.bias for B is not 0: the layer has no bias",
    ),
    "nan": (NAN, [5, 3], r"state has a 0.weight with infinite or NaN numbers"),
    "integers": ({"0.weight": np.ones((3, 5), int)}, [5, 3], r"0.weight is of int64: expected numbers of float32"),
    "columns": (weights((2, 4)), [fc.Columns(categories=[3]), 2], r"sizes\[0\] is Columns"),
    "nothing": ({}, [5, 3], r"state has 0 layers \(none\): expected 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_names(name):
    state, sizes, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        fc.from_state_dict(state, sizes)


def test_the_order_of_layers():
    state = {"b.weight": np.ones((4, 4)), "a.weight": 2 * np.ones((4, 4))}
    assert fc.from_state_dict(state, [4, 4, 4]).layers[0].W[0, 0] == 1  # as given
    state = {f"layers.{i}.weight": np.full((4, 4), float(i)) for i in (10, 9, 2)}
    assert [layer.W[0, 0] for layer in fc.from_state_dict(state, [4, 4, 4, 4]).layers] == [2, 9, 10]


@pytest.mark.interop
def test_the_order_in_a_file_must_be_told_by_numbers(tmp_path):
    safetensors = library("safetensors.numpy")
    state = {"out.weight": np.ones((4, 4)), "hidden.weight": np.ones((4, 4))}
    safetensors.save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"the names hidden, out do not tell the order of the layers"):
        fc.from_state_dict(tmp_path / "a.safetensors", [4, 4, 4])


def test_files_of_other_kinds_are_not_opened(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"PK" + bytes(range(200)))
    with pytest.raises(ValueError, match="load a file of another kind by its library, and pass the object"):
        fc.from_state_dict(tmp_path / "model.pt", [2, 2])


def test_arguments():
    for given in (3, [1], None):
        with pytest.raises(TypeError, match="expected a dict of arrays, or the path of a safetensors file"):
            fc.from_state_dict(given, [2, 2])
    with pytest.raises(ValueError, match="layout is 'keras': expected 'torch' or 'flax'"):
        fc.Network([2, 2]).state_dict("keras")
    with pytest.raises(ValueError, match=r"layers\[0\] has what state_dict does not know: expected to_torch"):
        fc.Network([2, 2, 2], members=4).state_dict()
    with pytest.raises(ValueError, match=r"layers\[0\] has fcnet.Scale, which Flax does not have"):
        fc.Network([2, fc.Scale(), 2]).state_dict("flax")


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_arrays_that_are_not_given_are_those_of_a_new_network(norm):
    sizes = [4, fc.Dense(6, normalization=norm), 3]
    new = fc.Network(sizes, seed=0, loss="mse")
    state = {"0.weight": np.array(new.layers[0].W.T), "1.bias": np.zeros(6), "3.weight": np.array(new.layers[1].W.T)}
    net = fc.from_state_dict(state, sizes, loss="mse", dtype="float32")
    x = np.random.default_rng(0).standard_normal((20, 4))
    assert (net.predict(x) == new.predict(x)).all()
    assert all((layer.gamma == 1).all() for layer in net.layers[:1])
