"""A network as a module of PyTorch: a Sequential of its own modules, and of traced ones for what it does not have.

A traced module holds its forward as code of PyTorch, so that what ``torch.save`` writes needs no fcnet to be loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet._exporting.network_steps import steps_of
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm
from fcnet._model.number_embeddings import PLR, Periodic, PiecewiseLinear
from fcnet.activations import name_and_constant

if TYPE_CHECKING:
    from fcnet.network import Network

torch: Any = optional("torch", "Network.to_torch")
nn: Any = torch.nn
Array = NDArray[Any]

_ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": lambda: nn.Softplus(threshold=40),  # linear beyond, exact in float64 then
    "exp": lambda: _traced(Exp()),
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "relu6": nn.ReLU6,
    "hard_swish": nn.Hardswish,
    "softmax": lambda: nn.Softmax(dim=-1),
}


def _activation(step: steps.Function) -> Any:
    name, constant = name_and_constant(step.name)
    return _ACTIVATIONS[name](*([] if constant is None else [constant]))


def _tensor(array: Array) -> Any:
    return torch.from_numpy(np.array(array, order="C"))


def _parameter(array: Array, trainable: bool) -> Any:
    return nn.Parameter(_tensor(array), requires_grad=trainable)


def _traced(module: Any) -> Any:
    """Return a module whose forward is code of PyTorch alone."""
    traced = torch.fx.symbolic_trace(module)
    for node in traced.graph.nodes:
        node.type = None  # an annotation, which could not be pickled
    traced.recompile()
    return traced


class Standardize(torch.nn.Module):  # type: ignore[misc]
    """``scale (x - offset)``."""

    def __init__(self, step: steps.Affine, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.register_buffer("offset", _tensor(step.offset.astype(dtype)))
        self.register_buffer("scale", _tensor(step.scale.astype(dtype)))

    def forward(self, x: Any) -> Any:
        return (x - self.offset) * self.scale


class Scale(torch.nn.Module):  # type: ignore[misc]
    """A trainable factor for each input."""

    def __init__(self, step: steps.Scaling) -> None:
        super().__init__()
        self.factor = _parameter(step.values, step.trainable)

    def forward(self, x: Any) -> Any:
        return x * self.factor


class Exp(torch.nn.Module):  # type: ignore[misc]
    """The exponential function."""

    def forward(self, x: Any) -> Any:
        return torch.exp(x)


class Parametric(torch.nn.Module):  # type: ignore[misc]
    """``x + mix (F(x) - x)``."""

    def __init__(self, step: steps.Function) -> None:
        super().__init__()
        assert step.mix is not None
        self.activation, self.mix = _activation(step), _parameter(step.mix, step.trainable)

    def forward(self, x: Any) -> Any:
        return torch.lerp(x, self.activation(x), self.mix)


class SortQuantiles(torch.nn.Module):  # type: ignore[misc]
    """The quantiles of each target, sorted."""

    def __init__(self, step: steps.Sorting) -> None:
        super().__init__()
        self.quantiles = step.quantiles

    def forward(self, x: Any) -> Any:
        return torch.flatten(torch.sort(x.unflatten(-1, (-1, self.quantiles)), dim=-1)[0], 1)


class Adapter(torch.nn.Module):  # type: ignore[misc]
    """Factors of members, and perhaps their biases."""

    def __init__(self, step: steps.Adapter) -> None:
        super().__init__()
        self.first, self.factor = step.first, _parameter(step.values.T, step.trainable)
        self.bias = None if step.B is None else _parameter(step.B.T, step.trainable)

    def forward(self, x: Any) -> Any:
        adapted = (x.unsqueeze(1) if self.first else x) * self.factor
        return adapted if self.bias is None else adapted + self.bias


class Heads(torch.nn.Module):  # type: ignore[misc]
    """The last layers of members."""

    def __init__(self, step: steps.Heads) -> None:
        super().__init__()
        self.weight = _parameter(np.moveaxis(step.W, 2, 0), step.trainable)  # (members, k, m)
        self.bias = _parameter(step.B.T, step.trainable)

    def forward(self, x: Any) -> Any:
        return torch.einsum("nmi,mio->nmo", x, self.weight) + self.bias


class Mean(torch.nn.Module):  # type: ignore[misc]
    """The mean over members."""

    def forward(self, x: Any) -> Any:
        return x.mean(1)


class Columns(torch.nn.Module):  # type: ignore[misc]
    """Embeddings of numbers, the other columns, and the rows of tables; unknown codes have row 0."""

    def __init__(self, step: steps.Embedding, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.spec, of = step.spec, step.spec.embedding
        for name, array in step.arrays.items():
            setattr(self, name, _parameter(array, step.trainable))
        counts = np.array(step.spec.categories, np.int64)
        self.register_buffer("counts", _tensor(counts))
        self.register_buffer("starts", _tensor(np.array(step.spec.rows[:-1], np.int64)))
        if isinstance(of, PiecewiseLinear):
            edges = [np.asarray(each, np.float64) for each in of.edges]
            self.ends = [0, *np.cumsum([len(each) - 1 for each in edges]).tolist()]
            least, most = (np.concatenate([np.full(len(each) - 1, cut) for each in edges]) for cut in (0.0, 1.0))
            least[self.ends[:-1]], most[np.array(self.ends[1:]) - 1] = -np.inf, np.inf
            lower, width = (np.concatenate(parts) for parts in zip(*((e[:-1], np.diff(e)) for e in edges), strict=True))
            number = np.repeat(np.arange(len(edges)), np.diff(self.ends))
            self.register_buffer("number", _tensor(number))
            for name, array in (("lower", lower), ("width", width), ("least", least), ("most", most)):
                self.register_buffer(name, _tensor(array.astype(dtype)))

    def forward(self, x: Any) -> Any:
        spec, first = self.spec, self.spec.numbers + self.spec.others
        parts = []
        if spec.embedding is not None:
            parts.append(torch.flatten(self._numbers(x[:, : spec.numbers]), 1))
        kept = spec.numbers if spec.embedding is not None and not spec.embedding.keeps_numbers else 0
        if first > kept:
            parts.append(x[:, kept:first])
        if spec.categories:
            codes = x[:, first:]
            known = torch.where((codes >= 0) & (codes <= self.counts), codes, torch.zeros_like(codes))
            parts.append(torch.flatten(nn.functional.embedding(known.long() + self.starts, self.tables), 1))
        return torch.cat(parts, dim=1)

    def _numbers(self, x: Any) -> Any:
        """Return the embeddings (n, numbers, size)."""
        of = self.spec.embedding
        if isinstance(of, PiecewiseLinear):
            y = self._bins(x)
        else:
            angle = 2 * math.pi * x.unsqueeze(-1) * self.frequencies
            if isinstance(of, Periodic):
                waves = torch.cos(angle + self.phases)
            else:
                waves = torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1)
            shared = isinstance(of, PLR) and of.lite
            y = (waves @ self.W if shared else torch.einsum("nif,ifo->nio", waves, self.W)) + self.B
        return torch.relu(y) if getattr(of, "activation", "identity") == "relu" else y

    def _bins(self, x: Any) -> Any:
        share = torch.clamp((x[:, self.number] - self.lower) / self.width, self.least, self.most)
        of_numbers = [share[:, a:b] @ self.W[a:b] for a, b in pairwise(self.ends)]
        y = torch.stack(of_numbers, dim=1) + self.B
        return y + x.unsqueeze(-1) * self.slopes if hasattr(self, "slopes") else y


def _linear(step: steps.Product) -> Any:
    inputs, outputs = step.W.shape
    linear = nn.utils.skip_init(nn.Linear, inputs, outputs, bias=step.B is not None)
    linear.weight = _parameter(step.W.T, step.trainable)
    if step.B is not None:
        linear.bias = _parameter(step.B, step.trainable)
    return linear


def _normalized(step: steps.Normalized) -> Any:
    options: Any = {"eps": step.spec.epsilon, "dtype": torch.from_numpy(step.gamma[:0]).dtype}
    if isinstance(step.spec, BatchNorm):
        assert step.mean is not None
        assert step.variance is not None
        norm = nn.BatchNorm1d(len(step.gamma), momentum=step.spec.momentum, **options)
        norm.running_mean, norm.running_var = _tensor(step.mean), _tensor(step.variance)
    else:
        norm = nn.LayerNorm(len(step.gamma), **options)
    norm.weight = _parameter(step.gamma, step.trainable)
    norm.bias = None if step.B is None else _parameter(step.B, step.trainable)
    return norm


def _module(step: steps.Step, dtype: np.dtype[Any]) -> Any:
    match step:
        case steps.Affine():
            return _traced(Standardize(step, dtype))
        case steps.Embedding():
            return _traced(Columns(step, dtype))
        case steps.Scaling():
            return _traced(Scale(step))
        case steps.Product():
            return _linear(step)
        case steps.Normalized():
            return _normalized(step)
        case steps.Function(mix=None):
            return _activation(step)
        case steps.Function():
            return _traced(Parametric(step))
        case steps.Dropout():
            return nn.Dropout(step.rate)
        case steps.Adapter():
            return _traced(Adapter(step))
        case steps.Heads():
            return _traced(Heads(step))
        case steps.Mean():
            return _traced(Mean())
        case steps.Sorting():
            return _traced(SortQuantiles(step))
    raise AssertionError(step)


def to_torch(net: Network, output: object) -> Any:
    """Return a network as a ``torch.nn.Sequential``, as ``Network.to_torch`` documents it."""
    return nn.Sequential(*(_module(step, net.dtype) for step in steps_of(net, output))).eval()
