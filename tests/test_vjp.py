"""``vjp``, ``input_gradient``, ``jacobian`` and ``jvp``: derivatives of outputs, for losses that lie outside."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import fcnet as fc

from interop import library
from layer_checks import BIASED
from processes import output

ACTIVATIONS = (
    *("identity", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "exp", "gelu", "gelu_tanh"),
    *("silu", "mish", "relu6", "hard_swish", "softmax", "parametric mish", "parametric relu"),
    *(fc.activations.LeakyReLU(0.3), fc.activations.ELU(0.5), fc.Parametric(fc.activations.ELU(2))),
)
LAST = {"mse": "identity", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp"}


def network(activation="tanh", normalization=None, *, loss="mse", scaled=False, bias=True, dtype="float64", **options):
    """5 inputs, layers that fill no panel, 3 outputs; no parameter has a value that hides a mistake."""
    if activation == "softmax":
        normalization = None
    f = activation
    if str(activation).startswith("parametric "):
        f = fc.Parametric(activation.removeprefix("parametric "))
    hidden = [fc.Dense(n, f, normalization=normalization, bias=bias) for n in (33, 18)]
    scales = [fc.Scale()] if scaled else []
    net = fc.Network([5, *scales, hidden[0], hidden[1], *scales, 3], loss=loss, seed=3, dtype=dtype, **options)
    rng = np.random.default_rng(1)
    for layer in net.layers:
        if activation == "exp":  # or its numbers explode
            layer.W = layer.W / 8
        for name in ("gamma", "product_bias", "mix", "scale", "variance"):
            if hasattr(layer, name):
                setattr(layer, name, rng.uniform(0.5, 2, getattr(layer, name).shape))
        if hasattr(layer, "mean"):
            layer.mean = rng.standard_normal(layer.mean.shape) / 4
        if layer.bias:
            layer.B = rng.standard_normal(layer.B.shape) / 4
    return net


def rows(n=37, k=5, dtype="float64"):
    return np.random.default_rng(n).standard_normal((n, k)).astype(dtype)


def cotangents(n=37, m=3, dtype="float64"):
    return np.random.default_rng(n + 1).standard_normal((n, m)).astype(dtype)


def differences(f, array, h=1e-6):
    """d f / d array for a function of a whole array that returns a number, by central differences."""
    result = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        low, high = array.copy(), array.copy()
        low[index] -= h
        high[index] += h
        result[index] = (f(high) - f(low)) / (2 * h)
    return result


def close(a, b, tolerance=1e-6):
    assert np.abs(a - b).max() <= tolerance * max(1, np.abs(b).max())


def names_of(layer):
    return ["W", "B", *(name for name in ("gamma", "product_bias", "mix", "scale") if hasattr(layer, name))]


def check_against_differences(net, x, c):
    def loss_at(x):
        return (net.predict(x) * c).sum()

    outputs, back = net.vjp(x)
    assert (outputs == net.predict(x)).all()
    g = back(c)
    close(g.x, differences(loss_at, x))
    for layer, parts in zip(net.layers, g.layers, strict=True):
        for name, found in zip(names_of(layer), parts, strict=True):
            if name == "B" and not layer.bias:
                continue
            value = np.array(getattr(layer, name))
            some = tuple(slice(0, 3) for _ in value.shape)

            def loss_with(part, layer=layer, name=name, value=value, some=some):
                moved = value.copy()
                moved[some] = part
                setattr(layer, name, moved)
                return loss_at(x)

            expected = differences(loss_with, value[some])
            setattr(layer, name, value)
            close(found[some], expected)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("normalization", [None, "layer", BIASED, "batch"], ids=str)
def test_gradients_are_finite_differences(activation, normalization):
    check_against_differences(network(activation, normalization), rows(3), cotangents(3))
    options = {"offset": 0.2, "scale": np.arange(1, 6) / 4}
    net = network(activation, normalization, loss="cross_entropy", scaled=True, bias=False, **options)
    check_against_differences(net, rows(3), cotangents(3))


@pytest.mark.parametrize("normalization", [None, "layer", BIASED, "batch"], ids=str)
def test_with_training_batch_statistics_count(normalization):
    net = network("tanh", normalization)
    x, c = rows(9), cotangents(9)
    passed_through = fc.Network(
        [5, *(fc.Dense(n, "tanh", normalization=normalization) for n in (33, 18)), fc.Dense(3, "identity")],
        loss=lambda output, cotangent: (0.0, cotangent),
        dtype="float64",
    )
    for ours, theirs in zip(passed_through.layers, net.layers, strict=True):
        for name in names_of(theirs):
            setattr(ours, name, getattr(theirs, name))
    outputs, back = net.vjp(x, training=True)
    g = back(c)
    for ours, theirs in zip(g.layers, passed_through.gradients(x, c), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one == other).all()
    close(g.x, differences(lambda x: (net.vjp(x, training=True)[0] * c).sum(), x))
    if normalization != "batch":
        assert (outputs == net.predict(x)).all()


@pytest.mark.parametrize("loss", LAST)
def test_logits_are_what_the_last_activation_takes(loss):
    net = network("relu", loss=loss)
    x, c = rows(), cotangents()
    outputs, back = net.vjp(x, output="logits")
    assert (outputs == net.predict(x, output="logits")).all()
    close(back(c).x, net.input_gradient(x, c, output="logits"), 1e-14)
    close(back(c).x, differences(lambda x: (net.predict(x, output="logits") * c).sum(), x))
    assert np.abs(net.jacobian(x) - net.jacobian(x, output="logits")).max() > 0 or loss == "mse"


def test_a_pullback_may_be_called_again_and_is_linear():
    net = network("gelu", "layer")
    x, c1, c2 = rows(), cotangents(), cotangents()[::-1]
    _, back = net.vjp(x)
    first = back(c1)
    both, second = back(c1 + c2), back(c2)
    close(first.x + second.x, both.x, 1e-13)
    close(first.flat + second.flat, both.flat, 1e-13)
    again = back(c1)
    assert (again.x == first.x).all()
    assert (again.flat == first.flat).all()


def test_parts_that_are_not_wanted_are_left_out():
    net = network("relu", scaled=True)
    x, c = rows(), cotangents()
    _, back = net.vjp(x)
    g = back(c)
    only_x, only_parameters = back(c, parameters=False), back(c, x=False)
    assert only_x.layers is None
    assert (only_x.x == g.x).all()
    assert only_parameters.x is None
    assert (only_parameters.flat == g.flat).all()
    with pytest.raises(ValueError, match="parameters"):
        only_x.flat  # noqa: B018
    assert "None" in repr(only_parameters)
    assert repr(back) == "Pullback(37 rows, 3 outputs)"


def test_frozen_layers_have_gradients_and_the_network_stays():
    net = network("tanh", "batch")
    net.layers[0].freeze()
    before = net.predict(rows())
    _, back = net.vjp(rows(), training=True)
    g = back(cotangents())
    assert all(np.abs(part).max() > 0 for part in g.layers[0])
    assert (net.predict(rows()) == before).all()


def test_a_pullback_keeps_the_parameters_of_its_moment():
    net = network()
    x, c = rows(), cotangents()
    outputs, back = net.vjp(x)
    before = back(c)
    net.fit(x, rows(37, 3), epochs=2)
    after = back(c)
    assert (after.x == before.x).all()
    assert (after.flat == before.flat).all()
    assert (outputs != net.predict(x)).any()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["silu", "parametric mish"])
@pytest.mark.parametrize("normalization", [None, "layer", BIASED, "batch"], ids=str)
def test_gradients_per_sample_are_those_of_each_row(normalization, activation, bias):
    net = network(activation, normalization, scaled=True, loss="cross_entropy", bias=bias)
    x, c = rows(37), cotangents(37)
    _, back = net.vjp(x)
    each, total = back(c, per_sample=True), back(c)
    assert (each.x == total.x).all()
    for i in (0, 5, 36):
        _, back_one = net.vjp(x[i : i + 1])
        alone = back_one(c[i : i + 1])
        for ours, theirs in zip(each.layers, alone.layers, strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one.shape == (37, *other.shape)
                close(one[i], other, 1e-14)
    for ours, theirs in zip(each.layers, total.layers, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            close(one.sum(axis=0), other, 1e-12)
    x[:] = 0  # the pass has read it
    assert (back(c, per_sample=True).flat == each.flat).all()
    x[:] = rows(37)
    assert each.flat.shape == (37, len(total.flat))
    _, back = net.vjp(x, output="logits")
    close(back(c, per_sample=True).flat.sum(axis=0), back(c).flat, 1e-12)
    _, back = net.vjp(x[:0])
    assert back(c[:0], per_sample=True).flat.shape == (0, len(total.flat))


@pytest.mark.parametrize("outputs", [2, 9])
def test_the_jacobian_stacks_vjps(outputs):
    net = fc.Network([5, 20, fc.Dense(outputs, "softmax")], seed=0, dtype="float64")
    x = rows(11)
    jacobian = net.jacobian(x)
    assert jacobian.shape == (11, outputs, 5)
    _, back = net.vjp(x)
    for k in range(outputs):
        c = np.zeros((11, outputs))
        c[:, k] = 1
        if outputs <= 5:
            assert (jacobian[:, k] == back(c).x).all()
        close(jacobian[:, k], back(c).x, 1e-14)
        assert (net.input_gradient(x, of=k) == back(c, parameters=False).x).all()


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("normalization", [None, "layer", BIASED, "batch"], ids=str)
def test_jvp_is_the_jacobian_times_v(activation, normalization):
    net = network(activation, normalization, scaled=True, loss="cross_entropy", offset=0.3, scale=0.7)
    x, v = rows(), rows()[::-1].copy()
    outputs, tangents = net.jvp(x, v)
    assert (outputs == net.predict(x)).all()
    close(tangents, np.einsum("noi,ni->no", net.jacobian(x), v), 1e-12)


def test_of_names_an_output_or_a_class():
    net = fc.Network([5, 8, 3], seed=0, classes=["a", "b", "c"])
    x = rows(4, dtype="float32")
    assert (net.input_gradient(x, of="b") == net.input_gradient(x, np.tile([0, 1, 0], (4, 1)))).all()
    each = net.input_gradient(x, of=["a", "b", "c", "a"])
    assert (each == net.input_gradient(x, np.eye(3)[[0, 1, 2, 0]])).all()
    plain = fc.Network([5, 8, 3], seed=0)
    assert (plain.input_gradient(x, of=1) == net.input_gradient(x, of="b")).all()
    assert (plain.input_gradient(x, of=np.array([0, 1, 2, 0])) == each).all()
    one = fc.Network([5, 8, 1], loss="mse", seed=0)
    assert (one.input_gradient(x) == one.input_gradient(x, np.ones(4))).all()


@pytest.mark.parametrize("n", [1, 2, 8, 9, 31, 33, 64, 300, 2049])
def test_a_row_does_not_depend_on_the_others(n, dtype, threads):
    net = network("elu", dtype=dtype, scaled=True, scale=0.5)
    x, c = rows(n, dtype=dtype), cotangents(n, dtype=dtype)
    _, back = net.vjp(x)
    g = back(c)
    assert (g.x == net.input_gradient(x, c)).all()
    i = n // 2
    _, back_one = net.vjp(x[i : i + 1])
    assert (back_one(c[i : i + 1]).x == g.x[i : i + 1]).all()
    _, tangents = net.jvp(x, x)
    assert (net.jvp(x[i : i + 1], x[i : i + 1])[1] == tangents[i : i + 1]).all()


def test_bits_do_not_depend_on_threads_and_instruction_sets(isas):
    net = network("gelu", "layer", dtype="float32", scaled=True, offset=0.1)
    x, c = rows(777, dtype="float32"), cotangents(777, dtype="float32")
    found = {True: set(), False: set()}  # without fused multiply-add, and with it
    for isa in isas:
        for count in (1, 2, 5):
            with fc.threads(count):
                _, back = net.vjp(x)
                g = back(c)
                results = g.x, g.flat, net.input_gradient(x, c), net.jacobian(x), net.jvp(x, x)[1]
                per_sample = back(c, per_sample=True).flat
            found[isa == "portable"].add(b"".join(array.tobytes() for array in (*results, per_sample)))
    assert all(len(bits) <= 1 for bits in found.values())
    assert any(found.values())


def test_nan_propagates_and_no_rows_give_no_rows():
    net = network()
    x, c = rows(3), cotangents(3)
    c[1, 0] = np.nan
    _, back = net.vjp(x)
    g = back(c)
    assert np.isnan(g.x[1]).all()
    assert np.isfinite(g.x[[0, 2]]).all()
    outputs, back = net.vjp(np.empty((0, 5)))
    assert outputs.shape == (0, 3)
    g = back(np.empty((0, 3)))
    assert g.x.shape == (0, 5)
    assert not g.flat.any()
    assert net.input_gradient(np.empty((0, 5)), np.empty((0, 3))).shape == (0, 5)
    assert net.input_gradient(np.empty((0, 5)), of=[]).shape == (0, 5)
    assert net.jacobian(np.empty((0, 5))).shape == (0, 3, 5)
    assert net.jvp(np.empty((0, 5)), np.empty((0, 5)))[1].shape == (0, 3)


def sparse(x):
    return library("scipy.sparse").csr_array(x)


@pytest.mark.interop
def test_sparse_rows_have_gradients_of_the_parameters_alone():
    net = network()
    x, c = rows() * (rows() > 0.8), cotangents()
    outputs, back = net.vjp(sparse(x))
    dense_outputs, dense_back = net.vjp(x)
    assert (outputs == dense_outputs).all()
    assert (back(c, x=False).flat == dense_back(c).flat).all()
    for call in (
        lambda: back(c),
        lambda: back(c, x=False, per_sample=True),
        lambda: net.input_gradient(sparse(x), c),
        lambda: net.jacobian(sparse(x)),
        lambda: net.jvp(sparse(x), x),
    ):
        with pytest.raises(ValueError, match="sparse.*toarray"):
            call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda net, back, x: back(np.ones(3)),
            ValueError,
            r"cotangent has shape \(3,\): expected \(37, 3\), as the output",
        ),
        (lambda net, back, x: back(np.ones((37, 3), complex)), TypeError, "cotangent has dtype complex128"),
        (lambda net, back, x: back([["a"] * 3] * 37), TypeError, "cotangent holds text|cotangent has dtype"),
        (lambda net, back, x: back(np.full((37, 3), 1e300)), ValueError, "too large for float32"),
        (lambda net, back, x: back(np.ones((37, 3)), x=1), TypeError, "x is 1: expected True or False"),
        (lambda net, back, x: net.vjp(x, training="no"), TypeError, "training is 'no'"),
        (lambda net, back, x: net.vjp(x, output="logit"), ValueError, "output is 'logit'"),
        (lambda net, back, x: net.vjp(x[:, :4]), ValueError, "4 features"),
        (lambda net, back, x: net.input_gradient(x), ValueError, "the network has 3 outputs: expected of="),
        (lambda net, back, x: net.input_gradient(x, np.ones((37, 3)), of=1), ValueError, "cotangent and of"),
        (lambda net, back, x: net.input_gradient(x, of=3), ValueError, "of contains the output 3"),
        (lambda net, back, x: net.input_gradient(x, of=-1), ValueError, "of contains the output -1"),
        (lambda net, back, x: net.input_gradient(x, of=[1, 2]), ValueError, r"of has shape \(2,\)"),
        (lambda net, back, x: net.input_gradient(x, of=1.5), TypeError, "of is 1.5"),
        (lambda net, back, x: binary().input_gradient(x, of="yes"), ValueError, "of is 'yes': the one output is"),
        (lambda net, back, x: net.jvp(x, x[:3]), ValueError, r"v has shape \(3, 5\): expected \(37, 5\), as x"),
        (lambda net, back, x: net.vjp(x, batch_norm=True), TypeError, "vjp"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    net = network(dtype="float32")
    x = rows()
    _, back = net.vjp(x)
    with pytest.raises(error, match=message):
        call(net, back, x)


def binary():
    return fc.Network([5, 1], loss="binary_cross_entropy", classes=["no", "yes"], seed=0)


def test_gradients_per_sample_have_a_limit():
    net = fc.Network([1000, 1000, 10], seed=0)
    _, back = net.vjp(np.zeros((600, 1000), np.float32))
    with pytest.raises(ValueError, match=r"per sample of 600 rows would take 2\.\d GiB: expected at most 2 GiB"):
        back(np.zeros((600, 10)), per_sample=True)
    with pytest.raises(ValueError, match="one row"):
        network("tanh", "batch").vjp(rows(1), training=True)
    _, back = network("tanh", "batch").vjp(rows(4), training=True)
    with pytest.raises(ValueError, match="per sample"):
        back(cotangents(4), per_sample=True)


def test_two_threads_use_one_pullback_during_a_fit():
    net = fc.Network([5, 64, 64, 3], loss="mse", seed=0)
    x, c = rows(300, dtype="float32"), cotangents(300, dtype="float32")
    _, back = net.vjp(x)
    expected = back(c)
    wrong = []

    def work():
        for _ in range(30):
            g = back(c)
            if (g.x != expected.x).any() or (g.flat != expected.flat).any():
                wrong.append(g)
            net.vjp(x)[1](c)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    net.fit(x, c, epochs=20)
    for thread in threads:
        thread.join()
    assert not wrong


LONG = """
import os, signal, threading, time
import numpy as np
import fcnet as fc
net = fc.Network([256, 512, 512, 10], activation="tanh", loss="mse", seed=0)
x, c = np.ones((4000, 256), np.float32), np.ones((4000, 10), np.float32)
_, back = net.vjp(x)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_uses_a_pullback_that_its_parent_was_using():
    code = """
stop = False
def work():
    while not stop:
        back(c)
thread = threading.Thread(target=work)
thread.start()
time.sleep(0.1)
expected = None
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        g = back(c)
        os._exit(0 if np.isfinite(g.flat).all() else 1)
    print(os.waitpid(pid, 0)[1])
stop = True
thread.join()
"""
    assert output(LONG + code).split() == ["0"] * 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_a_signal_handler_cannot_use_the_pullback_that_it_interrupts():
    code = """
def handler(*_):
    back(c)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
try:
    while True:
        back(c)
except RuntimeError as error:
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(error)
print(np.isfinite(back(c).flat).all())
"""
    lines = output(LONG + code).splitlines()
    assert lines[0].startswith("a signal handler calls what it has interrupted")
    assert lines[1] == "True"


