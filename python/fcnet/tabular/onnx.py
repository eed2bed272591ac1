"""The estimators as ONNX: their columns, all networks, and the mean of these."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fcnet._exporting.onnx.labels import add_label, alike
from fcnet._exporting.onnx.layers import predicted
from fcnet._exporting.onnx.model import checked_opset, checked_type, written
from fcnet._exporting.onnx.parameters import Parameters
from fcnet._inputs import class_names
from fcnet._onnx.fields import DataType
from fcnet._onnx.graph import Graph
from fcnet.tabular.onnx_columns import Inputs, add_columns
from fcnet.tabular.targets import Numbers, Targets
from fcnet.tabular.temperature import TINY

if TYPE_CHECKING:
    from fcnet.tabular.base import TabularEstimator

_DOUBLE = np.dtype(np.float64)


def to_onnx(estimator: TabularEstimator, path: str | os.PathLike[str] | None, opset: int | None, dtype: str) -> bytes:
    """Compute ``to_onnx`` of an estimator that is fitted, whose arguments these are.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there, or the estimator holds what ONNX does not.
    OSError : the file cannot be written.
    """
    type_ = checked_type(dtype)
    version = max(checked_opset(opset, net._state.architecture, type_) for net in estimator.networks_)
    labels = _labels(estimator) if estimator._classifies else None
    graph = Graph(_DOUBLE, version)
    inputs = Inputs(graph, estimator._parts[0].encoder, type_)
    outputs: list[str] = []
    for i, part in enumerate(estimator._parts):
        graph.root = f"columns.{i}."
        rows = graph.add("Cast", add_columns(graph, inputs, part.encoder), to=_number(type_))
        for network in part.networks:
            graph.root, graph.dtype = f"networks.{len(outputs)}.", type_
            h = predicted(graph, Parameters(network._state, type_), rows)
            graph.dtype = _DOUBLE
            outputs.append(_back(graph, part.targets, graph.add("Cast", h, to=DataType.DOUBLE)))
    graph.root = ""
    mean = graph.add("Div", graph.add("Sum", *outputs), graph.real(len(outputs)))
    count = estimator._parts[0].targets.outputs
    if labels is not None:
        add_label(graph, mean, labels)
        mean = _calibrated(graph, mean, getattr(estimator, "temperature_", 1.0))
    name = "probabilities" if estimator._classifies else "output"
    graph.output(graph.add("Cast", mean, to=_number(type_)), name, type_, ("batch", count))
    return written(graph, {"fcnet.columns": json.dumps(inputs.names)}, path)


def _number(dtype: np.dtype[Any]) -> int:
    return DataType.DOUBLE if dtype == np.float64 else DataType.FLOAT


def _labels(estimator: Any) -> list[Any]:
    """Return the labels of the classes; truths and floats, which are whole, as whole numbers.

    Raises
    ------
    ValueError : they are neither text nor numbers.
    """
    classes = estimator.classes_
    labels = alike((classes.astype(np.int64) if classes.dtype.kind in "bf" else classes).tolist())
    if labels is None:
        shown = class_names.listing(class_names.given(classes) or ())
        raise ValueError(f"the classes are {shown}, and labels in ONNX are text or whole numbers: expected these")
    return labels


def _back(graph: Graph, targets: Targets, outputs: str) -> str:
    """A network's outputs as probabilities, or as numbers like those of y."""
    if not isinstance(targets, Numbers):
        return graph.add("Div", outputs, graph.add("ReduceSum", outputs, graph.axis(1), keepdims=1))

    def own(name: str) -> str:
        return graph.constant(name, np.array(getattr(targets, name)))

    y = graph.add("Add", graph.add("Mul", outputs, own("std")), own("mean"))
    is_clipped = np.isfinite([*targets.low, *targets.high]).any()
    return graph.add("Min", graph.add("Max", y, own("low")), own("high")) if is_clipped else y


def _calibrated(graph: Graph, p: str, temperature: float) -> str:
    """Probabilities at a temperature."""
    if temperature == 1:
        return p
    z = graph.add("Mul", graph.add("Log", graph.add("Max", p, graph.real(TINY))), graph.real(1 / temperature))
    return graph.add("Softmax", z, axis=-1)
