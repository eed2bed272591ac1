"""Write onnx/: graphs of other libraries' exporters, with inputs and outputs, for ``tests/test_onnx_golden.py``.

pip install skl2onnx==1.20.0 scikit-learn==1.9.1 torch==2.13.0 onnxscript==0.7.2 keras==3.15.1 onnxruntime==1.32.0
KERAS_BACKEND=torch python tests/golden/write_onnx.py

The same once more with an older version of skl2onnx, for the files whose name ends in "-old":

pip install skl2onnx==1.17.0 scikit-learn==1.5.2 onnx==1.16.2 onnxruntime==1.20.1
python tests/golden/write_onnx.py old

Each graph is ``onnx/NAME.onnx``; ``onnx/rows.npz`` holds "NAME/x" and what onnxruntime makes of it, "NAME/y": the
probabilities, or the only output. ``onnx/versions.json`` says by which versions each was written. The networks are
small: what is tested are the forms that exporters choose.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnxruntime

os.environ.setdefault("KERAS_BACKEND", "torch")
FOLDER = pathlib.Path(__file__).with_name("onnx")
ROWS, FEATURES = 16, 4
OF_SKLEARN, OF_TORCH, OF_KERAS = ("skl2onnx", "scikit-learn"), ("torch", "onnxscript", "onnx"), ("keras", "torch")
Graph = tuple[str, bytes, tuple[str, ...]]


def rows() -> np.ndarray:
    """The rows of x, of several magnitudes, so that the parts of an activation are all met."""
    random = np.random.default_rng(0)
    return (random.standard_normal((ROWS, FEATURES)) * np.geomspace(0.2, 5, ROWS)[:, None]).astype(np.float32)


def of_sklearn() -> Iterator[Graph]:
    """Estimators and pipelines by skl2onnx."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    random = np.random.default_rng(1)
    x = (random.standard_normal((80, FEATURES)) * [1, 2, 3, 4] + [0, 1, 2, 3]).astype(np.float32)
    two, three = (x[:, 0] > 0).astype(int), np.digitize(x[:, 1], [0, 2])
    many = np.stack([x[:, 0] > 0, x[:, 1] > 1, x[:, 2] > 2], axis=1).astype(int)
    number, numbers = x[:, 0] * 2 - x[:, 1], np.stack([x[:, 0], x[:, 1] - x[:, 2]], axis=1)
    options: dict[str, Any] = {"hidden_layer_sizes": (6, 5), "max_iter": 20, "random_state": 0}
    classifier, regressor = MLPClassifier(**options), MLPRegressor(**options)
    cases: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "binary": (classifier, two, {"zipmap": False}),
        "classes": (classifier, three, {"zipmap": False}),
        "zipmap": (MLPClassifier(**options, activation="tanh"), three, {}),
        "text-labels": (classifier, np.array(["low", "middle", "high"])[three], {"zipmap": False}),
        "text-labels-zipmap": (MLPClassifier(**options), np.array(["no", "yes"])[two], {}),
        "multilabel": (MLPClassifier(**options, activation="logistic"), many, {"zipmap": False}),
        "columns": (MLPClassifier(**options), three + 5, {"zipmap": "columns"}),
        "regressor": (regressor, number, {}),
        "regressor-outputs": (MLPRegressor(**options, activation="tanh"), numbers, {}),
        "regressor-identity": (MLPRegressor(**options, activation="identity"), number, {}),
        "standard-scaler": (make_pipeline(StandardScaler(), classifier), three, {"zipmap": False}),
        "min-max-scaler": (make_pipeline(MinMaxScaler(), MLPClassifier(**options)), two, {"zipmap": False}),
        "scaled-regressor": (make_pipeline(StandardScaler(with_std=False), regressor), number, {}),
    }
    for name, (estimator, y, choice) in cases.items():
        fitted = estimator.fit(x, y)
        chosen = {id(fitted): choice} if choice else None
        graph = to_onnx(fitted, x[:1], options=chosen).SerializeToString()
        yield f"sklearn-{name}", graph, OF_SKLEARN


