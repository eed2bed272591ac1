"""Models of ONNX that are damaged, or made to do harm: ValueError or a sound network, at once and in little memory."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tracemalloc
import warnings

import numpy as np
import pytest

import fcnet as fc
from fcnet._onnx import fields
from fcnet._onnx.parse import parse
from fcnet._onnx.protobuf import Message, varint
from onnx_mutants import graph, models, mutant

from processes import DEADLINE, output

pytestmark = pytest.mark.once

W = np.ones((2, 3), np.float32)


def read_mutants(count, seed) -> int:
    """How many of so many damaged models are read, each as a network that predicts; the others are a ValueError."""
    rng, read, whole = random.Random(seed), 0, models()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(count):
            try:
                net = fc.from_onnx(mutant(rng.choice(whole), rng))
            except ValueError:
                continue
            read += 1
            with np.errstate(all="ignore"):
                assert net.predict(np.ones((2, net.sizes[0]))).shape == (2, net.sizes[-1])
    return read


def growth(count, seed) -> int:
    """KiB by which reading so many makes the largest memory of a process grow."""
    return int(
        output(
            f"""
import resource, test_onnx_files as t
t.read_mutants(1000, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
t.read_mutants({count}, {seed})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
""",
            deadline=max(DEADLINE, count // 50),
            PYTHONPATH=os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]),
        )
    )


def test_damaged_models_are_refused_or_sound():
    assert 100 < read_mutants(2000, seed=1) < 1500


@pytest.mark.skipif(sys.platform != "linux", reason="counts in KiB there")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps what is freed")
def test_damaged_models_take_no_memory():
    assert growth(2000, seed=2) < 1024


@pytest.mark.parametrize("which", range(len(models())))
def test_every_shorter_model_is_refused_or_lacks_what_a_network_does_not_need(which):
    whole = models()[which]
    net = fc.from_onnx(whole) if which else None
    for length in range(len(whole)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                shorter = fc.from_onnx(whole[:length])
            except ValueError:
                continue
        assert net is None or shorter.sizes == net.sizes  # versions and metadata stand behind the graph


def message(*parts):
    """A message of numbers and bytes by field."""
    made = Message()
    for field, value in parts:
        if isinstance(value, int):
            made.number(field, value)
        else:
            made.text(field, bytes(value))
    return bytes(made)


def model(*parts, version=8):
    """A model whose graph is these fields."""
    return message((fields.Model.IR_VERSION, version), (fields.Model.GRAPH, message(*parts)))


def tensor(*parts):
    return model((fields.Graph.INITIALIZER, message((fields.Tensor.NAME, b"W"), *parts)))


def attribute(*parts):
    return model((fields.Graph.NODE, message((fields.Node.ATTRIBUTE, message((fields.Attribute.NAME, b"a"), *parts)))))


T, FLOAT = fields.Tensor, (fields.Tensor.DATA_TYPE, fields.DataType.FLOAT)
MANY = "more than 200,000 texts and numbers of variable length"
FILES = {
    "nothing": (b"", "there is no graph"),
    "text": (b"hello, world", "has the wire type 4"),
    "no graph": (message((fields.Model.IR_VERSION, 8)), "there is no graph"),
    "no version": (model(version=0), "there is no version"),
    "two graphs": (model() + message((fields.Model.GRAPH, b"")), "two graphs"),
    "functions": (model() + message((fields.Model.FUNCTIONS, b"")), "functions of its own"),
    "a number without end": (b"\xff" * 20, "a number does not end"),
    "a field of number 0": (b"\x00\x00", "a field has the number 0"),
    "a group": (b"\x0b", "has the wire type 3"),
    "a length behind the end": (b"\x3a" + varint(2**40), "has 1099511627776 bytes, and 0 are left"),
    "a graph that is a number": (message((fields.Model.GRAPH, 3)), "a number in place of bytes"),
    "a version that is bytes": (message((fields.Model.IR_VERSION, b"8")), "bytes in place of a number"),
    "nodes without end": (model(*[(fields.Graph.NODE, b"")] * 10_001), "more than 10,000 nodes"),
    "initializers without end": (
        model(
            *[(fields.Graph.INITIALIZER, message((T.NAME, str(i).encode()), FLOAT, (T.DIMS, 0))) for i in range(10_001)]
        ),
        "more than 10,000 initializers",
    ),
    "an initializer twice": (
        model(*[(fields.Graph.INITIALIZER, message((T.NAME, b"W"), FLOAT, (T.DIMS, 0)))] * 2),
        "two initializers 'W'",
    ),
    "sparse initializers": (model((fields.Graph.SPARSE_INITIALIZER, b"")), "sparse"),
    "inputs of a node without end": (
        model((fields.Graph.NODE, message(*[(fields.Node.INPUT, b"x")] * 65))),
        "more than 64",
    ),
    "text that is not UTF-8": (model((fields.Graph.NODE, message((fields.Node.NAME, b"\xff")))), "utf-8"),
    "a subgraph": (attribute((fields.Attribute.G, b"")), "'a' is a subgraph"),
    "subgraphs": (attribute((fields.Attribute.GRAPHS, b"")), "'a' is a list of subgraphs"),
    "tensors": (attribute((fields.Attribute.TENSORS, b"")), "'a' is a list of tensors"),
    "a sparse tensor": (attribute((fields.Attribute.SPARSE_TENSOR, b"")), "'a' is a sparse tensor"),
    "numbers without end": (attribute((fields.Attribute.INTS, b"\x01" * 200_000)), MANY),
    "external data": (tensor(FLOAT, (T.DIMS, 1), (T.EXTERNAL_DATA, b"")), "lie in another file"),
    "external data by its place": (tensor(FLOAT, (T.DIMS, 1), (T.DATA_LOCATION, 1)), "lie in another file"),
    "a segment": (tensor(FLOAT, (T.SEGMENT, b"")), "is a segment"),
    "an unknown type": (tensor((T.DATA_TYPE, 14), (T.DIMS, 0)), "has the type 14"),
    "a negative size": (tensor(FLOAT, (T.DIMS, -1), (T.RAW_DATA, b"1234")), "has the shape \\[-1\\]"),
    "a huge size": (tensor(FLOAT, (T.DIMS, 2**62), (T.DIMS, 2**62), (T.RAW_DATA, b"1234")), "has the shape"),
    "sizes that overflow to the right product": (
        tensor(FLOAT, (T.DIMS, 2**33), (T.DIMS, 2**31), (T.RAW_DATA, b"")),
        "has the shape",
    ),
    "many dimensions": (tensor(FLOAT, *[(T.DIMS, 1)] * 9), "more than 8 dimensions"),
    "fewer bytes": (tensor(FLOAT, (T.DIMS, 3), (T.RAW_DATA, b"1234")), "has the shape \\[3\\]"),
    "no data": (tensor(FLOAT, (T.DIMS, 3)), "has the shape \\[3\\]"),
    "data of another type": (tensor(FLOAT, (T.DIMS, 1), (T.INT64_DATA, 1)), "has the shape \\[1\\]"),
    "fewer texts": (tensor((T.DATA_TYPE, fields.DataType.STRING), (T.DIMS, 3)), "has 0 texts"),
    "a number that its type does not hold": (
        tensor((T.DATA_TYPE, fields.DataType.INT8), (T.DIMS, 1), (T.INT32_DATA, 1000)),
        "has the shape \\[1\\]",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_files_made_to_do_harm_are_refused(what):
    file, match = FILES[what]
    with pytest.raises(ValueError, match=f"^the model is not a model of ONNX that can be read: .*(?:{match})"):
        fc.from_onnx(file)


METADATA = {
    "no JSON": "{",
    "deep nesting": "[" * 100_000,
    "a number": "3",
    "no loss": "{}",
    "a loss that is none": '{"loss": {"name": "os.system"}, "seed": 1}',
    "a seed that is none": '{"loss": {"name": "mse"}, "seed": -1}',
    "a seed of text": '{"loss": {"name": "mse"}, "seed": "1"}',
    "options that are none": '{"loss": {"name": "huber", "delta": "x"}, "seed": 1}',
}


@pytest.mark.parametrize("what", METADATA)
def test_metadata_made_to_do_harm_are_refused(what):
    entry = message((fields.StringEntry.KEY, b"fcnet.network"), (fields.StringEntry.VALUE, METADATA[what].encode()))
    file = graph(("MatMul", "x W", "y"), W=W) + message((fields.Model.METADATA_PROPS, entry))
    with pytest.raises(ValueError, match="is not a chain that a network can hold: "):
        fc.from_onnx(file)


@pytest.mark.parametrize("parts", ["3", '["os.system"]', "[[1]]", '{"Columns": 1}'])
def test_names_of_parts_that_are_none_are_not_told(parts):
    known = f'{{"loss": {{"name": "mse"}}, "seed": 1, "parts": {parts}}}'.encode()
    entry = message((fields.StringEntry.KEY, b"fcnet.network"), (fields.StringEntry.VALUE, known))
    file = graph(("Sin", "x", "y")) + message((fields.Model.METADATA_PROPS, entry))
    with pytest.raises(ValueError, match="can hold: Sin 'y': "):
        fc.from_onnx(file)


NAMES = {"fewer": '["a"]', "no names": '[["os.system"], 3.5]', "no list": '{"a": 1}'}


@pytest.mark.parametrize("what", NAMES)
def test_other_names_of_columns_are_refused(what):
    parts = (fields.StringEntry.KEY, b"fcnet.feature_names"), (fields.StringEntry.VALUE, NAMES[what].encode())
    file = graph(("MatMul", "x W", "y"), W=W) + message((fields.Model.METADATA_PROPS, message(*parts)))
    with pytest.raises(ValueError, match="is not a chain that a network can hold: "):
        fc.from_onnx(file)


def traced(file):
    """Bytes of Python's and NumPy's memory, at most, while a model is read or refused."""
    read = fc.from_onnx  # and imported
    tracemalloc.start()
    try:
        with contextlib.suppress(ValueError):
            read(file)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def many(count, name, *parts):
    """Initializers of the same fields."""
    return model(*[(fields.Graph.INITIALIZER, message((T.NAME, f"{name}{i}".encode()), *parts)) for i in range(count)])


TEXTS, SIZE = (T.DATA_TYPE, fields.DataType.STRING), (T.DIMS, 100_000)
NAMES_OF_A_NODE = [(fields.Node.INPUT, f"x{i}".encode()) for i in range(64)]
ATTRIBUTES_OF_A_NODE = [
    (fields.Node.ATTRIBUTE, message((fields.Attribute.NAME, f"a{i}".encode()), (fields.Attribute.F, b"1234")))
    for i in range(64)
]
SMALL_VALUES = {
    "texts": many(20, "t", TEXTS, SIZE, *[(T.STRING_DATA, f"{i % 90 + 10}".encode()) for i in range(100_000)]),
    "whole numbers": many(20, "n", (T.DATA_TYPE, fields.DataType.INT64), SIZE, (T.INT64_DATA, b"\xff\x03" * 100_000)),
    "numbers of attributes": model(
        *[
            (
                fields.Graph.NODE,
                message(*[(fields.Node.ATTRIBUTE, message((fields.Attribute.INTS, b"\x7f" * 1000)))] * 64),
            )
        ]
        * 30
    ),
    "names": model(*[(fields.Graph.NODE, message(*NAMES_OF_A_NODE))] * 9_000),
    "attributes": model(*[(fields.Graph.NODE, message(*ATTRIBUTES_OF_A_NODE))] * 9_000),
}


@pytest.mark.parametrize("which", SMALL_VALUES)
def test_values_that_take_more_memory_than_their_bytes_are_limited_in_the_whole_file(which):
    with pytest.raises(ValueError, match=f"that can be read: there are {MANY}"):
        fc.from_onnx(SMALL_VALUES[which])
    assert traced(SMALL_VALUES[which]) < 24 * 2**20


@pytest.mark.parametrize("count", [2, 150])
def test_weights_that_products_share_are_limited(count):
    shared = np.ones((512, 512), np.float32)
    nodes = [("MatMul", f"v{i} W", f"v{i + 1}") for i in range(count)]
    file = graph(("Identity", "x", "v0"), *nodes, width=512, outputs=(f"v{count}",), W=shared)
    if count == 2:
        assert fc.from_onnx(file).sizes == (512, 512, 512)
    else:
        with pytest.raises(ValueError, match="MatMul 'v3': the weights that products share take much more memory"):
            fc.from_onnx(file)
    assert traced(file) < 4 * len(file)


@pytest.mark.parametrize("kind", [fields.DataType.FLOAT16, fields.DataType.BFLOAT16])
def test_weights_of_halves_are_no_shared_ones(kind):
    file = graph(("MatMul", "x W", "y"), width=512, W=np.ones((512, 512), np.float16))
    of_float16 = bytes([T.DATA_TYPE << 3, fields.DataType.FLOAT16])
    assert file.count(of_float16) == 1
    net = fc.from_onnx(file.replace(of_float16, bytes([T.DATA_TYPE << 3, kind])))
    assert net.layers[0].W[0, 0] == (1 if kind == fields.DataType.FLOAT16 else 2.0**-7)


def chain_of(operator, inputs, count, **arrays):
    """A model of many nodes, one behind the other."""
    nodes = [(operator, f"v{i} {inputs}", f"v{i + 1}") for i in range(count)]
    return graph(("Identity", "x", "v0"), *nodes, ("MatMul", f"v{count} W", "y"), W=W, **arrays)


def test_constants_that_nodes_copy_are_limited():
    constant = np.ones(500_000, np.float16)
    casts = [("Cast", f"c{i}", f"c{i + 1}", {"to": (1, 10)[i % 2]}) for i in range(200)]
    file = graph(*casts, ("MatMul", "x W", "y"), W=W, c0=constant)
    with pytest.raises(ValueError, match="constants take more memory than the file has bytes"):
        fc.from_onnx(file)
    assert traced(file) < 4 * len(file)


def test_shapes_that_double_take_no_memory():
    doubling = [("Concat", f"s{i} s{i}", f"s{i + 1}", {"axis": 0}) for i in range(60)]
    file = graph(("Shape", "x", "s0"), *doubling, ("Reshape", "x s60", "h"), ("MatMul", "h W", "y"), W=W)
    assert traced(file) < 2**20


@pytest.mark.parametrize("which", ["Add", "Mul", "Identity", "Max", "branches"])
def test_thousands_of_nodes_take_little_memory_and_no_recursion(which):
    if which == "branches":
        nodes = [("Add", f"x v{i}", f"v{i + 1}") for i in range(2_000)]
        file = graph(("Identity", "x", "v0"), *nodes, ("MatMul", "v2000 W", "y"), W=W)
    else:
        file = chain_of(which, "" if which == "Identity" else "c", 2_000, c=1.0)
    assert traced(file) < 2 * len(file) + 4 * 2**20


def test_reading_takes_as_much_memory_as_the_file_beside_the_file_and_the_network():
    file = fc.Network([1000, 1000, 1000, 10], seed=0).to_onnx()
    fc.from_onnx(file)
    assert traced(file) < 1.1 * len(file)


def test_weights_are_views_of_the_file():
    file = graph(("MatMul", "x W", "y"), W=W)
    assert np.may_share_memory(parse(file).constants["W"], np.frombuffer(file, np.uint8))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a pipe or a device"):
        fc.from_onnx(tmp_path / "pipe")
