"""Divergence: the error, and which layer's numbers have become large."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import reference
from fcnet._checks.public import public
from fcnet._inputs import tensors
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._native import Model, Trainer
from fcnet._training.dataset import Data
from fcnet.losses import Custom
from fcnet.optimizers import Optimizer

_ROWS = 256  # evenly spaced, that are computed
_STEPS = 8  # that are repeated


def grown(
    model: Model, architecture: Architecture, data: Data, optimizer: Optimizer, rate: float, trainable: list[bool]
) -> str:
    """Find the first layer whose weights or outputs are so large that their squares are infinite.

    If there is none in the network, which has the weights from before the divergence, some steps are repeated on a
    copy, because a single one may make all of them too large.

    Parameters
    ----------
    model : Model
    architecture : Architecture
    data : samples of the fit
    optimizer : Optimizer
    rate : float
        Learning rate of the step that diverged.
    trainable : list of bool

    Returns
    -------
    str
        The end of a sentence, or "" if there is no such layer.
    """
    x, y, weights = data
    places = np.arange(0, len(x), -(-len(x) // _ROWS))
    x = x[places]
    layer = _large_layer(model, architecture, x)
    if layer or callable(y):  # a custom loss is not called again
        return layer and f"; {layer}"
    copy, (name, hyper) = model.as_now(), optimizer._native()
    try:
        trainer = Trainer(
            copy, x, y[places], len(x), False, name, hyper, 0, None if weights is None else weights[places], trainable
        )
    except MemoryError:  # the divergence is what there is to say
        return ""
    try:
        for step in range(1, _STEPS + 1):
            if trainer.run_epoch(step, rates=np.array([rate]), whole=False)[2]:
                return ""
            layer = _large_layer(copy, architecture, x)
            if layer:
                return f"; after {step} step{'s' if step > 1 else ''} {layer}"
    finally:
        trainer.close()
    return ""


def _large_layer(model: Model, architecture: Architecture, rows: NDArray[Any] | SparseRows) -> str:
    """Return what of which layer is large, or ""."""
    dense = rows.dense() if isinstance(rows, SparseRows) else tensors.widened(rows)
    h = architecture.scaling.of(dense).astype(np.float64)
    largest = float(np.sqrt(np.finfo(architecture.dtype).max))
    with np.errstate(all="ignore"):
        for i, (spec, arrays) in enumerate(zip(architecture.specs, model.state()[0], strict=True)):
            parts = dict(zip(spec.parts, arrays, strict=True))
            scaled = h * parts["scale"] if spec.scale else h
            h = scaled @ parts["W"].astype(np.float64) + parts["B"]
            for what, numbers in (("weights", parts["W"]), ("outputs", h)):
                most = float(np.abs(numbers).max())
                if not most <= largest:
                    return f"the {what} of layers[{i}] reach {most:.1e}"
            if spec.normalization:  # depends on the batch
                return ""
            h = reference.activation(h, spec.activation)
    return ""


@public
class DivergenceError(FloatingPointError):
    """Training diverged: the loss or a weight became infinite or NaN. A subclass of ``FloatingPointError``.

    The network keeps the weights of the last epoch in which they were finite, or, with an iterable of batches, of the
    last such step.
    """

    @classmethod
    def of(
        cls, where: str, loss: float, optimizer: Optimizer, architecture: Architecture, grown: str = ""
    ) -> DivergenceError:
        """Create the error; ``grown`` says which layer's numbers are large, as the end of a sentence."""
        smaller = (
            "inputs" if architecture.classifies else "inputs or targets, such as of mean 0 and standard deviation 1"
        )
        hint = "; check the derivative of the loss with net.check_gradients; its arguments are (output, target)"
        return cls(
            f"the training diverged in {where} (loss {loss}) with {optimizer}: use a lower learning rate, or smaller "
            f"{smaller}{grown}; the network keeps its last good weights"
            f"{hint if isinstance(architecture.loss, Custom) else ''}"
        )
