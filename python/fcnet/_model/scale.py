"""``Scale``, a trainable scale per feature before a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, check_numbers
from fcnet._checks.public import public
from fcnet._checks.representation import shown


@public
@suggesting
@dataclass(frozen=True, repr=False)
class Scale:
    """A trainable scale per feature, ``y = x o s``, for the argument ``sizes`` of ``Network``.

    It stands before a number or a ``Dense`` and belongs to that layer, ``net.layers[i].scale``:
    ``Network([8, Scale(), 64, 1])`` scales the inputs, so that training can weigh features against each other
    (Holzmueller et al. 2024, RealMLP). Every scale starts at 1. It is trained like biases: by the optimizer, but
    without weight decay and penalties.

    Parameters
    ----------
    rate_factor : float >= 0, default 1
        Factor on the optimizer's learning rate for the scale.
    decay_factor : float >= 0, optional
        Factor on the optimizer's weight decay and L2 penalty for the scale. The default is 0, or 1 where the optimizer
        has ``decay_biases=True``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    _: KW_ONLY
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        given = {name: AT_LEAST_0 for name in ("rate_factor", "decay_factor") if getattr(self, name) is not None}
        check_numbers(self, {"rate_factor": AT_LEAST_0} | given)

    def __repr__(self) -> str:
        return shown(self)

    def options(self) -> dict[str, float]:
        """Return the factors that differ from their defaults."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}


def without_scales(sizes: Sequence[Any]) -> tuple[list[Any], list[Scale | None]]:
    """Return the sizes without their ``Scale``, and for every layer the one before it, if any.

    Raises
    ------
    TypeError, ValueError : a ``Scale`` does not stand between the number of inputs and the last layer.
    """
    entries: list[Any] = []
    scales: list[Scale | None] = []
    for i, entry in enumerate(sizes):
        before = sizes[i - 1] if i and isinstance(sizes[i - 1], Scale) else None
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
