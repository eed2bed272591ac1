"""The steps of a graph of PyTorch, as ``torch.fx.symbolic_trace`` makes it: a chain of calls, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._importing import names
from fcnet._importing.assembly import refused
from fcnet._model import steps

if TYPE_CHECKING:
    from fcnet._importing.from_torch import Reader

Array = NDArray[Any]
_POSITIONS = {  # of options of functions behind their first argument
    "dropout": ("p", "training"),
    "elu": ("alpha",),
    "gelu": ("approximate",),
    "leaky_relu": ("negative_slope",),
    "linear": ("weight", "bias"),
    "log_softmax": ("dim",),
    "softmax": ("dim",),
    "softplus": ("beta", "threshold"),
    "flatten": ("start_dim", "end_dim"),
    "squeeze": ("dim",),
    "unflatten": ("dim", "sizes"),
    "sort": ("dim",),
}
_ROWS = ("reshape", "view")
_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "div": "/", "multiply": "*", "subtract": "-"}


class _Graph:
    """Walks along the calls of a graph."""

    def __init__(self, reader: Reader, module: Any, at: str) -> None:
        self._reader, self._module, self._at = reader, module, at
        self._chain: list[Any] = []  # the nodes that the samples have passed
        self._quantiles = 0

    def read(self) -> Iterator[steps.Step]:
        function: steps.Step | None = None  # held back, as it may be part of a parametric activation
        for node in self._module.graph.nodes:
            if node.op == "get_attr" or self._is_shape(node):
                continue
            place = self._place(node)
            if node.op == "placeholder":
                if self._chain:
                    raise refused(place, "is a second input", "expected one")
                self._chain.append(node)
                continue
            if self._name(node) == "lerp" and isinstance(function, steps.Function):
                yield self._parametric(node, function, place)
                function = None
                self._chain.append(node)
                continue
            if function is not None:
                yield function
                function = None
            self._follow(node, place)
            if node.op == "output":
                return
            for step in self._of(node, place):
                if isinstance(step, steps.Function):
                    function = step
                else:
                    yield step
            self._chain.append(node)

    def _place(self, node: Any) -> str:
        at = f"{self._at}.{node.name}" if self._at else node.name
        return f"module: {node.op} {at!r}"

    def _is_shape(self, node: Any) -> bool:
        """Whether a call asks for the shape of something, and not for its numbers."""
        name = self._name(node)
        if name == "getitem":
            return self._is_shape(node.args[0])
        return name == "size" or (name == "getattr" and node.args[1] == "shape")

    @staticmethod
    def _name(node: Any) -> str:
        """Return the name of a function or method; "" for other nodes."""
        if node.op == "call_method":
            return str(node.target)
        return str(getattr(node.target, "__name__", "")) if node.op == "call_function" else ""

    def _follow(self, node: Any, place: str) -> None:
        """Raise ValueError if a node takes something else than what the one before it gives."""
        samples = [other for other in node.all_input_nodes if other.op != "get_attr" and not self._is_shape(other)]
        if samples != self._chain[-1:]:
            raise refused(place, "takes more than what stands before it", "expected a chain, without branches or sums")

    def _parametric(self, node: Any, function: steps.Function, place: str) -> steps.Function:
        before, current, mix = node.args
        if [before, current] != self._chain[-2:] or mix.op != "get_attr":
            raise refused(place, "takes more than what stands before it", "expected a chain, without branches or sums")
        flags = self._reader.flags(mix=self._constant(mix))
        return steps.Function(function.place, function.name, self._numbers(mix, place), trains=flags)

    def _constant(self, node: Any) -> Any:
        """Return a number, or the tensor that a node fetches."""
        if getattr(node, "op", None) != "get_attr":
            return node
        return reduce(getattr, node.target.split("."), self._module)

    def _numbers(self, node: Any, place: str) -> Array:
        """Return a constant as an array () or (k,)."""
        constant = self._constant(node)
        if isinstance(constant, int | float):
            return np.asarray(constant, np.float64)
        if not hasattr(constant, "requires_grad"):
            raise refused(place, f"takes {constant!r}", "expected a number or a tensor")
        array = self._reader.numbers(place, constant, "number")
        if array.ndim > 1 and array.size != array.shape[-1]:
            raise refused(place, f"takes a tensor of shape {array.shape}", "expected a number for each feature")
        return array.reshape(array.shape[-1:])

    def _of(self, node: Any, place: str) -> Iterator[steps.Step]:
        if node.op == "call_module":
            part = self._module.get_submodule(node.target)
            if len(node.args) != 1 or node.kwargs:
                raise refused(place, "takes more than the samples", "expected modules of one argument")
            yield from self._reader.read(part, f"{self._at}.{node.target}" if self._at else node.target)
            return
        name = self._name(node)
        given = dict(zip(_POSITIONS.get(name, ()), node.args[1:], strict=False)) | dict(node.kwargs)
        if name in _ARITHMETIC:
            yield self._arithmetic(node, place, _ARITHMETIC[name])
        elif name == "linear":
            yield self._reader.product(place, *(self._constant(given.get(key)) for key in ("weight", "bias")))
        elif name == "dropout":
            yield steps.Dropout(place, float(given.get("p", 0.5)) if given.get("training", True) else 0.0)
        elif name in ("contiguous", "float") or (name in ("getitem", "flatten") and self._quantiles):
            return
        elif name == "flatten":
            yield self._reader.flattened(place, given.get("start_dim", 0), given.get("end_dim", -1))
        elif name in _ROWS:
            if -1 not in node.args[1:] or len(node.args) != 3:
                raise refused(place, "reshapes", "expected rows, such as x.view(len(x), -1)")
            yield steps.Reshaping(place, at_end=False)
        elif name == "squeeze":
            yield steps.Reshaping(place, at_end=True)
        elif name == "unflatten" and given.get("dim") == -1:
            self._quantiles = given["sizes"][-1]
        elif name == "sort" and self._quantiles and given.get("dim", -1) == -1:
            yield steps.Sorting(place, self._quantiles)
        elif names.is_activation(name):
            yield self._reader.function(place, name, {k: v for k, v in given.items() if k in names.options_of(name)})
        else:
            raise refused(place, "is none of the functions that fcnet has", "expected layers and activations in a row")

    def _arithmetic(self, node: Any, place: str, sign: str) -> steps.Step:
        samples, constant = node.args
        if getattr(samples, "op", "get_attr") == "get_attr":
            if sign in "-/":
                raise refused(place, "subtracts from a constant, or divides it", "expected the samples first")
            samples, constant = constant, samples
        tensor = self._constant(constant)
        value = self._numbers(constant, place)
        if sign == "*" and value.ndim and type(tensor).__name__ == "Parameter":
            return steps.Scaling(place, value, trains=self._reader.flags(factor=tensor))
        if sign in "+-":
            return steps.Affine(place, value if sign == "-" else -value, np.ones(()))
        return steps.Affine(place, np.zeros(()), value if sign == "*" else 1 / value.astype(np.float64))


def steps_of_graph(reader: Reader, module: Any, at: str) -> Iterator[steps.Step]:
    """Yield the steps of a GraphModule.

    Raises
    ------
    ValueError : it is not a chain of what fcnet has.
    """
    return _Graph(reader, module, at).read()
