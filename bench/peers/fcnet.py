"""fcnet itself, through its public interface. It draws its own order of the samples, as every user's fit does."""

from __future__ import annotations

import fcnet as fc
from bench.peers import Unavailable


def network(sizes, layers, dtype):
    net = fc.Network(sizes, seed=0, dtype=dtype)
    for layer, (w, b) in zip(net.layers, layers, strict=True):
        layer.W, layer.B = w, b
    return net


class Training:
    def __init__(self, workload, x, y):
        choice = {"sgd": "SGD", "adam": "Adam"}[workload.optimizer]
        if not hasattr(fc, choice):
            raise Unavailable(f"this version has no {choice}")
        self.optimizer = getattr(fc, choice)(workload.rate)
        self.net = network(workload.sizes, workload.parameters(), workload.dtype)
        self.x, self.y, self.batch = x, y, workload.batch

    def epoch(self, order):
        """One epoch over as many samples as `order` has; the first epoch's order is that of the oracle."""
        n = order.size
        self.net.fit(self.x[:n], self.y[:n], epochs=1, batch_size=self.batch, optimizer=self.optimizer, progress=False)

    def weights(self):
        return [(layer.W, layer.B) for layer in self.net.layers]


class Prediction:
    def __init__(self, layers):
        sizes = [len(layers[0][0]), *(len(b) for _, b in layers)]
        self.net = network(sizes, layers, layers[0][0].dtype)

    def __call__(self, x):
        return self.net.predict(x)


def kernel(name):
    """The native kernel of that name."""
    return getattr(fc._native if name == "exp" else fc.kernels, name)
