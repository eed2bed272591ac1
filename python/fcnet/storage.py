"""Networks in files: the safetensors format, the architecture in its metadata."""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import safetensors
from fcnet.files import replacing

_VERSIONS = "1", "2"
_FEATURE_NAMES = "input.feature_names"
_NO_OPTIMIZER: tuple[str, list[float], list[Any]] = ("", [], [])
_NO_AVERAGE: tuple[str, float, list[Any]] = ("", 0.0, [])
_PARTS = ("W", "B", "gamma", "mean", "variance")  # of a layer: the first two, three or five
_ARCHITECTURE = ("sizes", "layers", "loss", "dtype", "seed", "trainable", "epochs_trained")
_ARCHITECTURE_1 = ("sizes", "loss", "activation", "dtype", "seed", "epochs_trained")


def save(state: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write what a network's ``__getstate__`` gives, replacing the file in one step.

    Parameters
    ----------
    state : dict
    path : path

    Raises
    ------
    OSError : the file cannot be written; one that was there is as before.
    TypeError : the loss is a function.
    """
    if callable(state["loss"]):
        raise TypeError(f"loss is the function {state['loss']!r}, which a file cannot hold: see pickle")
    tensors: dict[str, NDArray[Any]] = {"input.scale": state["scale"], "input.offset": state["offset"]}
    optimizer, powers, slots = state["optimizer_state"] or _NO_OPTIMIZER
    average, count, beneath = state["average_state"] or _NO_AVERAGE
    owners = _owners(len(slots), average)
    for owner, layers in zip(owners, [state["parameters"], *slots, *([beneath] if average else [])], strict=True):
        for i, parts in enumerate(layers):
            tensors |= {f"{owner}.{i}.{name}": part for name, part in zip(_PARTS, parts, strict=False)}
    if state["feature_names"] is not None:  # a JSON text each line, as bytes: a header has its limit
        lines = "\n".join(map(json.dumps, state["feature_names"]))
        tensors[_FEATURE_NAMES] = np.frombuffer(lines.encode(), np.uint8)
    metadata = {
        "format": "fcnet",
        "version": _VERSIONS[-1],
        "network": json.dumps({name: state[name] for name in _ARCHITECTURE}),
        "optimizer": json.dumps({"name": optimizer, "powers": powers, "slots": len(slots)}),
        "average": json.dumps({"name": average, "count": count}),
    }
    metadata["crc32"] = _checksum(tensors, metadata)
    with replacing(path) as file:
        safetensors.write(file, tensors, metadata)


def state_of(tensors: dict[str, NDArray[Any]], metadata: dict[str, str], *, allow_nonfinite: bool) -> dict[str, Any]:
    """What ``save`` wrote, as read: the state for a network's ``__setstate__``, which checks it further.

    Parameters
    ----------
    tensors : {name: array}
    metadata : {text: text}
    allow_nonfinite : bool
        Accept infinite and NaN parameters.

    Returns
    -------
    dict

    Raises
    ------
    KeyError, RecursionError, TypeError, ValueError : damaged, or not a network that this version knows.
    """
    if metadata.get("format") != "fcnet":
        raise ValueError("its metadata does not say that it is one of fcnet")
    version = metadata.get("version")
    if version not in _VERSIONS:
        raise ValueError(f"its format is version {version!r}: this fcnet knows {', '.join(_VERSIONS)}")
    if metadata.get("crc32") != _checksum(tensors, metadata):
        raise ValueError("its checksum is wrong: the file is damaged")
    state: dict[str, Any] = json.loads(metadata["network"])
    expected = _ARCHITECTURE_1 if version == "1" else _ARCHITECTURE
    if not isinstance(state, dict) or set(state) != set(expected):
        raise ValueError(f"its architecture is not given by {', '.join(expected)}")
    if version == "1":
        state = _of_version_1(**state)
    if not isinstance(state["loss"], dict):
        raise ValueError(f"its loss is {state['loss']!r}: expected a name with options")
    if state["dtype"] not in ("float32", "float64"):
        raise ValueError(f"its dtype is {state['dtype']!r}: expected float32 or float64")
    optimizer, powers, slots = _optimizer(metadata)
    average, count = _average(metadata)
    tensors = dict(tensors)
    lines = tensors.pop(_FEATURE_NAMES, None)
    owners, layers = _owners(slots, average), 0
    while f"layers.{layers}.W" in tensors:
        layers += 1
    parts = [[name for name in _PARTS if f"layers.{i}.{name}" in tensors] for i in range(layers)]
    names = {"input.scale", "input.offset", *(f"{o}.{i}.{p}" for o in owners for i in range(layers) for p in parts[i])}
    if set(tensors) != names:
        raise ValueError(f"its arrays are not those of {layers} layers")
    for name, tensor in tensors.items():
        if tensor.dtype != state["dtype"]:
            raise ValueError(f"{name} is {tensor.dtype}: expected {state['dtype']}")
        if not allow_nonfinite and not np.isfinite(tensor).all():
            raise ValueError(f"{name} is not finite, see allow_nonfinite")
    state["scale"], state["offset"] = tensors["input.scale"], tensors["input.offset"]
    state["feature_names"] = None if lines is None else _names(lines, len(tensors["layers.0.W"]))
    state["history"] = {}
    state["parameters"], *remembered = (
        [tuple(tensors[f"{owner}.{i}.{name}"] for name in parts[i]) for i in range(layers)] for owner in owners
    )
    state["average_state"] = (average, count, remembered.pop()) if average else None
    state["optimizer_state"] = (optimizer, powers, remembered) if remembered else None
    return state


def _owners(slots: int, average: str) -> list[str]:
    """What the names of arrays begin with."""
    return ["layers", *(f"optimizer.{slot}" for slot in range(slots)), *(["average"] if average else [])]


def _of_version_1(loss: Any, activation: Any, **others: Any) -> dict[str, Any]:
    """In today's words: hidden layers differed by their activation only, and losses had no options."""
    output = "softmax" if loss == "cross_entropy" else "identity"
    layers = [[name, True, 0.0] for name in [*activation, output]]
    return {**others, "loss": {"name": loss}, "layers": layers, "trainable": [True] * len(layers)}


def _optimizer(metadata: dict[str, str]) -> tuple[str, list[float], int]:
    """Name, powers and number of slots of the optimiser's state."""
    found = {"name": "", "powers": [], "slots": 0} if metadata["version"] == "1" else json.loads(metadata["optimizer"])
    if not isinstance(found, dict) or set(found) != {"name", "powers", "slots"}:
        raise ValueError("its optimizer is not given by name, powers, slots")
    name, powers, slots = found["name"], found["powers"], found["slots"]
    if not isinstance(name, str) or not isinstance(powers, list) or any(type(power) is not float for power in powers):
        raise ValueError(f"its optimizer has the name {name!r} and the powers {powers!r}")
    if type(slots) is not int or not 0 <= slots <= 2:
        raise ValueError(f"its optimizer has {slots!r} slots: expected at most 2")
    return name, powers, slots


def _average(metadata: dict[str, str]) -> tuple[str, float]:
    """Kind of the average that the weights are, and how many are in it; "" where they are none."""
    found = json.loads(metadata.get("average", '{"name": "", "count": 0.0}'))
    if not isinstance(found, dict) or set(found) != {"name", "count"}:
        raise ValueError("its average is not given by name, count")
    if not isinstance(found["name"], str) or type(found["count"]) is not float:
        raise ValueError(f"its average has the name {found['name']!r} and the count {found['count']!r}")
    return found["name"], found["count"]


def _names(lines: NDArray[Any], inputs: int) -> list[Any]:
    """The names of the inputs, counted before they are read: they take some memory each."""
    text = lines.tobytes()
    if lines.dtype != np.uint8 or text.count(b"\n") + 1 != inputs:
        raise ValueError(f"{_FEATURE_NAMES} is not a line for each of {inputs} inputs")
    return [json.loads(line) for line in text.split(b"\n")]


def _checksum(tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> str:
    """CRC-32 of the metadata's texts and, in the order of their names, of the arrays' names, shapes and bytes."""
    sum_ = zlib.crc32("".join(metadata.get(name, "") for name in ("network", "optimizer", "average")).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sum_ = zlib.crc32(f"{name} {tensor.dtype.name} {tensor.shape}".encode(), sum_)
        sum_ = zlib.crc32(np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).data, sum_)
    return f"{sum_:08x}"
