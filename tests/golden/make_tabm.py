"""Write tabm.npz: what the package tabm makes of small networks, for ``tests/test_tabm_equality.py``.

pip install tabm==0.0.3 && python tests/golden/make_tabm.py

For TabM and TabM-mini, for classes and for numbers: all arrays before and after 100 steps in float64, and what every
member makes of some rows before and after. Members see the same batches, as in the package's example, which decays all
arrays. Dropout is off, as no other library draws its masks. Batches are rows in their order.
"""

from __future__ import annotations

import pathlib

import numpy as np
import torch
from tabm import TabM
from torch.nn import functional

SHOWN = 20  # rows of outputs
N, BATCH, EPOCHS, COLUMNS, WIDTH, MEMBERS = 80, 16, 20, 4, 7, 8  # 100 steps
OUTPUTS = {"classes": 3, "numbers": 1}


def table() -> dict[str, np.ndarray]:
    """Rows of numbers, classes and numbers to learn."""
    random = np.random.default_rng(0)
    x = random.standard_normal((N, COLUMNS))
    target = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.standard_normal(N)
    return {"x": x, "y classes": np.digitize(target, [-0.5, 0.5]), "y numbers": target[:, None]}


def arrays_of(model: TabM, time: str) -> dict[str, np.ndarray]:
    """All arrays of a network."""
    return {f"{time} {name}": value.detach().numpy().copy() for name, value in model.named_parameters()}


def trained(architecture: str, y: str) -> dict[str, np.ndarray]:
    """Train one network."""
    data = table()
    torch.manual_seed(1)
    model = TabM.make(
        n_num_features=COLUMNS,
        d_out=OUTPUTS[y],
        arch_type=architecture,
        n_blocks=2,
        d_block=WIDTH,
        dropout=0.0,
        k=MEMBERS,
    ).double()
    x = torch.from_numpy(data["x"])
    target = torch.from_numpy(data[f"y {y}"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002, weight_decay=3e-4)
    found = arrays_of(model, "before")
    found["outputs before"] = model(x[:SHOWN]).detach().numpy()
    for _ in range(EPOCHS):
        for begin in range(0, N, BATCH):
            rows = slice(begin, begin + BATCH)
            output = model(x[rows]).flatten(0, 1)  # every row as many times as there are members
            of_members = target[rows].repeat_interleave(MEMBERS, dim=0)
            loss = functional.cross_entropy if y == "classes" else functional.mse_loss
            optimizer.zero_grad()
            loss(output, of_members).backward()
            optimizer.step()
    found |= arrays_of(model, "after")
    found["outputs after"] = model(x[:SHOWN]).detach().numpy()
    return found


if __name__ == "__main__":
    arrays = {f"table/{name}": array for name, array in table().items()}
    for architecture in ("tabm", "tabm-mini"):
        for y in OUTPUTS:
            arrays |= {f"{architecture} {y}/{name}": array for name, array in trained(architecture, y).items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("tabm.npz"), **arrays)