TORCH = {
    "identity": lambda nn: nn.Identity(),
    "relu": lambda nn: nn.ReLU(),
    "leaky_relu": lambda nn: nn.LeakyReLU(0.01),
    "elu": lambda nn: nn.ELU(),
    "selu": lambda nn: nn.SELU(),
    "sigmoid": lambda nn: nn.Sigmoid(),
    "tanh": lambda nn: nn.Tanh(),
    "softplus": lambda nn: nn.Softplus(threshold=1000),
    "gelu": lambda nn: nn.GELU(),
    "gelu_tanh": lambda nn: nn.GELU(approximate="tanh"),
    "silu": lambda nn: nn.SiLU(),
    "mish": lambda nn: nn.Mish(),
    "relu6": lambda nn: nn.ReLU6(),
    "hard_swish": lambda nn: nn.Hardswish(),
    fc.activations.LeakyReLU(0.3): lambda nn: nn.LeakyReLU(0.3),
    fc.activations.ELU(0.5): lambda nn: nn.ELU(0.5),
    "softmax": lambda nn: nn.Softmax(dim=1),
}


@pytest.mark.interop
@pytest.mark.parametrize("activation", TORCH, ids=str)
@pytest.mark.parametrize("normalization", [None, "layer", BIASED, "batch"], ids=str)
def test_gradients_are_those_of_autograd(activation, normalization):
    torch = library("torch")
    net = network(activation, normalization, loss="cross_entropy", offset=0.25, scale=[0.5, 1, 2, 1, 0.5])
    modules, double = [], {"dtype": torch.float64}

    def tensor(array):
        return torch.from_numpy(np.array(array))

    for layer in net.layers:
        kind = layer.normalization
        has_bias = kind is None or hasattr(layer, "product_bias")
        linear = torch.nn.Linear(*layer.W.shape, bias=has_bias, **double)
        linear.weight.data = tensor(layer.W.T)
        modules.append(linear)
        if kind is None:
            linear.bias.data = tensor(layer.B)
        else:
            if has_bias:
                linear.bias.data = tensor(layer.product_bias)
            of_kind = torch.nn.BatchNorm1d if hasattr(layer, "mean") else torch.nn.LayerNorm
            norm = of_kind(len(layer.B), eps=kind.epsilon, **double)
            norm.weight.data, norm.bias.data = tensor(layer.gamma), tensor(layer.B)
            if hasattr(layer, "mean"):
                norm.running_mean, norm.running_var = tensor(layer.mean), tensor(layer.variance)
            modules.append(norm)
        last = layer is net.layers[-1]
        modules.append(torch.nn.Softmax(dim=1) if last else TORCH[activation](torch.nn))
    model = torch.nn.Sequential(*modules).eval()
    x, c = torch.from_numpy(rows()).requires_grad_(), torch.from_numpy(cotangents())
    model((x - 0.25) * torch.tensor([0.5, 1, 2, 1, 0.5], **double)).backward(c)
    g = net.vjp(rows())[1](cotangents())
    close(g.x, x.grad.numpy(), 1e-12)
    of_modules = [m for m in modules if isinstance(m, torch.nn.Linear)]
    for parts, layer, module in zip(g.layers, net.layers, of_modules, strict=True):
        close(parts[0], module.weight.grad.numpy().T, 1e-12)
        norm = modules[modules.index(module) + 1]
        bias = module if layer.normalization is None else norm
        close(parts[1], bias.bias.grad.numpy(), 1e-12)
        if layer.normalization is not None:
            close(parts[2], norm.weight.grad.numpy(), 1e-12)
        if hasattr(layer, "product_bias"):
            close(parts[3], module.bias.grad.numpy(), 1e-12)
