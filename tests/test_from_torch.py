"""``fc.from_torch``: modules of PyTorch become networks, or are refused by name and place."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from interop import library

torch = library("torch")
nn = torch.nn
functional = torch.nn.functional

import fcnet.torch
from fcnet.activations import ELU, LeakyReLU

pytestmark = [pytest.mark.interop, pytest.mark.once]

ACTIVATIONS = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softplus": nn.Softplus(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "relu6": nn.ReLU6(),
    "hard_swish": nn.Hardswish(),
    LeakyReLU(0.3): nn.LeakyReLU(0.3),
    ELU(0.5): nn.ELU(0.5),
    "softmax": nn.Softmax(dim=1),
}


def rows(n=40, k=5, dtype=torch.float32):
    return torch.randn(n, k, dtype=dtype, generator=torch.Generator().manual_seed(n))


def difference(net, module, x):
    """The largest between what both predict."""
    with torch.no_grad():
        return np.abs(net.predict(x.numpy()) - module.eval()(x).numpy()).max()


def trained(module, k=5):
    """The module with running statistics and parameters that are not the first ones, as in prediction."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    module.train()
    for seed in range(5):
        module(2 * rows(30 + seed, k) + 1)
    return module.eval()


@pytest.mark.parametrize("name", ACTIVATIONS, ids=str)
def test_every_activation_by_its_name(name):
    module = nn.Sequential(nn.Linear(5, 9), ACTIVATIONS[name], nn.Linear(9, 3))
    net = fc.from_torch(module)
    assert [layer.activation for layer in net.layers] == [name, "identity"]
    assert difference(net, module, rows()) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_types_half_ones_become_float32(dtype):
    module = nn.Sequential(nn.Linear(5, 9), nn.BatchNorm1d(9), nn.Tanh(), nn.Linear(9, 3)).to(dtype).eval()
    net = fc.from_torch(module)
    assert net.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    assert (net.layers[1].W == module[3].weight.detach().T.to(torch.float64).numpy()).all()
    assert fc.from_torch(module, dtype="float64").dtype == np.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_normalisation_with_its_conventions(dtype):
    module = nn.Sequential(
        nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16, eps=1e-3, momentum=0.2), nn.GELU(), nn.Dropout(0.25)),
        nn.Sequential(nn.Linear(16, 12, bias=False), nn.LayerNorm(12, eps=1e-4), nn.ReLU()),
        nn.Linear(12, 3, bias=False),
    )
    module = trained(module).to(dtype)
    net = fc.from_torch(module)
    assert [layer.dropout for layer in net.layers] == [0.25, 0, 0]
    assert net.layers[0].normalization == fc.BatchNorm(epsilon=1e-3, momentum=0.2)
    assert net.layers[1].normalization == fc.LayerNorm(epsilon=1e-4)
    assert [layer.bias for layer in net.layers] == [True, True, False]
    assert difference(net, module, rows(dtype=dtype)) < (2e-6 if dtype == torch.float32 else 1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_bias_before_layer_normalisation_is_kept(dtype):
    module = nn.Sequential(nn.Linear(5, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 3))
    module = trained(module).to(dtype)
    net = fc.from_torch(module)
    assert net.layers[0].normalization == fc.LayerNorm(product_bias=True)
    assert (net.layers[0].product_bias == module[0].bias.detach().numpy()).all()
    assert (net.layers[0].B == module[1].bias.detach().numpy()).all()
    assert difference(net, module, rows(dtype=dtype)) < (2e-6 if dtype == torch.float32 else 1e-14)


def test_batch_normalisation_of_inputs_becomes_offset_and_scale():
    module = trained(nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 3), nn.Sigmoid()))
    net = fc.from_torch(module)
    assert net.offset.shape == net.scale.shape == (5,)
    assert net.loss == "binary_cross_entropy"
    assert difference(net, module, rows()) < 1e-6


