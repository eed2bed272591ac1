"""``hvp`` and ``laplacian``: exact second derivatives."""

from __future__ import annotations

import math
import os
import pickle
import signal
import threading

import numpy as np
import pytest

import fcnet as fc
from fcnet.activations import ELU, LeakyReLU

from interop import library

SMOOTH = ("identity", "sigmoid", "tanh", "softplus", "exp", "gelu", "gelu_tanh", "silu", "mish")
OTHERS = ("relu", "leaky_relu", "elu", "selu", "relu6", "hard_swish", ELU(0.5), LeakyReLU(0.3))


def network(activation, outputs=2, *, dtype="float64", **options):
    """3 inputs and layers that fill no panel; weights that let no activation saturate."""
    hidden = [fc.Dense(n, activation) for n in (9, 34)]
    net = fc.Network([3, *hidden, fc.Dense(outputs, activation)], loss="mse", seed=2, dtype=dtype, **options)
    rng = np.random.default_rng(5)
    for layer in net.layers:
        layer.W = layer.W / 2
        layer.B = rng.standard_normal(layer.B.shape) / 4
    return net


def rows(n=7, k=3, seed=0):
    return np.random.default_rng([seed, n]).uniform(-1, 1, (n, k))


def close(a, b, tolerance):
    assert np.abs(a - b).max() <= tolerance * max(1, np.abs(b).max())


@pytest.mark.parametrize("activation", SMOOTH + OTHERS, ids=str)
@pytest.mark.parametrize("options", [{}, {"offset": 0.3, "scale": [0.5, 2, 1]}], ids=["", "scaled"])
def test_hvp_is_the_difference_of_two_vjps(activation, options):
    net = network(activation, **options)
    x, c, v, h = rows(), rows(k=2, seed=1), rows(seed=2), 1e-6
    found = net.hvp(x, c, v)
    high, low = net.vjp(x + h * v)[1](c), net.vjp(x - h * v)[1](c)
    close(found.x, (high.x - low.x) / (2 * h), 1e-7)
    close(found.flat, (high.flat - low.flat) / (2 * h), 1e-7)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("weights", [None, [0.5, -1, 0]], ids=["", "weighted"])
def test_the_laplacian_is_the_sum_of_second_derivatives(activation, weights):
    net = network(activation, offset=0.3, scale=[0.5, 2, 1])
    x, factors = rows(), np.ones(3) if weights is None else weights
    outputs, laplacian, back = net.laplacian(x, weights=weights)
    close(outputs, net.predict(x), 1e-15)
    close(back.jacobian, net.jacobian(x), 1e-14)
    expected = np.zeros((7, 2))
    for k in range(3):
        v = np.zeros((7, 3))
        v[:, k] = 1
        for j in range(2):
            c = np.zeros((7, 2))
            c[:, j] = 1
            expected[:, j] += factors[k] * net.hvp(x, c, v).x[:, k]
    close(laplacian, expected, 1e-13)


@pytest.mark.parametrize("activation", SMOOTH)
def test_back_leads_to_finite_differences_of_the_loss(activation):
    net = network(activation, scale=[0.5, 2, 1])
    x, h = rows(), 1e-5
    factors = {"weights": [1, 0.5, -0.25]}
    c_out, c_lap, c_jac = rows(k=2, seed=1), rows(k=2, seed=3), rows(k=6, seed=4).reshape(7, 2, 3)

    def loss(x):
        outputs, laplacian, back = net.laplacian(x, **factors)
        return (c_out * outputs).sum() + (c_lap * laplacian).sum() + (c_jac * back.jacobian).sum()

    _, _, back = net.laplacian(x, **factors)
    g = back(c_out, c_lap, jacobian_cotangent=c_jac)
    expected = np.empty_like(x)
    for at in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][at] += h
        moved[1][at] -= h
        expected[at] = (loss(moved[0]) - loss(moved[1])) / (2 * h)
    close(g.x, expected, 1e-7)
    before = net.parameters
    for at in [*range(0, len(before), 37), len(before) - 1]:
        both = []
        for step in (h, -h):
            moved = before.copy()
            moved[at] += step
            net.parameters = moved
            both.append(loss(x))
        net.parameters = before
        assert g.flat[at] == pytest.approx((both[0] - both[1]) / (2 * h), rel=1e-6, abs=1e-7)


