"""Whatever an argument is given, it is taken, or a TypeError or ValueError names it: never another exception."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import fcnet as fc
from fcnet import initializers, losses, metrics, schedules

pytestmark = pytest.mark.once

X, Y = np.arange(16.0).reshape(8, 2) / 16, np.arange(8) % 2


class Column:
    """A column of a table as pandas' Series is one: comparisons give columns, whose truth value is an error."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype)

    def __eq__(self, other):
        return Column(self._values == other)

    __hash__ = None

    def __bool__(self):
        raise ValueError("The truth value of a Series is ambiguous.")

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return iter(self._values)


ODD = {
    "an array": np.array([1.0, 2.0]),
    "an array of texts": np.array(["relu", "max"]),
    "an array of one": np.array([1]),
    "an array without axes": np.array(1.5),
    "an empty array": np.array([]),
    "a column": Column([1.0, 2.0]),
    "none": None,
    "a list": [1, 2],
    "a list of texts": ["relu", "tanh"],
    "an empty list": [],
    "a tuple": (0.5,),
    "a dict": {"a": 1},
    "a set": {1, 2},
    "nan": float("nan"),
    "infinity": float("inf"),
    "a text": "no such thing",
    "bytes": b"relu",
    "true": True,
    "numpy's false": np.False_,
    "numpy's int": np.int64(3),
    "numpy's float": np.float32(0.5),
    "numpy's text": np.str_("relu"),
    "a decimal": Decimal("0.5"),
    "a fraction": Fraction(1, 2),
    "a complex number": 1j,
    "a huge number": 10**400,
    "below 0": -1,
    "an object": object(),
    "a class": int,
    "a function": len,
    "a range": range(3),
}


def network(**options: Any) -> fc.Network:
    return fc.Network([2, 3, 2], seed=0, **options)


def method(name: str, *given: Any, **options: Any) -> Callable[..., Any]:
    """A method of a new network, called with these arguments and one more."""
    return lambda **one: getattr(network(), name)(*given, **{**options, **one})