def test_normalisation_without_parameters():
    module = nn.Sequential(nn.Linear(5, 9), nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, 2))
    net = fc.from_torch(trained(module))
    assert not net.layers[0].bias
    assert difference(net, module, rows()) < 1e-6
    module = nn.Sequential(nn.Linear(5, 9, bias=False), nn.LayerNorm(9, bias=False), nn.ReLU(), nn.Linear(9, 2))
    assert difference(fc.from_torch(trained(module)), module, rows()) < 1e-6


def test_the_loss_makes_probabilities_of_logits():
    module = nn.Sequential(nn.Flatten(), nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 3))
    x = rows()
    logits = module(x).detach()
    assert fc.from_torch(module).loss == "mse"
    net = fc.from_torch(module, loss="cross_entropy")
    assert np.abs(net.predict(x.numpy()) - logits.softmax(1).numpy()).max() < 1e-6
    assert np.abs(net.predict(x.numpy(), output="logits") - logits.numpy()).max() < 1e-6
    net = fc.from_torch(module, loss=fc.losses.BinaryCrossEntropy(label_smoothing=0.1))
    assert np.abs(net.predict(x.numpy()) - logits.sigmoid().numpy()).max() < 1e-6
    assert net.loss.label_smoothing == 0.1


def test_gradients_agree():
    module = nn.Sequential(nn.Linear(5, 9, dtype=torch.float64), nn.GELU(), nn.Linear(9, 3, dtype=torch.float64))
    x, y = rows(dtype=torch.float64), torch.arange(40) % 3
    functional.cross_entropy(module(x), y).backward()
    found = fc.from_torch(module, loss="cross_entropy").gradients(x.numpy(), y.numpy())
    for linear, (dW, dB) in zip((module[0], module[2]), found, strict=True):
        assert np.abs(linear.weight.grad.T.numpy() - dW).max() < 1e-14
        assert np.abs(linear.bias.grad.numpy() - dB).max() < 1e-14


def test_frozen_layers_stay_frozen_and_dropout_may_stand_before_relu():
    module = nn.Sequential(nn.Linear(5, 9), nn.Dropout(0.5), nn.ReLU(), nn.Dropout(0), nn.Linear(9, 3)).eval()
    module[0].requires_grad_(False)
    net = fc.from_torch(module)
    assert [layer.trainable for layer in net.layers] == [False, True]
    assert net.layers[0].dropout == 0.5


@pytest.mark.parametrize(
    "frozen", [("0.weight", "0.bias"), ("1.weight", "1.bias"), ("0.bias",), ("1.weight",)], ids=str
)
@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm])
def test_a_layer_of_which_a_part_is_frozen_is_frozen_with_a_warning(norm, frozen):
    module = trained(nn.Sequential(nn.Linear(5, 9), norm(9), nn.ReLU(), nn.Linear(9, 3)))
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in frozen)
    with pytest.warns(UserWarning, match=r"layers\[0\] is frozen as a whole") as caught:
        net = fc.from_torch(module)
    [warning] = caught
    was, was_not = str(warning.message).split(", trainable ")
    kinds = {"0": "Linear", "1": norm.__name__}
    for name in ("0.weight", "0.bias", "1.weight", "1.bias"):
        at, part = name.split(".")
        assert f"{part} of {kinds[at]} at '{at}'" in (was if name in frozen else was_not)
    assert [layer.trainable for layer in net.layers] == [False, True]
    before = {name: np.array(getattr(net.layers[0], name)) for name in ("W", "B", "gamma")}
    net.fit(rows().numpy(), rows(40, 3).numpy(), epochs=2)
    assert all((getattr(net.layers[0], name) == array).all() for name, array in before.items())


def test_a_layer_with_normalisation_of_which_all_is_frozen_is_frozen(recwarn):
    for norm in (nn.BatchNorm1d(9), nn.BatchNorm1d(9, affine=False), nn.LayerNorm(9)):
        module = nn.Sequential(nn.Linear(5, 9), norm, nn.ReLU(), nn.Linear(9, 3)).eval()
        module[:2].requires_grad_(False)
        assert [layer.trainable for layer in fc.from_torch(module).layers] == [False, True]
    assert not recwarn.list


