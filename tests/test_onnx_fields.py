"""The numbers of ONNX' format are those of the package onnx."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from fcnet._onnx import fields

from interop import library

onnx = library("onnx")
pytestmark = [pytest.mark.interop, pytest.mark.once]

MESSAGES = {
    "Model": "ModelProto",
    "OperatorSet": "OperatorSetIdProto",
    "StringEntry": "StringStringEntryProto",
    "Graph": "GraphProto",
    "Node": "NodeProto",
    "Attribute": "AttributeProto",
    "Tensor": "TensorProto",
    "ValueInfo": "ValueInfoProto",
    "Type": "TypeProto",
    "Shape": "TensorShapeProto",
}
NESTED = {"TensorType": ("TypeProto", "Tensor"), "Dimension": ("TensorShapeProto", "Dimension")}
ENUMS = {"AttributeType": ("AttributeProto", "AttributeType"), "DataType": ("TensorProto", "DataType")}


def numbers(name: str) -> dict[str, int]:
    """The numbers of a class here, by their names in lower case."""
    return {key.lower(): value for key, value in vars(getattr(fields, name)).items() if key.isupper()}


def of_onnx(name: str) -> dict[str, int]:
    """The numbers of the same message or enumeration in onnx."""
    messages: Any = importlib.import_module("onnx.onnx_ml_pb2").DESCRIPTOR.message_types_by_name
    if name in ENUMS:
        message, enum = ENUMS[name]
        return {value.name.lower(): value.number for value in messages[message].enum_types_by_name[enum].values}
    if name in NESTED:
        message, nested = NESTED[name]
        found = messages[message].nested_types_by_name[nested]
    else:
        found = messages[MESSAGES[name]]
    return {field.name.removeprefix("dim_"): field.number for field in found.fields}


@pytest.mark.parametrize("name", [*MESSAGES, *NESTED, *ENUMS])
def test_numbers_are_those_of_onnx(name):
    own = numbers(name)
    assert own
    assert own.items() <= of_onnx(name).items()


def test_the_classes_here_are_all_compared():
    classes = {
        name for name, value in vars(fields).items() if isinstance(value, type) and value.__module__ == fields.__name__
    }
    assert classes == {*MESSAGES, *NESTED, *ENUMS, "Wire"}


def test_types_are_those_of_onnx():
    for number, dtype in fields.DTYPES.items():
        assert onnx.helper.tensor_dtype_to_np_dtype(number) == dtype.newbyteorder("=") == np.dtype(dtype)
