"""The parameters of a network as a whole: flat, copied and blended."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import arrays
from fcnet._training.train_state import TrainState


def flat(state: TrainState) -> NDArray[Any]:
    """Return all parameters in one dimension, as ``Network.parameters`` documents them."""
    model, pieces = state.model.as_now(), []
    for i, spec in enumerate(state.architecture.specs):
        pieces += [model.parameter(i, part).ravel() for part in spec.trained_parts if part != "B" or spec.bias]
    joined = np.concatenate(pieces)
    joined.setflags(write=False)
    return joined


def set_flat(state: TrainState, value: ArrayLike) -> None:
    """Set all parameters.

    Raises
    ------
    TypeError, ValueError : the value is not as ``Network.parameters`` documents it.
    RuntimeError : the network is being fitted.
    """
    architecture, model = state.architecture, state.model.as_now()
    layers = [[model.parameter(i, part) for part in spec.parts] for i, spec in enumerate(architecture.specs)]
    counts = [
        [part.size if name in spec.trained_parts and (name != "B" or spec.bias) else 0 for name, part in named]
        for spec, parts in zip(architecture.specs, layers, strict=True)
        for named in [list(zip(spec.parts, parts, strict=True))]
    ]
    given = arrays.parameter(value, (sum(map(sum, counts)),), architecture.dtype, "parameters")
    first = 0
    for parts, sizes in zip(layers, counts, strict=True):
        for i, size in enumerate(sizes):
            if size:
                parts[i] = given[first : first + size].reshape(parts[i].shape)
                first += size
    state.model.set_parameters(layers)
