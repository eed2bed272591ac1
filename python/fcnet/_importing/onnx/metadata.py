"""What ``Network.to_onnx`` writes beside the graph: loss, seed, parts, names of columns; and the order of quantiles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fcnet._importing.onnx.graph import Graph
from fcnet.losses import Custom, Loss, loss_of

_LONGEST = 1 << 20


def _entry(metadata: Mapping[str, str], key: str) -> Any:
    """Return an entry that is JSON; None where there is none.

    Raises
    ------
    ValueError : it is not JSON, or long.
    """
    text = metadata.get(key, "null")
    try:
        if len(text) > _LONGEST:
            raise ValueError("long")
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"its metadata {key!r} are not those of fcnet") from None


def loss_and_seed(metadata: Mapping[str, str]) -> tuple[Loss | None, int]:
    """Return loss and seed of a network that fcnet wrote, None and 0 of another one; a custom loss is none either.

    Raises
    ------
    ValueError : the metadata are damaged.
    """
    found = _entry(metadata, "fcnet.network")
    if found is None:
        return None, 0
    if not isinstance(found, dict) or not isinstance(found.get("loss"), dict) or type(found.get("seed")) is not int:
        raise ValueError("its metadata 'fcnet.network' are not those of fcnet")
    try:
        loss = loss_of(found["loss"])
    except TypeError as error:
        raise ValueError(f"its metadata 'fcnet.network': {error}") from None
    return None if isinstance(loss, Custom) else loss, found["seed"]


def own_parts(metadata: Mapping[str, str]) -> list[str]:
    """Return the names of the parts of a network that fcnet wrote which no other library's graph has."""
    found = _entry(metadata, "fcnet.network")
    given = found.get("parts") if isinstance(found, dict) else None
    return [name for name in ("Columns", "members", "Parametric") if isinstance(given, list) and name in given]


def column_names(metadata: Mapping[str, str]) -> list[Any] | None:
    """Return the names of columns of a network that fcnet wrote; ``feature_names.checked`` checks them.

    Raises
    ------
    ValueError : the metadata are damaged.
    """
    found = _entry(metadata, "fcnet.feature_names")
    if found is not None and not isinstance(found, list):
        raise ValueError("its metadata 'fcnet.feature_names' are not those of fcnet")
    return found


def sorts_quantiles(graph: Graph, value: str, loss: Loss | None) -> bool:
    """Whether the nodes behind a value sort the quantiles of each target, as ``predict`` does under this loss."""
    count = 0 if loss is None else len(loss.quantiles)
    nodes = graph.rest(value, 3) if count > 1 else []
    if tuple(node.op for node in nodes) not in (("TopK",), ("Reshape", "TopK", "Reshape")):
        return False
    [sorting] = [node for node in nodes if node.op == "TopK"]
    return graph.number(sorting, 1) == count and sorting.attributes.get("largest") == 0
