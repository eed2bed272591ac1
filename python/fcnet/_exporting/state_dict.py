"""The arrays of a network by the names and in the shapes of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._exporting.network_steps import steps_of, unsupported
from fcnet._model import steps
from fcnet._model.normalization import BatchNorm

if TYPE_CHECKING:
    from fcnet.network import Network

Array = NDArray[Any]
Arrays = dict[str, Array | None]


def _of_torch(step: steps.Step, dtype: np.dtype[Any]) -> Arrays:
    """Return the arrays of a step by their names in the module that ``to_torch`` makes of it."""
    match step:
        case steps.Affine():
            return {"offset": step.offset.astype(dtype), "scale": step.scale.astype(dtype)}
        case steps.Scaling():
            return {"factor": step.values}
        case steps.Product():
            return {"weight": step.W.T.copy(), "bias": step.B}
        case steps.Normalized():
            batches = np.array(0) if isinstance(step.spec, BatchNorm) else None
            running = {"running_mean": step.mean, "running_var": step.variance, "num_batches_tracked": batches}
            return {"weight": step.gamma, "bias": step.B, **running}
        case steps.Function():
            return {"mix": step.mix}
        case steps.Dropout() | steps.Sorting():
            return {}
    raise ValueError(f"{step.place} has what state_dict does not know: expected to_torch().state_dict()")


def _of_flax(step: steps.Step) -> Arrays:
    """Return the arrays of a step by their names in the module that ``to_flax`` makes of it."""
    match step:
        case steps.Product():
            return {"kernel": step.W, "bias": step.B}
        case steps.Normalized():
            return {"scale": step.gamma, "bias": step.B, "mean": step.mean, "var": step.variance}
        case steps.Affine() | steps.Function(mix=None) | steps.Dropout():
            return {}
    raise unsupported(step, "Flax")


def state_dict(net: Network, layout: object) -> dict[str, Any]:
    """Return the arrays of a network, as ``Network.state_dict`` documents it."""
    numbered = list(enumerate(steps_of(net)))
    if isinstance(layout, str) and layout == "torch":
        parts = {f"{i}.{name}": array for i, step in numbered for name, array in _of_torch(step, net.dtype).items()}
        return {name: array for name, array in parts.items() if array is not None}
    if isinstance(layout, str) and layout == "flax":
        arrays = {i: {name: a for name, a in _of_flax(step).items() if a is not None} for i, step in numbered}
        return {"layers": {i: of_step for i, of_step in arrays.items() if of_step}}
    raise ValueError(f"layout is {layout!r}: expected 'torch' or 'flax'")
