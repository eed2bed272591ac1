"""``Scale``, a trainable scale per feature before a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fcnet._checks.public import public


@public
@dataclass(frozen=True)
class Scale:
    """A trainable scale per feature, ``y = x o s``, for the argument ``sizes`` of ``Network``.

    It stands before a number or a ``Dense`` and belongs to that layer, ``net.layers[i].scale``:
    ``Network([8, Scale(), 64, 1])`` scales the inputs, so that training can weigh features against each other
    (Holzmueller et al. 2024, RealMLP). Every scale starts at 1. It is trained like biases: by the optimizer, but
    without weight decay and penalties.
    """


def without_scales(sizes: Sequence[Any]) -> tuple[list[Any], list[bool]]:
    """Return the sizes without their ``Scale``, and for every layer whether one stands before it.

    Raises
    ------
    TypeError, ValueError : a ``Scale`` does not stand between the number of inputs and the last layer.
    """
    entries: list[Any] = []
    scales: list[bool] = []
    for i, entry in enumerate(sizes):
        before = isinstance(sizes[i - 1], Scale) if i else False
        if not isinstance(entry, Scale):
            entries.append(entry)
            scales.append(before)
        elif i == 0:
            raise TypeError("sizes[0] is a Scale: expected the number of inputs")
        elif before:
            raise ValueError(f"sizes[{i}] is a second Scale after the first: expected a layer")
        elif i == len(sizes) - 1:
            raise ValueError("sizes ends with a Scale: expected a layer after it")
    return entries, scales[1:]
