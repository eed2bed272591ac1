"""The file format of networks: safetensors, with the architecture in the metadata."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._model.columns import Columns
from fcnet._model.layer_spec import LayerSpec
from fcnet._model.members import Members
from fcnet._saving import safetensors
from fcnet._saving.atomic_file import replacing
from fcnet._training.history import History
from fcnet.losses import loss_of

_VERSIONS = "1", "2", "3", "4", "5", "6", "7"
_NAMES = {"feature_names": "input.feature_names", "classes": "output.classes"}
_HISTORY = "history"
_NO_OPTIMIZER: tuple[str, list[float], list[Any]] = ("", [], [])
_COLUMNS = ("epochs", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
_NO_HISTORY: dict[str, Any] = {"names": [], "best_epoch": None, "stopped_early": False, "best": None}
_NO_AVERAGE: tuple[str, float, list[Any]] = ("", 0.0, [])
_PARTS = ("W", "B", "gamma", "product_bias", "mix", "scale", "R", "S", "mean", "variance")  # of a layer, each with some
_ARCHITECTURE = ("sizes", "layers", "loss", "dtype", "seed", "trainable", "epochs_trained", "steps")
_MEMBERS_KEY = "members"  # in the architecture of networks that have them
_COLUMNS_KEY = "columns"  # in the architecture, and in the names of arrays, of networks that have them
_OPTIONAL = {
    _COLUMNS_KEY: ("5", "6", "7"),
    _MEMBERS_KEY: ("6", "7"),
}  # entries of it, and the versions that may have them
_ARCHITECTURE_1 = ("sizes", "loss", "activation", "dtype", "seed", "epochs_trained")


def save(state: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the state of a network, as ``__getstate__`` returns it, and replace the file atomically.

    Parameters
    ----------
    state : dict
    path : path

    Raises
    ------
    OSError : the file cannot be written; an existing file is unchanged.
    TypeError : a column name has a type that only a pickle can hold.
    ValueError : the network has more layers than a file can list.
    """
    tensors, metadata = content(state)
    with replacing(path) as file:
        safetensors.write(file, tensors, metadata)


