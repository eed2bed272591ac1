"""Networks from modules of PyTorch: a chain, or refused by the name and place of the module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fcnet._checks import console
from fcnet._checks.keywords import suggesting
from fcnet._importing import names
from fcnet._importing.assembly import network_of, normalization, refused
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm, LayerNorm
from fcnet.losses import Loss, LossFunction, LossName
from fcnet.network import Network

Array = NDArray[Any]
_NN = "torch.nn.modules."
_MODULE, _GRAPH = _NN + "module.Module", "torch.fx.graph_module.GraphModule"
_HALF, _FLOAT = ("torch.float16", "torch.bfloat16"), ("torch.float32", "torch.float64")
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_TRACE = (
    "if it is a chain, pass torch.fx.symbolic_trace(module), whose graph is known, or write it by torch.onnx.export "
    "and read that by fcnet.from_onnx"
)
_NO_HOOKS = "expected none; torch.nn.utils.remove_weight_norm and remove_spectral_norm remove theirs"
_ADVICE = {
    "torch._dynamo.eval_frame.OptimizedModule": "pass module._orig_mod, which is not compiled",
    "torch.nn.parallel.data_parallel.DataParallel": "pass module.module",
    "fcnet.torch.Module": "its network is module.network",
}


def array_of(tensor: Any, place: str, name: str) -> Array:
    """Return the numbers of a tensor of float32 or float64, those of half types as float32.

    Raises
    ------
    ValueError : it has no such numbers.
    """
    kind = str(tensor.dtype)
    if kind not in (*_HALF, *_FLOAT):
        raise refused(place, f"has a {name} of {kind}", "expected float32, float64 or a half type")
    if tensor.device.type == "meta" or "Uninitialized" in type(tensor).__name__:
        raise refused(place, f"has a {name} without numbers", "expected a module that has run once, on a real device")
    tensor = tensor.detach().cpu()
    return np.array((tensor.float() if kind in _HALF else tensor).numpy())


class Reader:
    """Converts modules to steps; refuses a tensor that two modules share."""

    def __init__(self, what: str) -> None:
        self._what, self._read = what, dict[int, str]()
        self.trains: list[str] = []  # the places of what differs between training and prediction

    def place(self, module: Any, at: str) -> str:
        """Return what messages call a module at a place like "0.1"."""
        return f"{self._what}: {type(module).__name__} at {at!r}" if at else f"{self._what}: {type(module).__name__}"

    @staticmethod
    def flags(**tensors: Any) -> dict[str, bool]:
        """Return whether gradients of the tensors are wanted, of those that there are."""
        return {name: bool(tensor.requires_grad) for name, tensor in tensors.items() if tensor is not None}

    def read(self, module: Any, at: str) -> Iterator[steps.Step]:
        """Yield the steps of a module.

        Raises
        ------
        ValueError : it is none that fcnet has, or its forward is not known.
        """
        place = self.place(module, at)
        kind = self._kind(module, place)
        if _GRAPH in names.bases(module):
            from fcnet._importing.torch_graph import steps_of_graph

            yield from steps_of_graph(self, module, at)
            return
        if kind == _NN + "container.Sequential":
            for name, part in module._modules.items():
                yield from self.read(part, f"{at}.{name}" if at else name)
            return
        if not kind.startswith(_NN):
            raise refused(place, "has a forward of its own, and the order of its parts is not known", _TRACE)
        yield from self._of_torch(module, place, kind.rpartition(".")[2])

    def _kind(self, module: Any, place: str) -> str:
        """Return the name of the class whose forward a module has."""
        for cls, advice in _ADVICE.items():
            if cls in names.bases(module):
                raise refused(place, "wraps a network", advice)
        if hasattr(module, "parametrizations"):
            expected = "expected the plain one that torch.nn.utils.parametrize.remove_parametrizations leaves"
            raise refused(place, "has parametrized weights, such as spectral or weight norm", expected)
        if callable(getattr(module, "has_uninitialized_params", None)) and module.has_uninitialized_params():
            raise refused(place, "has no weights yet", "expected a module that has run once")
        for hooks in _HOOKS:
            if getattr(module, hooks, None):
                raise refused(place, "has hooks, which may change what it computes", _NO_HOOKS)
        if "forward" in vars(module):
            raise refused(place, "has a forward of its own", _TRACE)
        kind = names.qualified(names.owner(module, "forward"))
        known = [name for name in names.bases(module) if name.startswith(_NN)]
        return known[0] if kind in known else kind  # BatchNorm1d has the forward of its base

    def _of_torch(self, module: Any, place: str, kind: str) -> Iterator[steps.Step]:
        match kind:
            case "Linear":
                yield self.product(place, module.weight, module.bias)
            case "BatchNorm1d" | "LayerNorm":
                yield self._normalized(module, place, kind)
            case "Dropout":
                self.trains.append(place)
                yield steps.Dropout(place, float(module.p))
            case "Flatten":
                yield self.flattened(place, module.start_dim, module.end_dim)
            case _ if names.is_activation(kind):
                yield self.function(place, kind, {name: getattr(module, name, None) for name in _options(module, kind)})
            case _:
                raise refused(
                    place,
                    "is none of the modules that fcnet has",
                    "expected Linear, BatchNorm1d, LayerNorm, Dropout, Flatten and activations, one after the other",
                )

    def product(self, place: str, weight: Any, bias: Any) -> steps.Product:
        """Return the step of a Linear."""
        own = [self.numbers(place, weight, "weight").T]
        own += [] if bias is None else [self.numbers(place, bias, "bias")]
        flags = self.flags(weight=weight, bias=bias)
        return steps.Product(place, own[0], own[1] if bias is not None else None, trains=flags)

    def function(self, place: str, name: str, options: dict[str, Any]) -> steps.Function:
        """Return the step of an activation."""
        if names.is_log_softmax(name):
            console.warn(f"{place} is the logarithm of softmax: the network's outputs are probabilities")
        return names.activation(place, name, options)

    def flattened(self, place: str, start: Any, end: Any = -1) -> steps.Reshaping:
        """Return the step of a reshaping of rows."""
        if start != 1 or end != -1:
            raise refused(place, f"flattens from axis {start!r} to {end!r}", "expected from 1 to -1, rows")
        return steps.Reshaping(place, at_end=False)

    def _normalized(self, module: Any, place: str, kind: str) -> steps.Normalized:
        is_batch = kind == "BatchNorm1d"
        if is_batch and (module.running_mean is None or module.momentum is None):
            expected = "expected track_running_stats=True and a number as momentum"
            raise refused(place, "is a batch normalisation without running means of fixed momentum", expected)
        if not is_batch and len(module.normalized_shape) != 1:
            raise refused(place, f"normalises {tuple(module.normalized_shape)}", "expected one number, of neurons")
        like = module.running_mean if is_batch else module.weight
        size = module.num_features if is_batch else module.normalized_shape[0]
        ones = np.ones(size, np.float64 if like is not None and str(like.dtype) == _FLOAT[1] else np.float32)
        gamma = ones if module.weight is None else self.numbers(place, module.weight, "weight")
        bias = None if module.bias is None else self.numbers(place, module.bias, "bias")
        flags = self.flags(weight=module.weight, bias=module.bias)
        if not is_batch:
            layer_norm = normalization(place, LayerNorm, epsilon=module.eps)
            return steps.Normalized(place, layer_norm, gamma, bias, trains=flags)
        self.trains.append(place)
        spec = normalization(place, BatchNorm, epsilon=module.eps, momentum=module.momentum)
        running = [self.numbers(place, getattr(module, name), name) for name in ("running_mean", "running_var")]
        return steps.Normalized(place, spec, gamma, bias, running[0], running[1], trains=flags)

    def numbers(self, place: str, tensor: Any, name: str) -> Array:
        """Return the numbers of a tensor; ValueError where another module has the same one."""
        before = self._read.setdefault(id(tensor), place)
        if before is not place:
            raise refused(place, f"shares its {name} with {before.partition(': ')[2]}", "expected arrays of its own")
        return array_of(tensor, place, name)


def _options(module: Any, kind: str) -> list[str]:
    """Return the options that an activation has."""
    return [name for name in names.options_of(kind) if hasattr(module, name)]


@suggesting
def from_torch(
    module: Any, *, loss: LossName | Loss | LossFunction | None = None, dtype: DTypeLike | None = None
) -> Network:
    """Convert a network of PyTorch: a chain of Linear, normalisation, activation and dropout.

    The network predicts what the module does after ``eval()``, up to rounding. Nothing is trained, and the module is
    not changed. Biases before batch normalisation go into the running means; batch normalisation of the inputs becomes
    ``offset`` and ``scale``. A layer whose tensors do not require gradients is
    frozen; where only some of them do not, all of it is frozen, with a warning.

    Parameters
    ----------
    module : torch.nn.Sequential, or torch.fx.GraphModule
        Sequentials may be nested. A module with a ``forward`` of its own is not accepted as it is, because the order of
        its parts is not known; ``torch.fx.symbolic_trace(module)`` makes a GraphModule of it.
    loss : as for Network, optional
        By default, the one that the last activation belongs to: cross-entropy for softmax, binary cross-entropy for
        sigmoid, otherwise mse. A module that ends with logits becomes one of probabilities by the loss that it was
        trained with, such as "cross_entropy"; ``predict(x, output="logits")`` then returns the module's numbers.
    dtype : {"float32", "float64"}, optional
        By default, float64 for modules of float64 and float32 for all others.

    Returns
    -------
    Network
        Its seed, which decides shuffling and dropout, is 0.

    Raises
    ------
    TypeError : module is none of PyTorch.
    ValueError : the module is not such a chain, or has infinite or NaN numbers; the message names the part.

    Examples
    --------
    >>> import fcnet as fc
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> fc.from_torch(module, loss="cross_entropy")
    Network([4, 8, 3], loss='cross_entropy', seed=0, dtype='float32')
    """
    if _MODULE not in names.bases(module):
        what = f"the class {module.__name__}" if isinstance(module, type) else f"a {type(module).__name__}"
        hint = "; fcnet.from_state_dict takes arrays" if isinstance(module, dict) else ""
        hint += "; load a file by torch.load first" if isinstance(module, str | os.PathLike) else ""
        raise TypeError(f"module is {what}: expected a torch.nn.Sequential or torch.fx.GraphModule{hint}")
    reader = Reader("module")
    found = list(reader.read(module, ""))
    if module.training and reader.trains:
        what = reader.trains[0].partition(": ")[2]
        numbers = "gives other numbers than the network"
        console.warn(f"module is in training mode, where {what} {numbers}: compare with module.eval()")
    return network_of(found, "module", loss=loss, dtype=dtype)
