"""The libraries that take part. Each is a module of this package, imported only in the process that runs it.

A module has what its library can do: ``Training(workload, x, y)`` with ``epoch(order)``, order (steps, batch) being
indices of samples, and ``weights()`` [(W, B), ...]; ``Prediction(layers)``, called with x. ``Training.order`` may turn
the order into the library's own type before the clock starts. ``Unavailable`` is raised where it cannot do a task.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


class Unavailable(Exception):  # noqa: N818
    """The library cannot do this task; says why."""


@dataclass(frozen=True)
class Peer:
    name: str  # of its module here
    label: str
    does: tuple[str, ...]
    needs: tuple[str, ...]  # modules
    color: str
    loops_in_python: bool = True  # comes back to Python after every step

    def installed(self) -> bool:
        return all(importlib.util.find_spec(name) for name in self.needs)


BOTH = ("train", "predict")
PEERS = [
    Peer("fcnet", "fcnet", (*BOTH, "kernel"), ("fcnet",), "#c2410c", loops_in_python=False),
    Peer("numpy", "NumPy", (*BOTH, "kernel"), ("numpy",), "#475569"),
    Peer("blas", "SciPy BLAS", ("train",), ("scipy",), "#94a3b8"),
    Peer("sklearn", "scikit-learn", BOTH, ("sklearn",), "#ca8a04"),
    Peer("torch", "PyTorch", BOTH, ("torch",), "#6d28d9"),
    Peer("torch_compile", "torch.compile", BOTH, ("torch",), "#b794f4"),
    Peer("jax", "JAX", BOTH, ("jax",), "#0f766e", loops_in_python=False),
    Peer("onnxruntime", "onnxruntime", ("predict",), ("onnxruntime", "onnx"), "#2563eb"),
]
BY_NAME = {peer.name: peer for peer in PEERS}


def able(kind: str) -> list[str]:
    """The installed libraries that do this kind of task."""
    return [peer.name for peer in PEERS if kind in peer.does and peer.installed()]
