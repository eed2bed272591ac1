"""Graphs of other libraries' exporters are read as the networks that onnxruntime computes, or refused in these words.

``golden/write_onnx.py`` wrote them; ``golden/onnx/versions.json`` has the versions of the exporters.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc

FOLDER = Path(__file__).parent / "golden/onnx"
NAMES = sorted(path.stem for path in FOLDER.glob("*.onnx"))
ROWS = np.load(FOLDER / "rows.npz")

EXPORTERS = ("script", "script-opset-13", "dynamo")
SUMS = "joins paths from {!r} that are no activation of fcnet: expected a chain"
REFUSED = {
    "torch-script-residual": "Add '/Add': it " + SUMS.format("/Relu_output_0"),
    "torch-script-opset-13-residual": "Add '/Add': it " + SUMS.format("/Relu_output_0"),
    "torch-dynamo-residual": "Add 'node_add_12': it " + SUMS.format("relu"),
    "torch-script-hard": "Clip '/4/Clip': it is none of the operators that are read",
    "torch-script-opset-13-hard": "Clip '/4/Clip': it is none of the operators that are read",
    "torch-dynamo-hard": "Clip 'n4': it is none of the operators that are read",
}
WARNED = {
    **dict.fromkeys((f"torch-{exporter}-log-softmax" for exporter in EXPORTERS), "LogSoftmax .* is read as softmax"),
    **dict.fromkeys(
        ("sklearn-regressor-outputs", "sklearn-regressor-outputs-old"),
        r"makes one column of 2, of shape \(2 \* rows, 1\): .* have another shape, \(rows, 2\)",
    ),
}
CLASSES = {
    "sklearn-columns": (5, 6, 7),
    "sklearn-text-labels": ("high", "low", "middle"),
    "sklearn-text-labels-zipmap": ("no", "yes"),
}

OF_SKLEARN = [name for name in NAMES if name.startswith("sklearn-") and not name.endswith("-old")]
OF_TORCH = ("batch-norm", "functions", "layer-norm", "relu6", "mish", "residual")
COUNTED = [  # those that were tried before this was written
    *OF_SKLEARN,
    *(f"torch-{exporter}-{module}" for exporter in ("script", "dynamo") for module in OF_TORCH),
    *("keras-relu", "keras-leaky-relu"),
]


def expected_outputs(name):
    """What onnxruntime made of the rows, as the network gives it."""
    y = ROWS[f"{name}/y"]
    if name.endswith("log-softmax"):
        return np.exp(y)
    if y.shape[1:] == (2,) and "columns" not in name and fc.from_onnx(FOLDER / f"{name}.onnx").sizes[-1] == 1:
        return y[:, 1:]  # of one sigmoid
    return y.reshape(len(ROWS[f"{name}/x"]), -1)


@pytest.mark.filterwarnings("ignore:Reshape", "ignore:LogSoftmax")
@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_a_chain_is_read_and_predicts_the_same(name):
    net, expected = fc.from_onnx(FOLDER / f"{name}.onnx"), expected_outputs(name)
    predicted = net.predict(ROWS[f"{name}/x"])
    assert predicted.shape == expected.shape
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_by_the_name_of_the_node(name):
    path = FOLDER / f"{name}.onnx"
    with pytest.raises(ValueError, match=r"is not a chain that a network can hold: ") as caught:
        fc.from_onnx(path)
    assert str(caught.value) == f"{str(path)!r} is not a chain that a network can hold: {REFUSED[name]}"


@pytest.mark.parametrize("name", WARNED)
def test_outputs_that_are_others_than_those_of_the_file_are_said(name):
    with pytest.warns(UserWarning, match=WARNED[name]):
        fc.from_onnx(FOLDER / f"{name}.onnx")


@pytest.mark.parametrize("name", OF_SKLEARN)
@pytest.mark.filterwarnings("ignore:Reshape")
def test_classes_keep_their_names_and_the_loss_is_that_of_the_last_activation(name):
    net = fc.from_onnx(FOLDER / f"{name}.onnx")
    assert net.classes == CLASSES.get(name)
    is_binary = net.sizes[-1] == 1 or name == "sklearn-multilabel"
    assert net.loss == ("mse" if "regressor" in name else "binary_cross_entropy" if is_binary else "cross_entropy")


def test_there_are_the_graphs_that_were_tried_and_their_versions():
    assert len(COUNTED) == 27
    assert set(COUNTED) <= set(NAMES)
    assert sum(name not in REFUSED for name in COUNTED) >= 25
    assert sorted(json.loads((FOLDER / "versions.json").read_text())) == NAMES
