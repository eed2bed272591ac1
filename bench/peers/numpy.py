"""The formulas in NumPy, its BLAS for the products, every array allocated once. In float64 it is the oracle."""

from __future__ import annotations

import numpy as np

from bench.workloads import BETA_1, BETA_2, EPSILON


def softmax(h):
    """Every row of h, in place."""
    h -= h.max(axis=1, keepdims=True)
    np.exp(h, out=h)
    h /= h.sum(axis=1, keepdims=True)


class Training:
    def __init__(self, workload, x, y):
        self.x, self.y, self.rate = x, y, workload.rate
        self.layers = workload.parameters()
        n, dtype = workload.batch, workload.dtype
        self.rows = np.arange(n)
        self.h = [np.empty((n, width), dtype) for width in workload.sizes]
        self.sigma = [np.empty_like(h) for h in self.h]
        self.adam = workload.optimizer == "adam"
        self.gradients = [np.empty_like(w) for w, _ in self.layers]
        self.scratch = [np.empty_like(w) for w, _ in self.layers]
        self.moments = [[np.zeros_like(p) for p in (w, w, b, b)] for w, b in self.layers] if self.adam else []
        self.steps = 0

    def epoch(self, order):
        for rows in order:
            self.step(rows)

    def step(self, rows):
        h, last = self.h, len(self.layers) - 1
        self.steps += 1
        np.take(self.x, rows, axis=0, out=h[0], mode="clip")
        for i, (w, b) in enumerate(self.layers):
            self.multiply(h[i], w, h[i + 1])
            h[i + 1] += b
            if i < last:
                np.maximum(h[i + 1], 0, out=h[i + 1])
        sigma = h[-1]
        softmax(sigma)
        sigma[self.rows, self.y[rows]] -= 1
        sigma *= sigma.dtype.type(1 / len(rows))
        for i in range(last, -1, -1):
            w, b = self.layers[i]
            if i:
                self.multiply(sigma, w.T, self.sigma[i])
                self.sigma[i] *= h[i] > 0
            self.update_weights(i, w, h[i], sigma)
            self.update(i, b, sigma.sum(axis=0), 2)
            sigma = self.sigma[i]

    def multiply(self, a, b, out):
        np.matmul(a, b, out=out)

    def update_weights(self, i, w, h, sigma):
        np.matmul(h.T, sigma, out=self.gradients[i])
        self.update(i, w, self.gradients[i], 0, self.scratch[i])

    def update(self, i, parameters, gradient, which, scratch=None):
        """Overwrites gradient. Adam: Kingma and Ba 2015, algorithm 1."""
        if not self.adam:
            gradient *= self.rate
            parameters -= gradient
            return
        m, v = self.moments[i][which : which + 2]
        scratch = np.subtract(gradient, m, out=scratch)
        scratch *= 1 - BETA_1
        m += scratch
        gradient *= gradient
        gradient -= v
        gradient *= 1 - BETA_2
        v += gradient
        np.sqrt(v, out=scratch)
        scratch /= np.sqrt(1 - BETA_2**self.steps)
        scratch += EPSILON
        np.divide(m, scratch, out=scratch)
        scratch *= self.rate / (1 - BETA_1**self.steps)
        parameters -= scratch

    def weights(self):
        return self.layers


class Prediction:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        h = x
        for w, b in self.layers[:-1]:
            h = h @ w
            h += b
            np.maximum(h, 0, out=h)
        w, b = self.layers[-1]
        h = h @ w
        h += b
        softmax(h)
        return h


def kernel(name):
    """The formula of that name in the package's plain NumPy reference."""
    from fcnet import reference

    return np.exp if name == "exp" else getattr(reference, name)
