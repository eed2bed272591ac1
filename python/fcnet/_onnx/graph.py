"""A graph of ONNX: nodes and constants are added one by one, then it is written as the bytes of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcnet._onnx import fields
from fcnet._onnx.protobuf import Message

MOST_BYTES = 2**31 - 1  # of a message of protobuf
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9}  # that belong to versions of the operators
_ML_VERSION = 2
_NUMBERS = {dtype: number for number, dtype in fields.DTYPES.items()}
Shape = tuple[int | str, ...]


class Node(NamedTuple):
    """An operator with the names of its inputs and outputs."""

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Any]
    domain: str = ""


class Value(NamedTuple):
    """An input or output of the graph. A dimension is a number, or a name where it is open."""

    name: str
    dtype: np.dtype[Any]  # that of text is any of kind "U"
    shape: Shape


@dataclass
class Graph:
    """Nodes in the order in which they run, constants by name, inputs and outputs.

    Attributes
    ----------
    dtype : of further real numbers
    opset : version of the operators
    root, place : str
        What the names of further nodes and constants begin with, such as "networks.0." and "layers.0.".
    """

    dtype: np.dtype[Any]
    opset: int
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    root: str = ""
    place: str = ""
    _taken: set[str] = field(default_factory=set)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)  # of constants that nodes share

    def input(self, name: str, dtype: np.dtype[Any], shape: Shape) -> str:
        """Add an input and return its name."""
        self.inputs.append(Value(name, dtype, shape))
        return self._free(name)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant and return its name, which begins with ``place``."""
        name = self._free(self.root + self.place + name)
        self.constants[name] = array
        return name

    def real(self, value: float) -> str:
        """Return the name of a real number, which is added where it is new."""
        return self._shared(repr(float(value)), np.array(value, self.dtype))

    def axis(self, value: int) -> str:
        """Return the name of a list of one axis, which is added where it is new."""
        return self._shared(f"axis_{value}", np.array([value], np.int64))

    def _shared(self, wanted: str, array: NDArray[Any]) -> str:
        key = wanted, array.dtype.char
        if key not in self._names:
            self._names[key] = self._free(wanted)
            self.constants[self._names[key]] = array
        return self._names[key]

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the name of that."""
        return self.add_several(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def add_several(self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node with several outputs, and return their names."""
        names = [self._free(self.root + self.place + operator) for _ in range(outputs)]
        self.nodes.append(Node(operator, list(inputs), names, attributes, domain))
        return names

    def mean(self, value: str, axis: int, *, keep: bool) -> str:
        """Return the mean along an axis, which is an attribute of old versions and an input of new ones."""
        if self.opset < 18:
            return self.add("ReduceMean", value, axes=[axis], keepdims=int(keep))
        return self.add("ReduceMean", value, self.axis(axis), keepdims=int(keep))

    def output(self, value: str, name: str, dtype: np.dtype[Any], shape: Shape) -> None:
        """Make a value, the output of a node, an output of the graph, and give it this name everywhere."""
        self.outputs.append(Value(name, dtype, shape))
        for node in self.nodes:
            for names in (node.inputs, node.outputs):
                names[:] = [name if each == value else each for each in names]

    def model(self, producer: tuple[str, str], metadata: Mapping[str, str]) -> bytes:
        """Return the graph as the bytes of a model.

        Raises
        ------
        ValueError : they are more than protobuf allows.
        """
        message = Message()
        message.number(fields.Model.IR_VERSION, _IR_VERSIONS[self.opset])
        message.text(fields.Model.PRODUCER_NAME, producer[0])
        message.text(fields.Model.PRODUCER_VERSION, producer[1])
        message.message(fields.Model.GRAPH, self._message())
        versions = {"": self.opset, fields.ML_DOMAIN: _ML_VERSION}
        for domain in sorted({"", *(node.domain for node in self.nodes)}):
            version = Message()
            if domain:
                version.text(fields.OperatorSet.DOMAIN, domain)
            version.number(fields.OperatorSet.VERSION, versions[domain])
            message.message(fields.Model.OPSET_IMPORT, version)
        for key, value in metadata.items():
            entry = Message()
            entry.text(fields.StringEntry.KEY, key)
            entry.text(fields.StringEntry.VALUE, value)
            message.message(fields.Model.METADATA_PROPS, entry)
        if message.size > MOST_BYTES:
            raise ValueError(f"the model has {message.size} bytes: ONNX allows {MOST_BYTES}")
        return bytes(message)

    def _message(self) -> Message:
        message = Message()
        for node in self.nodes:
            message.message(fields.Graph.NODE, _node(node))
        message.text(fields.Graph.NAME, "fcnet")
        for name, array in self.constants.items():
            message.message(fields.Graph.INITIALIZER, _tensor(name, array))
        for number, values in ((fields.Graph.INPUT, self.inputs), (fields.Graph.OUTPUT, self.outputs)):
            for value in values:
                message.message(number, _value(value))
        return message

    def _free(self, wanted: str) -> str:
        """Return the name, with a number behind it where it is taken."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name


def _node(node: Node) -> Message:
    message = Message()
    for name in node.inputs:
        message.text(fields.Node.INPUT, name)
    for name in node.outputs:
        message.text(fields.Node.OUTPUT, name)
    message.text(fields.Node.NAME, node.outputs[0])
    message.text(fields.Node.OP_TYPE, node.operator)
    for name, value in node.attributes.items():
        message.message(fields.Node.ATTRIBUTE, _attribute(name, value))
    if node.domain:
        message.text(fields.Node.DOMAIN, node.domain)
    return message


def _attribute(name: str, value: float | str | Sequence[int] | Sequence[float] | Sequence[str]) -> Message:
    message = Message()
    message.text(fields.Attribute.NAME, name)
    of, kinds = fields.Attribute, fields.AttributeType
    if isinstance(value, float):
        message.real(of.F, value)
        kind = kinds.FLOAT
    elif isinstance(value, int):
        message.number(of.I, value)
        kind = kinds.INT
    elif isinstance(value, str):
        message.text(of.S, value)
        kind = kinds.STRING
    elif isinstance(value[0], float):
        for each in value:
            message.real(of.FLOATS, float(each))
        kind = kinds.FLOATS
    elif isinstance(value[0], int):
        for each in value:
            message.number(of.INTS, int(each))
        kind = kinds.INTS
    else:
        for each in value:
            message.text(of.STRINGS, str(each))
        kind = kinds.STRINGS
    message.number(of.TYPE, kind)
    return message


def _number_of(dtype: np.dtype[Any]) -> int:
    return fields.DataType.STRING if dtype.kind == "U" else _NUMBERS[dtype.newbyteorder("<")]


def _tensor(name: str, array: NDArray[Any]) -> Message:
    message = Message()
    for size in array.shape:
        message.number(fields.Tensor.DIMS, size)
    message.number(fields.Tensor.DATA_TYPE, _number_of(array.dtype))
    if array.dtype.kind == "U":
        for text in array.ravel().tolist():
            message.text(fields.Tensor.STRING_DATA, text)
    message.text(fields.Tensor.NAME, name)
    if array.dtype.kind != "U":
        message.array(fields.Tensor.RAW_DATA, np.ascontiguousarray(array, array.dtype.newbyteorder("<")))
    return message


def _value(value: Value) -> Message:
    shape, tensor, type_, message = Message(), Message(), Message(), Message()
    for size in value.shape:
        dimension = Message()
        if isinstance(size, str):
            dimension.text(fields.Dimension.PARAM, size)
        else:
            dimension.number(fields.Dimension.VALUE, size)
        shape.message(fields.Shape.DIM, dimension)
    tensor.number(fields.TensorType.ELEM_TYPE, _number_of(value.dtype))
    tensor.message(fields.TensorType.SHAPE, shape)
    type_.message(fields.Type.TENSOR_TYPE, tensor)
    message.text(fields.ValueInfo.NAME, value.name)
    message.message(fields.ValueInfo.TYPE, type_)
    return message
