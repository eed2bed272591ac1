"""A task in the hands of one library: made ready, checked against the oracle, and run in chunks that are timed."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np

from bench.workloads import MNIST_M, Kernel, Layers, Prediction, Workload

SHORTEST = 0.01  # seconds that a chunk of calls lasts at least


def relative(result: np.ndarray, exact: np.ndarray, size: np.ndarray | float = 0) -> float:
    """The norm of the error as a share of the norm of the exact result, or of its distance from ``size``."""
    return float(np.linalg.norm(result - exact) / np.linalg.norm(exact - size))


def check_order(workload: Workload) -> np.ndarray:
    """(steps, batch): the order in which every library trains for the check, that of fcnet's first epoch."""
    from fcnet import _native

    return _native._testing.permutation(0, 0, workload.check_steps * workload.batch).reshape(-1, workload.batch)


def exact_weights(workload: Workload) -> Layers:
    """The weights after the steps of the check, by the NumPy formulas in float64."""
    from bench.peers.numpy import Training

    x, y = workload.data()
    oracle = Training(replace(workload, dtype="float64"), x.astype(np.float64), y)
    oracle.epoch(check_order(workload))
    return oracle.weights()


class Train:
    """A chunk is an epoch of ``units`` steps."""

    def __init__(self, library: ModuleType, workload: Workload, loops_in_python: bool) -> None:
        x, y = workload.data()
        self.workload = workload
        self.training = library.Training(workload, x, y)
        self.units = workload.call_steps if loops_in_python and workload.call_steps else workload.steps
        self.to_order = getattr(self.training, "order", lambda order: order)
        order = np.random.default_rng(2).permutation(len(x))[: self.units * workload.batch]
        self.order = self.to_order(order.reshape(self.units, workload.batch))

    def error(self, exact: np.lib.npyio.NpzFile) -> float:
        """Of the change of the weights after the first steps; trains."""
        self.training.epoch(self.to_order(check_order(self.workload)))
        pairs = zip(self.training.weights(), self.workload.parameters(), strict=True)
        return max(
            relative(found, exact[f"{i}{name}"], start)
            for i, (layer, first) in enumerate(pairs)
            for name, found, start in zip("wb", layer, first, strict=True)
        )

    def chunk(self) -> None:
        self.training.epoch(self.order)


class Calls:
    """A chunk is ``units`` calls; ``units`` doubles until a chunk lasts long enough for the clock."""

    def __init__(self) -> None:
        self.units = 1

    def call(self) -> object:
        raise NotImplementedError

    def chunk(self) -> None:
        for _ in range(self.units):
            self.call()


class Predict(Calls):
    def __init__(self, library: ModuleType, task: Prediction) -> None:
        super().__init__()
        self.x = MNIST_M.data()[0][: task.rows]
        self.prediction = library.Prediction(MNIST_M.parameters())

    def call(self):
        return self.prediction(self.x)

    def error(self, exact: object) -> float:
        from bench.peers.numpy import Prediction

        layers = replace(MNIST_M, dtype="float64").parameters()
        return relative(self.call(), Prediction(layers)(self.x.astype(np.float64)))


class KernelCalls(Calls):
    def __init__(self, library: ModuleType, task: Kernel) -> None:
        super().__init__()
        self.name, self.run = task.name, library.kernel(task.name)
        self.arguments = kernel_arguments(task)

    def call(self):
        return self.run(*self.arguments)

    def error(self, exact: object) -> float:
        """Of the result, or of the weights that are updated in place, against the reference in float64."""
        from bench.peers.numpy import kernel

        wide = [a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in self.arguments]
        found, expected = self.call(), kernel(self.name)(*wide)
        if self.name == "sgd_update":
            found, expected = self.arguments[0], wide[0]
        if isinstance(found, tuple):
            found, expected = found[0], expected[0]
        return relative(found, expected)


def kernel_arguments(task: Kernel) -> list:
    """Normal numbers in the shapes that the kernel takes; a learning rate so small that the weights stay."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.standard_normal(shape, np.float32).astype(task.dtype)

    n, k, m = task.n, task.k, task.m
    w, b, x, sigma = draw(k, m), draw(m), draw(n, k), draw(n, m)
    return {
        "linear": [x, w, b],
        "sigma_backward": [sigma, w, x],
        "weight_gradient": [sigma, x],
        "sgd_update": [w, b, sigma, x, 1e-6],
        "sigma_backward_sgd": [sigma, w, b, x, 1e-6],
    }.get(task.name, [sigma])


def make(library: ModuleType, task: Workload | Prediction | Kernel, loops_in_python: bool) -> Train | Calls:
    """The task in the hands of the library."""
    if isinstance(task, Workload):
        return Train(library, task, loops_in_python)
    return Predict(library, task) if isinstance(task, Prediction) else KernelCalls(library, task)


def tolerance(task: Workload | Prediction | Kernel) -> float:
    """How far a library may be from the oracle: what rounding does, less than another formula would."""
    if task.dtype == "float64":
        return 1e-8
    return 1e-2 if isinstance(task, Workload) else 1e-5
