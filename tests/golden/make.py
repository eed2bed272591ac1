"""Write what this version stores into a folder of its own, which every later version must read.

Run it once for each change of a format: ``python -m golden.make 0.1.0-format-3`` in ``tests``. It refuses to replace a
folder. ``test_golden_files.py`` reads all of them.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np

import fcnet as fc

HERE = Path(__file__).parent


def data(inputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (24, inputs) whose values float32 holds exactly, and labels of three classes."""
    x = np.random.default_rng(seed).integers(-64, 64, (24, inputs)) / 32
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)


class Columns:
    """A table as fcnet knows it, which needs no library."""

    def __init__(self, values: np.ndarray, columns: list[str]) -> None:
        self.values, self.columns = values, columns

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.values


def cubed(output: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """A loss of the user's: the mean of the cubes of the errors."""
    error = np.asarray(output - target, np.float64)
    return float((abs(error) ** 3).mean()), 3 * error * abs(error) / error.size


def networks() -> dict[str, tuple[fc.Network, np.ndarray, np.ndarray, dict]]:
    """Networks after two epochs, their data, and the arguments of a fit that goes on."""
    made = {}

    def fitted(name: str, net: fc.Network, y: np.ndarray, table: object = None, rules: dict | None = None, **options):
        net.fit(x if table is None else table, y, epochs=2, batch_size=5, **rules or {}, **options)
        made[name] = net, x, y, options

    x, y = data(4)
    values = x[:, :2] * x[:, 2:]
    fitted("plain", fc.Network([4, 6, 3], seed=1), y)
    layers = [
        4,
        fc.Dense(7, "gelu", normalization="batch", dropout=0.25),
        fc.Dense(5, "tanh", normalization="layer"),
        3,
    ]
    scaled = fc.Network(layers, seed=2, dtype="float64", scale=[0.5, 1, 2, 1], offset=[0, 1, 0, -1])
    fitted("normalized", scaled, y, optimizer=fc.Adam(0.01))
    frozen = fc.Network([4, fc.Dense(5, bias=False), 3], seed=3)
    frozen.layers[0].trainable = False
    fitted("frozen", frozen, y, Columns(x, ["height", "width", 'a "b"', "ü\n"]), optimizer=fc.SGD(0.1, momentum=0.9))
    watch = {"early_stopping": fc.EarlyStopping(monitor="val_loss"), "metrics": ["f1_macro"]}
    watch["validation_data"] = x[:9], y[:9]
    watched = fc.Network([4, 6, 3], seed=4)
    fitted("watched", watched, y, rules=watch, optimizer=fc.RMSprop(), averaging=fc.EMA(0.9))
    fitted("binary", fc.Network([4, 5, 1], loss="binary_cross_entropy", seed=5), (y > 0).astype(float))
    smoothed = fc.Network([4, 6, 3], loss=fc.losses.CrossEntropy(label_smoothing=0.125), seed=6)
    fitted("smoothed", smoothed, y, optimizer=fc.NAdam(), averaging=fc.SWA(start=0.5))
    fitted("quantile", fc.Network([4, 6, 2], loss=fc.losses.Quantile(0.25), seed=7), values, optimizer=fc.Lion())
    fitted("huber", fc.Network([4, 6, 2], loss=fc.losses.Huber(2), seed=8, activation="selu"), values)
    fitted("counts", fc.Network([4, 6, 1], loss="poisson", seed=9), abs(np.rint(values[:, 0])))
    # from format 3 on
    fitted("classes", fc.Network([4, 6, 3], seed=10), np.array(["ä", "b", "c"])[y], optimizer=fc.Adam(0.01))
    named = fc.Network([4, 6, 3], seed=11, classes=[2024, True, ("a", 1.5)])
    labels = np.empty(len(y), object)
    labels[:] = [named.classes[label] for label in y]
    fitted("names", named, labels, Columns(x, [2024, 1.5, ("a", 1), None]))
    fitted("quantiles", fc.Network([4, 6, 2], loss=fc.losses.Quantile([0.1, 0.9]), seed=12), values[:, 0])
    fitted("function", fc.Network([4, 6, 2], loss=cubed, seed=13), values, optimizer=fc.SGD(0.01, momentum=0.9))
    adapted = fc.Network([4, 6, 3], seed=14)
    x = 1e9 + x
    adapted.adapt(x)
    fitted("adapted", adapted, y)
    return made


def estimators() -> dict[str, tuple[object, np.ndarray, np.ndarray]]:
    """Estimators after a few epochs, and their data."""
    import warnings

    from fcnet.sklearn import MLPClassifier, MLPRegressor

    x, y = data(4)
    few = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that have not converged
        return {
            "classifier": (MLPClassifier(**few).fit(x, np.array(["a", "b", "c"])[y]), x, y),
            "warm": (MLPClassifier(**few, warm_start=True, early_stopping=True).fit(x, y), x, y),
            "multilabel": (MLPClassifier(**few, solver="sgd").fit(x, (x[:, :3] > 0).astype(int)), x, y),
            "lbfgs": (MLPClassifier(**few, solver="lbfgs").fit(x, y), x, y),
            "regressor": (MLPRegressor(**few, dropout=0.25).fit(x, x[:, 0] * x[:, 1]), x, y),
        }


def objects(folder: Path) -> dict[str, object]:
    """Everything that users may keep beside networks and estimators; a checkpoint is saved in the folder."""
    x = np.random.default_rng(0).standard_normal((60, 3))
    y = (x[:, 0] > 0).astype(int)
    net, checkpoint = fc.Network([3, 4, 2], seed=0), fc.Checkpoint(folder / "best", monitor="val_loss", every=2)
    rules = {"early_stopping": fc.EarlyStopping(2), "callbacks": [checkpoint]}
    return {
        "history": net.fit(x, y, epochs=4, validation_split=0.2, **rules),
        "checkpoint": checkpoint,
        "early_stopping": fc.EarlyStopping(3, monitor="val_f1", start_from_epoch=2),
        "averages": [fc.EMA(0.9), fc.SWA(3)],
        "layers": [fc.Dense(8, "gelu", dropout=0.1, normalization=fc.BatchNorm(momentum=0.2)), fc.LayerNorm()],
        "errors": [fc.DivergenceError("diverged"), fc.StopTraining()],
        "optimizers": [getattr(fc.optimizers, name)() for name in fc.optimizers.__all__],
        "losses": [*(loss() for loss in (fc.losses.MSE, fc.losses.Huber)), fc.losses.Quantile([0.1, 0.5])],
        "schedules": [fc.schedules.Cosine(), fc.schedules.StepDecay(2), fc.schedules.ReduceOnPlateau()],
        "initializers": [fc.initializers.VarianceScaling(2), fc.initializers.Orthogonal()],
        "learning_rates": net.find_learning_rate(x, y, steps=20),
        "gradient_check": net.check_gradients(x, y),
        "diagnosis": net.diagnose(x, y),
        "summary": net.summary(),
    }


def main(version: str) -> None:
    """Write the folder of a version, and beside it the pickles of other objects with what their reprs are."""
    folder = HERE / version
    folder.mkdir()
    pickled = {name: pickle.dumps(each, protocol=4) for name, each in objects(Path()).items()}
    kept = {name: (each, repr(pickle.loads(each))) for name, each in pickled.items()}
    (HERE / f"objects-{version}.pickles").write_bytes(pickle.dumps(kept, protocol=4))
    expected = {}
    for name, (net, x, y, options) in networks().items():
        net.save(folder / f"{name}.safetensors")
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(net, protocol=4))
        expected[f"{name}.predict"] = net.predict(x)
        net.fit(x, y, epochs=1, batch_size=5, **options)
        expected[f"{name}.after"] = net.predict(x)
    import skops.io

    for name, (estimator, x, _) in estimators().items():
        (folder / f"{name}.estimator.pickle").write_bytes(pickle.dumps(estimator, protocol=4))
        skops.io.dump(estimator, folder / f"{name}.skops")
        predict = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
        expected[f"{name}.estimator"] = predict(x)
    np.savez(folder / "expected.npz", **expected)


if __name__ == "__main__":
    from golden import make  # so that pickles find its functions again

    make.main(sys.argv[1])
