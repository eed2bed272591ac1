"""What is timed: networks, batch sizes, data. The data are random: no time here depends on their values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np

Layers = list[tuple[np.ndarray, np.ndarray]]
RATES = {"sgd": 0.01, "adam": 0.001}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Workload:
    """Training: ReLU, softmax cross-entropy; a step gathers a shuffled mini-batch and updates. A chunk is `steps`."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int  # of a chunk, the epoch that is timed as a whole; a round number that lasts at least 10 ms
    optimizer: str = "sgd"
    dtype: str = "float32"
    call_steps: int = 0  # where not 0: of a chunk of a library that comes back to Python after every step
    target: float = 0  # share of the multiply-add peak to reach, 0 for none
    target_ratio: float = 0  # how many times as fast as the best other library, 0 for none
    kind = "train"

    def flops(self) -> float:
        """Of one step: three products a layer, but no backward-data into the input."""
        products = [a * b for a, b in pairwise(self.sizes)]
        return 2.0 * self.batch * (3 * sum(products) - products[0])

    def weights(self) -> int:
        return sum((a + 1) * b for a, b in pairwise(self.sizes))

    @property
    def rate(self) -> float:
        return RATES[self.optimizer]

    @property
    def check_steps(self) -> int:
        """Steps after which the weights are compared with the oracle's.

        Few where the oracle is slow; where some of many h_in will be so near 0 that rounding decides what ReLU lets
        through, which changes a gradient by a thousandth; and with Adam, which multiplies rounding of small gradients.
        """
        rectified = self.batch * sum(self.sizes[1:-1])
        most = 10 if self.optimizer == "adam" else 50
        return max(1, min(self.call_steps or self.steps, most, int(2e11 / self.flops()), 700_000 // rectified))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs x (n, inputs) and labels y (n,) of one epoch; the same numbers for every dtype."""
        rng = np.random.default_rng(0)
        n = self.batch * self.steps
        x = rng.random((n, self.sizes[0]), np.float32)
        return x.astype(self.dtype, copy=False), rng.integers(0, self.sizes[-1], n)

    def parameters(self) -> Layers:
        """The weights every library starts from; the same numbers for every dtype."""
        rng = np.random.default_rng(1)
        draw = [rng.standard_normal((k, m), np.float32) * np.float32(np.sqrt(2 / k)) for k, m in pairwise(self.sizes)]
        return [(w.astype(self.dtype), np.zeros(w.shape[1], self.dtype)) for w in draw]

    def describe(self) -> dict:
        return {"kind": self.kind, **asdict(self)}

    def __str__(self) -> str:
        return self.name


MNIST = (784, 512, 256, 10)
MNIST_M = Workload("mnist-m", MNIST, 128, 40, target=0.92, target_ratio=1.7)
WIDE = (2048, 4096, 4096, 1000)
TRAINING = [
    Workload("article", (2, 2, 2, 2), 1, 20_000, call_steps=200),
    Workload("digits", (64, 100, 10), 32, 1000, call_steps=200, target_ratio=4),
    Workload("mnist-s", (784, 128, 10), 128, 100, target_ratio=2.4),
    MNIST_M,
    replace(MNIST_M, name="mnist-m-adam", optimizer="adam", target=0.85, target_ratio=2.6),
    Workload("tabular", (100, 256, 256, 256, 2), 256, 40, "adam", target_ratio=1.85),
    Workload("wide-32", WIDE, 32, 32, target=0.80, target_ratio=3.3),
    Workload("wide-512", WIDE, 512, 8, target=0.92, target_ratio=1.3),
    replace(MNIST_M, name="mnist-m-float64", dtype="float64", target=0, target_ratio=0),
]


def square(name: str, width: int, batch: int) -> Workload:
    """Three layers of equal width; chunks of about 2e10 floating-point operations."""
    once = Workload(name, (width,) * 4, batch, 1)
    steps = int(np.clip(2e10 / once.flops(), 2, 2000))
    return replace(once, steps=steps, call_steps=min(steps, 200))


WIDTHS = [square(f"width-{w}", w, 128) for w in (32, 64, 128, 256, 512, 1024, 2048)]
BATCHES = [square(f"batch-{b}", 512, b) for b in (1, 4, 8, 16, 32, 64, 128, 256, 512, 1024)]
SAMPLES = [replace(MNIST_M, name=f"samples-{128 * s}", steps=s) for s in (16, 32, 64, 128, 256)]
PARAMETERS = [square(f"parameters-{w}", w, 128) for w in (48, 96, 192, 384, 768, 1536, 3072)]
# one epoch in a process of its own, whose memory is looked at
MEMORY = [Workload(f"memory-{64 * s}", (64, 256, 10), 64, s) for s in (100, 400, 1600, 6400, 25_600)]


@dataclass(frozen=True)
class Prediction:
    """Probabilities of 784-512-256-10 for a NumPy array of some rows, through the library's public interface."""

    rows: int
    dtype = "float32"
    kind = "predict"

    def flops(self) -> float:
        return 2.0 * self.rows * sum(a * b for a, b in pairwise(MNIST))

    def describe(self) -> dict:
        return {"kind": self.kind, **asdict(self)}

    def __str__(self) -> str:
        return f"rows-{self.rows}"


PREDICTION = [Prediction(rows) for rows in (1, 64, 4096)]


@dataclass(frozen=True)
class Kernel:
    """One published kernel, of n samples, k inputs, m outputs."""

    name: str
    n: int = 128
    k: int = 784
    m: int = 512
    products: int = 1  # matrix products in it, each 2 n k m operations; 0 for an element-wise kernel
    dtype: str = "float32"
    kind = "kernel"

    def flops(self) -> float:
        return 2.0 * self.products * self.n * self.k * self.m

    def describe(self) -> dict:
        return {"kind": self.kind, **asdict(self)}

    def __str__(self) -> str:
        return self.name if self.dtype == "float32" else f"{self.name}-{self.dtype}"


KERNELS = [
    Kernel("linear"),
    Kernel("sigma_backward"),
    Kernel("weight_gradient"),
    Kernel("sgd_update"),
    Kernel("sigma_backward_sgd", products=2),
    Kernel("linear", dtype="float64"),
    Kernel("softmax", n=4096, m=10, products=0),
    Kernel("softmax", n=4096, m=10, products=0, dtype="float64"),
    Kernel("relu", n=1024, m=1024, products=0),
    Kernel("exp", n=1024, m=1024, products=0),
    Kernel("exp", n=1024, m=1024, products=0, dtype="float64"),
]
KINDS = {task.kind: task for task in (Workload, Prediction, Kernel)}


def from_description(description: dict) -> Workload | Prediction | Kernel:
    """What `describe` made of a task, back from JSON."""
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in description.items() if name != "kind"}
    return KINDS[description["kind"]](**fields)
