"""Arrays of other libraries, PyTorch's and JAX's among them, seen as NumPy's without a copy; and bfloat16."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

# NumPy has no bfloat16: here it is a field of two bytes. ml_dtypes' arrays and PyTorch's tensors are seen so.
BFLOAT16 = np.dtype([("bfloat16", "=u2")])
_HOST = frozenset({1, 3, 11})  # of DLPack's kinds of memory: plain, pinned for CUDA, pinned for ROCm


def as_array(x: Any, name: str) -> NDArray[Any] | None:
    """A tensor as an array, of ``BFLOAT16`` where it holds that.

    Parameters
    ----------
    x : object
    name : str
        What messages call it.

    Returns
    -------
    array, or None
        None where x does not offer DLPack.

    Raises
    ------
    TypeError : it is not in the memory of the host, or is one that NumPy cannot see.
    """
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return None
    torch = sys.modules.get("torch")  # which another thread may be importing just now
    try:
        on_host = x.__dlpack_device__()[0] in _HOST
        if on_host and torch is not None and hasattr(torch, "Tensor") and isinstance(x, torch.Tensor):
            x = x.detach()  # what is read here has no gradient
            return x.view(torch.int16).numpy().view(BFLOAT16) if x.dtype == torch.bfloat16 else np.asarray(x)
        if on_host:
            return np.asarray(x) if hasattr(x, "__array__") else np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{name} is a {type(x).__name__} that cannot be seen as an array: {error}") from None
    raise TypeError(f"{name} is on {x.device}: expected host memory, see {name}.cpu() or jax.device_get({name})")


def seen(array: NDArray[Any]) -> NDArray[Any]:
    """The same, with ml_dtypes' bfloat16 seen as ``BFLOAT16``."""
    return array.view(BFLOAT16) if array.dtype.kind == "V" and array.dtype.name == "bfloat16" else array


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """The same, with ``BFLOAT16`` converted to float32: its bits are the upper half of a float32's."""
    if array.dtype.kind != "V" or array.dtype != BFLOAT16:
        return array
    return (array["bfloat16"].astype(np.uint32) << 16).view(np.float32)
