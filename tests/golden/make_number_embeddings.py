"""Write number_embeddings.npz: what rtdl_num_embeddings makes of numbers, for ``tests/test_number_embeddings.py``.

pip install rtdl_num_embeddings==0.0.12 && python tests/golden/make_number_embeddings.py

For each embedding its arrays, its results for x, and the gradients by its arrays for a cotangent, in float64.
"""

from __future__ import annotations

import pathlib
import warnings

import numpy as np
import torch
from rtdl_num_embeddings import PeriodicEmbeddings, PiecewiseLinearEmbeddings

EDGES = [[-1.2, -0.3, 0.4, 1.5], [0.1, 0.6], [-2, -1, -0.5, 0, 0.25, 0.5, 1, 2]]
N, SIZE, FREQUENCIES = 24, 5, 3

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    warnings.simplefilter("ignore", UserWarning)  # a single bin is what is to be tested too
    bins = [torch.tensor(edges, dtype=torch.float64) for edges in EDGES]
    waves = {"n_frequencies": FREQUENCIES, "frequency_init_scale": 0.3}
    embeddings = {
        "plr": PeriodicEmbeddings(3, SIZE, **waves, activation=True, lite=False),
        "pl": PeriodicEmbeddings(3, SIZE, **waves, activation=False, lite=False),
        "lite": PeriodicEmbeddings(3, SIZE, **waves, activation=True, lite=True),
        "bins A": PiecewiseLinearEmbeddings(bins, SIZE, activation=False, version="A"),
        "bins A, relu": PiecewiseLinearEmbeddings(bins, SIZE, activation=True, version="A"),
        "bins B": PiecewiseLinearEmbeddings(bins, SIZE, activation=False, version="B"),
    }
    x, cotangent = 1.3 * torch.randn(N, 3), torch.randn(N, 3, SIZE)
    kept = {"x": x.numpy(), "cotangent": cotangent.numpy()}
    for name, embedding in embeddings.items():
        if name == "bins B":  # V is 0 at first
            torch.nn.init.normal_(embedding.linear.weight)
        result = embedding(x)
        (result * cotangent).sum().backward()
        kept[f"{name}/result"] = result.detach().numpy()
        for part, parameter in embedding.named_parameters():
            kept[f"{name}/{part}"] = parameter.detach().numpy()
            kept[f"{name}/gradient {part}"] = parameter.grad.numpy()
    np.savez_compressed(pathlib.Path(__file__).with_name("number_embeddings.npz"), **kept)
