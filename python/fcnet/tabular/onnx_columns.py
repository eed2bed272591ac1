"""The columns of a table as nodes of ONNX: what ``ColumnEncoder.transform`` computes, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._exporting.onnx.labels import alike
from fcnet._inputs.feature_names import shown
from fcnet._onnx.fields import ML_DOMAIN, DataType
from fcnet._onnx.graph import Graph
from fcnet.tabular.column import Column
from fcnet.tabular.column_encoder import ColumnEncoder
from fcnet.tabular.normal_scale import LEAST, MIDDLE, TAIL, Powers
from fcnet.tabular.one_hot import OneHot
from fcnet.tabular.robust_scale import FAR

OUTPUTS = "label", "probabilities", "output"


class Inputs:
    """The inputs of a graph, one (batch, 1) for each column of a table: text, or real numbers, whose gaps are NaN."""

    def __init__(self, graph: Graph, encoder: ColumnEncoder, dtype: np.dtype[Any]) -> None:
        """Add the inputs; ValueError if a name is not one that an input can have beside others."""
        self._graph, self._dtype, self._codes = graph, dtype, dict[tuple[int, tuple[Any, ...]], str]()
        self.names = [
            (each.name if isinstance(each.name, str) else shown(each.name)) if encoder.named else f"x{i}"
            for i, each in enumerate(encoder.columns)
        ]
        for name, column in zip(self.names, encoder.columns, strict=True):
            if self.names.count(name) > 1:
                raise ValueError(f"two columns are called {name!r} as text: expected names that differ as text")
            if name in ("", *OUTPUTS) or alike([name]) is None:
                expected = f"expected text other than '', {', '.join(map(repr, OUTPUTS))}"
                raise ValueError(f"a column is called {name!r}, which an input of ONNX cannot be: {expected}")
            graph.input(name, np.dtype("U1") if _is_text(column) else dtype, ("batch", 1))

    def numbers(self, places: list[int]) -> str:
        """Return columns of numbers side by side, in float64."""
        graph, names = self._graph, [self.names[place] for place in places]
        x = graph.add("Concat", *names, axis=1) if len(names) > 1 else names[0]
        return graph.add("Cast", x, to=DataType.DOUBLE)

    def codes(self, place: int, column: Column) -> str:
        """Return the codes (batch, 1) of a column of categories: 1, 2, ..., and 0 for all else.

        Raises
        ------
        ValueError : categories are numbers, of which two are the same in the type of the inputs.
        """
        key = place, column.categories
        if key not in self._codes:
            self._codes[key] = (self._of_text if _is_text(column) else self._of_numbers)(self.names[place], column)
        return self._codes[key]

    def _of_text(self, x: str, column: Column) -> str:
        keys = list(column.categories) or [""]
        codes = list(range(1, len(keys) + 1)) if column.categories else [0]
        options: dict[str, Any] = {"keys_strings": keys, "values_int64s": codes, "default_int64": 0}
        return self._graph.add("LabelEncoder", x, domain=ML_DOMAIN, **options)

    def _of_numbers(self, x: str, column: Column) -> str:
        graph, values = self._graph, np.array(column.categories).astype(self._dtype)
        if len(np.unique(values)) < len(values):
            i = int(np.flatnonzero(values[1:] == values[:-1])[0])
            pair = f"{column.categories[i]!r} and {column.categories[i + 1]!r}"
            what = f"the column {shown(column.name)} has the categories {pair}, which are the same in {self._dtype}"
            raise ValueError(f"{what}: expected dtype='float64', or categories that differ")
        is_it = graph.add("Equal", x, graph.constant("categories", values))
        numbers = graph.constant("codes", np.arange(1, len(values) + 1)[:, None].astype(np.float64))
        code = graph.add("MatMul", graph.add("Cast", is_it, to=DataType.DOUBLE), numbers)
        return graph.add("Cast", code, to=DataType.INT64)


def _is_text(column: Column) -> bool:
    """Whether a column is an input of text, also one of categories that never had any."""
    return column.kind != "number" and (not column.categories or isinstance(column.categories[0], str))


def add_columns(graph: Graph, inputs: Inputs, encoder: ColumnEncoder) -> str:
    """Add the nodes of an encoder, and return the name of the array (batch, sum(widths)) in float64.

    Raises
    ------
    ValueError : as for ``Inputs.codes``.
    """
    numbers, blocks = encoder._numbers, list[str]()
    if numbers:
        x = inputs.numbers([number.place for number in numbers])
        gaps = graph.add("IsNaN", x)
        blocks += _numbers(graph, encoder, x, gaps)
        flagged = [i for i, number in enumerate(numbers) if number.is_flagged]
        if flagged:
            blocks.append(graph.add("Cast", _chosen(graph, gaps, flagged), to=DataType.DOUBLE))
    codes = []
    for place, column, _, one_hot in encoder._categories:
        code = inputs.codes(place, column)
        if one_hot is None:
            codes.append(graph.add("Cast", code, to=DataType.DOUBLE))
        elif one_hot.width:
            blocks.append(_one_hot(graph, one_hot, code))
    return graph.add("Concat", *blocks, *codes, axis=1) if len(blocks + codes) > 1 else (blocks + codes)[0]


def _chosen(graph: Graph, x: str, places: list[int]) -> str:
    """Some columns of an array, in this order."""
    return graph.add("Gather", x, graph.constant("places", np.array(places, np.int64)), axis=1)


def _one_hot(graph: Graph, of: OneHot, code: str) -> str:
    if of.signs:
        return graph.add("Gather", graph.constant("signs", of.of_code), code)
    own = graph.constant("own_codes", np.arange(of.first, of.first + of.width))
    return graph.add("Where", graph.add("Equal", code, own), graph.constant("on", of.on), graph.constant("off", of.off))


def _numbers(graph: Graph, encoder: ColumnEncoder, x: str, gaps: str) -> list[str]:
    """Return the blocks of scaled numbers and of their bins, without those that are empty."""
    kept = [i for i, number in enumerate(encoder._numbers) if number.is_input]
    columns = [encoder._numbers[i].column for i in kept]
    if not kept:
        return []
    if len(kept) < len(encoder._numbers):
        x, gaps = _chosen(graph, x, kept), _chosen(graph, gaps, kept)
    z = (_robust if encoder.encoding.numbers == "robust" else _normal)(graph, columns, x)
    z = graph.add("Where", gaps, graph.real(0), z)
    return [z, _bins(graph, columns, z)] if any(column.edges for column in columns) else [z]


def _robust(graph: Graph, columns: list[Column], x: str) -> str:
    """``z / sqrt(1 + (z / 3)^2)`` with ``z = factor (x - median)``."""
    medians, factors = np.array([(column.median, column.factor) for column in columns]).T.copy()
    z = graph.add("Mul", graph.add("Sub", x, graph.constant("medians", medians)), graph.constant("factors", factors))
    z = graph.add("Min", graph.add("Max", z, graph.real(-FAR)), graph.real(FAR))
    square = graph.add("Mul", graph.add("Mul", z, z), graph.real(1 / 9))
    return graph.add("Div", z, graph.add("Sqrt", graph.add("Add", square, graph.real(1))))


def _bins(graph: Graph, columns: list[Column], z: str) -> str:
    """The shares of the bins of all numbers that lie below z, as ``piecewise_linear`` computes them."""
    places: list[int] = []
    lower, width, least, most = (list[float]() for _ in range(4))
    for i, column in enumerate(columns):
        count = max(len(column.edges) - 1, 0)
        places += [i] * count
        lower += column.edges[:count]
        width += np.diff(column.edges).tolist()
        least += ([-np.inf] + [0.0] * (count - 1))[:count]
        most += ([1.0] * (count - 1) + [np.inf])[:count] if count else []
    names = [graph.constant(name, np.array(values)) for name, values in (("lower", lower), ("width", width))]
    share = graph.add("Div", graph.add("Sub", _chosen(graph, z, places), names[0]), names[1])
    share = graph.add("Max", share, graph.constant("least", np.array(least)))
    return graph.add("Min", share, graph.constant("most", np.array(most)))


def _normal(graph: Graph, columns: list[Column], x: str) -> str:
    """Numbers to a normal distribution by their quantiles, as ``to_normal`` computes it."""
    quantiles = [np.array(column.quantiles) for column in columns]
    p = _level(graph, quantiles, x, "LessOrEqual")
    if any((each[1:] == each[:-1]).any() for each in quantiles):  # to equal quantiles, the mean of their levels
        p = graph.add("Mul", graph.add("Add", p, _level(graph, quantiles, x, "Less")), graph.real(0.5))
    first, last = np.array([(each[0], each[-1]) for each in quantiles]).T.copy()
    p = graph.add("Where", graph.add("GreaterOrEqual", x, graph.constant("last", last)), graph.real(1), p)
    p = graph.add("Where", graph.add("LessOrEqual", x, graph.constant("first", first)), graph.real(0), p)
    p = graph.add("Min", graph.add("Max", p, graph.real(LEAST)), graph.real(1 - LEAST))
    q = graph.add("Sub", p, graph.real(0.5))
    near = graph.add("Sub", graph.real(0.180625), graph.add("Mul", q, q))
    middle = graph.add("Mul", _ratio(graph, MIDDLE, near), q)
    r = graph.add("Sqrt", graph.add("Neg", graph.add("Log", graph.add("Min", p, graph.add("Sub", graph.real(1), p)))))
    tail = graph.add("Mul", _ratio(graph, TAIL, graph.add("Sub", r, graph.real(1.6))), graph.add("Sign", q))
    return graph.add("Where", graph.add("Greater", graph.add("Abs", q), graph.real(0.425)), tail, middle)


def _level(graph: Graph, quantiles: list[np.ndarray], x: str, compare: str) -> str:
    """The levels of numbers by interpolation, from the last quantile but the greatest that is less (or equal).

    It is found by bisection: each step looks at the quantile 2^k further on, for all numbers at once.
    """
    steps = max(len(each) - 2 for each in quantiles).bit_length()
    size = 1 << steps
    searched, ends = np.full((len(quantiles), size), np.inf), np.zeros((len(quantiles), size + 1))
    for i, each in enumerate(quantiles):
        searched[i, : len(each) - 1], ends[i, : len(each)] = each[:-1], each
    table = graph.constant("searched", searched.ravel())
    starts = graph.constant("starts", np.arange(len(quantiles)) * size)
    at = starts
    for k in range(steps - 1, -1, -1):
        further = graph.add("Add", at, graph.constant("step", np.array(1 << k)))
        is_less = graph.add(compare, graph.add("Gather", table, further), x)
        at = graph.add("Where", is_less, further, at)
    place = graph.add("Sub", at, starts)
    row = graph.constant("rows", np.arange(len(quantiles)) * (size + 1))
    begin = graph.add("Add", place, row)
    known = graph.constant("quantiles", ends.ravel())
    lower = graph.add("Gather", known, begin)
    upper = graph.add("Gather", known, graph.add("Add", begin, graph.constant("next", np.array(1))))
    share = graph.add("Div", graph.add("Sub", x, lower), graph.add("Sub", upper, lower))
    sum_ = graph.add("Add", graph.add("Cast", place, to=DataType.DOUBLE), share)
    return graph.add("Div", sum_, graph.constant("counts", np.array([len(each) - 1.0 for each in quantiles])))


def _ratio(graph: Graph, powers: Powers, r: str) -> str:
    """The ratio of two polynomials by Horner's rule."""
    sums = []
    for coefficients in zip(*powers, strict=True):
        total = graph.real(coefficients[0])
        for coefficient in coefficients[1:]:
            total = graph.add("Add", graph.add("Mul", total, r), graph.real(coefficient))
        sums.append(total)
    return graph.add("Div", *sums)
