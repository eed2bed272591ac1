"""What every optimiser is; those there are stand in ``fcnet.optimizers``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fcnet.hyperparameters import Range, check_numbers

_SHARE: dict[str, Range] = {
    name: (f"0 <= {name} < 1", lambda value: 0 <= value < 1) for name in ("momentum", "beta1", "beta2", "rho")
}
_RANGES: dict[str, Range] = _SHARE | {
    "learning_rate": ("a positive, finite number", lambda value: 0 < value < math.inf),
    "epsilon": ("a positive, finite number", lambda value: 0 < value < math.inf),
    "weight_decay": ("a finite number, at least 0", lambda value: 0 <= value < math.inf),
}


@dataclass(frozen=True)
class Optimizer:
    """What all optimisers have in common: a learning rate, and checks of what they are given.

    The gradients ``g = dL/dx`` are those of the mean loss of a step's samples.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        check_numbers(self, _RANGES)

    def _native(self) -> tuple[str, dict[str, float]]:
        """Name and hyperparameters, as the native trainer takes them."""
        raise NotImplementedError
