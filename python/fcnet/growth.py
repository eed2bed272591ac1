"""Which layer's numbers have grown large, where a fit ends because the loss is no longer finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import reference, tensors
from fcnet._native import Model
from fcnet.architecture import Architecture
from fcnet.sparse import SparseRows

_ROWS = 256  # evenly spaced, that are looked at


def grown(model: Model, made: Architecture, x: NDArray[Any] | SparseRows) -> str:
    """The first layer whose weights or outputs are so large that their squares are infinite, by its last good weights.

    Parameters
    ----------
    model : Model
    made : Architecture
    x : samples of the fit

    Returns
    -------
    str
        The end of a sentence, or nothing where no layer stands out.
    """
    rows = x[np.arange(0, len(x), -(-len(x) // _ROWS))]
    dense = rows.dense() if isinstance(rows, SparseRows) else tensors.widened(rows)
    h = made.scaling.of(dense).astype(np.float64)
    largest = float(np.sqrt(np.finfo(made.dtype).max))
    with np.errstate(all="ignore"):
        for i, (kind, (weights, biases, *others)) in enumerate(zip(made.kinds, model.state()[0], strict=True)):
            h = h @ weights.astype(np.float64) + biases
            for what, numbers in (("weights", weights), ("outputs", h)):
                most = float(np.abs(numbers).max())
                if not most <= largest:
                    return f"; the {what} of layers[{i}] reach {most:.1e}"
            if others:  # what it is normalised to, its batch tells
                return ""
            h = reference.activation(h, kind.activation)
    return ""