def test_parts_that_are_none_count_as_zero_and_back_is_linear():
    net = network("tanh")
    x, c_out, c_lap = rows(), rows(k=2, seed=1), rows(k=2, seed=3)
    _, _, back = net.laplacian(x)
    both, first, second = back(c_out, c_lap), back(c_out, None), back(None, c_lap)
    close(first.flat + second.flat, both.flat, 1e-13)
    close(first.x + second.x, both.x, 1e-13)
    plain = net.vjp(x)[1](c_out)
    close(first.x, plain.x, 1e-14)
    close(first.flat, plain.flat, 1e-14)
    assert back(None, c_lap, x=False).x is None
    assert back(None, c_lap, parameters=False).layers is None
    assert repr(back) == "LaplacianPullback(7 rows, 2 outputs)"


def test_a_function_whose_laplacian_is_known():
    """One unit with exp of a x: its Laplacian is |a|^2 times itself."""
    net = fc.Network([2, fc.Dense(1, "exp")], loss="mse", dtype="float64")
    net.layers[0].W = [[0.3], [-0.7]]
    outputs, laplacian, _ = net.laplacian([[0.1, 0.2], [1, -1]])
    close(laplacian, (0.3**2 + 0.7**2) * outputs, 1e-15)
    assert outputs[0, 0] == pytest.approx(math.exp(0.03 - 0.14))


@pytest.mark.parametrize("n", [1, 31, 33, 64, 300, 1025])
def test_a_row_does_not_depend_on_the_others(n, dtype, threads):
    net = network("gelu", dtype=dtype)
    x, c = rows(n), rows(n, 2)
    _, laplacian, back = net.laplacian(x)
    g, i = back(c, c), n // 2
    _, alone, back_one = net.laplacian(x[i : i + 1])
    assert (alone == laplacian[i : i + 1]).all()
    assert (back_one(c[i : i + 1], c[i : i + 1]).x == g.x[i : i + 1]).all()
    assert (net.hvp(x[i : i + 1], c[i : i + 1], x[i : i + 1]).x == net.hvp(x, c, x).x[i : i + 1]).all()


def test_bits_do_not_depend_on_threads_and_instruction_sets(isas):
    net = network("silu", dtype="float32")
    x, c = rows(777), rows(777, 2)
    found = {True: set(), False: set()}  # without fused multiply-add, and with it
    for isa in isas:
        for count in (1, 2, 5):
            with fc.threads(count):
                _, laplacian, back = net.laplacian(x)
                g, h = back(c, c), net.hvp(x, c, x)
            arrays = laplacian, back.jacobian, g.x, g.flat, h.x, h.flat
            found[isa == "portable"].add(b"".join(array.tobytes() for array in arrays))
    assert all(len(bits) <= 1 for bits in found.values())
    assert any(found.values())


def test_no_rows_give_no_rows():
    net = network("tanh")
    outputs, laplacian, back = net.laplacian(np.empty((0, 3)))
    assert outputs.shape == laplacian.shape == (0, 2)
    g = back(np.empty((0, 2)), None)
    assert g.x.shape == (0, 3)
    assert not g.flat.any()
    assert net.hvp(np.empty((0, 3)), np.empty((0, 2)), np.empty((0, 3))).x.shape == (0, 3)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            lambda: fc.Network([3, 8, 1], loss="mse"),
            "layer 0 has activation 'relu', which is not twice differentiable: laplacian",
        ),
        (lambda: fc.Network([3, fc.Dense(8, "tanh"), 3]), "layer 1 has activation 'softmax': .*output='logits'"),
        (
            lambda: fc.Network([3, fc.Dense(8, "tanh", normalization="layer"), 1], loss="mse"),
            "layer 0 has normalization",
        ),
        (lambda: fc.Network([3, fc.Scale(), fc.Dense(8, "tanh"), 1], loss="mse"), "layer 0 has fcnet.Scale"),
        (
            lambda: fc.Network([3, fc.Dense(8, fc.Parametric("tanh")), 1], loss="mse"),
            r"layer 0 has activation Parametric\(activation='tanh'\): laplacian needs",
        ),
    ],
)
def test_other_networks_are_refused_by_name(net, message):
    net = net()
    with pytest.raises(ValueError, match=message):
        net.laplacian(rows())
    if "relu" not in message:
        with pytest.raises(ValueError, match=message.replace("laplacian", "hvp")):
            net.hvp(rows(), np.ones((7, net.sizes[-1])), rows())


