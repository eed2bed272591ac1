"""The tail behind the last activation: labels and columns of probabilities, which a network does not need.

It is left off; the names of the classes in it are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._importing.onnx.attributes import attribute, check_cast
from fcnet._importing.onnx.chain import Chain
from fcnet._importing.onnx.constants import integers
from fcnet._importing.onnx.graph import Graph, refuse
from fcnet._onnx.parse import Node

OPERATORS_OF_TAILS = (
    *("ArgMax", "ArrayFeatureExtractor", "Binarizer", "Cast", "Concat", "Gather", "Greater", "GreaterOrEqual"),
    *("Identity", "LabelEncoder", "Reshape", "Slice", "Squeeze", "Sub", "Where", "ZipMap"),
)


class Tail:
    """What the values behind the scores are, and the classes.

    Scores are (rows, outputs). Those of one sigmoid may become a pair, 1 less them and them. Columns are (rows, 1) or
    (rows,), and their places are known: which of how many.
    """

    def __init__(self, graph: Graph, scores: str, outputs: int, activation: object) -> None:
        self._graph, self._outputs, self._activation = graph, outputs, activation
        self._kinds = {scores: "scores"}
        self._places: dict[str, tuple[int, int]] = {}
        self.classes: list[Any] | None = None

    def add(self, node: Node) -> None:
        """Follow a node.

        Raises
        ------
        ValueError : it is none of a tail.
        """
        if node.op not in OPERATORS_OF_TAILS:
            raise ValueError("it is none of the operators that are read there")
        varying = self._graph.varying(node)
        kinds = [self._kinds.get(name) for name in varying]
        if None in kinds:
            raise ValueError("it joins other paths")
        place = self._places.get(varying[0])
        kind = self._kind(node, [str(kind) for kind in kinds], place)
        if kind is None:
            raise ValueError(f"it is behind the {kinds[0]} of the outputs: expected labels")
        for name in node.outputs[:1]:
            if kind == "column":
                self._places[name] = place or self._place(node, str(kinds[0]))
            self._kinds[name] = kind

    def check_outputs(self) -> None:
        """Raise ValueError where the outputs are others than a network gives, or in another order."""
        kinds = [self._kinds.get(name) for name in self._graph.outputs]
        if {"scores", "pair", "dicts"} & set(kinds):
            return
        if "complement" in kinds:
            raise ValueError("its output is 1 less the last activation: expected that itself")
        found = [self._places[name] for name in self._graph.outputs if name in self._places]
        if found and found != [(i, found[0][1]) for i in range(found[0][1])]:
            shown = ", ".join(str(i) for i, _ in found)
            raise ValueError(f"its outputs are the columns {shown} of {found[0][1]}: expected all, in order")

    def _kind(self, node: Node, kinds: list[str], place: tuple[int, int] | None) -> str | None:
        kind, op, graph = kinds[0], node.op, self._graph
        is_label = kind in ("index", "label")
        of_all = kind == "pair" or (kind == "scores" and self._outputs > 1)
        if op == "Identity" or (op in ("Cast", "Reshape", "Squeeze") and is_label):
            return kind
        if op == "Cast" and kind != "dicts":
            check_cast(node)
            return kind
        if op in ("Reshape", "Squeeze") and kind != "dicts":
            return self._reshaped(node, kind)
        if op == "Sub" and kinds == ["scores"] and self._is_one_sigmoid() and graph.number(node, 0) == 1:
            return "complement"
        if op == "Concat" and [self._kinds.get(name) for name in node.inputs] == ["complement", "scores"]:
            return "pair" if attribute(node, "axis", 1) in (1, -1) else None
        if op == "ArgMax" and of_all and attribute(node, "axis", 0) in (1, -1):
            return "index"
        if op in ("Slice", "Gather") and kind in ("scores", "pair"):
            return "column"
        if op == "ZipMap" and of_all:
            self._keep(node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s"))
            return "dicts"
        if op == "Binarizer" and attribute(node, "threshold", 0.0) == 0.5 and self._is_likely(kind, place):
            return "index"
        if op in ("Greater", "GreaterOrEqual") and graph.number(node, 1) == 0.5 and self._is_likely(kind, place):
            return "index"
        if op == "ArrayFeatureExtractor" and kind == "index":
            self._keep(graph.constant(node, 0))
            return "label"
        if op == "Gather" and kind == "index":
            self._keep(graph.constant(node, 0))
            return "label"
        if op == "LabelEncoder" and kind == "index":
            self._keep(_encoded(node))
            return "label"
        if op == "Where" and kinds == ["index"]:
            self._keep([_only(graph.constant(node, 2)), _only(graph.constant(node, 1))])
            return "label"
        return None

    def _is_one_sigmoid(self) -> bool:
        return self._outputs == 1 and self._activation == "sigmoid"

    def _is_likely(self, kind: str, place: tuple[int, int] | None) -> bool:
        """Whether a class is that of the network where this value is above 1/2."""
        if self._activation == "sigmoid":
            return kind == "scores" or (self._outputs == 1 and place in ((0, 1), (1, 2)))
        return self._activation == "softmax" and place == (1, 2)

    def _columns(self, kind: str) -> int:
        return {"pair": 2, "scores": self._outputs}.get(kind, 1)

    def _reshaped(self, node: Node, kind: str) -> str:
        """Return the kind of what keeps rows and columns, or makes one column (rows,).

        Raises
        ------
        ValueError : the shape is another one.
        """
        columns = self._columns(kind)
        given = self._integers(node, 1, "axes" if node.op == "Squeeze" else "shape")
        if columns == 1 and given in ([[1], [-1]] if node.op == "Squeeze" else [[-1]]):
            return "column" if kind == "scores" else kind
        if node.op == "Reshape" and given in ([-1, columns], [0, columns], [0, -1]):
            return kind
        raise ValueError(f"it makes the shape or leaves out the axes {given}: expected rows of {columns}")

    def _place(self, node: Node, kind: str) -> tuple[int, int]:
        """Return which column of how many Slice or Gather takes; that of one column whose axis is left out is 0.

        Raises
        ------
        ValueError : it takes rows, or several columns.
        """
        columns = self._columns(kind)
        if node.op not in ("Slice", "Gather"):
            return 0, 1
        if node.op == "Gather":
            first, axis, step = self._integers(node, 1, ""), [attribute(node, "axis", 0)], [1]
            if len(first) == 1:
                first = [first[0] % columns] if -columns <= first[0] < columns else []
        else:
            starts, ends, axis = (
                self._integers(node, i, name) for i, name in enumerate(("starts", "ends", "axes"), start=1)
            )
            step = self._integers(node, 4, "") if len(node.inputs) > 4 else [1]
            first = list(range(columns))[starts[0] : ends[0]] if len(starts) == len(ends) == 1 else []
        if axis not in ([1], [-1]) or step != [1] or len(first) != 1:
            raise ValueError(f"it takes other things than one of {columns} columns: expected that")
        return first[0], columns

    def _integers(self, node: Node, position: int, name: str) -> list[int]:
        """Return the whole numbers of an input, or of the attribute that it was in older versions."""
        return integers(self._graph.numbers(node, position) if len(node.inputs) > 1 else node.attributes.get(name))

    def _keep(self, given: Any) -> None:
        found = given.ravel().tolist() if isinstance(given, np.ndarray) else given
        count = 2 if self._outputs == 1 else self._outputs
        if not isinstance(found, list) or len(found) != count:
            raise ValueError(f"it does not have a label for each of {count} classes")
        if self.classes is not None and self.classes != found:
            raise ValueError("its labels are others than those of a node before it")
        self.classes = found


def _only(constant: Any) -> Any:
    values = constant.ravel().tolist() if isinstance(constant, np.ndarray) else constant
    if not isinstance(values, list) or len(values) != 1:
        raise ValueError("it does not have one label on each side")
    return values[0]


def _encoded(node: Node) -> Any:
    """Return the values of a LabelEncoder whose keys are 0, 1, 2, ..."""
    keys = next((v for name, v in node.attributes.items() if name.startswith("keys_")), None)
    values = next((v for name, v in node.attributes.items() if name.startswith("values_")), None)
    keys = keys.ravel().tolist() if isinstance(keys, np.ndarray) else keys
    if not isinstance(keys, list) or keys != list(range(len(keys))):
        raise ValueError("its keys are not 0, 1, 2, ...")
    return values


def classes_of_tail(graph: Graph, scores: str, chain: Chain) -> list[Any] | None:
    """Follow the nodes behind the scores and return the classes, or None where they have no names.

    Raises
    ------
    ValueError : a node is none of a tail; the message names it.
    """
    tail = Tail(graph, scores, chain.width or 0, chain.last_activation)
    for node in graph.rest(scores):
        try:
            tail.add(node)
        except ValueError as error:
            refuse(node, error)
    tail.check_outputs()
    return tail.classes
