"""Batch normalisation in steps of one sample, which has no variance, so that the normalised values are always 0."""

from __future__ import annotations

from collections.abc import Sequence

from fcnet._checks import console
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import BatchNorm


def over_batch(architecture: Architecture, trainable: Sequence[bool]) -> str:
    """Return the names of the layers that a training step normalises by the statistics of its batch, or ""."""
    specs = zip(architecture.specs, trainable, strict=False)  # of which the columns' is the last
    return ", ".join(
        f"layers[{i}]" for i, (spec, t) in enumerate(specs) if t and isinstance(spec.normalization, BatchNorm)
    )


def refuse_one_sample(architecture: Architecture, trainable: Sequence[bool], samples: int, name: str) -> None:
    """Raise ValueError if every step has one sample and layers have batch normalisation."""
    if samples == 1 and (layers := over_batch(architecture, trainable)):
        raise ValueError(
            f"{name} has one sample, for which batch normalisation of {layers} always gives 0: expected more than one "
            "sample per step, normalization='layer', or frozen layers"
        )


def warn_of_one_sample(
    architecture: Architecture, trainable: Sequence[bool], samples: int, name: str, advice: str
) -> bool:
    """Give a UserWarning if one of the steps has one sample and layers have batch normalisation."""
    if samples != 1 or not (layers := over_batch(architecture, trainable)):
        return False
    console.warn(
        f"{name} has one sample: batch normalisation of {layers} gives 0 for it and does not update the running "
        f"statistics, so that this step trains only the parameters after the normalisation; {advice}",
    )
    return True
