"""Batch normalisation and steps of one sample, which has a mean and no variance: what is normalised is always 0."""

from __future__ import annotations

from collections.abc import Sequence

from fcnet._checks import console
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import BatchNorm


def over_batch(architecture: Architecture, trainable: Sequence[bool]) -> str:
    """The names of the layers that a step normalises by the statistics of its samples, or ""."""
    specs = zip(architecture.specs, trainable, strict=True)
    return ", ".join(
        f"layers[{i}]" for i, (spec, t) in enumerate(specs) if t and isinstance(spec.normalization, BatchNorm)
    )


def refuse_one_sample(architecture: Architecture, trainable: Sequence[bool], samples: int, name: str) -> None:
    """ValueError where every step has one sample, and layers would be normalised by its statistics."""
    if samples == 1 and (layers := over_batch(architecture, trainable)):
        raise ValueError(
            f"{name} has one sample, and batch normalisation of {layers} gives 0 for it, whatever it is: expected more "
            "than one sample a step, normalization='layer', or frozen layers"
        )


def warn_of_one_sample(
    architecture: Architecture, trainable: Sequence[bool], samples: int, name: str, advice: str
) -> bool:
    """UserWarning where one step among others has one sample, and layers are normalised by its statistics."""
    if samples != 1 or not (layers := over_batch(architecture, trainable)):
        return False
    console.warn(
        f"{name} has one sample: batch normalisation of {layers} gives 0 for it and leaves its running statistics as "
        f"they are, so that this step trains only what lies behind; {advice}",
    )
    return True
