"""The graph of a model as a path: from one value that all paths go through to the next."""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from fcnet._importing.onnx.constants import Constants
from fcnet._onnx.parse import Constant, Model, Node

_DOMAINS = ("", "ai.onnx.ml")


def refuse(node: Node, reason: object) -> NoReturn:
    """Raise ValueError with the name of the node."""
    domain = f"{node.domain}." if node.domain else ""
    shown = node.name or next((name for name in node.outputs if name), "")
    raise ValueError(f"{domain}{node.op} {shown!r}: {reason}")


class Region(NamedTuple):
    """The nodes between two values that all paths go through, and the second of these."""

    nodes: list[Node]
    end: str


class Graph:
    """The nodes that depend on the input, and the constants.

    Parameters
    ----------
    model : Model
    most : int
        The most bytes that copies of constants may take.

    Raises
    ------
    ValueError : there is not one input, or the nodes do not form a graph in order.
    """

    def __init__(self, model: Model, most: int) -> None:
        self.constants = Constants(model.constants, most)
        self.nodes: list[Node] = []
        self.outputs = dict.fromkeys(model.outputs)  # in order
        given = [name for name in model.inputs if name not in model.constants]
        if len(given) != 1:
            names = f": {', '.join(given[:5])}" if given else ""
            raise ValueError(f"it has {len(given)} inputs{names}: expected one")
        self.input = given[0]
        self.input_shape = model.inputs[self.input]
        self.opset = model.opsets.get("", 1)
        self._consumers: dict[str, list[int]] = {self.input: []}
        for node in model.nodes:
            self._add(node)
        missing = [name for name in model.outputs if name not in self._consumers]
        if missing or not model.outputs:
            what = f"the output {missing[0]!r} does not depend on the input" if missing else "it has no outputs"
            raise ValueError(f"{what}: expected a network")
        self._leave_out_unused()

    def _add(self, node: Node) -> None:
        if node.domain not in _DOMAINS:
            refuse(node, "its operators are none of ONNX' own")
        names = [name for name in node.inputs if name]
        for name in node.outputs:
            if name and (name in self._consumers or name in self.constants):
                refuse(node, f"it makes {name!r}, which is there already")
        unknown = [name for name in names if name not in self._consumers and name not in self.constants]
        if unknown:
            refuse(node, f"it takes {unknown[0]!r}, which no node before it makes")
        varying = {name for name in names if name in self._consumers}
        if not varying:
            try:
                self.constants.fold(node)
            except ValueError as error:
                refuse(node, error)
            return
        self._consumers.update({name: [] for name in node.outputs if name})
        self.nodes.append(node)

    def _leave_out_unused(self) -> None:
        """Leave out the nodes that no output depends on; of the others all paths lead to outputs."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(self.varying(node))
                kept.append(node)
        self.nodes = kept[::-1]
        self._consumers = {name: [] for node in self.nodes for name in node.outputs if name}
        self._consumers[self.input] = []
        for i, node in enumerate(self.nodes):
            for name in set(self.varying(node)):
                self._consumers[name].append(i)

    def is_end(self, value: str) -> bool:
        """Whether no node takes a value."""
        return not self._consumers[value]

    def varying(self, node: Node) -> list[str]:
        """The inputs of a node that are no constants."""
        return [name for name in node.inputs if name in self._consumers]

    def constant(self, node: Node, position: int) -> Constant | None:
        """Return an input of a node that is a constant; None where the input is left out.

        Raises
        ------
        ValueError : the input depends on that of the network.
        """
        name = node.inputs[position] if position < len(node.inputs) else ""
        if name and name not in self.constants:
            refuse(node, f"its input {name!r} depends on that of the network: expected a constant")
        return self.constants[name] if name else None

    def numbers(self, node: Node, position: int) -> NDArray[Any] | None:
        """Return an input of a node as an array; None where the input is left out."""
        found = self.constant(node, position)
        if isinstance(found, list):
            refuse(node, f"its input {node.inputs[position]!r} is text: expected numbers")
        return found

    def number(self, node: Node, position: int) -> float | None:
        """Return an input of a node that is one number, by its shortest decimals; None for others and none."""
        found = self.numbers(node, position)
        return None if found is None or found.size != 1 else float(str(found.reshape(-1)[0]))

    def region(self, value: str, most: int | None = None) -> Region | None:
        """Return the nodes from a value to the next one that all paths go through; None if there is no such one.

        With ``most``, also None where the nodes are more.
        """
        if value in self.outputs:
            return None
        open_ = {value: len(self._consumers[value])}
        waiting = self._consumers[value][:]
        queued, nodes = set(waiting), []
        while waiting:
            index = heapq.heappop(waiting)
            node = self.nodes[index]
            for name in set(self.varying(node)):
                open_[name] -= 1
                if not open_[name] and name not in self.outputs:
                    del open_[name]
            for name in node.outputs:
                if name and (self._consumers[name] or name in self.outputs):
                    open_[name] = len(self._consumers[name])
                    for other in self._consumers[name]:
                        if other not in queued:
                            queued.add(other)
                            heapq.heappush(waiting, other)
            nodes.append(node)
            if len(open_) == 1 and value not in open_:
                return Region(nodes, next(iter(open_)))
            if most is not None and len(nodes) >= most:
                return None
        return None

    def rest(self, value: str, most: int | None = None) -> list[Node]:
        """The nodes behind a value, in order; with ``most``, of those that are more only so many and one."""
        reached, nodes = {value}, []
        for node in self.nodes[min(self._consumers[value], default=0) :]:
            if any(name in reached for name in node.inputs):
                reached.update(node.outputs)
                nodes.append(node)
                if most is not None and len(nodes) > most:
                    break
        return nodes


def as_vector(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return a constant that applies to each column, (m,) or (1, m) or one number, as (m,) or (1,).

    Raises
    ------
    ValueError : it has another shape, or numbers that are not finite.
    """
    if array.ndim and (array.size == 0 or array.size != array.shape[-1]):
        raise ValueError(f"a constant has the shape {array.shape}: expected a number for each column")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"a constant has the type {array.dtype}: expected real numbers")
    vector = array.reshape(-1).astype(np.float64)
    if not np.isfinite(vector).all():
        raise ValueError("a constant is not finite")
    return vector
