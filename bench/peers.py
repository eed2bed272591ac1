"""The same training, epoch by epoch, in fcnet and in what else is installed; each set up as its own users would.

A peer is a class: ``available()``; made from a workload, x, y; ``epoch(order)`` trains on the samples in that order;
``weights()`` returns [(W, B), ...] for the comparison with the reference.
"""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import numpy as np

from workloads import LEARNING_RATE, Workload


class Peer:
    needs: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def available(cls) -> bool:
        return all(importlib.util.find_spec(name) for name in cls.needs)

    def __init__(self, workload: Workload, x: np.ndarray, y: np.ndarray) -> None:
        self.batch, self.x, self.y = workload.batch, x, y
        self.layers = workload.parameters()

    def batches(self, order: np.ndarray):
        return (order[i : i + self.batch] for i in range(0, len(order), self.batch))

    def weights(self):
        return self.layers


class Fcnet(Peer):
    """Takes its own order of the samples, (seed, epoch), like every user's fit."""

    def __init__(self, workload, x, y):
        import fcnet as fc

        super().__init__(workload, x, y)
        self.net = fc.Network(workload.sizes, seed=0)
        for layer, (w, b) in zip(self.net.layers, self.layers, strict=True):
            layer.W, layer.B = w, b
        self.optimizer = fc.SGD(LEARNING_RATE)

    def epoch(self, order):
        self.net.fit(self.x, self.y, epochs=1, batch_size=self.batch, optimizer=self.optimizer, progress=False)

    def weights(self):
        return [(layer.W, layer.B) for layer in self.net.layers]


class NumPy(Peer):
    """The formulas, with products by NumPy's BLAS."""

    def epoch(self, order):
        for rows in self.batches(order):
            h = [self.x[rows]]
            for i, (w, b) in enumerate(self.layers):
                h_in = h[-1] @ w + b
                h.append(np.maximum(h_in, 0) if i + 1 < len(self.layers) else h_in)
            sigma = np.exp(h[-1] - h[-1].max(axis=1, keepdims=True))
            sigma /= sigma.sum(axis=1, keepdims=True)
            sigma[np.arange(len(rows)), self.y[rows]] -= 1
            sigma /= np.float32(len(rows))
            for i in range(len(self.layers) - 1, -1, -1):
                w, b = self.layers[i]
                before = (sigma @ w.T) * (h[i] > 0) if i else None
                self.update(w, h[i], sigma)
                b -= LEARNING_RATE * sigma.sum(axis=0)
                sigma = before

    def update(self, w, h, sigma):
        w -= np.float32(LEARNING_RATE) * (h.T @ sigma)


class Blas(NumPy):
    """As NumPy, with the update folded into SciPy's sgemm: W := -lr h^T sigma + 1 W, in place."""

    needs = ("scipy",)

    def update(self, w, h, sigma):
        from scipy.linalg.blas import sgemm

        # w is C-contiguous: its transpose is what Fortran's BLAS writes in place
        sgemm(-LEARNING_RATE, sigma.T, h.T, beta=1, c=w.T, trans_b=True, overwrite_c=True)


class ScikitLearn(Peer):
    needs = ("sklearn",)

    def __init__(self, workload, x, y):
        from sklearn.neural_network import MLPClassifier

        super().__init__(workload, x, y)
        self.net = MLPClassifier(
            workload.sizes[1:-1], solver="sgd", momentum=0, alpha=0, learning_rate_init=LEARNING_RATE,
            batch_size=workload.batch, shuffle=False,
        )  # fmt: skip
        self.net.partial_fit(x[:1], y[:1], classes=np.arange(workload.sizes[-1]))
        self.net.coefs_ = [w for w, _ in self.layers]
        self.net.intercepts_ = [b for _, b in self.layers]
        self.net._optimizer.params = self.net.coefs_ + self.net.intercepts_

    def epoch(self, order):
        self.net.partial_fit(self.x[order], self.y[order])

    def weights(self):
        return list(zip(self.net.coefs_, self.net.intercepts_, strict=True))


class PyTorch(Peer):
    needs = ("torch",)
    compiled = False

    def __init__(self, workload, x, y):
        import torch

        super().__init__(workload, x, y)
        modules = []
        for w, b in self.layers:
            linear = torch.nn.Linear(*w.shape)
            linear.weight.data, linear.bias.data = torch.from_numpy(w.T.copy()), torch.from_numpy(b.copy())
            modules += [linear, torch.nn.ReLU()]
        self.net = torch.nn.Sequential(*modules[:-1])
        optimizer = torch.optim.SGD(self.net.parameters(), LEARNING_RATE)
        loss, net = torch.nn.CrossEntropyLoss(), self.net
        tx, ty = torch.from_numpy(x), torch.from_numpy(y)

        def step(rows):
            optimizer.zero_grad(set_to_none=True)
            loss(net(tx[rows]), ty[rows]).backward()
            optimizer.step()

        self.step = torch.compile(step) if self.compiled else step
        self.from_numpy = torch.from_numpy

    def epoch(self, order):
        for rows in self.batches(order):
            self.step(self.from_numpy(rows))

    def weights(self):
        linear = list(self.net)[::2]
        return [(m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in linear]


class PyTorchCompiled(PyTorch):
    compiled = True


class Jax(Peer):
    """One jitted scan over the steps of an epoch, the parameters donated."""

    needs = ("jax",)

    def __init__(self, workload, x, y):
        import jax
        import jax.numpy as jnp

        super().__init__(workload, x, y)
        jx, jy = jnp.asarray(x), jnp.asarray(y)

        def loss(layers, rows):
            h = jx[rows]
            for i, (w, b) in enumerate(layers):
                h_in = h @ w + b
                h = jax.nn.relu(h_in) if i + 1 < len(layers) else h_in
            return -jnp.take_along_axis(jax.nn.log_softmax(h), jy[rows][:, None], axis=1).mean()

        def step(layers, rows):
            slopes = jax.grad(loss)(layers, rows)
            return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, layers, slopes), None

        self.scan = jax.jit(lambda layers, order: jax.lax.scan(step, layers, order)[0], donate_argnums=0)
        self.layers = jax.tree.map(jnp.asarray, self.layers)

    def epoch(self, order):
        self.layers = self.scan(self.layers, order.reshape(-1, self.batch))
        self.layers[0][0].block_until_ready()


PEERS = [peer for peer in (Fcnet, NumPy, Blas, ScikitLearn, PyTorch, PyTorchCompiled, Jax) if peer.available()]