def of_torch() -> Iterator[Graph]:
    """Modules by both exporters: "script" is that of TorchScript, "dynamo" the newer one.

    Before opset 20 an exporter writes several nodes for what is one node later.
    """
    import torch
    from torch import nn

    class Residual(nn.Module):  # type: ignore[misc]
        """A sum of two paths, which is no chain."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.last = nn.Linear(FEATURES, 6), nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.first(x))
            return self.last(h + torch.relu(self.second(h)))

    class View(nn.Module):  # type: ignore[misc]
        """Rows by their number, as before ``nn.Flatten``."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.view(x.size(0), -1)

    def chain(*middle: nn.Module, last: tuple[nn.Module, ...] = ()) -> Callable[[], nn.Module]:
        return lambda: nn.Sequential(nn.Linear(FEATURES, 6), *middle, nn.Linear(6, 3), *last)

    def hidden(*functions: nn.Module) -> Callable[[], nn.Module]:
        layers = [layer for function in functions for layer in (nn.Linear(6, 6), function)]
        return chain(*layers)

    normal = nn.BatchNorm1d(6)
    cases: dict[str, Callable[[], nn.Module]] = {
        "batch-norm": chain(normal, nn.GELU(), nn.Dropout(0.5), last=(nn.Softmax(dim=1),)),
        "functions": hidden(nn.SiLU(), nn.Softplus(), nn.GELU(approximate="tanh"), nn.SELU(), nn.Tanh(), nn.Sigmoid()),
        "layer-norm": chain(nn.LayerNorm(6), nn.ReLU()),
        "relu6": chain(nn.ReLU6()),
        "mish": chain(nn.Mish()),
        "residual": Residual,
        "slopes": hidden(nn.LeakyReLU(), nn.LeakyReLU(0.2), nn.ELU(), nn.ELU(0.5)),
        "hard": hidden(nn.Hardswish(), nn.Hardtanh()),
        "layer-norm-without-bias": lambda: nn.Sequential(
            nn.Linear(FEATURES, 6, bias=False), nn.LayerNorm(6, eps=1e-3), nn.LeakyReLU(), nn.Linear(6, 3, bias=False)
        ),
        "log-softmax": chain(nn.ReLU(), last=(nn.LogSoftmax(dim=1),)),
        "view": lambda: nn.Sequential(View(), nn.Linear(FEATURES, 6), nn.ReLU(), View(), nn.Linear(6, 2), nn.Tanh()),
        "flatten": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(FEATURES, 6), nn.ReLU(), nn.Linear(6, 2), nn.Sigmoid()
        ),
    }
    for name, make in cases.items():
        torch.manual_seed(0)
        module = make()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
            for _ in range(5):
                module(torch.randn(32, FEATURES) * 2 + 1)
        for exporter, opset in (("script", 20), ("script", 13), ("dynamo", 20)):
            is_new = exporter == "dynamo"
            given: dict[str, Any] = {"dynamic_axes": {"x": [0]}}
            if is_new:
                given = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False}
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.onnx")
                x = torch.ones(2, FEATURES)
                options = {"opset_version": opset, "input_names": ["x"], "dynamo": is_new, **given}
                torch.onnx.export(module.eval(), (x,), path, **options)
                kind = exporter if opset == 20 else f"{exporter}-opset-{opset}"
                yield f"torch-{kind}-{name}", pathlib.Path(path).read_bytes(), OF_TORCH


def of_keras() -> Iterator[Graph]:
    """Models of Keras 3 with PyTorch as its backend."""
    import keras

    keras.utils.set_random_seed(0)
    cases = {
        "relu": [keras.layers.Dense(6, "relu"), keras.layers.Dense(3, "softmax")],
        "leaky-relu": [keras.layers.Dense(6), keras.layers.LeakyReLU(0.3), keras.layers.Dense(1, "sigmoid")],
    }
    for name, layers in cases.items():
        model = keras.Sequential([keras.Input((FEATURES,)), *layers])
        model(np.ones((2, FEATURES), np.float32))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            model.export(path, format="onnx", verbose=False)
            yield f"keras-{name}", pathlib.Path(path).read_bytes(), OF_KERAS


def output_of(graph: bytes, x: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of rows: the probabilities, or the only output."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    [taken] = session.get_inputs()
    results = session.run(None, {taken.name: x})
    result = results[-1] if len(results) < 3 else np.column_stack(results[1:])
    if isinstance(result, list):  # of dicts, by ZipMap
        result = np.array([list(row.values()) for row in result])
    return np.asarray(result, np.float32)


def main(age: str) -> None:
    """Write the graphs of the versions that are installed, beside those that are there."""
    FOLDER.mkdir(exist_ok=True)
    stored = FOLDER / "rows.npz"
    arrays = dict(np.load(stored)) if stored.exists() else {}
    versions = json.loads((FOLDER / "versions.json").read_text()) if arrays else {}
    sources = (of_sklearn,) if age else (of_sklearn, of_torch, of_keras)
    for source in sources:
        for name, graph, packages in source():
            name += f"-{age}" if age else ""
            (FOLDER / f"{name}.onnx").write_bytes(graph)
            arrays |= {f"{name}/x": rows(), f"{name}/y": output_of(graph, rows())}
            versions[name] = {package: importlib.metadata.version(package) for package in packages}
    np.savez_compressed(stored, **arrays)
    (FOLDER / "versions.json").write_text(json.dumps(dict(sorted(versions.items())), indent=1) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:] or [""])
