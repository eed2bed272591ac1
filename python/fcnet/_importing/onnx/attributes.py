"""Attributes of nodes, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._checks import console
from fcnet._importing.onnx.constants import FLOATS
from fcnet._onnx.fields import DTYPES
from fcnet._onnx.parse import Node


def short(value: object) -> float:
    """Return a number of float32 by its shortest decimals: 0.01 for 0.009999999776482582."""
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(str(np.float32(value)))


def attribute(node: Node, name: str, default: Any) -> Any:
    """Return an attribute of the type of its default.

    Raises
    ------
    ValueError : it has another type.
    """
    found = node.attributes.get(name, default)
    if type(found) is not type(default):
        raise ValueError(f"its attribute {name} is {found!r}: expected one like {default!r}")
    return found


def check_cast(node: Node) -> None:
    """Warn where Cast rounds to half precision, which a network does not.

    Raises
    ------
    ValueError : it makes other numbers than real ones.
    """
    kind = attribute(node, "to", 0)
    if kind not in FLOATS:
        raise ValueError("it makes other numbers than real ones")
    if DTYPES[kind].itemsize < 4:
        console.warn(f"Cast {node.name or node.outputs[0]!r} rounds to {DTYPES[kind]}: the network does not")
