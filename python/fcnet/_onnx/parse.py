"""Parse a model of ONNX, which may be malicious, into nodes, constants and the names of inputs and outputs.

Weights stay views of the file's bytes. Refused are what a network has no use for: subgraphs, functions of the file's
own, sparse tensors, and external data, since a path in a file is not followed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from fcnet._onnx import fields as number
from fcnet._onnx.fields import DTYPES, DataType
from fcnet._onnx.wire import (
    Value,
    fields,
    joined,
    signed,
    signed_numbers,
    text,
    view,
    whole,
)

MOST_NODES = 10_000
_MOST_DIMENSIONS = 8
_MOST_NAMES = 64  # inputs, outputs or attributes of a node
_MOST_VALUES = 200_000

Constant = NDArray[Any] | list[str]
"""A tensor of numbers, or the texts of one of strings."""

_NO_ATTRIBUTES: dict[str, Any] = {}


class _Values:
    """How many more texts, attributes and numbers of variable length a file may have.

    In memory each takes many times its bytes in the file.
    """

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def append(self, found: list[Any], value: Any) -> None:
        """Append one to a list; ValueError where there are too many in the file."""
        self.count()
        found.append(value)

    def count(self) -> None:
        """Count one; ValueError where there are too many in the file."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"there are more than {_MOST_VALUES:,} texts and numbers of variable length")


class Node(NamedTuple):
    """An operation: its operator, in a domain ("" for ONNX' own), its name, and the names of values in and out."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Model(NamedTuple):
    """The graph of a file, and what surrounds it.

    ``inputs`` are the shapes by name, with None for a number that is open, or None for one that is not given;
    ``opsets`` the versions of the operators by domain.
    """

    nodes: list[Node]
    constants: dict[str, Constant]
    inputs: dict[str, list[int | None] | None]
    outputs: list[str]
    opsets: dict[str, int]
    metadata: dict[str, str]


def parse(data: bytes | memoryview) -> Model:
    """Parse the bytes of a file.

    Raises
    ------
    ValueError : they are no model of ONNX, or one with parts that are refused.
    """
    graph: memoryview | None = None
    opsets: dict[str, int] = {}
    metadata: dict[str, str] = {}
    version = 0
    of = number.Model
    for field, value in fields(memoryview(data)):
        if field == of.IR_VERSION:
            version = whole(value)
        elif field == of.GRAPH:
            if graph is not None:
                raise ValueError("there are two graphs")
            graph = view(value)
        elif field == of.OPSET_IMPORT:
            _room(opsets, _MOST_NAMES, "versions of operators")
            domain, opset = _opset(view(value))
            opsets[domain] = opset
        elif field == of.METADATA_PROPS:
            _room(metadata, _MOST_NAMES, "entries of metadata")
            key, entry = _entry(view(value))
            metadata[key] = entry
        elif field == of.FUNCTIONS:
            raise ValueError("it has functions of its own: expected operators of ONNX alone")
    if graph is None or not version:
        raise ValueError("it is no model of ONNX, as there is no " + ("version" if graph is not None else "graph"))
    return _graph(graph, opsets, metadata)


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version, of = "", 0, number.OperatorSet
    for field, value in fields(message):
        if field == of.DOMAIN:
            domain = _domain(text(value))
        elif field == of.VERSION:
            version = signed(value)
    return domain, version


def _domain(name: str) -> str:
    """Return the domain, "" for both names of ONNX' own operators."""
    return "" if name == "ai.onnx" else name


def _entry(message: memoryview) -> tuple[str, str]:
    key, entry, of = "", "", number.StringEntry
    for field, value in fields(message):
        if field == of.KEY:
            key = text(value)
        elif field == of.VALUE:
            entry = text(value)
    return key, entry


def _room(found: Any, most: int, what: str) -> None:
    """Raise ValueError where a list or dict is full."""
    if len(found) >= most:
        raise ValueError(f"there are more than {most:,} {what}")


def _graph(message: memoryview, opsets: dict[str, int], metadata: dict[str, str]) -> Model:
    model, values = Model([], {}, {}, [], opsets, metadata), _Values()
    of = number.Graph
    for field, value in fields(message):
        if field == of.NODE:
            _room(model.nodes, MOST_NODES, "nodes")
            model.nodes.append(_node(view(value), values))
        elif field == of.INITIALIZER:
            _room(model.constants, MOST_NODES, "initializers")
            name, constant = _tensor(view(value), values)
            if name in model.constants:
                raise ValueError(f"there are two initializers {name!r}")
            model.constants[name] = constant
        elif field == of.INPUT:
            _room(model.inputs, MOST_NODES, "inputs")
            name, shape = _value_info(view(value))
            model.inputs[name] = shape
        elif field == of.OUTPUT:
            _room(model.outputs, MOST_NODES, "outputs")
            model.outputs.append(_value_info(view(value))[0])
        elif field == of.SPARSE_INITIALIZER:
            raise ValueError("it has sparse initializers: expected dense ones")
    return model


