"""What is timed: networks, batch sizes, data. The data are random: no time here depends on their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """ReLU hidden layers, softmax cross-entropy, SGD; a step gathers a shuffled mini-batch and updates."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int  # an epoch, timed as a whole

    def flops(self) -> float:
        """Of one step: three products a layer, but no back-data into the input."""
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2.0 * self.batch * (3 * sum(products) - products[0])

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs x (n, inputs) and labels y (n,) of one epoch."""
        rng = np.random.default_rng(0)
        n = self.batch * self.steps
        return rng.random((n, self.sizes[0]), np.float32), rng.integers(0, self.sizes[-1], n)

    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The weights every library starts from."""
        rng = np.random.default_rng(1)
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        draw = [(rng.standard_normal((k, m)) * np.sqrt(2 / k), np.zeros(m)) for k, m in pairs]
        return [(w.astype(np.float32), b.astype(np.float32)) for w, b in draw]

    def __str__(self) -> str:
        return self.name


TRAINING = [
    Workload("article", (2, 2, 2, 2), 1, 2000),
    Workload("digits", (64, 100, 10), 32, 200),
    Workload("mnist-s", (784, 128, 10), 128, 50),
    Workload("mnist-m", (784, 512, 256, 10), 128, 30),
    Workload("tabular", (100, 256, 256, 256, 2), 256, 30),
    Workload("wide-32", (2048, 4096, 4096, 1000), 32, 4),
]
LEARNING_RATE = 0.01
