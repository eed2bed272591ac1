"""As PyTorch, with forward, loss and backward compiled for the shape; the fused optimizer is one call already."""

from __future__ import annotations

import torch

from bench.peers import torch as eager


class Training(eager.Training):
    def prepare(self, criterion):
        torch._dynamo.reset()
        return torch.compile(super().prepare(criterion), dynamic=False)


class Prediction(eager.Prediction):
    def __init__(self, layers):
        super().__init__(layers)
        torch._dynamo.reset()
        self.net = torch.compile(self.net, dynamic=False)
