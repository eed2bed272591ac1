"""A model file that was damaged, or made to do harm, is a ValueError; loading looks at nothing but the file."""

from __future__ import annotations

import json
import os
import random

import numpy as np
import pytest

import fcnet as fc
from fcnet._saving import network_file, safetensors
from forks import output_forked
from mutants import parts

from tables import Named

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "net.safetensors"
    net = fc.Network([3, 5, 2], seed=7)
    net.fit(Named(np.eye(3), "abc"), [0, 1, 0], epochs=2)
    net.save(path)
    return path.read_bytes()


def whole(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def refused(data, tmp_path, match="."):
    path = tmp_path / "hostile"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match):
        fc.load(path)


def test_every_shorter_file_is_refused(good, tmp_path):
    for length in range(len(good)):
        refused(good[:length], tmp_path)


def entry(name, **changes):
    def change(header):
        header[name] |= changes
        return header

    return change


def network(**changes):
    def change(header):
        metadata = header["__metadata__"]
        metadata["network"] = json.dumps(json.loads(metadata["network"]) | changes)
        return header

    return change


W, LAYERS = "layers.0.W", [["relu", True, 0.0], ["softmax", True, 0.0]]
CHANGES = {
    "an unknown type": (entry(W, dtype="BF16"), "expected F32, F64 or U8"),
    "a type that is no text": (entry(W, dtype=["F32"]), "expected F32, F64 or U8"),
    "bytes for numbers": (entry(W, dtype="U8", shape=[60]), "W is uint8: expected float32"),
    "another type": (entry(W, dtype="F64"), "has the bytes"),
    "a negative size": (entry(W, shape=[-3, -5]), "has the shape"),
    "a size that is no number": (entry(W, shape=[True, 15]), "has the shape"),
    "a huge size": (entry(W, shape=[2**62, 2**62]), "has the bytes"),
    "many dimensions": (entry(W, shape=[1] * 1000 + [15]), "has the shape"),
    "another shape": (entry(W, shape=[5, 3]), "a line for each input: expected 5"),
    "a hole": (entry(W, data_offsets=[20, 80]), "begin at 20"),
    "an overlap": (entry(W, data_offsets=[0, 60]), "begin at 0: expected"),
    "a field too many": (entry(W, device="cpu"), "not described by"),
    "an array too many": (lambda h: h | {"x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}, "not those of"),
    "no metadata": (
        lambda h: {k: v for k, v in h.items() if k != "__metadata__"},
        "it is in the safetensors format, but its metadata is not that of fcnet",
    ),
    "metadata that is no text": (lambda h: h | {"__metadata__": {"format": 1}}, "metadata is not text"),
    "a later version": (lambda h: h | {"__metadata__": h["__metadata__"] | {"version": "9"}}, "version '9'"),
    "no optimizer": (
        lambda h: h | {"__metadata__": h["__metadata__"] | {"optimizer": "3"}},
        "optimizer is not given by",
    ),
    "another checksum": (lambda h: h | {"__metadata__": h["__metadata__"] | {"crc32": "0"}}, "damaged"),
    "other sizes": (network(sizes=[3, 6, 2]), "has shape"),
    "more layers": (
        network(sizes=[3, 5, 5, 2], layers=[*LAYERS[:1] * 2, LAYERS[1]], trainable=[True] * 3),
        "layers: expected 3",
    ),
    "huge layers that are scaled": (network(sizes=[2**33, 5, 2]), r"W of layers\[0\] has shape"),
    "huge layers": (network(sizes=[2**40, 2**40, 2]), "has shape"),
    "sizes that are no list": (network(sizes={"a": 1}), "expected one entry for each of the layers of"),
    "an unknown activation": (network(layers=[["eval", True, 0.0], LAYERS[1]]), "activation is 'eval'"),
    "an unknown activation with a constant": (
        network(layers=[[{"name": "relu", "slope": 0.1}, True, 0.0], LAYERS[1]]),
        "expected a name, or that of leaky_relu or elu in a dict",
    ),
    "a constant that is not of the activation": (
        network(layers=[[{"name": "elu", "slope": 0.1}, True, 0.0], LAYERS[1]]),
        "has no argument 'slope'",
    ),
    "a constant out of range": (
        network(layers=[[{"name": "elu", "alpha": -1}, True, 0.0], LAYERS[1]]),
        "alpha is -1",
    ),
    "an activation that is no name": (network(layers=[[["relu"], True, 0.0], LAYERS[1]]), "activation is"),
    "a layer of too many parts": (network(layers=[["relu", True, 0.0, "zeros", 1], LAYERS[1]]), "not a network"),
    "options of a parametric activation that it has not": (
        network(layers=[["relu", True, 0.0, None, False, {"parametric": {"a": 1}}], LAYERS[1]]),
        "has no argument 'a'",
    ),
    "an unknown option": (network(layers=[["relu", True, 0.0, None, False, {"a": 1}], LAYERS[1]]), "has the options"),
    "options that are no dict": (network(layers=[["relu", True, 0.0, None, False, [1]], LAYERS[1]]), "has the options"),
    "a parametric identity": (
        network(layers=[["identity", True, 0.0, None, False, {"parametric": {}}], LAYERS[1]]),
        "activation of Parametric is 'identity'",
    ),
    "a last layer that is parametric": (
        network(layers=[LAYERS[0], ["tanh", True, 0.0, None, False, {"parametric": {}}]]),
        "Parametric is for hidden layers",
    ),
    "a layer that is no list": (network(layers=[3, LAYERS[1]]), "not a network"),
    "dropout that is no share": (network(layers=[["relu", True, float("nan")], LAYERS[1]]), "dropout is nan"),
    "no bias, but one that is not 0": (network(layers=[LAYERS[0], ["softmax", False, 0.0]]), "the layer has no bias"),
    "trainable that is no list": (network(trainable={"a": 1}), "trainable is .*: expected a flag"),
    "an unknown loss": (network(loss={"name": "os.system"}), "loss is 'os.system'"),
    "a loss that is no name": (network(loss="mse"), "its loss is 'mse'"),
    "an option that the loss has not": (network(loss={"name": "mse", "delta": 1}), "has unknown options"),
    "a function that is no name": (network(loss={"name": "custom", "function": ["os.system"]}), "loss is 'custom'"),
    "a function without a name": (network(loss={"name": "custom"}), "loss is 'custom'"),
    "a function with options": (network(loss={"name": "custom", "function": "f", "a": 1}), "loss is 'custom'"),
    "quantiles that are no numbers": (network(loss={"name": "quantile", "q": [["a"]]}), "q is|q has"),
    "quantiles that go down": (network(loss={"name": "quantile", "q": [0.5, 0.1]}), "ascending"),
    "an unknown dtype": (network(dtype="O"), "expected float32 or float64"),
    "no dtype": (network(dtype=None), "expected float32 or float64"),
    "the other dtype": (network(dtype="float64"), "is float32: expected float64"),
    "a seed that is no number": (network(seed="1"), "seed is '1'"),
    "a negative count": (network(epochs_trained=-1), "epochs_trained is -1"),
    "more than the architecture": (network(hook="os.system"), "not given by"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_header_is_refused(what, good, tmp_path, monkeypatch):
    change, match = CHANGES[what]
    header, data = parts(good)
    monkeypatch.setattr(network_file, "_checksum", lambda *_: header["__metadata__"]["crc32"])
    refused(whole(change(json.loads(json.dumps(header))), data), tmp_path, match)


NAMES = {
    "fewer": (b'"a"\n"b"', "not a line for each input: expected 3"),
    "another type": (b'{"a": 1}\n1\n2', "not one name for each of 3 inputs"),
    "true": (b"true\n1\n2", "not one name for each of 3 inputs"),
    "a list without a kind": (b"[12]\n1\n2", "not one name for each of 3 inputs"),
    "an empty list": (b"[]\n1\n2", "not one name for each of 3 inputs"),
    "an unknown kind": (b'["os.system", "ls"]\n1\n2', "not one name for each of 3 inputs"),
    "a kind of too few parts": (b'["timestamp", "2026"]\n1\n2', "not one name for each of 3 inputs"),
    "a kind of other parts": (b'["period", "1", "M"]\n1\n2', "not one name for each of 3 inputs"),
    "a zone that is a path": (b'["timestamp", "2026", "../../x y"]\n1\n2', "not one name for each of 3 inputs"),
    "a truth that is none": (b'["bool", 2]\n1\n2', "not one name for each of 3 inputs"),
    "a number that is none": (b'["float", "1"]\n1\n2', "not one name for each of 3 inputs"),
    "a date that is none": (b'["date", "2026-02-30"]\n1\n2', "not one name for each of 3 inputs"),
    "bytes that are none": (b'["bytes", "0g"]\n1\n2', "not one name for each of 3 inputs"),
    "an entry that is none": (b'["tuple", "a", [1]]\n1\n2', "not one name for each of 3 inputs"),
    "what cannot be a name": (b'["object", [1]]\n1\n2', "not one name for each of 3 inputs"),
    "an infinite number": (b"Infinity\n1\n2", "not one name for each of 3 inputs"),
    "a long number": (b"9" * 100_000 + b"\n1\n2", "can be loaded"),
    "tuples in tuples": (b'["tuple",' * 5000 + b"1" + b"]" * 5000 + b"\n1\n2", "can be loaded"),
    "no JSON": (b'"a"\n"b\n"c"', "can be loaded"),
    "not UTF-8": (b'"a"\n"\xff"\n"c"', "can be loaded"),
    "deep nesting": (b'"a"\n"b"\n' + b"[" * 100_000, "can be loaded"),
}


@pytest.mark.parametrize("what", NAMES)
def test_other_names_are_refused(what, good, tmp_path, monkeypatch):
    header, data = parts(good)
    lines, match = NAMES[what]
    first, last = header["input.feature_names"]["data_offsets"]
    assert last == len(data)
    header["input.feature_names"] |= {"shape": [len(lines)], "data_offsets": [first, first + len(lines)]}
    monkeypatch.setattr(network_file, "_checksum", lambda *_: header["__metadata__"]["crc32"])
    refused(whole(header, data[:first] + lines), tmp_path, match)


HEADERS = {
    "a list": (b"[]", "begin with"),
    "a space first": (b' {"a": 1}', "begin with"),
    "a name twice": (b'{"a": {}, "a": {}}', "twice"),
    "not JSON": (b"{nonsense", "not a model file: it is not in the safetensors format, as its header is not JSON"),
    "not UTF-8": (b'{"\xff": 1}', "not a model file: it is not in the safetensors format"),
    "deep nesting": (b'{"a":' + b"[" * 100_000 + b"}", "not a model file"),
    "a long number": (b'{"a": ' + b"9" * 100_000 + b"}", "not a model file"),
    "a fraction": (b'{"a": 1.5}', "whole ones"),
    "NaN": (b'{"a": NaN}', "whole ones"),
    "too many arrays": (json.dumps({str(i): 0 for i in range(10_001)}).encode(), "at most 10000"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_another_header_is_refused(what, good, tmp_path):
    text, match = HEADERS[what]
    refused(whole(text, parts(good)[1]), tmp_path, match)


def test_more_after_the_arrays_is_refused(good, tmp_path):
    refused(good + b"PK\x03\x04", tmp_path, "its header says")
    refused((2**63).to_bytes(8, "little") + good[8:], tmp_path, "do not hold a header")
    refused((2**20 + 1).to_bytes(8, "little") + b"{" + b" " * 2**21, tmp_path, "is longer than fcnet writes")


def test_parameters_that_are_not_finite_are_refused_unless_allowed(tmp_path):
    net = fc.Network([3, 5, 2], seed=7)
    net.layers[0].B = [1, np.inf, 2, 3, 4]
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"layers\.0\.B is not finite, see allow_nonfinite"):
        fc.load(tmp_path / "net")
    assert np.isinf(fc.load(tmp_path / "net", allow_nonfinite=True).layers[0].B[1])


def damaged(good, rng) -> bytes:
    """Bytes flipped, cut out, put in, mostly with the header's length made right again."""
    data, length = bytearray(good), int.from_bytes(good[:8], "little")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(8, 8 + length if rng.random() < 0.8 else len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice(b'{}[]",:0123456789-.eE \x00\xff')
        elif kind == 2:
            del data[at : at + rng.randint(1, 8)]
        else:
            data[at:at] = bytes(data[at : at + rng.randint(1, 16)])
    header = len(data) - (len(good) - 8 - length) - 8
    if rng.random() < 0.9 and header >= 0:
        data[:8] = header.to_bytes(8, "little")
    return bytes(data)


def count_loaded(good, path, files, seed) -> int:
    """How many of so many damaged files load, which must be as the same network; the others are a ValueError."""
    rng, loaded = random.Random(seed), 0
    path.write_bytes(good)
    same = fc.load(path)
    for _ in range(files):
        path.write_bytes(damaged(good, rng))
        try:
            net = fc.load(path)
        except ValueError:
            continue
        loaded += 1
        assert repr(net) == repr(same)
        assert net.feature_names == same.feature_names == ("a", "b", "c")
        assert net.predict(np.eye(3)).tobytes() == same.predict(np.eye(3)).tobytes()
    return loaded


def test_a_file_with_any_bytes_changed_is_refused_or_the_same_network(good, tmp_path):
    assert count_loaded(good, tmp_path / "fuzzed", 3_000, seed=0) < 150


@pytest.mark.parametrize("change", [network(activation=["selu"]), network(seed=5), network(epochs_trained=1)])
def test_a_changed_architecture_is_damage(change, good, tmp_path):
    header, data = parts(good)
    refused(whole(change(header), data), tmp_path, "the file is damaged")


def test_a_scaled_file_of_huge_sizes_takes_no_memory(tmp_path):
    net = fc.Network([3, 2], seed=0, scale=2)
    net.save(tmp_path / "net")
    state = network_file.state_of(*safetensors.read(tmp_path / "net"), allow_nonfinite=False) | {"sizes": [10**15, 2]}
    with pytest.raises(ValueError, match=r"W of layers\[0\] has shape"):
        fc.Network.__new__(fc.Network).__setstate__(state)


def test_loading_looks_at_nothing_else(good, tmp_path):
    path = tmp_path / "net"
    path.write_bytes(good)
    code = f"""
import sys
import fcnet as fc
fc.load({str(path)!r})
events = []
sys.addaudithook(lambda name, arguments: events.append((name, arguments)))
fc.load({str(path)!r})
print(sorted({{name for name, arguments in events if name != "open" or arguments[0] != {str(path)!r}}}))
"""
    assert set(eval(output_forked(code))) <= {"object.__getattr__", "array.__new__"}


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"format": "fcnet", "version": "9"}])
def test_files_of_other_programs_are_refused_before_they_are_read(metadata, tmp_path):
    size = 2**43
    header = {"__metadata__": metadata, "x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    path = tmp_path / "large"
    path.write_bytes(whole(header, b""))
    os.truncate(path, path.stat().st_size + size)  # of which nothing is on the disk
    with pytest.raises(ValueError, match=r"is not a model file: .*its (metadata|format) is"):
        fc.load(path)


def test_a_pipe_or_a_folder_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a pipe"):
        fc.load(tmp_path / "pipe")
    monkeypatch.setattr(safetensors.os, "stat", lambda _: os.lstat(__file__))  # it was a file a moment ago
    with pytest.raises(ValueError, match="is a pipe"):
        fc.load(tmp_path / "pipe")
    monkeypatch.undo()
    with pytest.raises(OSError, match=str(tmp_path)):
        fc.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        fc.load(tmp_path / "nothing")
