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
    """A forward pass of a network, and its way back to x and to ``Module._gradient``."""

    @staticmethod
    def forward(ctx: Any, x: Any, _gradient: Any, owner: Module) -> Any:
        outputs, ctx.back = owner.network.vjp(x.detach().numpy(), training=owner.training)
        ctx.save_for_backward(x)  # so that a second way back is an error, as everywhere in PyTorch
        return torch.from_numpy(outputs)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        if torch.is_grad_enabled():  # with create_graph=True, which would take the result for a constant
            raise RuntimeError(
                "fcnet.torch.module is differentiable once, without create_graph=True: Network.hvp and "
                "Network.laplacian give second derivatives"
            )
        _ = ctx.saved_tensors
        wants_x, wants_parameters, _ = ctx.needs_input_grad
        g = ctx.back(cotangent.contiguous().numpy(), x=wants_x, parameters=wants_parameters)
        of_parameters = torch.from_numpy(g.flat.copy()) if wants_parameters else None
        return torch.from_numpy(g.x) if wants_x else None, of_parameters, None


class Module(torch.nn.Module):  # type: ignore[misc]
    """A network in PyTorch, which has no parameters there: ``list(module.parameters())`` is empty.

    fcnet owns the weights. ``backward`` of a loss adds their gradients to ``grad``; ``step`` applies them, and this
    module's ``zero_grad`` forgets them. An optimizer of PyTorch does neither. The ``state_dict`` holds the weights and
    running statistics, without optimizer state.

    Attributes
    ----------
    network : Network
    grad : array, or None
        Sum of the gradients since the last ``step`` or ``zero_grad``, in the order of ``Network.parameters``; it can be
        changed in place.
    training : bool
        As in every module: with ``train()``, batch normalisation takes the statistics of the batch; a new module is in
        ``eval()``. No dropout is applied in either case, and running statistics do not change.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        if not isinstance(network, Network):
            raise TypeError(f"network is a {type(network).__name__}: expected a fcnet.Network")
        self.network = network
        # Autograd collects the gradients of the parameters here. It is no parameter, and in no state_dict.
        self._gradient = torch.zeros(len(network.parameters), dtype=self._dtype, requires_grad=True)
        self.eval()

    @property
    def _dtype(self) -> Any:
        return torch.from_numpy(np.empty(0, self.network.dtype)).dtype

    @property
    def grad(self) -> NDArray[Any] | None:
        """Sum of the gradients since the last step, or None."""
        return None if self._gradient.grad is None else self._gradient.grad.numpy()

    @grad.setter
    def grad(self, value: NDArray[Any] | None) -> None:
        self._gradient.grad = None if value is None else torch.as_tensor(value, dtype=self._dtype)

    def forward(self, x: Any) -> Any:
        """Return the outputs (n, outputs) of x (n, inputs), a tensor on the CPU of the network's dtype.

        Raises
        ------
        TypeError : x is not such a tensor.
        ValueError : x has another shape.
        """
        dense = isinstance(x, torch.Tensor) and x.device.type == "cpu" and x.layout == torch.strided
        if not dense or x.dtype != self._dtype:
            what = f"a {x.dtype} tensor on {x.device}" if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"
            raise TypeError(f"x is {what}: expected a dense {self._dtype} tensor on cpu, as the network")
        x = x.resolve_neg()
        if not torch.is_grad_enabled() and not self.training:
            return torch.from_numpy(self.network.predict(x.detach().numpy()))
        return _Pass.apply(x, self._gradient, self)

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
        self.zero_grad()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self.grad = None

    def get_extra_state(self) -> Any:
        """Return the parameters and running statistics, for ``state_dict``."""
        state = {"parameters": torch.from_numpy(self.network.parameters.copy())}
        for i, layer in enumerate(self.network.layers):
            if hasattr(layer, "mean"):
                state[f"{i}.mean"], state[f"{i}.variance"] = map(
                    torch.from_numpy, (layer.mean.copy(), layer.variance.copy())
                )
        return state

    def set_extra_state(self, state: Any) -> None:
        """Set parameters and running statistics from a ``state_dict``; ValueError where they are another network's."""
        self.network.parameters = state["parameters"].numpy()
        for name, value in state.items():
            if name != "parameters":
                index, statistic = name.split(".")
                setattr(self.network.layers[int(index)], statistic, value.numpy())

    def extra_repr(self) -> str:
        """The network, in the module's repr."""
        return repr(self.network)


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
