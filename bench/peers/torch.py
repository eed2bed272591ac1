"""PyTorch as its users tune it for a CPU: fused optimizer, gradients set to None, samples in a tensor, no loader."""

from __future__ import annotations

import os

import numpy as np
import torch

from bench.workloads import BETA_1, BETA_2, EPSILON

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def sequential(layers):
    modules = []
    for w, b in layers:
        linear = torch.nn.Linear(*w.shape, dtype=torch.from_numpy(w).dtype)
        linear.weight.data, linear.bias.data = torch.from_numpy(w.T.copy()), torch.from_numpy(b.copy())
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


class Training:
    def __init__(self, workload, x, y):
        self.net = sequential(workload.parameters())
        parameters = self.net.parameters()
        self.optimizer = (
            torch.optim.Adam(parameters, workload.rate, (BETA_1, BETA_2), EPSILON, fused=True)
            if workload.optimizer == "adam"
            else torch.optim.SGD(parameters, workload.rate, fused=True)
        )
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.loss = self.prepare(torch.nn.CrossEntropyLoss())

    def prepare(self, criterion):
        """(x, y) -> loss."""
        net = self.net
        return lambda x, y: criterion(net(x), y)

    @staticmethod
    def order(order):
        return torch.from_numpy(np.ascontiguousarray(order))

    def epoch(self, order):
        for rows in order:
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.x[rows], self.y[rows]).backward()
            self.optimizer.step()

    def weights(self):
        linear = list(self.net)[::2]
        return [(m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in linear]


class Prediction:
    def __init__(self, layers):
        self.net = torch.nn.Sequential(*sequential(layers), torch.nn.Softmax(dim=1)).eval()

    def __call__(self, x):
        with torch.inference_mode():
            return self.net(torch.from_numpy(x)).numpy()
