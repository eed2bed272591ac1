"""An unknown name is refused with the one that was probably meant."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import fcnet
import fcnet as fc

pytestmark = pytest.mark.once

X, Y = np.eye(4), [0, 1, 0, 1]


def fitted(**options):
    return fc.Network([4, 2], seed=0).fit(X, Y, epochs=1, validation_data=(X, Y), **options)


@pytest.mark.parametrize(
    ("use", "meant"),
    [
        (lambda: fc.Network([2, 2, 2], activation="linear"), "identity"),
        (lambda: fc.Network([2, 2, 2], activation=["swish"]), "silu"),
        (lambda: fc.Dense(2, "ReLU"), "relu"),
        (lambda: fc.Dense(2, "LeakyReLU"), "leaky_relu"),
        (lambda: fc.Dense(2, np.tanh), "tanh"),
        (lambda: fc.Dense(2, init="xavier_uniform"), "glorot_uniform"),
        (lambda: fc.Dense(2, init="he_norml"), "he_normal"),
        (lambda: fc.Network([2, 2], loss="sparse_categorical_crossentropy"), "cross_entropy"),
        (lambda: fc.Network([2, 1], loss="binary_crossentropy"), "binary_cross_entropy"),
        (lambda: fc.Network([2, 1], loss="mean_squared_error"), "mse"),
        (lambda: fc.Network([2, 1], loss="MSE"), "mse"),
        (lambda: fitted(metrics=["auc"]), "roc_auc"),
        (lambda: fitted(metrics=["f1_score"]), "f1"),
        (lambda: fitted(metrics=["f1"], early_stopping=fc.EarlyStopping(monitor="f1")), "val_f1"),
        (lambda: fc.EarlyStopping(monitor="val_acc"), "val_accuracy"),
        (lambda: fc.Checkpoint("x", monitor="valloss"), "val_loss"),
        (lambda: fitted()["val_acc"], "val_accuracy"),
        (lambda: fitted().val_los, "val_loss"),
    ],
)
def test_what_was_meant_is_said(use, meant):
    with pytest.raises((ValueError, KeyError, AttributeError), match=f"; did you mean '{meant}'\\?"):
        use()


@pytest.mark.parametrize(("name", "here"), [("score", "evaluate"), ("predict_proba", "predict")])
def test_a_method_of_scikit_learn_is_refused_with_the_one_here(name, here):
    net = fc.Network([4, 2], seed=0)
    with pytest.raises(AttributeError, match=f"^'Network' object has no attribute '{name}': use {here}$"):
        getattr(net, name)
    assert not hasattr(net, name)
    assert name not in dir(net)


def test_other_missing_attributes_of_a_network_are_missing_as_of_any_object():
    net = fc.Network([4, 2], seed=0)
    for other in (net, copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert (other.predict(X) == net.predict(X)).all()
        with pytest.raises(AttributeError, match="^'Network' object has no attribute 'wieghts'$"):
            _ = other.wieghts
    with pytest.raises(AttributeError, match="^'Network' object has no attribute '_state'$"):
        _ = fc.Network.__new__(fc.Network).sizes


@pytest.mark.parametrize("name", ["", "hard_tanh_2000", "maxout", 7])
def test_nothing_is_said_where_nothing_is_close(name):
    with pytest.raises(ValueError, match="activation is .*: expected one of .*, softmax$"):
        fc.Dense(2, name)


def test_what_was_meant_is_said_by_one_function():
    package = Path(fcnet.__file__).parent
    sources = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in sources.items() if "; did you mean {" in text] == ["_checks/suggestions.py"]
    assert [name for name, text in sources.items() if "get_close_matches" in text] == ["_checks/suggestions.py"]
