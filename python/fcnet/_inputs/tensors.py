"""Tensors of other libraries, such as PyTorch and JAX, as NumPy arrays without a copy; and bfloat16."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

# NumPy has no bfloat16: this structured type of two bytes represents those of ml_dtypes and PyTorch.
BFLOAT16 = np.dtype([("bfloat16", "=u2")])
_HOST = frozenset({1, 3, 11})  # of DLPack's kinds of memory: plain, pinned for CUDA, pinned for ROCm


def as_array(x: Any, name: str) -> NDArray[Any] | None:
    """Return a tensor as an array, of ``BFLOAT16`` if it holds bfloat16.

    Parameters
    ----------
    x : object
    name : str
        Name of the argument in messages.

    Returns
    -------
    array, or None
        None if x does not support DLPack.

    Raises
    ------
    TypeError : the tensor is not in host memory, or NumPy cannot view it.
    """
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return None
    torch = sys.modules.get("torch")  # another thread may be importing it at the moment
    try:
        on_host = x.__dlpack_device__()[0] in _HOST
        if on_host and torch is not None and hasattr(torch, "Tensor") and isinstance(x, torch.Tensor):
            x = x.detach()  # NumPy cannot view tensors with gradients
            return x.view(torch.int16).numpy().view(BFLOAT16) if x.dtype == torch.bfloat16 else np.asarray(x)
        if on_host:
            return np.asarray(x) if hasattr(x, "__array__") else np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{name} is a {type(x).__name__} that cannot be viewed as an array: {error}") from None
    raise TypeError(f"{name} is on {x.device}: expected host memory, use {name}.cpu() or jax.device_get({name})")


def as_bfloat16(array: NDArray[Any]) -> NDArray[Any]:
    """View an array of ml_dtypes' bfloat16 as ``BFLOAT16``; return other arrays unchanged."""
    return array.view(BFLOAT16) if array.dtype.kind == "V" and array.dtype.name == "bfloat16" else array


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Convert ``BFLOAT16``, whose bits are the upper half of a float32's, to float32; return other arrays unchanged."""
    if array.dtype.kind != "V" or array.dtype != BFLOAT16:
        return array
    return (array["bfloat16"].astype(np.uint32) << 16).view(np.float32)
