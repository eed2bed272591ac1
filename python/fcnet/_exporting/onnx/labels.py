"""The outputs of a graph: class labels and probabilities, or values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fcnet._inputs import class_names
from fcnet._model.architecture import Architecture
from fcnet._onnx.fields import ML_DOMAIN, DataType
from fcnet._onnx.graph import Graph
from fcnet.losses import BinaryCrossEntropy, Custom

Labels = list[str] | list[int]
_INT64, _TEXT = np.dtype(np.int64), np.dtype("U1")


def number_of_classes(architecture: Architecture, *, named: bool) -> int | None:
    """Return the number of classes, None if outputs are not classes.

    Outputs under a custom loss are classes only where they have names.
    """
    loss, outputs = architecture.loss, architecture.sizes[-1]
    if isinstance(loss, Custom) and not named:
        return None
    is_odd = outputs == 1 and architecture.specs[-1].activation not in ("sigmoid", "softmax")
    return None if is_odd else class_names.number(loss, outputs)


def checked_labels(given: Any, architecture: Architecture) -> Labels | None:
    """Check the argument ``labels``, and return one for each class, by default the network's class names.

    None stands for 0, 1, 2, ..., or for outputs that are not classes.

    Raises
    ------
    TypeError, ValueError : they are not as ``Network.to_onnx`` documents them.
    """
    own = architecture.classes
    count = number_of_classes(architecture, named=given is not None or own is not None)
    if given is None:
        if own is None or count is None:
            return None
        restored = list(class_names.restored(own))
        names = alike(restored)
        if names is None:
            raise ValueError(
                f"the network's classes are {class_names.listing(own)}, and labels in ONNX are text or whole numbers: "
                "expected labels=[...] with one for each class, or outputs='scores'"
            )
        return names
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise TypeError(f"labels is {given!r}: expected a list like ['no', 'yes'], in the order of the outputs")
    if count is None:
        what = "several labels of 0 and 1" if isinstance(architecture.loss, BinaryCrossEntropy) else "values"
        loss = architecture.loss.name
        raise ValueError(f"labels is given, but the outputs under loss {loss!r} are {what}: expected None")
    names = alike(given)
    if names is None:
        raise TypeError(f"labels is {list(given)!r}: expected text for every class, or a whole number for every class")
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"labels is {names!r}: expected {count} labels, each different, one for each class")
    return names


def alike(given: Sequence[Any]) -> Labels | None:
    """Return labels that are all text or all whole numbers of int64; None for others."""
    if given and all(isinstance(each, str) for each in given):
        return None if any(map(_has_surrogates, given)) else [str(each) for each in given]
    are_whole = all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in given)
    if given and are_whole and all(-(2**63) <= int(each) < 2**63 for each in given):
        return [int(each) for each in given]
    return None


def _has_surrogates(text: str) -> bool:
    """Return whether text has halves of characters, which UTF-8 does not have."""
    return any("\ud800" <= each <= "\udfff" for each in text)


def add_outputs(graph: Graph, architecture: Architecture, h: str, labels: Labels | None, *, scores_only: bool) -> None:
    """Add the outputs of a graph, whose network gives h: ``label`` and ``probabilities``, or ``output``."""
    outputs, activation = architecture.sizes[-1], architecture.specs[-1].activation
    count = number_of_classes(architecture, named=labels is not None)
    is_multilabel = isinstance(architecture.loss, BinaryCrossEntropy) and outputs > 1
    if count is None and not is_multilabel:
        graph.output(h, "output", graph.dtype, ("batch", outputs))
        return
    if outputs == 1 and activation == "sigmoid":
        h = graph.add("Concat", graph.add("Sub", graph.real(1), h), h, axis=1)
        outputs = 2
    if not scores_only:
        if is_multilabel:
            graph.output(_labels_of_each(graph, h), "label", _INT64, ("batch", outputs))
        else:
            add_label(graph, h, labels)
    name = "probabilities" if activation in ("sigmoid", "softmax") else "output"
    graph.output(h, name, graph.dtype, ("batch", outputs))


def _labels_of_each(graph: Graph, p: str) -> str:
    """1 for each output above 1/2, otherwise 0."""
    return graph.add("Cast", graph.add("Greater", p, graph.real(0.5)), to=DataType.INT64)


def add_label(graph: Graph, p: str, labels: Labels | None) -> None:
    """Add the output ``label``: that of the largest output, of the first one where some are equal."""
    label = graph.add("ArgMax", p, axis=1, keepdims=0)
    is_text = labels is not None and isinstance(labels[0], str)
    if labels is not None and labels != list(range(len(labels))):
        values: dict[str, Any] = {"values_strings" if is_text else "values_int64s": labels}
        label = graph.add("LabelEncoder", label, domain=ML_DOMAIN, keys_int64s=list(range(len(labels))), **values)
    graph.output(label, "label", _TEXT if is_text else _INT64, ("batch",))
