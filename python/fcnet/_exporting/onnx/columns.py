"""``fcnet.Columns`` as nodes of ONNX: embeddings of numbers, rows of tables.

Embeddings are computed for all numbers at once, as arrays (numbers, batch, ...).
"""

from __future__ import annotations

import math

import numpy as np

from fcnet._exporting.onnx.parameters import Parameters, converted
from fcnet._model.columns import Columns
from fcnet._model.number_embeddings import PLR, NumberEmbedding, Periodic, PiecewiseLinear
from fcnet._onnx.fields import DataType
from fcnet._onnx.graph import Graph


def embedded(graph: Graph, parameters: Parameters, x: str) -> str:
    """Add the nodes of a network's columns, if it has some, and return the name of the first layer's inputs."""
    columns = parameters.architecture.columns
    if columns is None:
        return x
    graph.place = "columns."
    first = columns.codes.first
    parts = []
    if columns.embedding is not None:
        numbers = _columns(graph, x, 0, columns.numbers)
        parts.append(_embedding(graph, parameters, columns.embedding, numbers))
    keeps_numbers = columns.embedding is None or columns.embedding.keeps_numbers
    if first > (kept := 0 if keeps_numbers else columns.numbers):
        parts.append(_columns(graph, x, kept, first))
    if columns.categories:
        parts.append(_tables(graph, parameters, columns, _columns(graph, x, first, columns.inputs)))
    return graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


def _columns(graph: Graph, x: str, begin: int, end: int) -> str:
    """Columns of x, from one to another."""
    bounds = [graph.constant(name, np.array([value])) for name, value in (("begin", begin), ("end", end))]
    return graph.add("Slice", x, *bounds, graph.axis(1))


def _embedding(graph: Graph, parameters: Parameters, of: NumberEmbedding, numbers: str) -> str:
    """The embeddings (batch, numbers size) of numbers (batch, numbers)."""
    x = graph.add("Unsqueeze", graph.add("Transpose", numbers, perm=[1, 0]), graph.axis(2))
    if isinstance(of, PiecewiseLinear):
        features, weights = _shares(graph, parameters, of, x)
    else:
        features, weights = _waves(graph, parameters, of, x), parameters.of_columns("W")
    y = graph.add("MatMul", features, graph.constant("W", weights))
    b = parameters.of_columns("B")
    y = graph.add("Add", y, graph.constant("B", b if b.ndim == 1 else b[:, None]))
    if isinstance(of, PiecewiseLinear) and of.version == "B":
        y = graph.add("Add", y, graph.add("Mul", x, graph.constant("slopes", parameters.of_columns("slopes")[:, None])))
    if not isinstance(of, Periodic) and of.activation == "relu":
        y = graph.add("Relu", y)
    return graph.add("Flatten", graph.add("Transpose", y, perm=[1, 0, 2]), axis=1)


def _waves(graph: Graph, parameters: Parameters, of: Periodic | PLR, x: str) -> str:
    """``cos(2 pi x w + b)``, or the cosines and then the sines; whole turns are left out, as the native core does."""
    turns = graph.add("Mul", x, graph.constant("frequencies", parameters.of_columns("frequencies")[:, None]))
    turns = graph.add("Sub", turns, graph.add("Round", turns))
    angle = graph.add("Mul", turns, graph.real(2 * math.pi))
    if isinstance(of, Periodic):
        phases = graph.constant("phases", parameters.of_columns("phases")[:, None])
        return _cosine(graph, graph.add("Add", angle, phases))
    return graph.add("Concat", _cosine(graph, angle), graph.add("Sin", angle), axis=-1)


def _cosine(graph: Graph, angle: str) -> str:
    """The cosine; in float64, which older versions of onnxruntime do not have of it, by the sine."""
    if graph.dtype == np.float32:
        return graph.add("Cos", angle)
    return graph.add("Sin", graph.add("Add", angle, graph.real(math.pi / 2)))


def _shares(graph: Graph, parameters: Parameters, of: PiecewiseLinear, x: str) -> tuple[str, np.ndarray]:
    """The shares (numbers, batch, most bins) of bins below x, and V (numbers, most bins, size).

    Numbers with fewer bins have further ones, whose shares and weights are 0.
    """
    edges, most = [np.array(each, np.float64) for each in of.edges], of.bins
    shape, limit = (len(edges), 1, most), float(np.finfo(graph.dtype).max)
    lower, inverse = np.zeros(shape), np.zeros(shape)
    least, greatest = np.zeros(shape), np.zeros(shape)
    packed = parameters.of_columns("W")
    weights = np.zeros((len(edges), most, of.size), packed.dtype)
    at = 0
    for j, each in enumerate(edges):
        bins = len(each) - 1
        lower[j, 0, :bins], inverse[j, 0, :bins] = each[:-1], 1 / np.diff(each)
        greatest[j, 0, :bins] = 1
        least[j, 0, 0], greatest[j, 0, bins - 1] = -limit, limit  # not cut
        weights[j, :bins] = packed[at : at + bins]
        at += bins
    arrays = {"lower": lower, "inverse": inverse, "least": least, "greatest": greatest}
    names = {
        name: graph.constant(name, converted(array, graph.dtype, f"{name} of edges")) for name, array in arrays.items()
    }
    share = graph.add("Mul", graph.add("Sub", x, names["lower"]), names["inverse"])
    return graph.add("Min", graph.add("Max", share, names["least"]), names["greatest"]), weights


def _tables(graph: Graph, parameters: Parameters, columns: Columns, codes: str) -> str:
    """The rows (batch, codes size) of all tables, which are one array; row 0 of a table for what is no code of it."""
    most = graph.constant("most", np.array(columns.categories, graph.dtype))
    is_code = graph.add("And", graph.add("GreaterOrEqual", codes, graph.real(1)), graph.add("LessOrEqual", codes, most))
    known = graph.add("Where", is_code, codes, graph.real(0))
    starts = graph.constant("starts", np.array(columns.rows[:-1], np.int64))
    rows = graph.add("Add", graph.add("Cast", known, to=DataType.INT64), starts)
    tables = graph.constant("tables", parameters.of_columns("tables"))
    return graph.add("Flatten", graph.add("Gather", tables, rows), axis=1)