def for_prediction(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state without what only further training needs."""
    best = state["best"] if state["best"] and state["best"][1] is None else None
    return state | {"optimizer_state": None, "average_state": None, "best": best}


def content(state: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays and the metadata of a network's file.

    Raises
    ------
    TypeError : a column name has a type that only a pickle can hold.
    """
    state = state | {"loss": loss_of(state["loss"]).plain()}  # a function by its name
    tensors: dict[str, NDArray[Any]] = {"input.scale": state["scale"], "input.offset": state["offset"]}
    optimizer, powers, slots = state["optimizer_state"] or _NO_OPTIMIZER
    average, count, without_average = state["average_state"] or _NO_AVERAGE
    best, best_weights = state["best"] or (None, None)
    owners, specs = (
        _owners(len(slots), average, best_weights is not None),
        [*map(LayerSpec.from_plain, state["layers"])],
    )
    columns_spec = state.get(_COLUMNS_KEY)
    if _MEMBERS_KEY in state:
        specs = Members.from_plain(state[_MEMBERS_KEY]).adapted(specs)
    names_of_parts = [spec.parts for spec in specs]
    if columns_spec is not None:
        names_of_parts.append(tuple(Columns.from_plain(columns_spec).shapes))
    others = *([without_average] if average else []), *([best_weights] if best_weights is not None else [])
    for owner, layers in zip(owners, [state["parameters"], *slots, *others], strict=True):
        for i, (names, parts) in enumerate(zip(names_of_parts, layers, strict=True)):
            place = i if i < len(specs) else _COLUMNS_KEY
            tensors |= {f"{owner}.{place}.{name}": part for name, part in zip(names, parts, strict=True)}
    history = History(**state["history"]).whole()
    columns = {name: history[name] for name in history if len(history[name]) == len(history)}
    columns.pop("seconds", None)  # so that files of the same fit are equal
    if columns:
        tensors[_HISTORY] = np.array(list(columns.values()), np.float64)
    for what, tensor in _NAMES.items():
        if state[what] is not None:  # one JSON text per line, as a tensor, because the header's size is limited
            lines = "\n".join(json.dumps(name, default=partial(_refuse_name, what)) for name in state[what])
            tensors[tensor] = np.frombuffer(lines.encode(), np.uint8)
    ends = {"best_epoch": history.best_epoch, "stopped_early": history.stopped_early, "best": best}
    metadata = {
        "format": "fcnet",
        "version": _version(specs, columns=_COLUMNS_KEY in state, members=_MEMBERS_KEY in state),
        "network": json.dumps({name: state[name] for name in (*_ARCHITECTURE, *_OPTIONAL) if name in state}),
        "optimizer": json.dumps({"name": optimizer, "powers": powers, "slots": len(slots)}),
        "average": json.dumps({"name": average, "count": count}),
        "history": json.dumps({"names": list(columns)} | ends),
    }
    metadata["crc32"] = _checksum(tensors, metadata)
    return tensors, metadata


def _version(specs: list[LayerSpec], *, columns: bool, members: bool) -> str:
    """Return the oldest version that knows what the network has, so that older versions of fcnet read the file."""
    return str(max(6 if members else 5 if columns else 3, *(spec.file_version for spec in specs)))


def _refuse_name(what: str, name: object) -> None:
    rename = "rename the column, " if what == "feature_names" else ""
    expected = f"text, numbers, dates and times, or tuples of these; {rename}or see pickle"
    raise TypeError(f"{what} has {name!r}, a {type(name).__name__}, which a file cannot hold: expected {expected}")


def check_format(metadata: Mapping[str, str]) -> None:
    """Raise ValueError if the metadata is not that of a network, in a version that this fcnet supports."""
    if metadata.get("format") != "fcnet":
        raise ValueError(
            "it is in the safetensors format, but its metadata is not that of fcnet; fcnet.from_state_dict makes a "
            "network of arrays of other libraries"
        )
    version = metadata.get("version")
    if version not in _VERSIONS:
        raise ValueError(f"its format is version {version!r}: this fcnet reads {', '.join(_VERSIONS)}")


def state_of(tensors: dict[str, NDArray[Any]], metadata: dict[str, str], *, allow_nonfinite: bool) -> dict[str, Any]:
    """Restore the state for a network's ``__setstate__``, which checks it further, from what ``save`` wrote.

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
    KeyError, RecursionError, TypeError, ValueError : the data is damaged, or not a network that this version supports.
    """
    if metadata.get("crc32") != _checksum(tensors, metadata):
        raise ValueError("its checksum is wrong: the file is damaged")
    state: dict[str, Any] = json.loads(metadata["network"])
    expected = {"1": _ARCHITECTURE_1, "2": _ARCHITECTURE[:-1]}.get(metadata["version"], _ARCHITECTURE)
    if isinstance(state, dict):
        version = metadata["version"]
        expected = (*expected, *(name for name, known in _OPTIONAL.items() if version in known and name in state))
    if not isinstance(state, dict) or set(state) != set(expected):
        raise ValueError(f"its architecture is not given by {', '.join(expected)}")
    if metadata["version"] == "1":
        state = _of_version_1(**state)
    state.setdefault("steps", 0)
    if not isinstance(state["loss"], dict):
        raise ValueError(f"its loss is {state['loss']!r}: expected a name with options")
    if state["dtype"] not in ("float32", "float64"):
        raise ValueError(f"its dtype is {state['dtype']!r}: expected float32 or float64")
    optimizer, powers, slots = _optimizer(metadata)
    average, count = _average(metadata)
    tensors = dict(tensors)
    lines, of_classes = (tensors.pop(tensor, None) for tensor in _NAMES.values())
    state["history"], best = _history(metadata, tensors.pop(_HISTORY, None), state["epochs_trained"])
    has_best = best is not None and "best.0.W" in tensors
    owners, layers = _owners(slots, average, has_best), 0
    while f"layers.{layers}.W" in tensors:
        layers += 1
    parts = {str(i): [name for name in _PARTS if f"layers.{i}.{name}" in tensors] for i in range(layers)}
    inputs = None
    if _COLUMNS_KEY in state:
        columns = Columns.from_plain(state[_COLUMNS_KEY])
        parts[_COLUMNS_KEY], inputs = list(columns.shapes), columns.inputs
    names = {"input.scale", "input.offset", *(f"{o}.{i}.{p}" for o in owners for i in parts for p in parts[i])}
    if set(tensors) != names:
        raise ValueError(f"its arrays are not those of {layers} layers")
    for name, tensor in tensors.items():
        scaling = name.startswith("input.") and tensor.dtype == np.float64  # in the network's dtype before version 3
        if tensor.dtype != state["dtype"] and not scaling:
            raise ValueError(f"{name} is {tensor.dtype}: expected {state['dtype']}")
        if not allow_nonfinite and not np.isfinite(tensor).all():
            raise ValueError(f"{name} is not finite, see allow_nonfinite")
    state["scale"], state["offset"] = tensors["input.scale"], tensors["input.offset"]
    last = tensors[f"layers.{layers - 1}.W"]
    outputs = last.shape[1] if last.ndim in (2, 3) else 0
    classes = 2 if outputs == 1 and state["loss"].get("name") != "cross_entropy" else outputs
    inputs = len(tensors["layers.0.W"]) if inputs is None else inputs
    state["feature_names"] = None if lines is None else _names(lines, inputs, "input")
    state["classes"] = None if of_classes is None else _names(of_classes, classes, "class")
    state["parameters"], *states = (
        [tuple(tensors[f"{owner}.{i}.{name}"] for name in names) for i, names in parts.items()] for owner in owners
    )
    state["best"] = None if best is None else (best, states.pop() if has_best else None)
    state["average_state"] = (average, count, states.pop()) if average else None
    state["optimizer_state"] = (optimizer, powers, states) if states else None
    return state


def _owners(slots: int, average: str, best: bool) -> list[str]:
    """Return the prefixes of the arrays' names."""
    others = [owner for owner, there in (("average", average), ("best", best)) if there]
    return ["layers", *(f"optimizer.{slot}" for slot in range(slots)), *others]


def _of_version_1(loss: Any, activation: Any, **others: Any) -> dict[str, Any]:
    """Convert the architecture of version 1, where hidden layers had only an activation, and losses no options."""
    output = "softmax" if loss == "cross_entropy" else "identity"
    layers = [[name, True, 0.0] for name in [*activation, output]]
    return {**others, "loss": {"name": loss}, "layers": layers, "trainable": [True] * len(layers)}


def _optimizer(metadata: dict[str, str]) -> tuple[str, list[float], int]:
    """Return name, powers and number of slots of the optimizer state."""
    entry = {"name": "", "powers": [], "slots": 0} if metadata["version"] == "1" else json.loads(metadata["optimizer"])
    if not isinstance(entry, dict) or set(entry) != {"name", "powers", "slots"}:
        raise ValueError("its optimizer is not given by name, powers, slots")
    name, powers, slots = entry["name"], entry["powers"], entry["slots"]
    if not isinstance(name, str) or not isinstance(powers, list) or any(type(power) is not float for power in powers):
        raise ValueError(f"its optimizer has the name {name!r} and the powers {powers!r}")
    if type(slots) is not int or not 0 <= slots <= 2:
        raise ValueError(f"its optimizer has {slots!r} slots: expected at most 2")
    return name, powers, slots


def _average(metadata: dict[str, str]) -> tuple[str, float]:
    """Return name and count of the weight average; the name is "" if there is none."""
    found = json.loads(metadata.get("average", '{"name": "", "count": 0.0}'))
    if not isinstance(found, dict) or set(found) != {"name", "count"}:
        raise ValueError("its average is not given by name, count")
    if not isinstance(found["name"], str) or type(found["count"]) is not float:
        raise ValueError(f"its average has the name {found['name']!r} and the count {found['count']!r}")
    return found["name"], found["count"]


def _history(metadata: dict[str, str], rows: NDArray[Any] | None, trained: Any) -> tuple[dict[str, Any], int | None]:
    """Return the arguments of ``History``, from a row for each column, and the epoch of the best weights."""
    found = json.loads(metadata.get("history", json.dumps(_NO_HISTORY)))
    if not isinstance(found, dict) or set(found) != set(_NO_HISTORY):
        raise ValueError(f"its history is not given by {', '.join(_NO_HISTORY)}")
    names, best_epoch, stopped, best = (found[name] for name in _NO_HISTORY)
    rows = np.empty((0, 0)) if rows is None else rows
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its history has the names {names!r}")
    if any(name not in _COLUMNS and not name.startswith("val_") for name in names) or len(set(names)) != len(names):
        raise ValueError(f"its history has the names {', '.join(names)}")
    if rows.dtype != np.float64 or rows.ndim != 2 or len(rows) != len(names) or (names and names[0] != "epochs"):
        raise ValueError(f"its history is {rows.dtype} {rows.shape}: expected float64, epochs and {len(names)} rows")
    lists = dict(zip(names, rows.tolist(), strict=True))
    epochs = lists.pop("epochs", [])
    first = int(epochs[0]) if epochs and 0 <= epochs[0] < 2**32 else 0
    numbers = list(range(first, first + len(epochs)))
    if epochs != numbers or type(trained) is not int or first + len(epochs) > trained:
        shown = f"{epochs[:3]} ..., and epochs_trained is {trained!r}"
        raise ValueError(f"its history has the epochs {shown}: expected consecutive ones before it")
    if any(epoch is not None and not (type(epoch) is int and 0 <= epoch < trained) for epoch in (best_epoch, best)):
        raise ValueError(f"its history has the best epochs {best_epoch!r} and {best!r}: expected one below {trained}")
    if type(stopped) is not bool:
        raise ValueError(f"its history has stopped_early {stopped!r}")
    own = {name: lists.pop(name) for name in _COLUMNS if name in lists}
    return own | {"epochs": numbers, "metrics": lists, "best_epoch": best_epoch, "stopped_early": stopped}, best


def _names(lines: NDArray[Any], count: int, what: str) -> list[Any]:
    """Return the names of inputs or classes; they are counted before parsing, to limit the memory."""
    text = lines.tobytes()
    if lines.dtype != np.uint8 or text.count(b"\n") + 1 != count:
        raise ValueError(f"the names are not a line for each {what}: expected {count}")
    return [json.loads(line) for line in text.split(b"\n")]


def _checksum(tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> str:
    """Return the CRC-32 of the metadata's texts and, sorted by name, of the arrays' names, shapes and bytes."""
    texts = (metadata.get(name, "") for name in ("network", "optimizer", "average", "history"))
    sum_ = zlib.crc32("".join(texts).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sum_ = zlib.crc32(f"{name} {tensor.dtype.name} {tensor.shape}".encode(), sum_)
        sum_ = zlib.crc32(np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).data, sum_)
    return f"{sum_:08x}"
