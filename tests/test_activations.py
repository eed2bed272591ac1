"""Activation functions: their error in ulp, their derivatives, and training with each against the oracle."""

from __future__ import annotations

import copy
import pickle
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet._saving import safetensors
from fcnet.activations import ACTIVATIONS as ALL_ACTIVATIONS
from fcnet.activations import ELU, LeakyReLU
from fcnet.explanation.numbers.single_layers import activated
from fcnet.reference.activations import ACTIVATIONS

from bounds import exact_type, flat, max_error, spacing
from walks import walk

# The largest error in ulp of the exact value, over the numbers below and every instruction set; float32, float64.
MOST_ULP = {
    "identity": 0,
    "relu": 0,
    "leaky_relu": 1,
    "elu": 4,
    "selu": 4,
    "sigmoid": 3,
    "tanh": 3,
    "softplus": 4,
    "exp": 1,
    "gelu": 8,
    "gelu_tanh": 4,  # times the size of what the sigmoid is taken of, which is rounded
    "silu": 4,
    "mish": 4,
    "relu6": 0,
    "hard_swish": 3,
}
OWN = {LeakyReLU(0.3): 2, LeakyReLU(1.5): 1, ELU(0.3): 5, ELU(2): 4}  # constants of one's own; float32 rounds 0.3
names = pytest.mark.parametrize("name", [*ACTIVATIONS, *OWN], ids=str)