@pytest.mark.parametrize("sizes", [[5, 4, 3], [5, fc.Scale(), fc.Dense(4, normalization="batch"), 3]], ids=str)
@pytest.mark.parametrize("scale", [0, [1, 0, 2, 0, 0.5]], ids=str)
def test_a_scale_of_0_is_kept(sizes, scale):
    net = fc.Network(sizes, loss="mse", scale=scale, offset=[1, 2, 3, 4, 5], seed=0)
    again = fc.from_torch(net.to_torch())
    assert (again.scale == net.scale).all()
    assert (again.offset == net.offset).all()
    assert (again.predict(rows().numpy()) == net.predict(rows().numpy())).all()


ZERO = torch.tensor([0.0, 1, 0, 2, 3])


@pytest.mark.parametrize("norm", [nn.Identity, nn.BatchNorm1d, nn.LayerNorm])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["factor", "batch normalisation", "trainable factor"])
def test_what_is_added_behind_a_scale_of_0_goes_into_the_first_biases(name, bias, norm):
    torch.manual_seed(0)
    layer, last, factor = nn.Linear(5, 9, bias=bias), nn.Linear(9, 3), nn.Parameter(torch.randn(5))
    if name == "batch normalisation":
        given = nn.BatchNorm1d(5)
        module = trained(nn.Sequential(given, layer, norm(9), nn.ReLU(), last))
        with torch.no_grad():
            given.weight *= ZERO
    else:
        kept = norm(9) if norm is nn.LayerNorm else trained(nn.Sequential(norm(9)), 9)

        class Shifted(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer, self.norm, self.last = layer, kept, last
                self.register_buffer("zero", ZERO)
                self.factor = factor

            def forward(self, x):
                x = ((x + 1) * self.zero + 3) * 0.5 - 1
                x = x * self.factor if name == "trainable factor" else x
                return self.last(torch.relu(self.norm(self.layer(x))))

        module = torch.fx.symbolic_trace(Shifted().eval())
    net = fc.from_torch(module)
    assert (net.scale == 0).tolist() == [True, False, True, False, False]
    assert difference(net, module, rows()) < 1e-5


def test_frozen_scales_and_parametric_activations_count_as_parts():
    sizes = [5, fc.Scale(), fc.Dense(4, fc.Parametric("mish")), 3]
    net = fc.Network(sizes, loss="mse", seed=0)
    module = net.to_torch()
    for at, name in ((0, "factor of call_function"), (2, "mix of Mish")):
        for i, part in enumerate(module):
            part.requires_grad_(i != at)
        with pytest.warns(UserWarning, match=rf"frozen were {name} .*, trainable .*weight of Linear at '1'"):
            again = fc.from_torch(module)
        assert [layer.trainable for layer in again.layers] == [False, True]
    net.layers[0].freeze()
    assert [layer.trainable for layer in fc.from_torch(net.to_torch()).layers] == [False, True]


def test_subclasses_without_a_forward_of_their_own():
    class Block(nn.Sequential):
        pass

    module = Block(Block(nn.Linear(5, 9), nn.ReLU()), nn.Linear(9, 3))
    assert difference(fc.from_torch(module), module, rows()) < 1e-6


class Own(nn.Module):
    """As most modules are written."""

    def __init__(self):
        super().__init__()
        self.fc1, self.norm, self.fc2 = nn.Linear(5, 9), nn.BatchNorm1d(9), nn.Linear(9, 7)
        self.out, self.drop = nn.Linear(7, 1), nn.Dropout(0.2)

    def forward(self, x):
        x = (x - 3.0) / 2
        x = torch.flatten(x.view(x.size(0), -1).reshape(x.shape[0], -1), 1)
        x = functional.leaky_relu(self.norm(self.fc1(x)))
        x = functional.elu(self.fc2(self.drop(x)), alpha=1.0)
        return torch.sigmoid(self.out(x)).squeeze(-1)


def test_a_traced_module_is_read_from_its_graph():
    module = trained(Own())
    with pytest.raises(ValueError, match=r"module: Own has a forward of its own.*symbolic_trace.*onnx"):
        fc.from_torch(module)
    net = fc.from_torch(torch.fx.symbolic_trace(module))
    assert [layer.activation for layer in net.layers] == ["leaky_relu", "elu", "sigmoid"]
    assert [layer.dropout for layer in net.layers] == [0.2, 0, 0]
    assert net.offset == 3
    assert net.scale == 0.5
    with torch.no_grad():
        assert np.abs(net.predict(rows().numpy())[:, 0] - module(rows()).numpy()).max() < 1e-6


def traced(function, *parts):
    """A module with that forward, of the parts and x, traced."""

    class Traced(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(parts)

        def forward(self, x):
            return function(x, *self.parts)

    return torch.fx.symbolic_trace(Traced())


def with_hook():
    module = nn.Linear(5, 3)
    module.register_forward_hook(lambda *_: None)
    return module


def with_forward():
    module = nn.Linear(5, 3)
    module.forward = lambda x: x
    return module


def with_nan():
    module = nn.Linear(5, 3)
    with torch.no_grad():
        module.weight[1, 2] = np.nan
    return module


SHARED = nn.Linear(5, 5)
REFUSED = {  # a module, or its parts: what the message says
    "convolution": ([nn.Conv1d(1, 1, 3)], r"Conv1d at '0' is none of the modules that fcnet has: expected Linear"),
    "recurrence": ([nn.Sequential(nn.LSTM(5, 3))], r"LSTM at '0.0' is none of the modules"),
    "embedding": ([nn.Embedding(5, 3)], r"Embedding at '0' is none"),
    "attention": ([nn.MultiheadAttention(4, 2)], r"MultiheadAttention at '0' is none"),
    "prelu": ([nn.Linear(5, 3), nn.PReLU(), nn.Linear(3, 2)], r"PReLU at '1' is none"),
    "slope": ([nn.Linear(5, 3), nn.LeakyReLU(-0.3)], r"at '1' is LeakyReLU, whose slope is -0.3: expected a number"),
    "alpha": ([nn.Linear(5, 3), nn.ELU(-1)], r"at '1' is ELU, whose alpha is -1: expected a number"),
    "axis": ([nn.Linear(5, 3), nn.Softmax(dim=0)], r"at '1' is Softmax with dim=0"),
    "first": ([nn.ReLU(), nn.Linear(5, 3)], r"ReLU at '0' is an activation before the first layer"),
    "twice": ([nn.Linear(5, 3), nn.ReLU(), nn.Tanh()], r"Tanh at '2' is an activation behind that of module: ReLU"),
    "norm": ([nn.Linear(5, 3), nn.ReLU(), nn.BatchNorm1d(3)], r"BatchNorm1d at '2' normalises what is not the"),
    "norm of inputs": ([nn.LayerNorm(5), nn.Linear(5, 3)], r"LayerNorm at '0' is a layer normalisation of the inputs"),
    "norm of outputs": ([nn.Linear(5, 3), nn.BatchNorm1d(3)], r"BatchNorm1d at '1' is behind the last layer"),
    "statistics": ([nn.Linear(5, 3), nn.BatchNorm1d(3, track_running_stats=False)], r"'1' is a batch normalisation w"),
    "cumulative": ([nn.Linear(5, 3), nn.BatchNorm1d(3, momentum=None)], r"'1' is a batch normalisation without"),
    "momentum": ([nn.Linear(5, 3), nn.BatchNorm1d(3, momentum=0.0)], r"'1' is a normalisation that fcnet does not"),
    "dropout of inputs": ([nn.Dropout(0.1), nn.Linear(5, 3)], r"Dropout at '0' is a dropout of inputs"),
    "dropout of outputs": ([nn.Linear(5, 3), nn.Dropout(0.1)], r"Dropout at '1' is behind the last layer"),
    "dropout before": ([nn.Linear(5, 3), nn.Dropout(0.1), nn.Tanh()], r"Tanh at '2' is tanh behind the dropout"),
    "alpha dropout": ([nn.Linear(5, 3), nn.AlphaDropout(0.1)], r"AlphaDropout at '1' is none"),
    "flatten": ([nn.Flatten(0), nn.Linear(5, 3)], r"Flatten at '0' flattens from axis 0"),
    "late flatten": ([nn.Linear(5, 3), nn.Flatten()], r"Flatten at '1' reshapes outputs of a layer"),
    "shared": ([SHARED, nn.ReLU(), SHARED], r"Linear at '2' shares its weight with Linear at '0'"),
    "spectral": ([nn.utils.parametrizations.spectral_norm(nn.Linear(5, 3))], r"at '0' has parametrized weights"),
    "lazy": ([nn.LazyLinear(3)], r"LazyLinear at '0' has no weights yet"),
    "hook": ([with_hook()], r"Linear at '0' has hooks"),
    "own forward": ([with_forward()], r"Linear at '0' has a forward of its own"),
    "nan": ([with_nan()], r"Linear at '0' has a W with infinite or NaN numbers"),
    "meta": ([nn.Linear(5, 3, device="meta")], r"Linear at '0' has a weight without numbers"),
    "complex": ([nn.Linear(5, 3, dtype=torch.complex64)], r"Linear at '0' has a weight of torch.complex64"),
    "sizes": ([nn.Linear(5, 3), nn.Linear(4, 2)], r"'1' has 4 inputs: expected as many as module: Linear at '0' has 3"),
    "empty": ([], r"module has no fully connected layer"),
    "parallel": (nn.DataParallel(nn.Linear(5, 3)), r"DataParallel wraps a network: pass module.module"),
    "compiled": (
        torch.compile(nn.Linear(5, 3), backend="eager"),
        r"OptimizedModule wraps a network: pass module._orig_mod",
    ),
    "sum": (traced(lambda x, f: f(x) + x, nn.Linear(5, 5)), r"call_function 'add' takes more than what stands before"),
    "two inputs": (
        torch.fx.symbolic_trace(nn.Bilinear(5, 5, 3)),
        r"placeholder 'input2' is a second input: expected one",
    ),
    "function": (traced(lambda x, f: torch.cumsum(f(x), 1), nn.Linear(5, 3)), r"'cumsum' is none of the functions"),
    "shift": (traced(lambda x, f: f(x) + 1, nn.Linear(5, 3)), r"'add' scales or shifts what is not an input"),
    "inverse": (traced(lambda x, f: f(1 - x), nn.Linear(5, 3)), r"'sub' subtracts from a constant"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_and_place(name):
    given, words = REFUSED[name]
    module = nn.Sequential(*given) if isinstance(given, list) else given
    with pytest.raises(ValueError, match=words):
        fc.from_torch(module.eval())


def test_what_is_no_module():
    for given, words in (
        (nn.Linear, "the class Linear"),
        (3, "a int"),
        ({}, "a dict: .*from_state_dict"),
        ("model.pt", "torch.load"),
    ):
        with pytest.raises(TypeError, match=words):
            fc.from_torch(given)
    own = fcnet.torch.module(fc.Network([2, 2]))
    with pytest.raises(ValueError, match=r"its network is module.network"):
        fc.from_torch(own)


def test_training_mode_and_logarithms_of_softmax_are_said():
    module = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 3), nn.LogSoftmax(dim=-1))
    with (
        pytest.warns(UserWarning, match="Dropout at '2' gives other numbers than the network"),
        pytest.warns(UserWarning, match="LogSoftmax at '4' is the logarithm of softmax"),
    ):
        net = fc.from_torch(module)
    assert net.loss == "cross_entropy"
    fc.from_torch(nn.Sequential(nn.Linear(5, 3)))  # whose mode does not matter
