"""Divergence: the error, and which layer's numbers have become large."""

from __future__ import annotations

from operator import mul
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
_STEPS, _STEPS_OF_MANY = 32, 8  # that are repeated, also if there are many weights
_FEW_WEIGHTS = 1 << 18


def grown(
    model: Model,
    architecture: Architecture,
    data: Data,
    optimizer: Optimizer,
    rate: float,
    trainable: list[bool],
    *,
    repeat: bool = True,
) -> str:
    """Find the first layer whose weights or outputs are so large that their squares are infinite.

    If there is none in the network, which has the weights from before the divergence, some steps are repeated on a
    copy, because a single one may make all of them too large. If there is none in the copy either, it is the first
    layer whose weights or outputs have an infinite fourth power: such a step may make a weight infinite.

    Parameters
    ----------
    model : Model
    architecture : Architecture
    data : samples of the fit
    optimizer : Optimizer
    rate : float
        Learning rate of the step that diverged.
    trainable : list of bool
    repeat : bool
        Whether to repeat steps.

    Returns
    -------
    str
        The end of a sentence, or "" if there is no such layer.
    """
    x, y, weights = data
    places = np.arange(0, len(x), -(-len(x) // _ROWS))
    x = x[places]
    very, rather = (what and f"; {what}" for what in _large(model, architecture, x))
    if very or not repeat or callable(y):  # a custom loss is not called again
        return very or rather
    copy, (name, hyper) = model.as_now(), optimizer._native()
    try:
        trainer = Trainer(
            copy, x, y[places], len(x), False, name, hyper, 0, None if weights is None else weights[places], trainable
        )
    except MemoryError:  # the divergence is what there is to say
        return rather
    try:
        sizes = architecture.sizes
        for step in range(1, (_STEPS if sum(map(mul, sizes, sizes[1:])) <= _FEW_WEIGHTS else _STEPS_OF_MANY) + 1):
            if trainer.run_epoch(step, rates=np.array([rate]), whole=False)[2]:
                break
            after = f"; after {step} step{'s' if step > 1 else ''} "
            very, larger = (what and after + what for what in _large(copy, architecture, x))
            if very:
                return very
            rather = rather or larger
    finally:
        trainer.close()
    return rather


def _large(model: Model, architecture: Architecture, rows: NDArray[Any] | SparseRows) -> tuple[str, str]:
    """Return of which layer something is so large that its square, and its fourth power, are infinite; "" for none."""
    if architecture.members is not None:
        return "", ""
    dense = rows.dense() if isinstance(rows, SparseRows) else tensors.widened(rows)
    h, layers = architecture.scaling.of(dense).astype(np.float64), model.state()[0]
    largest = float(np.finfo(architecture.dtype).max)
    found = ""
    with np.errstate(all="ignore"):
        if architecture.columns is not None:
            *layers, own = layers
            h = reference.embed(h, own, **architecture.columns.embedding_of_rows())
        for i, (spec, arrays) in enumerate(zip(architecture.specs, layers, strict=True)):
            parts = dict(zip(spec.parts, arrays, strict=True))
            scaled = h * parts["scale"] if spec.scale else h
            h_in = scaled @ parts["W"].astype(np.float64) + parts.get("product_bias", parts["B"])
            # what a normalised layer makes of h_in depends on the batch
            h = h_in if spec.normalization else reference.activation(h_in, spec.activation, parts.get("mix"))
            for what, most in (("weights", np.abs(parts["W"]).max()), ("outputs", np.abs([h_in, h]).max())):
                named = f"the {what} of layers[{i}] reach {most:.1e}"
                if not most <= largest**0.5:
                    return named, found or named
                if not most <= largest**0.25:
                    found = found or named
            if spec.normalization:
                break
    return "", found


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
