"""fcnet: fully connected neural networks on a CPU, at the speed of the silicon.

>>> import fcnet as fc
>>> digits = fc.datasets.load_digits()
>>> net = fc.Network([64, 100, 10], seed=0)
>>> history = net.fit(digits.x_train / 16, digits.y_train, epochs=30, batch_size=32, optimizer=fc.SGD(0.1))
>>> net.evaluate(digits.x_test / 16, digits.y_test)["accuracy"] > 0.95
True
"""

from __future__ import annotations

from fcnet import datasets, kernels, reference
from fcnet._native import __version__
from fcnet.config import show_config
from fcnet.history import History
from fcnet.network import Network
from fcnet.optimizers import SGD, Adam, AdamW
from fcnet.threadpool_controller import register_when_imported
from fcnet.threads import get_num_threads, set_num_threads, threads
from fcnet.training import DivergenceError

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "DivergenceError",
    "History",
    "Network",
    "__version__",
    "datasets",
    "get_num_threads",
    "kernels",
    "reference",
    "set_num_threads",
    "show_config",
    "threads",
]

register_when_imported()
