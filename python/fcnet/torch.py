"""A network as a module of PyTorch: gradients flow through it, and fcnet keeps and trains its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.optional_imports import optional
from fcnet.network import Network
from fcnet.optimizers import SGD, Optimizer, OptimizerName

torch: Any = optional("torch", "fcnet.torch")

__all__ = ["Module", "module"]


class _Pass(torch.autograd.Function):  # type: ignore[misc]
    """A forward pass of a network, and its way back."""

    @staticmethod
    def forward(ctx: Any, x: Any, _anchor: Any, owner: Module) -> Any:
        outputs, ctx.back = owner.network.vjp(x.detach().numpy(), training=owner.training)
        ctx.owner = owner
        return torch.from_numpy(outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, cotangent: Any) -> Any:
        wants_x, wants_parameters, _ = ctx.needs_input_grad
        g = ctx.back(cotangent.contiguous().numpy(), x=wants_x, parameters=wants_parameters)
        if wants_parameters:
            ctx.owner._add(g.flat)
        return (torch.from_numpy(g.x) if wants_x else None), None, None


class Module(torch.nn.Module):  # type: ignore[misc]
    """A network in PyTorch, which has no parameters there: ``list(module.parameters())`` is empty.

    fcnet owns the weights. ``backward`` of a loss adds their gradients to ``grad``; ``step`` applies them. An optimizer
    of PyTorch has nothing to do for them.

    Attributes
    ----------
    network : Network
    grad : array, or None
        Sum of the gradients since the last ``step`` or ``zero_grad``, in the order of ``Network.parameters``.
    training : bool
        As in every module: with ``train()``, batch normalisation takes the statistics of the batch. No dropout is
        applied in either case, and running statistics do not change.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        if not isinstance(network, Network):
            raise TypeError(f"network is a {type(network).__name__}: expected a fcnet.Network")
        self.network = network
        self.grad: NDArray[Any] | None = None
        # what makes autograd lead back here where x needs no gradient; no parameter, and in no state_dict
        self._anchor = torch.zeros((), requires_grad=True)
        self.eval()

    def forward(self, x: Any) -> Any:
        """Return the outputs (n, outputs) of x (n, inputs), a tensor on the CPU of the network's dtype.

        Raises
        ------
        TypeError : x is not such a tensor.
        ValueError : x has another shape.
        """
        dtype = torch.from_numpy(np.empty(0, self.network.dtype)).dtype
        if not isinstance(x, torch.Tensor) or x.device.type != "cpu" or x.dtype != dtype:
            what = f"a {x.dtype} tensor on {x.device}" if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"
            raise TypeError(f"x is {what}: expected a {dtype} tensor on cpu, as the network")
        return _Pass.apply(x, self._anchor, self)

    def step(self, optimizer: Optimizer | OptimizerName = SGD(0.1), *, learning_rate: float | None = None) -> None:
        """Apply the gradients that ``backward`` summed, as ``Network.apply_gradients`` does, and forget them.

        Raises
        ------
        RuntimeError : there are none.
        TypeError, ValueError, DivergenceError : as ``Network.apply_gradients``.
        """
        if self.grad is None:
            raise RuntimeError("there are no gradients: expected a call of backward() before step()")
        self.network.apply_gradients(self.grad, optimizer=optimizer, learning_rate=learning_rate)
        self.grad = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self.grad = None

    def extra_repr(self) -> str:
        """The network, in the module's repr."""
        return repr(self.network)

    def _add(self, gradient: NDArray[Any]) -> None:
        self.grad = gradient if self.grad is None else self.grad + gradient


def module(network: Network) -> Module:
    """Return a network as a module of PyTorch.

    Parameters
    ----------
    network : Network
        It is not copied: training it elsewhere changes the module's outputs.

    Returns
    -------
    Module

    Raises
    ------
    TypeError : network is not a Network.
    ImportError : PyTorch is not installed.

    Examples
    --------
    >>> import fcnet as fc
    >>> import torch
    >>> from fcnet.torch import module
    >>> net = fc.Network([2, 16, 1], loss="mse", seed=0)
    >>> layer = module(net)
    >>> loss = (layer(torch.ones(4, 2)) - 1).square().mean()
    >>> loss.backward()
    >>> layer.step(fc.Adam(0.01))
    """
    return Module(network)
