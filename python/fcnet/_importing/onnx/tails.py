"""The tail behind the last activation: labels and columns of probabilities, which a network does not need.

It is left off; the names of the classes in it are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._importing.onnx.attributes import attribute
from fcnet._importing.onnx.graph import Graph, refuse
from fcnet._onnx.parse import Node

OPERATORS_OF_TAILS = (
    *("ArgMax", "ArrayFeatureExtractor", "Binarizer", "Cast", "Concat", "Gather", "Greater", "GreaterOrEqual"),
    *("Identity", "LabelEncoder", "Reshape", "Slice", "Squeeze", "Sub", "Where", "ZipMap"),
)


class Tail:
    """What the values behind the scores are, and the classes."""

    def __init__(self, graph: Graph, scores: str, outputs: int | None) -> None:
        self._graph, self._outputs = graph, outputs
        self._kinds = {scores: "scores"}
        self.classes: list[Any] | None = None

    def add(self, node: Node) -> None:
        """Follow a node.

        Raises
        ------
        ValueError : it is none of a tail.
        """
        if node.op not in OPERATORS_OF_TAILS:
            raise ValueError("it is none of the operators that are read there")
        kinds = [self._kinds.get(name) for name in self._graph.varying(node)]
        if None in kinds:
            raise ValueError("it joins other paths")
        kind = self._kind(node, [str(kind) for kind in kinds])
        if kind is None:
            raise ValueError(f"it is behind the {kinds[0] if kinds else 'network'} of the outputs: expected labels")
        for name in node.outputs[:1]:
            self._kinds[name] = kind

    def check_outputs(self) -> None:
        """Raise ValueError where some columns of the outputs are left out, which a network gives."""
        kinds = [self._kinds.get(name) for name in self._graph.outputs]
        columns, count = kinds.count("column"), 2 if self._outputs == 1 else self._outputs
        if "complement" in kinds and "scores" not in kinds:
            raise ValueError("its output is 1 less the last activation: expected that itself")
        if columns and columns != count and not {"scores", "pair", "dicts"} & set(kinds):
            raise ValueError(f"its outputs are {columns} of the {count} columns of the last layer: expected all")

    def _kind(self, node: Node, kinds: list[str]) -> str | None:
        kind, op, graph = kinds[0], node.op, self._graph
        if op in ("Identity", "Cast", "Reshape", "Squeeze"):
            return kind
        if op == "Sub" and kinds == ["scores"] and self._outputs == 1 and graph.number(node, 0) == 1:
            return "complement"
        if op == "Concat" and kinds == ["complement", "scores"] and attribute(node, "axis", 1) in (1, -1):
            return "pair"
        of_all = kind in ("scores", "pair")
        if op == "ArgMax" and of_all and attribute(node, "axis", 0) in (1, -1):
            return "index"
        if op in ("Slice", "Gather") and of_all:
            return "column"
        if op == "ZipMap" and of_all:
            self._keep(node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s"))
            return "dicts"
        if op == "Binarizer" and kind == "scores" and attribute(node, "threshold", 0.0) == 0.5:
            return "index"
        if op in ("Greater", "GreaterOrEqual") and kind in ("scores", "column") and graph.number(node, 1) == 0.5:
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


def classes_of_tail(graph: Graph, scores: str, outputs: int | None) -> list[Any] | None:
    """Follow the nodes behind the scores and return the classes, or None where they have no names.

    Raises
    ------
    ValueError : a node is none of a tail; the message names it.
    """
    tail = Tail(graph, scores, outputs)
    for node in graph.rest(scores):
        try:
            tail.add(node)
        except ValueError as error:
            refuse(node, error)
    tail.check_outputs()
    return tail.classes
