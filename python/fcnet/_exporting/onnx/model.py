"""``Network.to_onnx``: its arguments, and the bytes of the model."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fcnet import _native
from fcnet._checks.numbers import whole_number
from fcnet._exporting.onnx.activations import check_type
from fcnet._exporting.onnx.labels import Labels, add_outputs, checked_labels
from fcnet._exporting.onnx.layers import predicted
from fcnet._exporting.onnx.parameters import Parameters
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import LayerNorm
from fcnet._onnx.graph import Graph
from fcnet._saving.atomic_file import replacing

if TYPE_CHECKING:
    from fcnet._training.train_state import TrainState

LOWEST_OPSET, LAYER_NORM_OPSET, HIGHEST_OPSET = 13, 17, 20


def to_onnx(
    state: TrainState, path: str | os.PathLike[str] | None, labels: Any, outputs: str, opset: int | None, dtype: str
) -> bytes:
    """Compute ``Network.to_onnx``, whose arguments these are.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there, or the network holds what ONNX does not.
    OSError : the file cannot be written.
    """
    architecture = state.architecture
    type_ = checked_type(dtype)
    scores_only = _checked_outputs(outputs)
    if scores_only and labels is not None:
        raise ValueError("labels is given, and outputs is 'scores', which has no labels: expected one of the two")
    names: Labels | None = None if scores_only else checked_labels(labels, architecture)
    graph = graph_of(state, names, checked_opset(opset, architecture, type_), type_, scores_only=scores_only)
    return written(graph, _metadata(state), path)


def written(graph: Graph, metadata: dict[str, str], path: str | os.PathLike[str] | None) -> bytes:
    """Return a graph as the bytes of a model, and write them to a file if there is a path.

    Raises
    ------
    ValueError : they are more than protobuf allows.
    OSError : the file cannot be written.
    """
    model = graph.model(("fcnet", _native.__version__), metadata)
    if path is not None:
        with replacing(path) as file:
            file.write(model)
    return model


def graph_of(
    state: TrainState, labels: Labels | None, opset: int, dtype: np.dtype[Any], *, scores_only: bool = False
) -> Graph:
    """Return the graph of a network, with labels as ``checked_labels`` returns them.

    Raises
    ------
    ValueError : a parameter is not finite in this type.
    """
    graph, architecture = Graph(dtype, opset), state.architecture
    h = predicted(graph, Parameters(state, dtype), graph.input("x", dtype, ("batch", architecture.inputs)))
    add_outputs(graph, architecture, h, labels, scores_only=scores_only)
    return graph


def checked_opset(given: int | None, architecture: Architecture, dtype: np.dtype[Any]) -> int:
    """Return the version of the operators: as given, or the lowest one that has what the network needs.

    Raises
    ------
    TypeError, ValueError : it is too low or too high, or an activation is not known in this type.
    """
    for i, spec in enumerate(architecture.specs):
        check_type(spec.activation, dtype, f"layers[{i}]")
    if given is not None:
        return whole_number(given, "opset", LOWEST_OPSET, HIGHEST_OPSET)
    has_layer_norm = dtype == np.float32 and any(
        isinstance(spec.normalization, LayerNorm) for spec in architecture.specs
    )
    return LAYER_NORM_OPSET if has_layer_norm else LOWEST_OPSET


def checked_type(given: object) -> np.dtype[Any]:
    """Check the argument ``dtype``; ValueError if it is neither float32 nor float64."""
    if not isinstance(given, str | type | np.dtype) or given not in ("float32", "float64", np.float32, np.float64):
        raise ValueError(f"dtype is {given!r}: expected 'float32' or 'float64'")
    return np.dtype(given)


def _checked_outputs(given: object) -> bool:
    if not isinstance(given, str) or given not in ("all", "scores"):
        raise ValueError(f"outputs is {given!r}: expected 'all' or 'scores'")
    return given == "scores"


def _metadata(state: TrainState) -> dict[str, str]:
    architecture = state.architecture
    sizes = [architecture.inputs, *architecture.sizes[1:]]
    network = {"sizes": sizes, "loss": architecture.loss.plain(), "seed": architecture.seed}
    is_there = {
        "Columns": architecture.columns is not None,
        "members": architecture.members is not None,
        "Parametric": any(spec.parametric for spec in architecture.specs),
    }
    if any(is_there.values()):  # from_onnx refuses them by these names
        network["parts"] = [name for name in is_there if is_there[name]]
    names = (
        {} if state.feature_names is None else {"fcnet.feature_names": json.dumps(state.feature_names, default=repr)}
    )
    return {"fcnet.network": json.dumps(network), **names}
