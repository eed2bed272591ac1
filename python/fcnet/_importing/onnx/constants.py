"""Nodes whose inputs are constants: computed once, as views where NumPy gives one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._onnx.fields import DTYPES
from fcnet._onnx.parse import Constant, Node

FLOATS = {kind for kind, dtype in DTYPES.items() if dtype.kind == "f"}
_OF_ATTRIBUTE = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def integers(given: object) -> list[int]:
    """Return the whole numbers of an attribute, or of a constant that is small.

    Raises
    ------
    ValueError : it has none, or many.
    """
    values = given.ravel().tolist() if isinstance(given, np.ndarray) and given.size <= 8 else given
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise ValueError("whole numbers are missing")
    return values


def _constant(node: Node) -> Constant:
    for name, found in node.attributes.items():
        if name == "value" and isinstance(found, np.ndarray | list):
            return found
        if name in _OF_ATTRIBUTE:
            return np.asarray(found, _OF_ATTRIBUTE[name])
        if name in ("value_string", "value_strings"):
            return [found] if isinstance(found, str) else list(found)
    raise ValueError("it has no value")


def _axes(node: Node, inputs: list[Any]) -> list[int] | None:
    """Return the axes of Squeeze or Unsqueeze, an input from opset 13 on, and an attribute before."""
    if len(inputs) > 1:
        return integers(inputs[1])
    return integers(node.attributes["axes"]) if "axes" in node.attributes else None


def _squeeze(node: Node, inputs: list[Any]) -> NDArray[Any]:
    axes = _axes(node, inputs)
    return np.asarray(np.squeeze(inputs[0], None if axes is None else tuple(axes)))


def _unsqueeze(node: Node, inputs: list[Any]) -> NDArray[Any]:
    axes = _axes(node, inputs)
    if axes is None or len(axes) + inputs[0].ndim > 8:
        raise ValueError("its axes are missing or many")
    return np.expand_dims(inputs[0], tuple(axes))


def _reshape(node: Node, inputs: list[Any]) -> NDArray[Any]:
    array, shape = inputs[0], integers(inputs[1])
    if not node.attributes.get("allowzero"):
        shape = [array.shape[i] if size == 0 and i < array.ndim else size for i, size in enumerate(shape)]
    return np.reshape(array, shape)


def _cast(node: Node, inputs: list[Any]) -> NDArray[Any]:
    kind = node.attributes.get("to")
    if kind not in DTYPES:
        raise ValueError(f"it makes the type {kind}: expected real numbers")
    with np.errstate(all="ignore"):
        return np.asarray(inputs[0]).astype(DTYPES[kind], copy=False)


def _transpose(node: Node, inputs: list[Any]) -> NDArray[Any]:
    order = node.attributes.get("perm")
    return np.transpose(inputs[0], None if order is None else integers(order))


_FOLDED: dict[str, Callable[[Node, list[Any]], Any]] = {
    "Identity": lambda node, inputs: inputs[0],
    "Cast": _cast,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}


class Constants:
    """The constants of a graph by name: its initializers, and what nodes make of constants alone.

    Parameters
    ----------
    initializers : name -> constant
    most : int
        The most bytes that copies of constants may take.
    """

    def __init__(self, initializers: dict[str, Constant], most: int) -> None:
        self._by_name = dict(initializers)
        self._left = most

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Constant:
        return self._by_name[name]

    def fold(self, node: Node) -> None:
        """Compute a node whose inputs are all constants.

        Raises
        ------
        ValueError : it is none of those that are folded, does not match its inputs, or copies too much.
        """
        if node.op == "Constant":
            value = _constant(node)
        elif node.op not in _FOLDED or node.domain or not node.inputs:
            raise ValueError("its inputs are constants alone: expected one of " + ", ".join(sorted(_FOLDED)))
        else:
            inputs = [self._by_name[name] for name in node.inputs if name]
            if not inputs or (node.op != "Identity" and any(isinstance(value, list) for value in inputs)):
                raise ValueError("it has no numbers")
            try:
                value = _FOLDED[node.op](node, inputs)
            except (IndexError, TypeError, OverflowError) as error:
                raise ValueError(str(error)) from None
            if isinstance(value, np.ndarray) and not np.may_share_memory(value, inputs[0]):
                self._left -= value.nbytes
                if self._left < 0:
                    raise ValueError("constants take more memory than the file has bytes")
        for name in node.outputs[:1]:
            self._by_name[name] = value
