"""Whole fits of fcnet.sklearn compared with scikit-learn's MLP: seconds and score, five seeds, in turns.

Digits and random data are always there; MNIST and California's housing are read from the folder FCNET_BENCH_DATA
(mnist.npz, housing.csv). Both sides fit a fixed number of epochs, so that the times are of the same work.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn.neural_network
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import fcnet
import fcnet.sklearn

SEEDS = range(5)
IDLE = 0.1  # seconds before each fit: threads of BLAS stay busy for about 30 ms after a product
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _file(name: str) -> Path:
    path = Path(os.environ.get("FCNET_BENCH_DATA", "."), name)
    if not path.exists():
        pytest.skip(f"needs {name} in the folder FCNET_BENCH_DATA")
    return path


def digits():
    x, y = load_digits(return_X_y=True)
    return train_test_split(x.astype(np.float32) / 16, y, random_state=0)


def mnist():
    with np.load(_file("mnist.npz"), allow_pickle=False) as data:
        x, x_test, y, y_test = (data[name] for name in ("x_train", "x_test", "y_train", "y_test"))
    return x.astype(np.float32) / 255, x_test.astype(np.float32) / 255, y, y_test


def housing():
    table = np.genfromtxt(_file("housing.csv"), delimiter=",", skip_header=1, usecols=range(9))
    table = table[np.isfinite(table).all(axis=1)].astype(np.float32)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    return train_test_split(table[:, :8], table[:, 8], random_state=0)


def random_rows(n: int):
    x, y = make_classification(n + 1000, 20, n_informative=12, n_classes=4, random_state=0)
    return train_test_split(x.astype(np.float32), y, test_size=1000, random_state=0)


@dataclass(frozen=True)
class Program:
    name: str
    data: object
    sizes: tuple[int, ...]
    epochs: int
    estimator: str = "MLPClassifier"
    options: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def fitted(self, module, data, seed: int):
        """Seconds of a fit, and the score on the test rows."""
        x, x_test, y, y_test = data
        net = getattr(module, self.estimator)(
            hidden_layer_sizes=self.sizes, max_iter=self.epochs, tol=0, n_iter_no_change=np.inf, random_state=seed
        ).set_params(**self.options)
        time.sleep(IDLE)
        start = time.perf_counter()
        net.fit(x, y)
        return time.perf_counter() - start, net.score(x_test, y_test)


PROGRAMS = [
    Program("digits", digits, (100,), 50),
    Program("digits-sgd", digits, (100,), 50, options={"solver": "sgd", "learning_rate_init": 0.05}),
    Program("digits-32", digits, (100,), 20, options={"batch_size": 32}),
    Program("housing", housing, (64, 32), 10, "MLPRegressor"),
    Program("mnist-128", mnist, (128,), 2),
    Program("mnist-512-256", mnist, (512, 256), 1),
    *(Program(f"random-{n:.0e}", lambda n=n: random_rows(n), (50,), max(1, 100_000 // n)) for n in (10**3, 10**4)),
    *(Program(f"random-{n:.0e}", lambda n=n: random_rows(n), (50,), 1) for n in (10**5, 10**6)),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_sklearn(benchmark, program):
    data = program.data()
    seconds, metric_set = {}, {}
    with threadpool_limits(fcnet.get_num_threads()):
        for module in (fcnet.sklearn, sklearn.neural_network):
            program.fitted(module, tuple(part[:500] for part in data), 0)  # imports, caches
        for seed in SEEDS:
            for module in (fcnet.sklearn, sklearn.neural_network)[:: 1 - 2 * (seed % 2)]:
                spent, score = program.fitted(module, data, seed)
                seconds.setdefault(module.__name__, []).append(spent)
                metric_set.setdefault(module.__name__, []).append(score)
    ours, theirs = (np.array(metric_set[name]) for name in ("fcnet.sklearn", "sklearn.neural_network"))
    spread = np.hypot(ours.std(), theirs.std())
    assert abs(ours.mean() - theirs.mean()) < 3 * spread + 0.01
    ratio = np.median(seconds["sklearn.neural_network"]) / np.median(seconds["fcnet.sklearn"])
    times = iter(seconds["fcnet.sklearn"])
    benchmark.pedantic(lambda: next(times), rounds=len(SEEDS))
    benchmark.extra_info |= {"test": "test_sklearn", "program": str(program), "seconds": seconds, "scores": metric_set}
    medians = [float(np.median(seconds[library])) for library in ("fcnet.sklearn", "sklearn.neural_network")]
    print(
        f"\n{program}: {ratio:.1f} times as fast, {medians[0]:.3f} s, scikit-learn {medians[1]:.3f} s; "
        f"score {ours.mean():.4f} +- {ours.std():.4f}, scikit-learn {theirs.mean():.4f} +- {theirs.std():.4f}"
    )
