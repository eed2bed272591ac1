"""Networks of PyTorch with fcnet's first weights, for benchmarks."""

from __future__ import annotations

import torch

import fcnet as fc

ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def like(net: fc.Network, activation: str = "relu") -> torch.nn.Sequential:
    """The network with the same weights, without the last activation."""
    layers: list[torch.nn.Module] = []
    for layer in net.layers:
        linear = torch.nn.Linear(*layer.W.shape, dtype=getattr(torch, str(layer.W.dtype)))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(layer.W.T.copy()))
            linear.bias.copy_(torch.from_numpy(layer.B.copy()))
        layers += [linear, ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def parameters(*modules: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]