def test_logits_leave_out_softmax():
    net = fc.Network([3, fc.Dense(8, "tanh"), 3], seed=0, dtype="float64")
    outputs, _, _ = net.laplacian(rows(), output="logits")
    close(outputs, net.predict(rows(), output="logits"), 1e-15)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net, back: net.laplacian(rows(), weights=[1, 2]), ValueError, "weights is .*each of 3 inputs"),
        (lambda net, back: net.laplacian(rows(), weights=[1, 2, np.nan]), ValueError, "weights is"),
        (lambda net, back: back(np.ones(3), None), ValueError, r"cotangent has shape \(3,\): expected \(7, 2\)"),
        (lambda net, back: back(None, np.ones(3)), ValueError, r"laplacian_cotangent has shape \(3,\)"),
        (lambda net, back: back(None, None, jacobian_cotangent=np.ones((7, 3, 2))), ValueError, "jacobian_cotangent"),
        (lambda net, back: net.hvp(rows(), np.ones((7, 2)), np.ones(3)), ValueError, r"v has shape \(3,\)"),
        (lambda net, back: net.hvp(rows(), np.ones(7), rows()), ValueError, r"cotangent has shape \(7,\)"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    net = network("tanh")
    _, _, back = net.laplacian(rows())
    with pytest.raises(error, match=message):
        call(net, back)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent with os.kill")
@pytest.mark.parametrize("which", ["laplacian", "back", "hvp"])
def test_ctrl_c_stops_a_long_call(which):
    net = fc.Network([256, 512, 512, 1], activation="tanh", loss="mse", seed=0)
    x = np.zeros((200 if which != "hvp" else 20_000, 256), np.float32)
    c = np.ones((len(x), 1), np.float32)
    back = net.laplacian(x)[2] if which == "back" else None
    calls = {"laplacian": lambda: net.laplacian(x), "back": lambda: back(c, c), "hvp": lambda: net.hvp(x, c, x)}
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))

    def start_and_call():
        timer.start()
        while True:
            calls[which]()

    try:
        with pytest.raises(KeyboardInterrupt):
            start_and_call()
    finally:
        timer.cancel()
        timer.join()
    assert np.isfinite(net.laplacian(x[:3])[1]).all()


def test_the_network_and_its_pickle_are_as_before():
    net = network("tanh")
    before = pickle.dumps(net)
    _, _, back = net.laplacian(rows())
    back(None, np.ones((7, 2)))
    assert pickle.dumps(net) == before


@pytest.mark.interop
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "silu", "mish", "gelu"])
def test_second_derivatives_are_those_of_autograd(activation):
    torch = library("torch")
    net = network(activation, outputs=1)
    functions = {"tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus"}
    functions |= {"silu": "SiLU", "mish": "Mish", "gelu": "GELU"}
    layers = []
    for layer in net.layers:
        linear = torch.nn.Linear(*layer.W.shape, dtype=torch.float64)
        linear.weight.data = torch.from_numpy(layer.W.T.copy())
        linear.bias.data = torch.from_numpy(layer.B.copy())
        layers += [linear, getattr(torch.nn, functions[activation])()]
    model = torch.nn.Sequential(*layers)
    x = torch.from_numpy(rows()).requires_grad_()
    u = model(x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    laplacian = sum(torch.autograd.grad(du[:, k].sum(), x, create_graph=True)[0][:, k] for k in range(3))
    ((laplacian - 1) ** 2).sum().backward()
    _, found, back = net.laplacian(rows())
    close(found[:, 0], laplacian.detach().numpy(), 1e-13)
    g = back(None, 2 * (found - 1))
    for (dw, db), linear in zip(g.layers, layers[::2], strict=True):
        close(dw, linear.weight.grad.numpy().T, 1e-12)
        close(db, linear.bias.grad.numpy(), 1e-12)
