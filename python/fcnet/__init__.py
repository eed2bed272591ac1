"""fcnet: fully connected neural networks on a CPU, at the speed of the silicon.

>>> import fcnet as fc
>>> digits = fc.datasets.load_digits()
>>> net = fc.Network([64, 100, 10], seed=0)
>>> history = net.fit(digits.x_train / 16, digits.y_train, epochs=30, batch_size=32, optimizer=fc.SGD(0.1))
>>> net.evaluate(digits.x_test / 16, digits.y_test)["accuracy"] > 0.95
True
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from fcnet._moved import Finder
from fcnet._native import __version__
from fcnet._threads import get_num_threads, set_num_threads, threads
from fcnet.threadpool_controller import register_when_imported

if TYPE_CHECKING:
    from fcnet import (
        activations,
        datasets,
        explanation,
        initializers,
        kernels,
        losses,
        metrics,
        plot,
        reference,
        schedules,
    )
    from fcnet._importing.from_keras import from_keras
    from fcnet._importing.from_sklearn import from_sklearn
    from fcnet._importing.from_torch import from_torch
    from fcnet._importing.onnx.reading import from_onnx
    from fcnet._importing.state_dict import from_state_dict
    from fcnet._model.activation import Parametric
    from fcnet._model.columns import Columns
    from fcnet._model.dense import Dense
    from fcnet._model.normalization import BatchNorm, LayerNorm
    from fcnet._model.number_embeddings import PLR, Periodic, PiecewiseLinear
    from fcnet._model.scale import Scale
    from fcnet._saving.checkpoint import Checkpoint
    from fcnet._training.averaging import EMA, SWA
    from fcnet._training.callbacks import Callback, StopTraining
    from fcnet._training.divergence import DivergenceError
    from fcnet._training.early_stopping import EarlyStopping
    from fcnet._training.history import History
    from fcnet._training.learning_rate_search import LearningRates
    from fcnet.config import show_config
    from fcnet.gradients import Gradients, clip_by_norm
    from fcnet.loading import load
    from fcnet.network import Network
    from fcnet.optimizers import SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop

__all__ = [
    "EMA",
    "PLR",
    "SGD",
    "SWA",
    "Adagrad",
    "Adam",
    "AdamW",
    "BatchNorm",
    "Callback",
    "Checkpoint",
    "Columns",
    "Dense",
    "DivergenceError",
    "EarlyStopping",
    "Gradients",
    "History",
    "LayerNorm",
    "LearningRates",
    "Lion",
    "NAdam",
    "Network",
    "Parametric",
    "Periodic",
    "PiecewiseLinear",
    "RMSprop",
    "Scale",
    "StopTraining",
    "__version__",
    "activations",
    "clip_by_norm",
    "datasets",
    "explanation",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_state_dict",
    "from_torch",
    "get_num_threads",
    "initializers",
    "kernels",
    "load",
    "losses",
    "metrics",
    "plot",
    "reference",
    "schedules",
    "set_num_threads",
    "show_config",
    "threads",
]

# Where the names are that come in when they are first asked for: `import fcnet` is quick.
_MODULES = (
    *("activations", "datasets", "explanation", "initializers", "kernels", "losses", "metrics", "plot", "reference"),
    "schedules",
)
_HOMES = {
    "_importing.from_keras": ("from_keras",),
    "_importing.from_sklearn": ("from_sklearn",),
    "_importing.from_torch": ("from_torch",),
    "_importing.onnx.reading": ("from_onnx",),
    "_importing.state_dict": ("from_state_dict",),
    "_model.activation": ("Parametric",),
    "_model.columns": ("Columns",),
    "_model.dense": ("Dense",),
    "_model.normalization": ("BatchNorm", "LayerNorm"),
    "_model.number_embeddings": ("PLR", "Periodic", "PiecewiseLinear"),
    "_model.scale": ("Scale",),
    "_saving.checkpoint": ("Checkpoint",),
    "_training.averaging": ("EMA", "SWA"),
    "_training.callbacks": ("Callback", "StopTraining"),
    "_training.divergence": ("DivergenceError",),
    "_training.early_stopping": ("EarlyStopping",),
    "_training.history": ("History",),
    "_training.learning_rate_search": ("LearningRates",),
    "config": ("show_config",),
    "gradients": ("Gradients", "clip_by_norm"),
    "loading": ("load",),
    "network": ("Network",),
    "optimizers": ("SGD", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "RMSprop"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

register_when_imported()
sys.meta_path.append(Finder())


def __getattr__(name: str) -> Any:
    """Import a module, or the module of a name, when it is first asked for."""
    if name in _MODULES:
        return importlib.import_module(f"fcnet.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'fcnet' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"fcnet.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet."""
    return sorted({*__all__, "__all__", "__doc__", "__name__", "__path__", "__version__"})
