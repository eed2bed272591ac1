"""fcnet itself, through its public interface. It draws its own order of the samples, as every user's fit does."""

from __future__ import annotations

import threading

import fcnet as fc
from bench.peers import Unavailable


def network(sizes, layers, dtype):
    net = fc.Network(sizes, seed=0, dtype=dtype)
    for layer, (w, b) in zip(net.layers, layers, strict=True):
        layer.W, layer.B = w, b
    return net


class Training:
    """One long fit, an epoch at a time, as the training of the other libraries goes on from chunk to chunk, too."""

    def __init__(self, workload, x, y):
        choice = {"sgd": "SGD", "adam": "Adam"}[workload.optimizer]
        if not hasattr(fc, choice):
            raise Unavailable(f"this version has no {choice}")
        self.optimizer = getattr(fc, choice)(workload.rate)
        self.net = network(workload.sizes, workload.parameters(), workload.dtype)
        self.x, self.y, self.batch = x, y, workload.batch
        self.fit = None

    def epoch(self, order):
        """One epoch over as many samples as `order` has; the first epoch's order is that of the oracle."""
        n = order.size
        if self.fit is None or self.fit.samples != n:
            self.stop()
            self.fit = EpochByEpoch(self.net, self.x[:n], self.y[:n], self.batch, self.optimizer)
        self.fit.next()

    def weights(self):
        return [(layer.W, layer.B) for layer in self.net.layers]

    def stop(self):
        if self.fit is not None:
            self.fit.stop()

    __del__ = stop


class EpochByEpoch(fc.Callback):
    """A fit in a thread of its own that waits between its epochs."""

    def __init__(self, net, x, y, batch, optimizer):
        self.samples, self.turn, self.done, self.ends = len(x), threading.Semaphore(0), threading.Semaphore(0), False
        self.thread = threading.Thread(target=self.run, args=(net, x, y, batch, optimizer), daemon=True)
        self.thread.start()

    def run(self, net, x, y, batch, optimizer):
        try:
            net.fit(x, y, epochs=10**6, batch_size=batch, optimizer=optimizer, progress=False, callbacks=[self])
        finally:
            self.ends = True
            self.done.release()

    def on_epoch_begin(self, epoch, logs):
        self.turn.acquire()
        if self.ends:
            raise fc.StopTraining

    def on_epoch_end(self, epoch, logs):
        self.done.release()

    def next(self):
        self.turn.release()
        self.done.acquire()
        if self.ends:
            raise RuntimeError("the fit has ended")

    def stop(self):
        self.ends = True
        self.turn.release()
        self.thread.join()


class Prediction:
    def __init__(self, layers):
        sizes = [len(layers[0][0]), *(len(b) for _, b in layers)]
        self.net = network(sizes, layers, layers[0][0].dtype)

    def __call__(self, x):
        return self.net.predict(x)


def kernel(name):
    """The native kernel of that name."""
    return getattr(fc._native if name == "exp" else fc.kernels, name)
