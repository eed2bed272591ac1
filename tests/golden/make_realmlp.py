"""Write realmlp.npz: what pytabkit's RealMLP makes of small tables, for ``tests/test_realmlp_equality.py``.

pip install pytabkit==1.8.0 && python tests/golden/make_realmlp.py

For each of its recipes, TD-S and TD, for classes and for numbers: all arrays before and after 100 steps in float64, and
what the network makes of some rows then. For each of the two: the inputs that it makes of some rows, and the rates of
learning and decay of every step. Networks are small, and dropout is off, as no other library draws its masks. Batches
are rows in their order.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import torch
from pytabkit.models.data.data import DictDataset, TensorInfo
from pytabkit.models.nn_models.base import Layer, ScaleLayer, set_hp_context
from pytabkit.models.nn_models.models import NNFactory
from pytabkit.models.nn_models.nn import ToSoftLabelLayer
from pytabkit.models.optim.optimizers import get_opt_class
from pytabkit.models.sklearn.default_params import DefaultParams
from pytabkit.models.training.coord import HyperparamManager
from pytabkit.models.training.metrics import cross_entropy, mse
from pytabkit.models.training.scheduling import LearnerProgress

SHOWN = 20  # rows of inputs and outputs
N, BATCH, EPOCHS, HIDDEN = 80, 16, 20, (7, 6)  # 100 steps
CATEGORIES = (2, 4, 11)
RECIPES = {
    "td-s classes": DefaultParams.RealMLP_TD_S_CLASS,
    "td-s numbers": DefaultParams.RealMLP_TD_S_REG,
    "td classes": DefaultParams.RealMLP_TD_CLASS,
    "td numbers": DefaultParams.RealMLP_TD_REG,
}


def table() -> dict[str, Any]:
    """Three numbers, one of them mostly the same; codes from 1 on; classes and numbers."""
    random = np.random.default_rng(0)
    numbers = np.column_stack(
        [random.standard_normal(N), 100 * random.exponential(size=N), random.choice([5, 5, 5, 5, 5, 7, 9], N)]
    )
    codes = np.column_stack([random.integers(1, count + 1, N) for count in CATEGORIES])
    target = numbers[:, 0] * (codes[:, 0] - 1.4) + codes[:, 2] / 5 + 0.1 * random.standard_normal(N)
    return {
        "numbers": numbers,
        "codes": codes.astype(np.int32),
        "y numbers": 1000 + 50 * target,
        "y classes": np.digitize(target, np.quantile(target, [0.3, 0.7])).astype(np.int32),
    }


class Progress:
    """What schedules read the share of the fit from."""

    def __init__(self) -> None:
        self.progress = LearnerProgress()
        self.progress.max_epochs = EPOCHS


def arrays_of(model: Layer) -> dict[str, np.ndarray]:
    """All trainable arrays, by their scopes."""
    return {
        str(p.context.scope): p.detach().numpy().copy() for p in model.parameters() if p.requires_grad and p.trainable
    }


def record(recipe: dict[str, Any], of: dict[str, Any], classifies: bool) -> dict[str, np.ndarray]:
    """Return inputs, arrays and outputs of a recipe."""
    config = {**recipe, "hidden_sizes": list(HIDDEN), "p_drop": 0.0, "n_epochs": EPOCHS}
    y = of["y classes"].astype(np.int64) if classifies else of["y numbers"]
    tensors = {
        "x_cont": torch.tensor(of["numbers"]),
        "x_cat": torch.tensor(of["codes"].astype(np.int64)),
        "y": torch.tensor(y)[:, None],
    }
    infos = {
        "x_cont": TensorInfo(feat_shape=[of["numbers"].shape[1]]),
        "x_cat": TensorInfo(cat_sizes=[count + 1 for count in CATEGORIES]),
        "y": TensorInfo(cat_sizes=[3]) if classifies else TensorInfo(feat_shape=[1]),
    }
    data, managed = DictDataset(tensors, infos), HyperparamManager(**config)
    managed.get_more_info_dict()["trainval_ds"] = data
    torch.manual_seed(1)
    with set_hp_context(managed), torch.no_grad():
        model = NNFactory(**config).create(infos).fit_transform(data)[0]
    seen: list[torch.Tensor] = []
    for layer in model.modules():
        if isinstance(layer, ScaleLayer) and layer.scale.requires_grad:
            layer.register_forward_hook(lambda layer, given, result: seen.append(given[0]["x_cont"]))
        if isinstance(layer, ToSoftLabelLayer):  # which makes float32 of them
            layer.register_forward_hook(lambda layer, given, result: {**result, "y": result["y"].double()})
    optimizer = get_opt_class(config["opt"])([{"params": [p]} for p in model.parameters() if p.requires_grad], managed)
    learner, loss_of = Progress(), cross_entropy if classifies else mse
    found = {f"before {name}": array for name, array in arrays_of(model).items()}
    model.eval()
    with torch.no_grad():
        found["outputs before"] = model(dict(tensors))["x_cont"].numpy()[:SHOWN]
    found["inputs"] = seen[0].numpy()[:SHOWN]
    model.train()
    rates = []
    for step in range(EPOCHS * (N // BATCH)):
        managed.update_hypers(learner)
        rows = torch.arange(N)[step * BATCH % N :][:BATCH]
        output = model({name: tensor[rows] for name, tensor in tensors.items()})
        loss_of(output["x_cont"], output["y"]).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        rates.append([optimizer.get_hyper_values(name, 0, use_hyper_factor=False) for name in ("lr", "wd")])
        learner.progress.total_samples += BATCH
        learner.progress.epoch_float = learner.progress.total_samples / N
    model.eval()
    with torch.no_grad():
        found["outputs after"] = model(dict(tensors))["x_cont"].numpy()[:SHOWN]
    found["rates"] = np.array(rates)
    return found | {f"after {name}": array for name, array in arrays_of(model).items()}


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    kept = table()
    everything = {f"table/{name}": array for name, array in kept.items()}
    for name, recipe in RECIPES.items():
        found = record(recipe, kept, name.endswith("classes"))
        common = {f"{name.split()[0]}/{part}": found.pop(part) for part in ("inputs", "rates")}
        everything |= {f"{name}/{part}": array for part, array in found.items()} | common
    np.savez_compressed(pathlib.Path(__file__).with_name("realmlp.npz"), **everything)