# What is called, and the names of the arguments that are given odd things.
CALLS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "Network": (
        lambda **one: fc.Network(**{"sizes": [2, 3, 2], "seed": 0, **one}),
        ["sizes", "loss", "seed", "dtype", "scale", "offset", "activation", "classes"],
    ),
    "Dense": (
        lambda **one: fc.Dense(**{"units": 3, **one}),
        [
            *("units", "activation", "bias", "dropout", "normalization"),
            *("parametrization", "rate_factor", "decay_factor"),
        ],
    ),
    "Columns": (
        lambda **one: fc.Columns(**{"numbers": 3, "categories": [3], **one}),
        ["numbers", "others", "embedding", "categories", "embedding_size"],
    ),
    "Periodic": (lambda **one: fc.Periodic(**one), ["frequencies", "size", "sigma"]),
    "PLR": (lambda **one: fc.PLR(**one), ["frequencies", "size", "sigma", "activation", "lite"]),
    "PiecewiseLinear": (
        lambda **one: fc.PiecewiseLinear(**{"edges": [[0, 1]], **one}),
        ["edges", "size", "version", "activation"],
    ),
    "fit": (
        method("fit", X, Y, epochs=1),
        [
            "epochs",
            "initial_epoch",
            "batch_size",
            "optimizer",
            "shuffle",
            "drop_last",
            "sample_weight",
            "class_weight",
            "validation_data",
            "validation_split",
            "metrics",
            "schedule",
            "decay_schedule",
            "dropout_schedule",
            "smoothing_schedule",
            "early_stopping",
            "averaging",
            "callbacks",
            "progress",
            "steps_per_epoch",
        ],
    ),
    "train_on_batch": (method("train_on_batch", X, Y), ["sample_weight", "optimizer", "averaging"]),
    "evaluate": (method("evaluate", X, Y), ["sample_weight", "metrics"]),
    "gradients": (method("gradients", X, Y), ["sample_weight"]),
    "find_learning_rate": (
        method("find_learning_rate", X, Y, steps=3),
        ["lowest", "highest", "steps", "batch_size", "optimizer"],
    ),
    "explain": (method("explain", X[:1], Y[:1]), ["learning_rate", "steps", "answer", "class_names"]),
    "check_gradients": (method("check_gradients", X, Y), ["most"]),
    "diagnose": (method("diagnose", X, Y), ["learning_rate"]),
    "Dense in a network": (lambda **one: fc.Network([2, fc.Dense(3, **one), 2], seed=0), ["init"]),
    "predict": (method("predict", X), ["output", "dropout", "seed"]),
    **{
        kind.__name__: (kind, list(inspect.signature(kind).parameters))
        for kind in (
            fc.SGD,
            fc.Adam,
            fc.AdamW,
            fc.NAdam,
            fc.RMSprop,
            fc.Adagrad,
            fc.Lion,
            fc.EarlyStopping,
            fc.EMA,
            fc.SWA,
            fc.BatchNorm,
            fc.LayerNorm,
            fc.Scale,
            losses.CrossEntropy,
            losses.BinaryCrossEntropy,
            losses.Huber,
            losses.Quantile,
            schedules.StepDecay,
            schedules.ExponentialDecay,
            schedules.InverseScaling,
            schedules.Cosine,
            schedules.OneCycle,
            schedules.CosLog,
            schedules.ReduceOnPlateau,
            initializers.VarianceScaling,
            initializers.Orthogonal,
            initializers.Constant,
        )
    },
    "Checkpoint": (
        lambda **one: fc.Checkpoint(**{"path": "net.safetensors", **one}),
        ["path", "every", "monitor", "mode", "min_delta"],
    ),
    "set_num_threads": (fc.set_num_threads, ["n"]),
    "show_config": (fc.show_config, ["mode"]),
    "f1": (lambda **one: metrics.f1(**{"y_true": Y, "output": Y, **one}), ["sample_weight", "average"]),
    "top_k_accuracy": (
        lambda **one: metrics.top_k_accuracy(**{"y_true": Y, "output": X, "k": 1, **one}),
        ["k", "sample_weight"],
    ),
    "roc_auc": (lambda **one: metrics.roc_auc(**{"y_true": Y, "output": X, **one}), ["sample_weight"]),
}
# What an argument is called by messages, where it has more names than its own.
ALSO_CALLED = {
    "validation_data": "x of batch|validation_data",
    "averaging": "averaging|start",
    "answer": "answer|answers",
    "class_names": "class_names|classes|outputs",
    "initial_epoch": "initial_epoch|epochs",
    "average": "average|averages",
    "activation": "activation",
    "path": "path|NUL",
    "lowest": "lowest|highest",
    "highest": "highest|lowest",
    "validation_split": "validation_split|held back",
    "n": "n|threads|number of threads",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
def test_what_an_argument_cannot_be_is_refused_by_its_name(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (function, names), wrong = CALLS[call], []
    threads = fc.get_num_threads()
    for name, (what, value) in itertools.product(names, ODD.items()):
        try:
            function(**{name: value})
        except (TypeError, ValueError) as error:
            words = ALSO_CALLED.get(name, name).split("|")
            if not any(word in str(error) for word in words) or "truth value" in str(error):
                wrong.append(f"{name}, {what}: {type(error).__name__}: {error}")
        except fc.DivergenceError:
            pass  # what was taken was a learning rate far too high
        except Exception as error:
            wrong.append(f"{name}, {what}: {type(error).__name__}: {error}")
        finally:
            if call == "set_num_threads":
                fc.set_num_threads(threads)
    assert wrong == []


@pytest.mark.parametrize("init", [object(), {}])
def test_weights_of_no_numbers_are_named(init):
    with pytest.raises(TypeError, match=r"init of layers\[0\] is .*: expected real numbers"):
        fc.Network([2, fc.Dense(4, init=init), 2])
