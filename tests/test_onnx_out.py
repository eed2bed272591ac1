"""``to_onnx``: its arguments, the file, and what it refuses; no runtime needed."""

from __future__ import annotations

import datetime
import threading

import numpy as np
import pytest

import fcnet as fc
from fcnet._onnx.protobuf import Message, varint

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (150, "9601"),
        (2**64 - 1, "ff" * 9 + "01"),
        (-1, "ff" * 9 + "01"),
    ],
)
def test_whole_numbers_are_those_of_protobuf(value, expected):
    assert varint(value).hex() == expected


def test_messages_are_those_of_protobuf():  # examples of protobuf's documentation
    inner, message = Message(), Message()
    inner.number(1, 150)
    message.text(2, "testing")
    message.message(3, inner)
    message.real(4, 1.0)
    message.array(5, np.array([[1, 2], [3, 4]], "u1"))
    expected = "120774657374696e67" + "1a03089601" + "250000803f" + "2a0401020304"
    assert bytes(message).hex() == expected
    assert message.size == len(bytes(message))


def network(**options):
    return fc.Network([3, 5, 4], seed=1, **options)


def test_the_file_holds_the_bytes_and_they_repeat(tmp_path):
    net = network()
    model = net.to_onnx(tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == model == net.to_onnx() == network().to_onnx()
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_a_file_that_cannot_be_written_is_unchanged(tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    path.chmod(0o444)
    monkeypatch.setattr("fcnet._saving.atomic_file.os.access", lambda *_: False)
    with pytest.raises(PermissionError, match="read-only"):
        network().to_onnx(path)
    assert path.read_bytes() == b"old"
    with pytest.raises(TypeError, match="path is 3: expected the path of a file"):
        network().to_onnx(3)


def test_a_network_and_its_copy_from_a_file_give_the_same_bytes(tmp_path):
    net = network(classes=list("abcd"))
    net.save(tmp_path / "net.safetensors")
    assert fc.load(tmp_path / "net.safetensors").to_onnx() == net.to_onnx()


def test_weights_are_those_of_one_moment_of_a_fit():
    net = fc.Network([4, 64, 2], seed=0)
    x, y, done, models = np.zeros((256, 4), np.float32), np.arange(256) % 2, threading.Event(), []

    def write():
        while not done.is_set():
            models.append(net.to_onnx())

    thread = threading.Thread(target=write)
    thread.start()
    net.fit(x, y, epochs=20)
    done.set()
    thread.join()
    assert len({len(model) for model in models}) == 1


REFUSALS = {
    "labels of text alone": (network(), {"labels": "abcd"}, TypeError, "labels is 'abcd': expected a list like"),
    "a number as labels": (network(), {"labels": 3}, TypeError, "labels is 3: expected a list like"),
    "labels of two kinds": (
        network(),
        {"labels": ["a", 1, 2, 3]},
        TypeError,
        "['a', 1, 2, 3]: expected text",
    ),
    "real labels": (network(), {"labels": [0.5, 1, 2, 3]}, TypeError, "labels is [0.5, 1, 2, 3]: expected text"),
    "true and false": (network(), {"labels": [True, False, 2, 3]}, TypeError, "expected text for every class"),
    "labels beyond int64": (network(), {"labels": [0, 1, 2, 2**63]}, TypeError, "expected text for every class"),
    "halves of characters": (network(), {"labels": ["a", "b", "c", "\ud800"]}, TypeError, "expected text for every"),
    "no labels": (network(), {"labels": []}, TypeError, "expected text for every class"),
    "too few labels": (network(), {"labels": ["a", "b"]}, ValueError, "expected 4 labels, each different"),
    "equal labels": (network(), {"labels": ["a", "b", "b", "c"]}, ValueError, "expected 4 labels, each different"),
    "labels of values": (network(loss="mse"), {"labels": list("abcd")}, ValueError, "under loss 'mse' are values"),
    "labels of several sigmoids": (
        network(loss="binary_cross_entropy"),
        {"labels": list("abcd")},
        ValueError,
        "under loss 'binary_cross_entropy' are several labels of 0 and 1: expected None",
    ),
    "labels and none": (
        network(),
        {"labels": list("abcd"), "outputs": "scores"},
        ValueError,
        "labels is given, and outputs is 'scores'",
    ),
    "classes that are dates": (
        network(classes=[datetime.date(2026, 1, day) for day in (1, 2, 3, 4)]),
        {},
        ValueError,
        "labels in ONNX are text or whole numbers: expected labels=[...]",
    ),
    "outputs": (network(), {"outputs": "logits"}, ValueError, "outputs is 'logits': expected 'all' or 'scores'"),
    "a low opset": (network(), {"opset": 12}, ValueError, "opset is 12: expected from 13 to 20"),
    "a high opset": (network(), {"opset": 21}, ValueError, "opset is 21: expected from 13 to 20"),
    "a text as opset": (network(), {"opset": "13"}, TypeError, "opset is '13': expected"),
    "half precision": (network(), {"dtype": "float16"}, ValueError, "dtype is 'float16': expected 'float32' or"),
    "no dtype": (network(), {"dtype": None}, ValueError, "dtype is None: expected 'float32' or 'float64'"),
    "gelu in float64": (
        network(activation="gelu", dtype="float64"),
        {"dtype": "float64"},
        ValueError,
        "dtype is 'float64', and layers[0] has gelu, whose operator Erf onnxruntime has in float32 only",
    ),
    "a wrong name": (network(), {"opsets": 13}, TypeError, "opset"),
}


@pytest.mark.parametrize(("net", "options", "error", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_is_named(net, options, error, message):
    with pytest.raises(error) as caught:
        net.to_onnx(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize("options", [{"labels": list("abcd")}, {"outputs": "scores"}])
def test_classes_that_onnx_does_not_have_can_be_named_or_left_out(options):
    assert network(classes=[0.5, 1.5, 2.5, 3.5]).to_onnx(**options)


def test_numbers_that_float32_does_not_hold_are_refused_by_name():
    net = fc.Network([2, 3, 1], loss="mse", seed=0, dtype="float64")
    net.layers[1].B = [1e300]
    with pytest.raises(ValueError, match=r"B of layers\[1\] holds 1e\+300, which is infinite in float32: expected"):
        net.to_onnx()
    assert net.to_onnx(dtype="float64")
    net.layers[1].B = [np.nan]
    with pytest.raises(ValueError, match=r"B of layers\[1\] holds nan: expected finite numbers"):
        net.to_onnx(dtype="float64")


def test_variances_of_0_without_an_epsilon_in_reach_are_refused():
    net = fc.Network([2, fc.Dense(3, normalization=fc.BatchNorm(epsilon=1e-30)), 2], seed=0)
    net.layers[0].variance, net.layers[0].gamma = np.zeros(3), np.full(3, 1e30)
    with pytest.raises(ValueError, match=r"W with its normalization, of layers\[0\] holds"):
        net.to_onnx()


def test_a_model_beyond_2_gib_is_refused(monkeypatch):
    monkeypatch.setattr("fcnet._onnx.graph.MOST_BYTES", 500)
    with pytest.raises(ValueError, match=r"the model has \d+ bytes: ONNX allows 500"):
        network().to_onnx()
