"""The numbers of ONNX' format that a network needs: fields of its messages (onnx.proto), types, wire types of protobuf.

The format freezes them: a number is never given to another field.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np


class Wire:
    """Wire types of protobuf: how the bytes of a field are read."""

    VARINT: Final = 0
    FIXED64: Final = 1
    BYTES: Final = 2
    FIXED32: Final = 5


class Model:
    """Fields of ModelProto."""

    IR_VERSION: Final = 1
    PRODUCER_NAME: Final = 2
    PRODUCER_VERSION: Final = 3
    DOMAIN: Final = 4
    MODEL_VERSION: Final = 5
    DOC_STRING: Final = 6
    GRAPH: Final = 7
    OPSET_IMPORT: Final = 8
    METADATA_PROPS: Final = 14
    TRAINING_INFO: Final = 20
    FUNCTIONS: Final = 25


class OperatorSet:
    """Fields of OperatorSetIdProto."""

    DOMAIN: Final = 1
    VERSION: Final = 2


class StringEntry:
    """Fields of StringStringEntryProto."""

    KEY: Final = 1
    VALUE: Final = 2


class Graph:
    """Fields of GraphProto."""

    NODE: Final = 1
    NAME: Final = 2
    INITIALIZER: Final = 5
    DOC_STRING: Final = 10
    INPUT: Final = 11
    OUTPUT: Final = 12
    VALUE_INFO: Final = 13
    SPARSE_INITIALIZER: Final = 15


class Node:
    """Fields of NodeProto."""

    INPUT: Final = 1
    OUTPUT: Final = 2
    NAME: Final = 3
    OP_TYPE: Final = 4
    ATTRIBUTE: Final = 5
    DOC_STRING: Final = 6
    DOMAIN: Final = 7


class Attribute:
    """Fields of AttributeProto."""

    NAME: Final = 1
    F: Final = 2
    I: Final = 3  # noqa: E741
    S: Final = 4
    T: Final = 5
    G: Final = 6
    FLOATS: Final = 7
    INTS: Final = 8
    STRINGS: Final = 9
    TENSORS: Final = 10
    GRAPHS: Final = 11
    DOC_STRING: Final = 13
    TYPE: Final = 20
    REF_ATTR_NAME: Final = 21
    SPARSE_TENSOR: Final = 22


class AttributeType:
    """Values of AttributeProto.type."""

    FLOAT: Final = 1
    INT: Final = 2
    STRING: Final = 3
    TENSOR: Final = 4
    GRAPH: Final = 5
    FLOATS: Final = 6
    INTS: Final = 7
    STRINGS: Final = 8
    TENSORS: Final = 9
    GRAPHS: Final = 10


class Tensor:
    """Fields of TensorProto."""

    DIMS: Final = 1
    DATA_TYPE: Final = 2
    SEGMENT: Final = 3
    FLOAT_DATA: Final = 4
    INT32_DATA: Final = 5
    STRING_DATA: Final = 6
    INT64_DATA: Final = 7
    NAME: Final = 8
    RAW_DATA: Final = 9
    DOUBLE_DATA: Final = 10
    UINT64_DATA: Final = 11
    DOC_STRING: Final = 12
    EXTERNAL_DATA: Final = 13
    DATA_LOCATION: Final = 14


class DataType:
    """Values of TensorProto.data_type and TypeProto.Tensor.elem_type."""

    FLOAT: Final = 1
    UINT8: Final = 2
    INT8: Final = 3
    UINT16: Final = 4
    INT16: Final = 5
    INT32: Final = 6
    INT64: Final = 7
    STRING: Final = 8
    BOOL: Final = 9
    FLOAT16: Final = 10
    DOUBLE: Final = 11
    UINT32: Final = 12
    UINT64: Final = 13
    BFLOAT16: Final = 16


class ValueInfo:
    """Fields of ValueInfoProto: an input or output with its type."""

    NAME: Final = 1
    TYPE: Final = 2
    DOC_STRING: Final = 3


class Type:
    """Fields of TypeProto."""

    TENSOR_TYPE: Final = 1
    SEQUENCE_TYPE: Final = 4
    MAP_TYPE: Final = 5


class TensorType:
    """Fields of TypeProto.Tensor."""

    ELEM_TYPE: Final = 1
    SHAPE: Final = 2


class Shape:
    """Fields of TensorShapeProto."""

    DIM: Final = 1


class Dimension:
    """Fields of TensorShapeProto.Dimension: a number, or the name of one that is open, such as "batch"."""

    VALUE: Final = 1
    PARAM: Final = 2


DTYPES: Final[dict[int, np.dtype[Any]]] = {
    DataType.FLOAT: np.dtype("<f4"),
    DataType.UINT8: np.dtype("u1"),
    DataType.INT8: np.dtype("i1"),
    DataType.UINT16: np.dtype("<u2"),
    DataType.INT16: np.dtype("<i2"),
    DataType.INT32: np.dtype("<i4"),
    DataType.INT64: np.dtype("<i8"),
    DataType.BOOL: np.dtype("?"),
    DataType.FLOAT16: np.dtype("<f2"),
    DataType.DOUBLE: np.dtype("<f8"),
    DataType.UINT32: np.dtype("<u4"),
    DataType.UINT64: np.dtype("<u8"),
}
"""The types of tensors that NumPy has, and how their raw bytes lie."""

ML_DOMAIN: Final = "ai.onnx.ml"
"""The domain of labels and categories, beside that of all other operators, which is empty."""
