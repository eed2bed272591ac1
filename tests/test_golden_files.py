"""What earlier versions stored, every later one reads: model files, pickles, skops files."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native
from golden.make import cubed, data, networks

from interop import library

FOLDERS = sorted(path for path in (Path(__file__).parent / "golden").iterdir() if path.name[0].isdigit())
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*")) if path.suffix != ".npz"]
MODELS = [path for path in FILES if ".estimator" not in path.name and path.suffix != ".skops"]
ESTIMATORS = [path for path in FILES if path not in MODELS]
# portable multiplies and adds in two roundings; nothing here is larger than some hundred
BOUND = 0 if _native.config()["isa"] != "portable" else 1e-4


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def stored(path: Path) -> fc.Network:
    if path.suffix == ".safetensors":
        return fc.load(path, loss=cubed) if path.stem == "function" else fc.load(path)
    return pickle.loads(path.read_bytes())


@pytest.fixture(scope="module")
def made():
    return networks()


def expected(path: Path, what: str) -> np.ndarray:
    with np.load(path.parent / "expected.npz") as arrays:
        return arrays[f"{path.name.partition('.')[0]}.{what}"]


@pytest.mark.parametrize("path", MODELS, ids=name_of)
def test_a_network_predicts_and_goes_on_as_when_it_was_stored(path, made):
    net = stored(path)
    _, x, y, options = made[path.name.partition(".")[0]]
    np.testing.assert_allclose(net.predict(x), expected(path, "predict"), rtol=BOUND, atol=BOUND)
    assert net.epochs_trained == 2
    assert len(net.history) == 2
    net.fit(x, y, epochs=1, batch_size=5, **options)
    np.testing.assert_allclose(net.predict(x), expected(path, "after"), rtol=BOUND, atol=BOUND)


@pytest.mark.interop
@pytest.mark.parametrize("path", ESTIMATORS, ids=name_of)
def test_an_estimator_predicts_as_when_it_was_stored(path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Trying to unpickle estimator")  # of another scikit-learn
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")  # has not converged
        if path.suffix == ".skops":
            skops = library("skops.io")
            estimator = skops.load(path, trusted=skops.get_untrusted_types(file=path))
        else:
            estimator = pickle.loads(path.read_bytes())
        check_estimator(estimator, path)


def check_estimator(estimator, path):
    x, _ = data(4)
    predict = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
    np.testing.assert_allclose(predict(x), expected(path, "estimator"), rtol=BOUND, atol=BOUND)
    if path.name.startswith("warm"):
        labels = np.resize(estimator.classes_, len(x))
        assert estimator.fit(x, labels).t_ > 3 * 21  # on from the three epochs it had


def test_the_names_of_columns_are_kept():
    for folder in FOLDERS:
        for path in (folder / "frozen.safetensors", folder / "frozen.pickle"):
            net = stored(path)
            assert net.feature_names == ("height", "width", 'a "b"', "ü\n")
            assert [layer.trainable for layer in net.layers] == [False, True]


def test_the_best_epoch_and_its_figures_are_kept():
    for folder in FOLDERS:
        net = fc.load(folder / "watched.safetensors")
        assert net.history.best_epoch == int(np.argmin(net.history.val_loss))
        assert set(net.history) >= {"loss", "accuracy", "val_loss", "val_f1_macro"}


@pytest.mark.parametrize("suffix", [".safetensors", ".pickle"])
def test_names_of_columns_and_classes_are_kept_with_their_types(suffix):
    for path in FILES:
        if path.name == f"names{suffix}":
            net = stored(path)
            assert repr(net.feature_names) == "(2024, 1.5, ('a', 1), None)"
            assert repr(net.classes) == "(2024, True, ('a', 1.5))"
        if path.name == f"classes{suffix}":
            assert stored(path).classes == ("b", "c", "ä")


def test_other_objects_are_read_from_pickles():
    [*paths] = (Path(__file__).parent / "golden").glob("objects-*.pickles")
    for path in paths:
        for name, (pickled, text) in pickle.loads(path.read_bytes()).items():
            assert repr(pickle.loads(pickled)) == text, name
    assert paths
