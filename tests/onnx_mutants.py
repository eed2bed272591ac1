"""Models of ONNX to damage: small ones by fcnet and by other exporters, and what goes wrong in them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

import fcnet as fc
from fcnet._onnx import fields
from fcnet._onnx.graph import Graph, Node, Value

GOLDEN = Path(__file__).parent / "golden/onnx"
_TAGS = [number << 3 | wire for number in (*range(1, 15), 20, 21) for wire in (0, 1, 2, 5)]


def models() -> list[bytes]:
    """With everything that a model may have that is read: normalisation, labels, decomposed activations, scalers."""
    hidden = [fc.Dense(4, "gelu", normalization="layer"), fc.Dense(3, "silu", normalization="batch")]
    nets = [
        fc.Network([3, *hidden, 2], seed=1, scale=[1, 2, 3], offset=0.5, classes=["no", "yes"]),
        fc.Network([3, 4, fc.Dense(1, "sigmoid")], seed=2),
        fc.Network([2, 3], seed=3, loss=fc.losses.Quantile([0.1, 0.5, 0.9])),
    ]
    names = ("sklearn-zipmap", "sklearn-standard-scaler", "sklearn-columns", "torch-script-opset-13-batch-norm")
    names = (*names, "torch-dynamo-functions", "torch-script-opset-13-layer-norm-without-bias", "keras-relu")
    return [*(net.to_onnx() for net in nets), *((GOLDEN / f"{name}.onnx").read_bytes() for name in names)]


def _spans(message: bytes, begin: int, end: int, depth: int) -> list[tuple[int, int]]:
    """Where the fields of length begin and end that look like messages, to some depth."""
    found, at = [], begin
    while at < end:
        tag, at = message[at], at + 1
        if tag & 7 == fields.Wire.VARINT:
            while at < end and message[at] > 127:
                at += 1
            at += 1
        elif tag & 7 == fields.Wire.BYTES:
            length = shift = 0
            while at < end:
                byte, at = message[at], at + 1
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            if length > end - at:
                return []
            found.append((at, at + length))
            if depth:
                found += _spans(message, at, at + length, depth - 1)
            at += length
        elif tag & 7 in (fields.Wire.FIXED32, fields.Wire.FIXED64):
            at += 4 if tag & 7 == fields.Wire.FIXED32 else 8
        else:
            return []
    return found


def mutant(model: bytes, rng: random.Random) -> bytes:
    """``model`` with one to three changes, half of them within a field so that the lengths around it stay right."""
    data = bytearray(model)
    for _ in range(rng.randint(1, 3)):
        spans = [(begin, end) for begin, end in _spans(bytes(data), 0, len(data), 4) if end > begin]
        begin, end = rng.choice(spans) if spans and rng.random() < 0.8 else (0, len(data))
        at = rng.randrange(begin, end)
        kind = rng.randrange(7)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice(_TAGS) & 255
        elif kind == 2:
            data[at] = rng.choice((0, 1, 2, 3, 127, 128, 255))
        elif kind == 3:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 4:
            data[at:at] = bytes(data[at : at + rng.randint(1, 16)])
        elif kind == 5 and spans:  # as long as it was, by another field
            other, behind = rng.choice(spans)
            part = bytes(data[other:behind])[: end - begin]
            data[begin : begin + len(part)] = part
        else:
            data[at : at + 8] = np.array([rng.choice([np.nan, np.inf, 1e308, 2.0**40])]).tobytes()[: len(data) - at]
    return bytes(data)


def graph(
    *nodes: tuple[object, ...], width: int = 2, outputs: tuple[str, ...] = ("y",), opset: int = 13, **arrays
) -> bytes:
    """A model of nodes ``(operator, inputs, output, attributes)`` from "x" to ``outputs``, with constants by name."""
    made = Graph(np.dtype(np.float32), opset)
    made.input("x", made.dtype, ("batch", width))
    for name, array in arrays.items():
        made.constant(
            name, np.asarray(array, np.float32) if np.asarray(array).dtype == np.float64 else np.asarray(array)
        )
    for operator, inputs, output, *attributes in nodes:
        [given] = attributes or [{}]
        domain, _, operator = str(operator).rpartition(".")
        made.nodes.append(Node(operator, str(inputs).split(), [str(output)], given, domain))
    for name in outputs:
        made.outputs.append(Value(name, made.dtype, ("batch", 1)))
    return made.model(("test", "1"), {})