def _node(message: memoryview, values: _Values) -> Node:
    op, domain, name = "", "", ""
    inputs: list[str] = []
    outputs: list[str] = []
    attributes = _NO_ATTRIBUTES
    of = number.Node
    for field, value in fields(message):
        if field == of.INPUT:
            _room(inputs, _MOST_NAMES, "inputs of a node")
            values.append(inputs, text(value))
        elif field == of.OUTPUT:
            _room(outputs, _MOST_NAMES, "outputs of a node")
            values.append(outputs, text(value))
        elif field == of.OP_TYPE:
            op = text(value)
        elif field == of.DOMAIN:
            domain = _domain(text(value))
        elif field == of.NAME:
            name = text(value)
        elif field == of.ATTRIBUTE:
            attributes = attributes or {}
            _room(attributes, _MOST_NAMES, "attributes of a node")
            values.count()
            key, found = _attribute(view(value), values)
            attributes[key] = found
    return Node(op, domain, name, tuple(inputs), tuple(outputs), attributes)


def _refuse(what: str) -> Callable[[Any, Value], NoReturn]:
    def refuse(_: Any, __: Value) -> NoReturn:
        raise ValueError(f"a node has {what}: expected numbers, texts and tensors")

    return refuse


def _attribute(message: memoryview, values: _Values) -> tuple[str, Any]:
    name = ""
    found: Any = None
    kind = 0
    numbers: list[int] = []
    texts: list[str] = []
    packed: memoryview | bytearray | None = None
    of = number.Attribute
    for field, value in fields(message):
        if field == of.NAME:
            name = text(value)
        elif field == of.TYPE:
            kind = whole(value)
        elif field == of.F:
            found = float(_numbers(view(value), "<f4", 1)[0])
        elif field == of.I:
            found = signed(value)
        elif field == of.S:
            found = text(value)
        elif field == of.T:
            found = _tensor(view(value), values)[1]
        elif field == of.FLOATS:
            packed = joined(packed, value)
        elif field == of.INTS:
            for one in signed_numbers(value):
                values.append(numbers, one)
        elif field == of.STRINGS:
            values.append(texts, text(value))
        elif field in _REFUSED:
            raise ValueError(f"the attribute {name!r} is {_REFUSED[field]}: expected numbers, texts or a tensor")
    types = number.AttributeType
    if kind == types.FLOATS or packed is not None:
        found = _numbers(packed or memoryview(b""), "<f4")
    elif kind == types.INTS or numbers:
        found = numbers
    elif kind == types.STRINGS or texts:
        found = texts
    elif found is None:  # protobuf leaves out 0 and ""
        found = {types.FLOAT: 0.0, types.INT: 0, types.STRING: ""}.get(kind)
    return name, found


_REFUSED = {
    number.Attribute.G: "a subgraph",
    number.Attribute.GRAPHS: "a list of subgraphs",
    number.Attribute.TENSORS: "a list of tensors",
    number.Attribute.SPARSE_TENSOR: "a sparse tensor",
    number.Attribute.REF_ATTR_NAME: "that of a function",
}


def _numbers(data: memoryview | bytearray, dtype: str | np.dtype[Any], count: int | None = None) -> NDArray[Any]:
    """Return the numbers of fixed length in bytes, without a copy."""
    kind = np.dtype(dtype)
    if len(data) % kind.itemsize or (count is not None and len(data) != count * kind.itemsize):
        expected = "whole ones" if count is None else str(count)
        raise ValueError(f"{len(data)} bytes are no numbers of {kind.itemsize}: expected {expected}")
    return np.frombuffer(data, kind)


def _value_info(message: memoryview) -> tuple[str, list[int | None] | None]:
    """Return name and shape of an input or output; the shape None where it is not given."""
    name, shape = "", None
    for field, value in fields(message):
        if field == number.ValueInfo.NAME:
            name = text(value)
        elif field == number.ValueInfo.TYPE:
            shape = _shape(view(value))
    return name, shape


