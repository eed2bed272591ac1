"""``from_onnx``: a network of a model of ONNX."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

from fcnet._checks.keywords import suggesting
from fcnet._importing.onnx.attributes import check_cast
from fcnet._importing.onnx.chain import Chain
from fcnet._importing.onnx.functions import Found, match_activation
from fcnet._importing.onnx.graph import Graph, Region, refuse
from fcnet._importing.onnx.layer_norm import apply_layer_norm
from fcnet._importing.onnx.metadata import column_names, loss_and_seed, own_parts, sorts_quantiles
from fcnet._importing.onnx.operators import apply
from fcnet._importing.onnx.shapes import apply_reshape
from fcnet._importing.onnx.tails import OPERATORS_OF_TAILS, classes_of_tail
from fcnet._onnx.parse import Model, parse
from fcnet._saving.atomic_file import path_text
from fcnet._saving.regular_file import opened
from fcnet.activations import WITH_CONSTANT, Activation
from fcnet.losses import Loss, LossFunction, LossName, loss_of
from fcnet.network import Network

_ALLOWANCE = 1 << 16  # bytes of constants that nodes may copy, whatever the file's size


@suggesting
def from_onnx(path: str | os.PathLike[str] | bytes, *, loss: LossName | Loss | LossFunction | None = None) -> Network:
    """Make a network of a model of ONNX: a chain of layers, or ValueError with the name of the node that is not.

    Nothing in the file is executed, and paths in it are not followed. A file that is damaged or malicious raises
    ValueError. docs/exchange.md lists the operators that are read.

    Parameters
    ----------
    path : path, or bytes
        The file, or its content.
    loss : as for Network, optional
        The loss of further training. The default is that of the network where fcnet wrote the file, otherwise that of
        the last activation: "cross_entropy" of softmax, "binary_cross_entropy" of sigmoid, "poisson" of exp and
        softplus, "mse" of others. Outputs without an activation get the one that belongs to the loss: logits become
        probabilities by loss="cross_entropy" or "binary_cross_entropy".

    Returns
    -------
    Network
        Of float64 where a matrix of weights is, otherwise of float32. Nodes that make labels of probabilities are left
        off; ``classes`` has their names, if the loss is one of classification. The seed is that of the network where
        fcnet wrote the file, otherwise 0.

    Raises
    ------
    TypeError : path is neither a path nor bytes, or loss is not a loss.
    OSError : the file cannot be read.
    ValueError : the file is no model of ONNX, or its graph is not a chain that a network can hold; or loss does not
        take the last activation.
    MemoryError : the network does not fit in memory.
    """
    if isinstance(path, bytes):
        data, what = path, "the model"
    else:
        with opened(path) as file:
            data, what = file.read(), repr(path_text(path))
    try:
        model = parse(data)
    except ValueError as error:
        raise ValueError(f"{what} is not a model of ONNX that can be read: {error}") from None
    try:
        return _network(model, len(data) + _ALLOWANCE, loss)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{what} is not a chain that a network can hold: {error}") from None


def _network(model: Model, most: int, loss: LossName | Loss | LossFunction | None) -> Network:
    try:
        return _network_of_chain(model, most, loss)
    except ValueError as error:
        parts = own_parts(model.metadata)
        if not parts:
            raise
        raise ValueError(
            f"fcnet wrote it of a network with {' and '.join(parts)}, which only net.save keeps; {error}"
        ) from None


def _network_of_chain(model: Model, most: int, loss: LossName | Loss | LossFunction | None) -> Network:
    graph = Graph(model, most)
    chain = Chain(_width(graph.input_shape), 2 * most)  # bfloat16 takes twice the bytes
    own, seed = loss_and_seed(model.metadata)
    chosen = own if loss is None else loss_of(loss)
    classes = _follow(graph, chain, chosen)
    if classes == list(range(len(classes or ()))):
        classes = None
    return chain.network(chosen, seed, classes, column_names(model.metadata))


def _width(shape: list[int | None] | None) -> int | None:
    """Return the number of columns of x, of which one dimension is the rows; None where it is open."""
    if shape is None:
        return None
    if len(shape) < 2:
        raise ValueError(f"its input has {len(shape)} dimensions: expected rows and columns")
    sizes = [size for size in shape[1:] if size is not None]
    return math.prod(sizes) if len(sizes) == len(shape) - 1 else None


def _follow(graph: Graph, chain: Chain, loss: Loss | None) -> list[Any] | None:
    """Add every node to the chain; return the classes of the tail."""
    value = graph.input
    while not graph.is_end(value):
        if value in graph.outputs:
            return classes_of_tail(graph, value, chain)
        if sorts_quantiles(graph, value, loss):
            return None
        found = match_activation(graph, value)
        if found is not None:
            _activate(chain, found)
            value = found.region.end
            continue
        region = graph.region(value)
        end = None if region is None else _apply(graph, chain, value, region)
        if end is not None:
            value = end
            continue
        _refuse_other_paths(graph, value, region, first=not chain.has_layers)
        return classes_of_tail(graph, value, chain)
    return None


def _apply(graph: Graph, chain: Chain, value: str, region: Region) -> str | None:
    """Add a region to the chain and return its last value; None where it is none that is read."""
    if len(region.nodes) > 1:
        return apply_layer_norm(graph, chain, region) or apply_reshape(graph, chain, value, region)
    return region.end if apply(graph, chain, region.nodes[0]) else None


def _refuse_other_paths(graph: Graph, value: str, region: Region | None, *, first: bool) -> None:
    """Raise ValueError where the nodes behind a value are no tail of labels."""
    nodes = graph.rest(value)
    others = [node for node in nodes if node.op not in OPERATORS_OF_TAILS]
    if region is not None and len(region.nodes) > 1 and (first or others):
        refuse(region.nodes[-1], f"it joins paths from {value!r} that are no activation of fcnet: expected a chain")
    if others or first:
        refuse((others or nodes)[0], "it is none of the operators that are read")


def _activate(chain: Chain, found: Found) -> None:
    nodes = found.region.nodes
    for node in nodes:
        if node.op == "Cast":
            check_cast(node)
    try:
        chain.activate(found.name if found.constant is None else _with_constant(found.name, found.constant))
    except ValueError as error:
        refuse(next((node for node in nodes if node.op not in ("Cast", "Identity")), nodes[0]), error)


def _with_constant(name: str, constant: float) -> str | Activation:
    kind: Callable[[float], Activation] = WITH_CONSTANT[name]
    return kind(constant).name_or_self()