def arguments(dtype) -> np.ndarray:
    """Numbers of every size, dense where a formula changes into another one, and the ends."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(1e-30), np.log(80), 100_000))
    x = np.concatenate([sizes, -sizes, rng.uniform(-2, 2, 100_000), rng.uniform(-90, 90, 50_000), [0.0, -0.0]])
    return x.astype(dtype)


def test_every_name_of_the_package_has_an_oracle():
    assert set(ALL_ACTIVATIONS) - {"softmax"} == set(ACTIVATIONS) == set(MOST_ULP)


def exact(name, x) -> np.ndarray:
    with np.errstate(all="ignore"):
        return reference.activation(x.astype(exact_type(x.dtype)), name)


def errors(name, x, expected=None) -> tuple[np.ndarray, np.ndarray]:
    """Those x whose result is a normal number, and the errors of their results in ulp."""
    dtype, expected = x.dtype, exact(name, x) if expected is None else expected
    with np.errstate(all="ignore"):
        got = activated(x, name).astype(expected.dtype)
    size = np.abs(expected)
    least = np.finfo(dtype).tiny * (128 if "lu" in str(name) or name == "mish" else 1)  # whose factors may be smaller
    normal = (size >= least) & (size <= np.finfo(dtype).max)  # smaller results are 0 in a network
    x, got, expected = x[normal], got[normal], expected[normal]
    error = np.abs(got - expected) / spacing(expected, dtype)
    if name == "gelu_tanh":
        with np.errstate(over="ignore"):
            error /= np.maximum(1, np.abs(1.6 * x * (1 + 0.045 * x**2)))
    return x, error


@names
def test_error_in_ulp(name, dtype, isas):
    x = arguments(dtype)
    expected = exact(name, x)
    for isa in isas:
        normal, error = errors(name, x, expected)
        assert error.max() <= (MOST_ULP | OWN)[name], (isa, normal[error.argmax()], error.max())


@names
def test_special_values(name, dtype, isa):
    x = np.array([np.inf, -np.inf, np.nan, 0.0], dtype)
    with np.errstate(all="ignore"):
        expected = np.array([reference.activation(x[i : i + 1], name)[0] for i in range(4)])
    if name == "softplus":
        expected[:2] = np.inf, 0
    np.testing.assert_allclose(activated(x, name), expected, rtol=4 * np.finfo(dtype).eps)


@names
def test_the_oracles_derivative_is_that_of_the_function(name):
    x = np.random.default_rng(0).standard_normal(1000) * 3
    by_complex_step = reference.activation(x + 1e-30j, name).imag / 1e-30
    np.testing.assert_allclose(reference.activation_derivative(x, name), by_complex_step, rtol=1e-10, atol=1e-12)


def problem_and_network(name, sizes, n):
    rng = np.random.default_rng([n, *sizes])
    x, y = rng.standard_normal((n, sizes[0])), rng.integers(0, sizes[-1], n)
    net = fc.Network(sizes, seed=3, dtype="float64", activation=name)
    if name == "exp":  # layer after layer, it grows beyond all numbers
        for layer in net.layers:
            layer.W = 0.2 * layer.W
    return x, y, net


@cache
def trained_by_the_oracle(name, sizes, n, batch):
    """The layers after two epochs, and their predictions."""
    x, y, net = problem_and_network(name, sizes, n)
    layers = [(layer.W.copy(), layer.B.copy()) for layer in net.layers]
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], 0.02, activation=name)
    return layers, reference.forward(layers, x, activation=name)[-1][1]


@names
@walk(
    "sizes, n, batch",
    [
        ((7, 5, 3), 50, 1),
        ((4, 33, 32, 2), 40, 5),
        ((4, 33, 32, 2), 70, 33),
        ((65, 31, 70, 6), 97, 32),
        ((65, 31, 70, 6), 100, 64),
    ],
)
def test_epochs_equal_those_of_the_oracle(name, sizes, n, batch, isa, steps):
    x, y, net = problem_and_network(name, sizes, n)
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=fc.SGD(0.02))
    layers, expected = trained_by_the_oracle(name, sizes, n, batch)
    assert max_error(flat([(layer.W, layer.B) for layer in net.layers]), flat(layers)) <= 1e-11
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(net.predict(x[:3]), expected[:3], rtol=1e-9, atol=1e-12)


@names
def test_rows_and_panels_and_threads_give_the_same_bits(name, dtype, isa):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((70, 20))
    net = fc.Network([20, 40, 33, 3], seed=1, dtype=dtype, activation=name)
    alone = np.concatenate([net.predict(x[i : i + 1]) for i in range(70)])
    assert (net.predict(x) == alone).all()
    trained = []
    for threads in (1, 2, 3):
        with fc.threads(threads):
            other = fc.Network([20, 40, 33, 3], seed=1, dtype=dtype, activation=name)
            other.fit(x, np.arange(70) % 3, epochs=2, batch_size=16, optimizer=fc.Adam())
        trained.append(other.predict(x).tobytes())
    assert len(set(trained)) == 1


def test_every_hidden_layer_may_have_its_own():
    net = fc.Network([3, 4, 5, 6, 2], seed=0, activation=["tanh", "relu", "sigmoid"])
    assert [layer.activation for layer in net.layers] == ["tanh", "relu", "sigmoid", "softmax"]
    x = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)
    layers = [(layer.W.astype(float), layer.B.astype(float)) for layer in net.layers]
    expected = reference.forward(layers, x, activation=["tanh", "relu", "sigmoid"])[-1][1]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        *(("relu", 2), ("softplus", 2), ("tanh", 1), ("selu", 1), ("sigmoid", 1), ("identity", 1), ("hard_swish", 2)),
        *((LeakyReLU(0.5), 1.6), (LeakyReLU(1), 1), (ELU(0.5), 2)),  # 2 / (1 + slope^2), as calculate_gain of PyTorch
    ],
    ids=str,
)
def test_initial_weights_suit_the_function(name, variance):
    w = fc.Network([500, 400, 2], seed=0, activation=name).layers[0].W
    assert w.var() == pytest.approx(variance / 500, rel=0.02)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ("rely", ValueError, "activation is 'rely': expected one of identity, relu"),
        (["relu", "relu"], ValueError, "activation has 2 names: expected one, or 1, one for each hidden"),
        (3, TypeError, "activation is 3: expected a name like 'relu'"),
        ([3], ValueError, "activation is 3: expected one of"),
        (LeakyReLU, TypeError, "activation is <class .*: expected a name like 'relu'"),
        ([LeakyReLU], ValueError, "did you mean 'leaky_relu'"),
    ],
)
def test_what_is_wrong_is_named(given, error, match):
    with pytest.raises(error, match=match):
        fc.Network([2, 3, 2], activation=given)
    with pytest.raises(ValueError, match="activation is 'x': expected one of"):
        reference.activation([1.0], "x")


@pytest.mark.parametrize(
    ("usual", "name"), [(LeakyReLU(), "leaky_relu"), (ELU(), "elu"), (LeakyReLU(0.01), "leaky_relu")]
)
def test_the_usual_constant_is_the_name(usual, name):
    nets = [fc.Network([5, fc.Dense(9, f), 3], seed=0) for f in (usual, name)]
    assert [net.layers[0].activation for net in nets] == [name, name]
    assert repr(nets[0]) == repr(nets[1])
    x = np.random.default_rng(0).standard_normal((40, 5))
    for net in nets:
        net.fit(x, np.arange(40) % 3)
    assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()


def test_without_a_slope_it_is_relu(dtype, isa):
    x = np.random.default_rng(0).standard_normal((50, 5)).astype(dtype)
    for zero in (LeakyReLU(0), ELU(0)):
        nets = [fc.Network([5, 20, 33, 3], activation=f, seed=1, dtype=dtype) for f in (zero, "relu")]
        for net in nets:
            net.fit(x, np.arange(50) % 3, epochs=2, batch_size=16)
        assert (nets[0].predict(x) == nets[1].predict(x)).all()


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: LeakyReLU(-0.1), ValueError, "slope is -0.1: expected a number from 0 to 1,000,000"),
        (lambda: LeakyReLU(float("nan")), ValueError, "slope is nan: expected"),
        (lambda: LeakyReLU("0.1"), TypeError, "slope is '0.1': expected a number"),
        (lambda: LeakyReLU(negative_slope=0.1), TypeError, "did you mean slope?"),
        (lambda: LeakyReLU(alpha=0.1), TypeError, "did you mean slope?"),
        (lambda: ELU(float("inf")), ValueError, "alpha is inf: expected"),
    ],
)
def test_a_constant_that_is_wrong_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_a_layer_with_a_constant_is_read_and_shown():
    net = fc.Network([2, fc.Dense(3, LeakyReLU(0.2)), 4, 2], seed=0, activation=[ELU(0.5), fc.Parametric(ELU(2))])
    assert [layer.activation for layer in net.layers] == [LeakyReLU(0.2), ELU(2), "softmax"]
    assert repr(net) == (
        "Network([2, Dense(3, activation=LeakyReLU(slope=0.2)), Dense(4, activation=Parametric(activation=ELU("
        "alpha=2.0))), 2], loss='cross_entropy', seed=0, dtype='float32')"
    )
    assert repr(net.layers[0]) == "Layer(2 x 3, leaky_relu(0.2))"
    assert "parametric elu(2)" in str(net.summary())
    assert len({LeakyReLU(0.2), LeakyReLU(0.2), ELU(0.2)}) == 2


def test_files_pickles_and_copies_keep_a_constant(tmp_path):
    for activation, version in {
        "relu": "3",
        LeakyReLU(0.01): "3",
        LeakyReLU(0.2): "7",
        fc.Parametric(ELU(0.5)): "7",
        "relu6": "7",
        "hard_swish": "7",
    }.items():
        net = fc.Network([5, 9, 3], activation=activation, seed=0)
        net.save(tmp_path / "net")
        assert safetensors.read(tmp_path / "net")[1]["version"] == version
        x = np.random.default_rng(0).standard_normal((4, 5))
        for other in (fc.load(tmp_path / "net"), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
            assert repr(other) == repr(net)
            assert (other.predict(x) == net.predict(x)).all()
    members = fc.Network([5, 9, 3], activation="relu6", members=2, seed=0)
    members.save(tmp_path / "members")
    assert safetensors.read(tmp_path / "members")[1]["version"] == "7"
    assert repr(fc.load(tmp_path / "members")) == repr(members)


def test_explanations_show_a_constant():
    net = fc.Network([2, fc.Dense(3, LeakyReLU(0.2)), fc.Dense(3, "hard_swish"), 2], seed=0)
    shown = net.explain([[1.0, 0.5]], [0])
    assert "leaky relu(0.2), hard swish, then softmax" in str(shown)
    assert "F of layers[0] has the slope 0.2." in " ".join(shown.to_text().split())
    assert shown.to_dict()["activations"] == ["leaky_relu(0.2)", "hard_swish", "softmax"]
    assert "HardSwish" in shown.to_latex()
    assert "LeakyReLU" in shown.to_html()