def _shape(message: memoryview) -> list[int | None] | None:
    shape: list[int | None] | None = None
    for field, tensor in fields(message):
        if field != number.Type.TENSOR_TYPE:
            continue
        for inner, given in fields(view(tensor)):
            if inner == number.TensorType.SHAPE:
                shape = []
                for part, dimension in fields(view(given)):
                    _room(shape, _MOST_DIMENSIONS, "dimensions")
                    if part == number.Shape.DIM:
                        sizes = [v for f, v in fields(view(dimension)) if f == number.Dimension.VALUE]
                        shape.append(signed(sizes[-1]) if sizes else None)
    return shape


_LISTS = {
    number.Tensor.FLOAT_DATA: (np.dtype("<f4"), (DataType.FLOAT,)),
    number.Tensor.DOUBLE_DATA: (np.dtype("<f8"), (DataType.DOUBLE,)),
}
_IN_INT32 = (
    *(DataType.INT32, DataType.INT16, DataType.INT8, DataType.UINT16, DataType.UINT8, DataType.BOOL),
    *(DataType.FLOAT16, DataType.BFLOAT16),
)
_HALVES = (DataType.FLOAT16, DataType.BFLOAT16)


def _tensor(message: memoryview, values: _Values) -> tuple[str, Constant]:
    """Return name and values of a tensor; those of bfloat16 as float32."""
    name, kind = "", 0
    dimensions: list[int] = []
    whole_numbers: list[int] = []
    texts: list[str] = []
    raw: memoryview | None = None
    packed: memoryview | bytearray | None = None
    where = 0
    of = number.Tensor
    for field, value in fields(message):
        if field == of.NAME:
            name = text(value)
        elif field == of.DATA_TYPE:
            kind = whole(value)
        elif field == of.DIMS:
            for one in signed_numbers(value):
                _room(dimensions, _MOST_DIMENSIONS, "dimensions")
                dimensions.append(one)
        elif field == of.RAW_DATA:
            raw = view(value)
        elif field in _LISTS:
            packed, where = joined(packed if where == field else None, value), field
        elif field in (of.INT32_DATA, of.INT64_DATA, of.UINT64_DATA):
            for one in signed_numbers(value):
                values.append(whole_numbers, one)
            where = field
        elif field == of.STRING_DATA:
            values.append(texts, text(value))
        elif field == of.EXTERNAL_DATA or (field == of.DATA_LOCATION and value):
            raise ValueError(f"the data of the tensor {name!r} lie in another file: expected them in this one")
        elif field == of.SEGMENT:
            raise ValueError(f"the tensor {name!r} is a segment: expected a whole one")
    if any(size < 0 for size in dimensions):
        raise ValueError(f"the tensor {name!r} has the shape {dimensions}")
    count = math.prod(dimensions)
    if kind == DataType.STRING:
        if len(texts) != count or raw is not None:
            raise ValueError(f"the tensor {name!r} has {len(texts)} texts: its shape is {dimensions}")
        return name, texts
    if kind not in DTYPES and kind != DataType.BFLOAT16:
        raise ValueError(f"the tensor {name!r} has the type {kind}: expected real numbers or texts")
    dtype = DTYPES.get(kind, np.dtype("<u2"))
    try:
        if raw is not None:
            array = _numbers(raw, dtype, count)
        elif where in _LISTS and kind in _LISTS[where][1]:
            array = _numbers(packed or b"", dtype, count)  # type: ignore[arg-type]
        elif not where and not count:
            array = np.empty(0, dtype)
        else:
            array = _from_varints(whole_numbers, kind, where, dtype, count)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"the tensor {name!r} has the shape {dimensions} and the type {kind}: {error}") from None
    if kind == DataType.BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return name, array.reshape(dimensions)


def _from_varints(numbers: list[int], kind: int, where: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Return the numbers of a list of variable length; halves are stored by their bits."""
    of = number.Tensor
    expected = {DataType.INT64: of.INT64_DATA, DataType.UINT32: of.UINT64_DATA, DataType.UINT64: of.UINT64_DATA}
    if where != (of.INT32_DATA if kind in _IN_INT32 else expected.get(kind)) or len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers are given")
    if kind == DataType.UINT64:
        numbers = [value & 0xFFFF_FFFF_FFFF_FFFF for value in numbers]
    if kind in _HALVES:
        return np.array(numbers, np.uint16).view(dtype)
    if kind == DataType.BOOL:
        return np.array([bool(value) for value in numbers], dtype)
    return np.array(numbers, dtype)
